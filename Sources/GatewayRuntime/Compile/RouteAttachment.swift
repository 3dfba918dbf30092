import GatewayModel

/// Which listeners a route attaches to, and why not to the others.
struct RouteAttachment {
    let index: ObjectIndex
    let listeners: [ListenerDraft]
    let options: SnapshotCompiler.Options

    /// A parent a route asks for.
    struct Parent {
        /// Nil for the default gateway.
        var reference: ParentReference?
        var gateway: ObjectKey
    }

    /// A listener that takes the route, and the hosts under which it is reached there.
    struct Place {
        var listener: ListenerDraft
        var hosts: [String]
    }

    struct Outcome {
        var places: [Place] = []
        var accepted: StatusCondition
        /// Parents that are not ours get no status of ours.
        var isOurs = true
    }

    /// The parents of a route. Without parentRefs it belongs to the default gateway, if that is the one that listens,
    /// or to the gateways whose default scope it asks for.
    func parents(of route: HTTPRoute) -> [Parent] {
        var result = route.spec.parentRefs.map { reference in
            Parent(
                reference: reference,
                gateway: ObjectKey(
                    group: reference.group, kind: reference.kind,
                    namespace: reference.namespace ?? route.metadata.namespace, name: reference.name))
        }
        if route.spec.useDefaultGateways == .all {
            for gateway in index.gateways where gateway.spec.defaultScope == .all {
                result.append(Parent(gateway: key(gateway)))
            }
        }
        if result.isEmpty, index.gateways.isEmpty, let listener = listeners.first {
            result.append(Parent(gateway: listener.gateway))
        }
        return result
    }

    private func key(_ gateway: Gateway) -> ObjectKey {
        ObjectKey(.gateway, namespace: gateway.metadata.namespace, name: gateway.metadata.name)
    }

    func attach(_ route: HTTPRoute, to parent: Parent) -> Outcome {
        let own = listeners.filter { $0.gateway == parent.gateway }
        guard !own.isEmpty else {
            let isForeign = index.gateways.contains { key($0) == parent.gateway }
            return Outcome(
                accepted: refusal("NoMatchingParent", "the parent does not exist: \(parent.gateway)"),
                isOurs: !isForeign)
        }
        let named = own.filter { listener in
            (parent.reference?.sectionName ?? listener.name) == listener.name
                && (parent.reference?.port ?? listener.port) == listener.port
        }
        guard !named.isEmpty else {
            return Outcome(
                accepted: refusal("NoMatchingParent", "the gateway has no such listener: \(parent.gateway)"))
        }
        let allowing = named.filter { $0.allows(namespace: route.metadata.namespace, in: index) }
        guard !allowing.isEmpty else {
            return Outcome(
                accepted: refusal(
                    "NotAllowedByListeners",
                    "no listener lets routes of this kind and namespace attach: \(parent.gateway)"))
        }
        let places = allowing.compactMap { listener -> Place? in
            let hosts = listener.hosts(for: route.spec.hostnames)
            return hosts.isEmpty ? nil : Place(listener: listener, hosts: hosts)
        }
        guard !places.isEmpty else {
            return Outcome(
                accepted: refusal(
                    "NoMatchingListenerHostname", "no listener has a hostname of the route: \(parent.gateway)"))
        }
        return Outcome(places: places, accepted: StatusCondition("Accepted", true, "Accepted"))
    }

    private func refusal(_ reason: String, _ message: String) -> StatusCondition {
        StatusCondition("Accepted", false, reason, message)
    }
}
