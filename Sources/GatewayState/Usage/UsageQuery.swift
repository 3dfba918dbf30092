package import GatewayModel

/// What usage can be grouped by.
package enum UsageField: String, Sendable, CaseIterable {
    case tenant, team, user, agent, run, key, groups, route, model, provider, providerModel, operation, status, outcome
    case priceVersion
    /// The day and the hour in UTC, as `2026-11-25` and `2026-11-25T14`.
    case day, hour

    /// What it is in SQL; nothing a caller says is ever part of a statement.
    var expression: String {
        switch self {
        case .tenant, .team, .agent, .run, .groups, .route, .model, .provider, .operation, .outcome: rawValue
        case .user: "\"user\""
        case .key: "\"key\""
        case .providerModel: "provider_model"
        case .priceVersion: "price_version"
        case .status: "CAST(status AS TEXT)"
        case .day: "strftime('%Y-%m-%d', time / 1000, 'unixepoch')"
        case .hour: "strftime('%Y-%m-%dT%H', time / 1000, 'unixepoch')"
        }
    }
}

/// A question about usage.
package struct UsageQuery: Sendable, Equatable {
    /// Fields of the groups, in this order; none for one sum.
    package var by: [UsageField] = []
    /// From this instant on, milliseconds since 1970.
    package var sinceMilliseconds: Int?
    /// Before this one.
    package var untilMilliseconds: Int?
    /// Only rows with these values.
    package var filters: [Filter] = []
    package var groupsMax = 1_000

    package struct Filter: Sendable, Equatable {
        package var field: UsageField
        package var value: String

        package init(field: UsageField, value: String) {
            self.field = field
            self.value = value
        }
    }

    package init() {}
}

/// The sum of a group.
package struct UsageSum: Sendable, Equatable {
    /// The values of the fields asked for.
    package var values: [String] = []
    package var calls = 0
    /// Calls that did not complete.
    package var failures = 0
    package var cacheHits = 0
    /// Calls whose counts are not the provider's own.
    package var estimates = 0
    package var usage = TokenUsage.zero
    package var cost = Money.zero

    package init() {}
}
