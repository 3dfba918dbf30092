package import GatewayModel

/// One finished model call: who, what, how much. Text that is not known is empty.
package struct UsageRow: Sendable, Hashable {
    /// How the call ended for the caller.
    package enum Outcome: String, Sendable, CaseIterable {
        /// The whole answer was given.
        case completed
        /// The provider, or the way to it, failed.
        case failed
        /// The caller left before the end.
        case clientClosed
        case timedOut
        /// The gateway ended it: a budget or a guard tripped.
        case cut
        /// Nobody settled it: the gateway died, or a fault of its own. Charged as reserved.
        case lost
    }

    package struct Flags: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The counts are not the provider's own.
        package static let estimated = Flags(rawValue: 1)
        package static let cacheHit = Flags(rawValue: 2)
        package static let streamed = Flags(rawValue: 4)
    }

    /// No count of a call is larger: what providers tell is held to it.
    static let tokensMax = TokenUsage.countMax

    /// When it was settled, milliseconds since 1970.
    package var timeMilliseconds: Int
    package var requestID: String
    package var tenant: String
    package var team: String
    package var user: String
    package var agent: String
    package var run: String
    /// The credential's id, never the credential.
    package var key: String
    package var groups: [String]
    package var route: String = ""
    /// The name in the catalogue, as the caller asked for it.
    package var model: String
    package var provider: String = ""
    package var providerModel: String = ""
    /// Such as `chat`, `messages`, `embeddings`.
    package var operation: String = ""
    package var usage: TokenUsage = .zero
    package var cost: Money = .zero
    /// Of a call of a tool: for budgets, and no part of what is kept.
    package var bytes = 0
    /// The status the caller saw.
    package var status: Int = 0
    package var outcome: Outcome = .completed
    package var flags: Flags = []
    package var attempts: Int = 1
    package var durationMilliseconds: Int = 0
    /// Nil when nothing came.
    package var firstTokenMilliseconds: Int?
    /// Which prices the cost was made with.
    package var priceVersion: String = ""

    package init(_ principal: Principal, model: String, requestID: String, timeMilliseconds: Int) {
        self.timeMilliseconds = timeMilliseconds
        self.requestID = requestID
        self.model = model
        tenant = principal.tenant ?? ""
        team = principal.team ?? ""
        user = principal.user ?? ""
        agent = principal.agent ?? ""
        run = principal.run ?? ""
        key = principal.credentialID ?? ""
        groups = principal.groups
    }
}
