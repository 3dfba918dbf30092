import GatewayModel
package import GatewayProxy

/// A model of the catalogue with what its calls need at run time, made once for a snapshot.
package final class RoutedModel: Sendable {
    package let model: CompiledModel
    package let targets: [RoutedTarget]

    package init(_ model: CompiledModel, live: LiveTargets) {
        self.model = model
        targets = model.targets.map { RoutedTarget($0, live: live) }
    }
}

/// A target, its credentials that can be used, and the live state of each.
package final class RoutedTarget: Sendable {
    package struct Access: Sendable {
        /// Nil for a provider that asks for none.
        package var credential: CompiledCredential?
        package var live: LiveTarget
    }

    package let target: CompiledTarget
    package let accesses: [Access]
    package let provider: LiveProvider
    /// The timeouts of a connection: everything that depends on tokens is the room's own clock.
    package let rule: CompiledRule

    package init(_ target: CompiledTarget, live: LiveTargets) {
        self.target = target
        provider = live.provider(target.provider.name)
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
}
