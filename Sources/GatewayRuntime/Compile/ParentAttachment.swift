import GatewayModel

/// Which listeners a route attaches to, and why not to the others.
struct ParentAttachment {
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
        guard let gateway = index.gateways.first(where: { key($0) == parent.gateway }) else {
            // The default gateway takes everything; any other is not there.
            if parent.reference == nil, let listener = own.first {
                return accepted([Place(listener: listener, hosts: hosts(route.spec.hostnames))])
            }
            return Outcome(accepted: refusal("NoMatchingParent", "the parent does not exist: \(parent.gateway)"))
        }
        guard !own.isEmpty else {
            return Outcome(
                accepted: refusal("NoMatchingParent", "the parent is of another class: \(parent.gateway)"),
                isOurs: false)
        }
        let found = RouteAttachment.resolve(
            parent.reference, routeKind: .httpRoute, routeNamespace: route.metadata.namespace,
            hostnames: route.spec.hostnames, gateway: gateway,
            namespaceLabels: index.labels(ofNamespace: route.metadata.namespace))
        switch found {
        case .success(let attached):
            return accepted(
                attached.map { Place(listener: own[$0.listenerIndex], hosts: hosts($0.hostnames)) })
        case .failure(let reason):
            return Outcome(accepted: refusal(reason.rawValue, message(reason, parent.gateway)))
        }
    }

    private func accepted(_ places: [Place]) -> Outcome {
        Outcome(places: places, accepted: StatusCondition("Accepted", true, "Accepted"))
    }

    private func hosts(_ names: [Hostname]) -> [String] { names.isEmpty ? [""] : names.map(\.text) }

    private func message(_ reason: AttachmentRefusal, _ gateway: ObjectKey) -> String {
        switch reason {
        case .noMatchingParent: "the gateway has no such listener: \(gateway)"
        case .notAllowedByListeners: "no listener lets routes of this kind and namespace attach: \(gateway)"
        case .noMatchingListenerHostname: "no listener has a hostname of the route: \(gateway)"
        }
    }

    private func refusal(_ reason: String, _ message: String) -> StatusCondition {
        StatusCondition("Accepted", false, reason, message)
    }
}
