package import GatewayModel
package import GatewayPolicy
import GatewayWire

/// One entry of a catalogue, ready to be routed.
package final class CompiledModel: Sendable {
    /// What callers ask for; with `*`, any name that fits.
    package let name: String
    package let nameBytes: [UInt8]
    package let isPattern: Bool
    package let aliases: [String]
    /// `namespace/name` of the ModelCatalog.
    package let catalog: String
    /// The same for every compilation that has this model: what live state is kept by.
    package let key: String
    /// By priority, then as written.
    package let targets: [CompiledTarget]
    /// The targets of one priority each, the first to be tried first.
    package let tiers: [Range<Int>]
    package let strategy: CatalogModel.Strategy
    package let context: ModelContext
    /// Nil for anything.
    package let capabilities: Set<ModelCapability>?
    package let retry: ModelRetry
    /// Names of models that serve in its place, in order.
    package let fallback: [[UInt8]]
    package let cache: ModelCache?
    package let onDisconnect: CatalogModel.Disconnect
    package let isStrict: Bool
    package let isInternal: Bool
    package let ownedBy: String

    package init(_ model: CatalogModel, catalog: String, targets: [CompiledTarget]) {
        name = model.name
        nameBytes = Array(model.name.utf8)
        isPattern = model.isPattern
        aliases = model.aliases
        self.catalog = catalog
        key = "\(catalog)/\(model.name)"
        let targets = targets.enumerated().sorted { left, right in
            (left.element.priority, left.offset) < (right.element.priority, right.offset)
        }.map(\.element)
        self.targets = targets
        tiers = CompiledModel.tiers(targets)
        strategy = model.strategy
        context = model.context ?? ModelContext.unbounded
        capabilities = model.capabilities.map { Set($0) }
        retry = model.retry
        fallback = model.fallback.map { Array($0.utf8) }
        cache = model.cache
        onDisconnect = model.onDisconnect
        isStrict = model.strict
        isInternal = model.visibility == .hidden
        ownedBy = model.ownedBy ?? targets.first?.provider.shownName ?? "sluice"
    }

    package func isCapable(of needs: [ModelCapability]) -> Bool {
        guard let capabilities else { return true }
        return needs.allSatisfy { capabilities.contains($0) }
    }

    /// Refuses a longer answer than the model gives.
    package func checkContext(outputTokens: Int?) throws(GatewayError) {
        guard let most = context.outputTokensMax, let asked = outputTokens, asked > most else { return }
        throw GatewayError(
            .modelLimitExceeded, "the model gives at most \(most) tokens, and \(asked) are asked for: \(name)",
            hint: "ask for at most \(most)")
    }

    private static func tiers(_ targets: [CompiledTarget]) -> [Range<Int>] {
        var tiers: [Range<Int>] = []
        for (index, target) in targets.enumerated() {
            if let last = tiers.last, targets[last.lowerBound].priority == target.priority {
                tiers[tiers.count - 1] = last.lowerBound..<(index + 1)
            } else {
                tiers.append(index..<(index + 1))
            }
        }
        return tiers
    }
}

/// One provider's model behind a name.
package final class CompiledTarget: Sendable {
    package let provider: CompiledProvider
    package let weight: Int
    package let priority: Int
    /// A condition in CEL; the target is used only when it holds.
    package let when: ModelCondition?
    /// Nil when nobody knows it.
    package let price: PriceTable?
    /// What a budget of dollars charges instead while `price` is nil; nil to refuse.
    package let unknownPrice: PriceTable?
    package let timeouts: CompiledTimeouts
    /// What live state (health, latency) is kept by: provider and model, whatever their places.
    package let key: String
    /// The model's name there, if every request gets the same, also as JSON writes it.
    let fixedName: (text: String, json: [UInt8])?
    private let upstream: UpstreamName

    package init(
        _ target: ModelTarget, of model: CatalogModel, provider: CompiledProvider, unknownPrice: PriceTable?
    ) {
        self.provider = provider
        weight = target.weight
        priority = target.priority
        when = target.when.map { ModelCondition($0) }
        price = (target.price ?? model.price).map { PriceTable($0) }
        self.unknownPrice = unknownPrice
        timeouts = provider.timeouts.overridden(by: model.timeouts)
        upstream = UpstreamName(target, of: model)
        var json: [UInt8] = []
        let name = upstream.name(for: [])
        JSONWriter.append(string: name.span, to: &json)
        fixedName = upstream.isFixed ? (String(decoding: name, as: UTF8.self), json) : nil
        key = "\(provider.name)/\(target.model ?? model.name)"
    }

    /// Whether its condition lets it serve the call; one that cannot be told does not.
    package func serves(_ principal: Principal, _ request: AccessTable.Request?) -> Bool {
        guard let when else { return true }
        guard let request else { return false }
        return when.holds(principal, request) ?? false
    }

    /// The name its provider knows, for the name that was asked for; nil when the provider does not serve it.
    package func upstreamName(for asked: [UInt8]) -> [UInt8]? {
        let name = upstream.name(for: asked)
        guard !name.isEmpty else { return nil }
        if upstream.isFixed { return name }
        guard let served = provider.models else { return name }
        return served.contains(name) ? name : nil
    }

    /// Names to ask for, as far as the provider's list of models says; some may lead elsewhere.
    var names: [[UInt8]] { (provider.models ?? []).sorted { $0.lexicographicallyPrecedes($1) }.flatMap(upstream.asked) }

    /// What so many tokens come to; nil where nobody counts it.
    func cost(of usage: TokenUsage) -> Money? { price?.cost(of: usage) ?? unknownPrice?.cost(of: usage) }

    /// The table a budget of dollars counts by; nil to refuse.
    package func budgetPrice(_ policy: UnknownPrice?) -> PriceTable? {
        if let price { return price }
        return policy == .refuse ? nil : unknownPrice
    }
}

/// How a target's name upstream comes from the name that was asked for.
struct UpstreamName: Sendable {
    private let before: [UInt8]
    private let after: [UInt8]
    private let stripped: [UInt8]
    /// Whether every request gets the same name.
    let isFixed: Bool

    init(_ target: ModelTarget, of model: CatalogModel) {
        let text = target.model ?? (model.isPattern ? "*" : model.name)
        let parts = text.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
        isFixed = parts.count == 1
        before = Array((parts.first ?? "").utf8)
        after = parts.count > 1 ? Array(parts[1].utf8) : []
        stripped = Array((target.stripPrefix ?? "").utf8)
    }

    func name(for asked: [UInt8]) -> [UInt8] {
        if isFixed { return before }
        let rest = asked.starts(with: stripped) ? asked.dropFirst(stripped.count) : asked[...]
        return before + rest + after
    }

    /// Names that may come to this one.
    func asked(for name: [UInt8]) -> [[UInt8]] {
        guard !isFixed, name.count >= before.count + after.count, name.starts(with: before),
            name.suffix(after.count) == after[...]
        else { return [] }
        let rest = Array(name[before.count..<(name.count - after.count)])
        return stripped.isEmpty ? [rest] : [stripped + rest, rest]
    }
}

extension ModelContext {
    /// Nothing is said about it.
    static let unbounded = ModelContext(FieldReader(recording: ()))
}
