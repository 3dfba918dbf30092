import GatewayModel

/// TrafficPolicies by what they attach to (GEP-713): Gateway, listener, HTTPRoute, rule, Service or Backend, always in
/// the policy's own namespace.
struct PolicyIndex {
    private struct Target: Hashable {
        var kind: String
        var namespace: String
        var name: String
        var section: String?
    }

    private var byTarget: [Target: [TrafficPolicy]] = [:]

    init(_ index: ObjectIndex) {
        // `policies` is sorted: of two on one target the older stands first, and wins.
        for policy in index.policies {
            for reference in policy.spec.targetRefs {
                guard PolicyIndex.accepts(reference) else { continue }
                let target = Target(
                    kind: reference.kind, namespace: policy.metadata.namespace, name: reference.name,
                    section: reference.sectionName)
                byTarget[target, default: []].append(policy)
            }
        }
    }

    private static func accepts(_ reference: PolicyTargetReference) -> Bool {
        switch reference.kind {
        case "Gateway", "HTTPRoute": reference.group == ObjectKind.gatewayGroup
        case "Service": reference.group.isEmpty
        case "Backend": reference.group == ObjectKind.sluiceGroup
        default: false
        }
    }

    private func policies(
        _ kind: String, _ namespace: String, _ name: String, _ section: String? = nil
    )
        -> [TrafficPolicy]
    {
        byTarget[Target(kind: kind, namespace: namespace, name: name, section: section)] ?? []
    }

    /// What applies to a rule reached by a listener, the most specific first: rule, route, listener, gateway.
    func effective(rule: String?, route: ObjectMeta, listener: ListenerDraft) -> EffectivePolicies {
        var all: [TrafficPolicy] = []
        if let rule { all += policies("HTTPRoute", route.namespace, route.name, rule) }
        all += policies("HTTPRoute", route.namespace, route.name)
        let gateway = listener.gateway
        all += policies("Gateway", gateway.namespace, gateway.name, listener.name)
        all += policies("Gateway", gateway.namespace, gateway.name)
        return EffectivePolicies(ordered: all)
    }

    /// What applies to a Service or a Backend; one on a port by its name goes first.
    func effective(backend kind: String, namespace: String, name: String, port: String?) -> EffectivePolicies {
        var all: [TrafficPolicy] = []
        if let port { all += policies(kind, namespace, name, port) }
        all += policies(kind, namespace, name)
        return EffectivePolicies(ordered: all)
    }

    // MARK: Status

    /// A policy is accepted when every target exists.
    func statuses(_ index: ObjectIndex) -> [ObjectStatus] {
        index.policies.map { policy in
            let key = ObjectKey(.trafficPolicy, namespace: policy.metadata.namespace, name: policy.metadata.name)
            var status = ObjectStatus(key: key, generation: policy.metadata.generation)
            let missing = policy.spec.targetRefs.first { !exists($0, policy.metadata.namespace, index) }
            status.conditions = [
                StatusCondition(
                    "Accepted", missing == nil, missing == nil ? "Accepted" : "TargetNotFound",
                    missing.map { "the target does not exist: \($0.kind) \($0.name)" } ?? "")
            ]
            return status
        }
    }

    private func exists(_ target: PolicyTargetReference, _ namespace: String, _ index: ObjectIndex) -> Bool {
        guard PolicyIndex.accepts(target) else { return false }
        let name = "\(namespace)/\(target.name)"
        switch target.kind {
        case "Gateway":
            return index.gateways.contains { gateway in
                gateway.metadata.qualifiedName == name
                    && (target.sectionName == nil || gateway.spec.listeners.contains { $0.name == target.sectionName })
            }
        case "HTTPRoute":
            return index.routes.contains { route in
                route.metadata.qualifiedName == name
                    && (target.sectionName == nil || route.spec.rules.contains { $0.name == target.sectionName })
            }
        case "Service": return index.services[name] != nil
        default: return index.backends[name] != nil
        }
    }
}

/// The policies that apply to one thing, the most specific first.
struct EffectivePolicies {
    var ordered: [TrafficPolicy]

    /// A setting: the most specific policy that says something about it wins.
    func first<Value>(_ value: (TrafficPolicySpec) -> Value?) -> Value? {
        for policy in ordered {
            if let found = value(policy.spec) { return found }
        }
        return nil
    }

    /// The policies that say something; for security all of them must be content.
    func all<Value>(_ value: (TrafficPolicySpec) -> Value?) -> [Value] { ordered.compactMap { value($0.spec) } }

    /// Less specific policies behind these.
    func followed(by others: EffectivePolicies) -> EffectivePolicies {
        EffectivePolicies(ordered: ordered + others.ordered)
    }

    /// Names the policies that say something about a value; tells variants of one backend apart.
    func names<Value>(_ value: (TrafficPolicySpec) -> Value?) -> [String] {
        ordered.filter { value($0.spec) != nil }.map(\.metadata.qualifiedName)
    }
}
