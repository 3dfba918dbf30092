import GatewayModel
package import GatewayProxy
package import GatewayRecords

/// A model of the catalogue with what its calls need at run time, made once for a snapshot.
package final class RoutedModel: Sendable {
    package let model: CompiledModel
    package let targets: [RoutedTarget]
    /// Where there is nothing to choose.
    let onlyPlace: TargetChoice.Place?

    package init(_ model: CompiledModel, live: LiveTargets, slot: ModelSlot) {
        self.model = model
        let targets = model.targets.map { RoutedTarget($0, of: model, live: live, slot: slot) }
        self.targets = targets
        let isOnly = targets.count == 1 && targets[0].accesses.count == 1 && !model.tiers.isEmpty
        onlyPlace = isOnly ? TargetChoice.Place(target: 0, access: 0) : nil
    }

    /// Whether one of its targets is at a place: a provider by one of its credentials.
    func reaches(_ place: String) -> Bool {
        targets.contains { target in
            target.accesses.contains { FixedPlace(target: target, access: $0).name == place }
        }
    }
}

/// Gives a model of the configuration its place in the metrics.
package typealias ModelSlot = @Sendable (GenAIOperation, _ provider: String, _ model: String) -> Int

/// A target, its credentials that can be used, and the live state of each.
package final class RoutedTarget: Sendable {
    package final class Access: Sendable {
        /// Nil for a provider that asks for none.
        package let credential: CompiledCredential?
        package let live: LiveTarget
        /// It has a source that is asked.
        let isFetched: Bool

        init(credential: CompiledCredential?, live: LiveTarget) {
            self.credential = credential
            self.live = live
            isFetched = credential?.source != nil
        }
    }

    package let target: CompiledTarget
    package let accesses: [Access]
    package let provider: LiveProvider
    /// How many requests its provider takes at once.
    let concurrentMax: Int?
    /// The timeouts of a connection: everything that depends on tokens is the room's own clock.
    package let rule: CompiledRule
    /// By `ModelEndpoint.usualIndex`.
    let heads: [PreparedHead]
    /// Places in the metrics, by operation; all 0 for names that callers make up.
    private let slots: [Int]

    package init(_ target: CompiledTarget, of model: CompiledModel, live: LiveTargets, slot: ModelSlot) {
        self.target = target
        heads = ModelEndpoint.usualOnes.map { PreparedHead($0, target.provider) }
        slots = GenAIOperation.allCases.map { model.isPattern ? 0 : slot($0, target.provider.vendor, model.name) }
        provider = live.provider(target.provider.name)
        concurrentMax = target.provider.concurrentMax
        let usable = target.provider.usableCredentials
        if target.provider.credentials.isEmpty {
            accesses = [Access(credential: nil, live: live.find(target: target.key, credential: ""))]
        } else {
            accesses = usable.map { Access(credential: $0, live: live.find(target: target.key, credential: $0.name)) }
        }
        var timeouts = RouteTimeouts()
        timeouts.connectNanoseconds = target.timeouts.connectNanoseconds
        timeouts.idleNanoseconds = target.timeouts.totalNanoseconds
        timeouts.totalNanoseconds = target.timeouts.totalNanoseconds
        rule = CompiledRule(
            routeName: "models", ruleIndex: 0, metricSlot: 0, action: .forward([], totalWeight: 0), timeouts: timeouts)
    }

    package func slot(_ operation: GenAIOperation) -> Int {
        GenAIOperation.allCases.firstIndex(of: operation).map { slots[$0] } ?? 0
    }
}
