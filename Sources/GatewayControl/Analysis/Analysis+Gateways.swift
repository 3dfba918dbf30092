import GatewayModel

extension Analysis {
    mutating func check(_ gateway: Gateway, _ object: GatewayObject) {
        let spec = ConfigPath.spec
        if mode == .strict, gateway.spec.gatewayClassName != "sluice", !exists(gatewayClassKey(gateway)) {
            warn(
                .danglingReference, object, spec["gatewayClassName"],
                "no GatewayClass \"\(gateway.spec.gatewayClassName)\"", hint: "this gateway's class is \"sluice\"")
        }
        for (index, listener) in gateway.spec.listeners.enumerated() {
            check(listener, at: spec["listeners"][index], object)
        }
        checkListenerConflicts(gateway, object)
        if let reference = gateway.spec.tls?.backend?.clientCertificateRef {
            checkCertificate(
                reference, at: spec["tls"]["backend"]["clientCertificateRef"], object,
                reason: "InvalidClientCertificateRef")
        }
        if let frontend = gateway.spec.tls?.frontend {
            let path = spec["tls"]["frontend"]
            checkAuthorities(frontend.default, at: path["default"], object)
            for (index, entry) in frontend.perPort.enumerated() {
                checkAuthorities(entry.tls, at: path["perPort"][index]["tls"], object)
            }
        }
    }

    private func gatewayClassKey(_ gateway: Gateway) -> ObjectKey {
        ObjectKey(.gatewayClass, name: gateway.spec.gatewayClassName)
    }

    private mutating func check(_ listener: GatewayListener, at path: ConfigPath, _ object: GatewayObject) {
        let served = ["HTTP", "HTTPS"]
        if !served.contains(listener.protocol) {
            report(
                .unsupportedValue, object, path["protocol"], "unsupported protocol \"\(listener.protocol)\"",
                hint: NearestName.hint(listener.protocol, among: served), reason: "UnsupportedProtocol")
        }
        let kinds = listener.allowedRoutes?.kinds ?? []
        let known = ObjectKind.allCases.filter { $0 == .httpRoute }.map(\.rawValue)
        let usable = kinds.filter { kind in
            listener.protocolKinds.contains { $0.group == kind.group && $0.kind == kind.kind }
        }
        for (index, kind) in kinds.enumerated() where !usable.contains(kind) {
            report(
                .unsupportedValue, object, path["allowedRoutes"]["kinds"][index]["kind"],
                "route kind \"\(kind.kind)\" on protocol \(listener.protocol)",
                hint: NearestName.hint(kind.kind, among: known), reason: "InvalidRouteKinds")
        }
        let references = listener.tls?.certificateRefs ?? []
        if listener.protocol == "HTTPS", references.isEmpty, listener.tls?.mode != .passthrough {
            report(
                .missingField, object, path, "HTTPS listener \"\(listener.name)\" without a certificate",
                hint: "add tls: {certificateRefs: [{name: my-secret}]}", reason: "InvalidCertificateRef")
        }
        for (index, reference) in references.enumerated() {
            checkCertificate(
                reference, at: path["tls"]["certificateRefs"][index], object, reason: "InvalidCertificateRef")
        }
    }

    /// A Secret with a certificate and its key.
    mutating func checkCertificate(
        _ reference: SecretObjectReference, at path: ConfigPath, _ object: GatewayObject, reason: String
    ) {
        let namespace = reference.namespace ?? object.metadata.namespace
        let target = ObjectKey(group: reference.group, kind: reference.kind, namespace: namespace, name: reference.name)
        guard
            resolve(
                target, allowed: [.secret], from: object, at: path, missingReason: reason, kindReason: reason),
            let secret = set.secret(namespace, reference.name)
        else { return }
        for (field, word) in [("tls.crt", "CERTIFICATE"), ("tls.key", "PRIVATE KEY")] {
            guard let value = secret.data[field] else {
                report(
                    .invalidCertificate, object, path["name"], "Secret \"\(secret.metadata.name)\" has no \(field)",
                    hint: "a TLS Secret has tls.crt and tls.key, both PEM", reason: reason)
                continue
            }
            if !value.reveal({ holdsPEM(word, $0) }) {
                report(
                    .invalidCertificate, object, path["name"],
                    "\(field) of Secret \"\(secret.metadata.name)\" is not a PEM \(word.lowercased())",
                    hint: "it starts with -----BEGIN … \(word)-----", reason: reason)
            }
        }
    }

    private mutating func checkAuthorities(_ tls: FrontendTLS, at path: ConfigPath, _ object: GatewayObject) {
        for (index, reference) in (tls.validation?.caCertificateRefs ?? []).enumerated() {
            checkAuthority(reference, at: path["validation"]["caCertificateRefs"][index], object)
        }
    }

    /// A ConfigMap or Secret with `ca.crt`.
    mutating func checkAuthority(_ reference: ObjectReference, at path: ConfigPath, _ object: GatewayObject) {
        let namespace = reference.namespace ?? object.metadata.namespace
        let target = ObjectKey(group: reference.group, kind: reference.kind, namespace: namespace, name: reference.name)
        guard
            resolve(
                target, allowed: [.configMap, .secret], from: object, at: path,
                missingReason: "InvalidCACertificateRef", kindReason: "InvalidCACertificateKind")
        else { return }
        let isGood: Bool
        if reference.kind == "Secret" {
            isGood =
                set.secret(namespace, reference.name)?.data["ca.crt"]?.reveal { holdsPEM("CERTIFICATE", $0) } ?? false
        } else {
            let text = set.configMap(namespace, reference.name)?.data["ca.crt"]
            isGood = text.map { holdsPEM("CERTIFICATE", Array($0.utf8)) } ?? false
        }
        if !isGood {
            report(
                .invalidCertificate, object, path["name"], "\(reference.kind) \"\(reference.name)\" has no PEM ca.crt",
                hint: "put the authorities' certificates under ca.crt", reason: "InvalidCACertificateRef")
        }
    }

    /// Whether there is a `-----BEGIN …WORD-----` line; what is inside is judged where it is loaded.
    private func holdsPEM(_ word: String, _ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).contains {
            $0.hasPrefix("-----BEGIN ") && $0.hasSuffix("\(word)-----")
        }
    }

    // MARK: - Conflicts

    /// Inside one gateway no conflicting listener wins: all of them are told.
    private mutating func checkListenerConflicts(_ gateway: Gateway, _ object: GatewayObject) {
        let listeners = gateway.spec.listeners
        for (index, listener) in listeners.enumerated() {
            let path = ConfigPath.spec["listeners"][index]
            let others = listeners.enumerated().filter { $0.offset != index && $0.element.port == listener.port }
            if let other = others.first(where: { !sharesPort($0.element.protocol, listener.protocol) }) {
                report(
                    .listenerConflict, object, path["protocol"],
                    "listener \"\(listener.name)\" shares port \(listener.port) with \"\(other.element.name)\" "
                        + "of protocol \(other.element.protocol)",
                    hint: "give one of them another port", reason: "ProtocolConflict")
            } else if let other = others.first(where: { $0.element.hostname == listener.hostname }) {
                let host = listener.hostname.map { "host \($0)" } ?? "no hostname"
                report(
                    .listenerConflict, object, path[listener.hostname == nil ? "port" : "hostname"],
                    "listener \"\(listener.name)\" has port \(listener.port) and \(host), as \"\(other.element.name)\"",
                    hint: "give one of them another port or hostname", reason: "HostnameConflict")
            }
        }
    }

    private func sharesPort(_ left: String, _ right: String) -> Bool {
        let overTLS: Set<String> = ["HTTPS", "TLS"]
        return left == right || (overTLS.contains(left) && overTLS.contains(right))
    }

    /// Gateways that listen on the same addresses share their ports; the same port and host twice has no owner.
    mutating func checkListenersAcrossGateways() {
        struct Slot: Hashable {
            var address: String
            var port: Int
        }
        var owners: [Slot: [(object: GatewayObject, listener: GatewayListener)]] = [:]
        for object in set.objects(of: .gateway) {
            guard case .gateway(let gateway) = object.content else { continue }
            let addresses = gateway.spec.addresses.compactMap(\.value)
            for (index, listener) in gateway.spec.listeners.enumerated() {
                for address in addresses.isEmpty ? ["*"] : addresses {
                    let slot = Slot(address: address, port: listener.port)
                    let rival = (owners[slot] ?? []).first {
                        $0.object.key != object.key
                            && (!sharesPort($0.listener.protocol, listener.protocol)
                                || $0.listener.hostname == listener.hostname)
                    }
                    if let rival {
                        report(
                            .listenerConflict, object, ConfigPath.spec["listeners"][index]["port"],
                            "listener \"\(listener.name)\" has the port and host of \(rival.object.key), "
                                + "listener \"\(rival.listener.name)\"",
                            hint: "give one of them another port, hostname or address", reason: "HostnameConflict")
                    }
                    owners[slot, default: []].append((object, listener))
                }
            }
        }
    }
}
