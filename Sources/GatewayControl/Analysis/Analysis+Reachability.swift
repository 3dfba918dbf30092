import GatewayModel

extension Analysis {
    /// Matches that an equal match of a route with precedence already takes: they can never be reached.
    mutating func checkReachability() {
        struct Slot: Hashable {
            var gateway: ObjectKey
            var listener: Int
            var hostname: String
            var match: HTTPRouteMatch
        }
        struct Place {
            var object: GatewayObject
            var path: ConfigPath
            var rule: Int
        }
        var taken: [Slot: Place] = [:]
        for object in set.objects(of: .httpRoute).sorted(by: GatewayObject.isOlder) {
            guard case .httpRoute(let route) = object.content else { continue }
            let slots = hostSlots(of: route, object)
            for (ruleIndex, rule) in route.spec.rules.enumerated() {
                for (matchIndex, match) in rule.matches.enumerated() {
                    let path = ConfigPath.spec["rules"][ruleIndex]["matches"][matchIndex]
                    var earlier: Place?
                    var isReachable = slots.isEmpty
                    for slot in slots {
                        let key = Slot(
                            gateway: slot.gateway, listener: slot.listener, hostname: slot.hostname, match: match)
                        if let owner = taken[key] {
                            earlier = owner
                        } else {
                            isReachable = true
                            taken[key] = Place(object: object, path: path, rule: ruleIndex)
                        }
                    }
                    guard !isReachable, let earlier else { continue }
                    let place = earlier.object.document.position(at: earlier.path)
                    warn(
                        .unreachableRule, object, path, "match is never reached",
                        hint: "\(earlier.object.key), rules[\(earlier.rule)] at \(place) takes the same requests first")
                }
            }
        }
    }

    /// Every (gateway, listener, host) a route serves.
    private func hostSlots(
        of route: HTTPRoute, _ object: GatewayObject
    ) -> [(gateway: ObjectKey, listener: Int, hostname: String)] {
        route.spec.parentRefs.flatMap { reference -> [(gateway: ObjectKey, listener: Int, hostname: String)] in
            let namespace = reference.namespace ?? object.metadata.namespace
            guard reference.kind == "Gateway", let gateway = set.gateway(namespace, reference.name),
                case .success(let attachments) = RouteAttachment.resolve(
                    reference, routeKind: .httpRoute, routeNamespace: object.metadata.namespace,
                    hostnames: route.spec.hostnames, gateway: gateway,
                    namespaceLabels: set.namespaceLabels(object.metadata.namespace))
            else { return [] }
            let key = ObjectKey(.gateway, namespace: namespace, name: reference.name)
            return attachments.flatMap { attachment in
                let hosts = attachment.hostnames.isEmpty ? [""] : attachment.hostnames.map(\.text)
                return hosts.map { (gateway: key, listener: attachment.listenerIndex, hostname: $0) }
            }
        }
    }
}
