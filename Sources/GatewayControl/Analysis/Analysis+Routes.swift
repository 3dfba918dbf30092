import GatewayModel

extension Analysis {
    mutating func check(_ route: HTTPRoute, _ object: GatewayObject) {
        checkParents(route, object)
        for (index, rule) in route.spec.rules.enumerated() {
            let path = ConfigPath.spec["rules"][index]
            check(rule.filters, at: path["filters"], object)
            for (number, reference) in rule.backendRefs.enumerated() {
                let at = path["backendRefs"][number]
                checkBackend(
                    group: reference.group, kind: reference.kind, namespace: reference.namespace, name: reference.name,
                    port: reference.port, at: at, object)
                check(reference.filters, at: at["filters"], object)
            }
            checkIsAnswered(rule, at: path, object)
            let leadsToModels = rule.backendRefs.filter { $0.kind == ObjectKind.modelCatalog.rawValue }
            if !leadsToModels.isEmpty, leadsToModels.count < rule.backendRefs.count {
                report(
                    .unsupportedValue, object, path["backendRefs"], "models beside other backends in one rule",
                    hint: "make a rule of its own for the ModelCatalog", reason: "UnsupportedValue")
            }
        }
    }

    /// A rule without backend, redirect or direct response answers 500 to everyone.
    private mutating func checkIsAnswered(_ rule: HTTPRouteRule, at path: ConfigPath, _ object: GatewayObject) {
        let answers = rule.filters.contains { $0.type == .requestRedirect || $0.type == .extensionRef }
        if rule.backendRefs.isEmpty, !answers {
            warn(
                .missingField, object, path, "no backendRefs: every request gets 500",
                hint: "add backendRefs, a RequestRedirect or a DirectResponse")
        } else if !rule.backendRefs.isEmpty, rule.backendRefs.allSatisfy({ $0.weight == 0 }) {
            warn(
                .invalidValue, object, path["backendRefs"], "every weight is 0: every request gets 500",
                hint: "give one backend a weight")
        }
    }

    private mutating func check(_ filters: [HTTPRouteFilter], at path: ConfigPath, _ object: GatewayObject) {
        for (index, filter) in filters.enumerated() {
            if let mirror = filter.requestMirror {
                let reference = mirror.backendRef
                checkBackend(
                    group: reference.group, kind: reference.kind, namespace: reference.namespace, name: reference.name,
                    port: reference.port, at: path[index]["requestMirror"]["backendRef"], object)
            }
            if let reference = filter.extensionRef {
                let target = ObjectKey(
                    group: reference.group, kind: reference.kind, namespace: object.metadata.namespace,
                    name: reference.name)
                _ = resolve(
                    target, allowed: [.directResponse], from: object, at: path[index]["extensionRef"],
                    missingReason: "BackendNotFound", kindReason: "InvalidKind")
            }
        }
    }

    private mutating func checkBackend(
        group: String, kind: String, namespace: String?, name: String, port: Int?, at path: ConfigPath,
        _ object: GatewayObject
    ) {
        let namespace = namespace ?? object.metadata.namespace
        // The gateway's own, which needs no object.
        if group == ObjectKind.sluiceGroup, kind == Analysis.tokenServiceKind { return }
        let target = ObjectKey(group: group, kind: kind, namespace: namespace, name: name)
        guard
            resolve(
                target, allowed: [.service, .backend, .modelCatalog], from: object, at: path,
                missingReason: "BackendNotFound",
                kindReason: "InvalidKind"),
            let service = set.service(namespace, name), kind == "Service"
        else { return }
        if service.spec.type == "ExternalName" {
            report(
                .unsupportedValue, object, path["name"], "Service \"\(name)\" is an ExternalName, never routed to",
                hint: "use a Backend with the host name", reason: "UnsupportedProtocol")
        }
        if let port, !service.spec.ports.contains(where: { $0.port == port }) {
            let ports = service.spec.ports.map { String($0.port) }.joined(separator: ", ")
            report(
                .danglingReference, object, path["port"], "Service \"\(name)\" has no port \(port)",
                hint: ports.isEmpty ? "it has no ports" : "its ports: \(ports)", reason: "BackendNotFound")
        }
    }

    // MARK: - Parents

    private mutating func checkParents(_ route: HTTPRoute, _ object: GatewayObject) {
        if route.spec.parentRefs.isEmpty {
            // Without any Gateway the default one listens, and takes every route.
            let joinsDefault =
                set.gateways.contains { $0.spec.defaultScope == .all } && route.spec.useDefaultGateways == .all
            if !set.gateways.isEmpty, !joinsDefault {
                report(
                    .notAttached, object, .spec, "route attaches to no gateway",
                    hint: "add parentRefs: [{name: \(set.gateways[0].metadata.name)}]", reason: "NoMatchingParent")
            }
            return
        }
        for (index, reference) in route.spec.parentRefs.enumerated() {
            check(reference, at: ConfigPath.spec["parentRefs"][index], route, object)
        }
    }

    private mutating func check(
        _ reference: ParentReference, at path: ConfigPath, _ route: HTTPRoute, _ object: GatewayObject
    ) {
        let namespace = reference.namespace ?? object.metadata.namespace
        let target = ObjectKey(group: reference.group, kind: reference.kind, namespace: namespace, name: reference.name)
        guard reference.group == ObjectKind.gatewayGroup, reference.kind == "Gateway" else {
            report(
                .unsupportedValue, object, path["kind"], "unsupported parent kind \"\(reference.kind)\"",
                hint: "a route's parent is a Gateway", reason: "NoMatchingParent")
            return
        }
        guard let gateway = set.gateway(namespace, reference.name) else {
            if !exists(target) {
                report(
                    .danglingReference, object, path["name"], "no Gateway \"\(reference.name)\"",
                    hint: hintForMissing(target), reason: "NoMatchingParent")
            }
            return
        }
        let attachment = RouteAttachment.resolve(
            reference, routeKind: .httpRoute, routeNamespace: object.metadata.namespace,
            hostnames: route.spec.hostnames, gateway: gateway,
            namespaceLabels: set.namespaceLabels(object.metadata.namespace))
        guard case .failure(let refusal) = attachment else { return }
        explain(refusal, reference, at: path, route, gateway, object)
    }

    private mutating func explain(
        _ refusal: AttachmentRefusal, _ reference: ParentReference, at path: ConfigPath, _ route: HTTPRoute,
        _ gateway: Gateway, _ object: GatewayObject
    ) {
        let listeners = gateway.spec.listeners
        switch refusal {
        case .noMatchingParent:
            let names = listeners.map(\.name)
            if let section = reference.sectionName, !names.contains(section) {
                report(
                    .notAttached, object, path["sectionName"],
                    "Gateway \"\(gateway.metadata.name)\" has no listener \"\(section)\"",
                    hint: NearestName.hint(section, among: names, word: "its listeners"), reason: refusal.rawValue)
            } else {
                let ports = Set(listeners.map(\.port)).sorted().map(String.init).joined(separator: ", ")
                report(
                    .notAttached, object, path["port"],
                    "Gateway \"\(gateway.metadata.name)\" has no such listener on port \(reference.port ?? 0)",
                    hint: "its ports: \(ports)", reason: refusal.rawValue)
            }
        case .notAllowedByListeners:
            // A listener whose protocol is not served is told by itself.
            if mode == .strict, listeners.contains(where: \.protocolKinds.isEmpty) { return }
            let sameNamespace = gateway.metadata.namespace == object.metadata.namespace
            report(
                .notAttached, object, path["name"],
                "no listener of Gateway \"\(gateway.metadata.name)\" allows this route",
                hint: sameNamespace
                    ? "see allowedRoutes of its listeners"
                    : "set allowedRoutes: {namespaces: {from: All}} on the listener, or a selector that fits namespace "
                        + "\"\(object.metadata.namespace)\"", reason: refusal.rawValue)
        case .noMatchingListenerHostname:
            let names = listeners.compactMap(\.hostname?.text).joined(separator: ", ")
            report(
                .notAttached, object, .spec["hostnames"],
                "no hostname is one of Gateway \"\(gateway.metadata.name)\"", hint: "its listeners have: \(names)",
                reason: refusal.rawValue)
        }
    }
}
