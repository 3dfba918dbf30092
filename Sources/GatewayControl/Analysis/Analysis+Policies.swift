import GatewayModel

extension Analysis {
    mutating func check(_ backend: Backend, _ object: GatewayObject) {
        guard let tls = backend.spec.tls else { return }
        let path = ConfigPath.spec["tls"]
        for (index, reference) in tls.caCertificateRefs.enumerated() {
            checkAuthority(reference, at: path["caCertificateRefs"][index], object)
        }
        if let reference = tls.clientCertificateRef {
            checkCertificate(
                reference, at: path["clientCertificateRef"], object, reason: "InvalidClientCertificateRef")
        }
    }

    mutating func check(_ policy: TrafficPolicy, _ object: GatewayObject) {
        checkTargets(policy.spec.targetRefs, allowed: [.gateway, .httpRoute, .service, .backend], object)
        for (index, name) in (policy.spec.authentication?.providers ?? []).enumerated() {
            let target = ObjectKey(.identityProvider, namespace: object.metadata.namespace, name: name)
            if !exists(target) {
                report(
                    .danglingReference, object, ConfigPath.spec["authentication"]["providers"][index],
                    "no IdentityProvider \"\(name)\"", hint: hintForMissing(target), reason: "TargetNotFound")
            }
        }
    }

    mutating func check(_ policy: ListenerPolicy, _ object: GatewayObject) {
        checkTargets(policy.spec.targetRefs, allowed: [.gateway], object)
    }

    private mutating func checkTargets(
        _ targets: [PolicyTargetReference], allowed: [ObjectKind], _ object: GatewayObject
    ) {
        for (index, reference) in targets.enumerated() {
            let path = ConfigPath.spec["targetRefs"][index]
            let key = ObjectKey(
                group: reference.group, kind: reference.kind, namespace: object.metadata.namespace,
                name: reference.name)
            guard
                resolve(
                    key, allowed: allowed, from: object, at: path, missingReason: "TargetNotFound",
                    kindReason: "Invalid"),
                let section = reference.sectionName, let target = set[key]
            else { continue }
            let names = sections(of: target)
            if !names.contains(section) {
                report(
                    .danglingReference, object, path["sectionName"], "\(target.key) has no section \"\(section)\"",
                    hint: NearestName.hint(section, among: names, word: "its sections")
                        ?? "it has no named sections", reason: "TargetNotFound")
            }
        }
    }

    /// What a `sectionName` may be: a gateway's listeners, a route's named rules, a service's named ports.
    private func sections(of object: GatewayObject) -> [String] {
        switch object.content {
        case .gateway(let gateway): gateway.spec.listeners.map(\.name)
        case .httpRoute(let route): route.spec.rules.compactMap(\.name)
        case .service(let service): service.spec.ports.compactMap(\.name)
        default: []
        }
    }

    /// Two policies that set the same thing on the same target: the older one, then the first by name, is used
    /// (GEP-713). What restricts (rate limits, addresses, authentication) adds up instead and cannot conflict.
    mutating func checkPolicyConflicts() {
        struct Slot: Hashable {
            var kind: String
            var namespace: String
            var target: PolicyTargetReference
            var field: String
        }
        let policies = set.objects.filter { $0.kind == .trafficPolicy || $0.kind == .listenerPolicy }
            .sorted(by: GatewayObject.isOlder)
        let combining: Set<String> = [
            "targetRefs", "rateLimits", "ipAccess", "authentication", "concurrency", "limits",
        ]
        var winners: [Slot: GatewayObject] = [:]
        for object in policies {
            let targets: [PolicyTargetReference]
            switch object.content {
            case .trafficPolicy(let policy): targets = policy.spec.targetRefs
            case .listenerPolicy(let policy): targets = policy.spec.targetRefs
            default: targets = []
            }
            for target in targets {
                for field in object.document["spec"]?.fields ?? [] where !combining.contains(field.key) {
                    let slot = Slot(
                        kind: object.key.kind, namespace: object.metadata.namespace, target: target, field: field.key)
                    guard let winner = winners[slot] else {
                        winners[slot] = object
                        continue
                    }
                    warn(
                        .conflictingPolicy, object, ConfigPath.spec[field.key],
                        "\(field.key) of \(target.kind) \"\(target.name)\" is set by \(winner.key) already",
                        hint: "the older policy is used (\(winner.position)); merge them", reason: "Conflicted")
                }
            }
        }
    }
}
