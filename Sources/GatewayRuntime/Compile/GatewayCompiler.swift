import GatewayModel
import GatewayProxy
import NIOSSL

/// Turns Gateways into listeners that may serve: protocols, conflicts, certificates.
struct GatewayCompiler {
    let index: ObjectIndex
    let certificates: CertificateReader
    let options: SnapshotCompiler.Options

    /// Every listener of our gateways, in the order in which conflicts between gateways are decided.
    func listeners() -> [ListenerDraft] {
        if index.gateways.isEmpty {
            let key = ObjectKey(.gateway, name: SnapshotCompiler.defaultGatewayName)
            return [ListenerDraft(defaultOf: key, port: options.defaultPort)]
        }
        var all: [ListenerDraft] = []
        for gateway in index.gateways where isOurs(gateway) {
            let key = ObjectKey(.gateway, namespace: gateway.metadata.namespace, name: gateway.metadata.name)
            let drafts = gateway.spec.listeners.enumerated().map { ListenerDraft($1, index: $0, of: key) }
            markConflicts(drafts)
            markConflicts(drafts, with: all)
            for (draft, listener) in zip(drafts, gateway.spec.listeners) where draft.isTLS && draft.notAccepted == nil {
                addCertificates(to: draft, listener, gateway)
            }
            all += drafts
        }
        return all
    }

    /// Whether a gateway's class is this gateway's.
    func isOurs(_ gateway: Gateway) -> Bool {
        guard let names = options.classNames else { return true }
        if names.contains(gateway.spec.gatewayClassName) { return true }
        return index.classes.contains {
            $0.metadata.name == gateway.spec.gatewayClassName
                && $0.spec.controllerName == SnapshotCompiler.controllerName
        }
    }

    // MARK: Conflicts

    /// Inside one gateway nobody wins: all that conflict are refused.
    private func markConflicts(_ drafts: [ListenerDraft]) {
        for (position, draft) in drafts.enumerated() where draft.notAccepted == nil {
            for (other, rival) in drafts.enumerated()
            where other != position && rival.notAccepted == nil && rival.port == draft.port {
                if rival.isTLS != draft.isTLS {
                    draft.conflict = (
                        "ProtocolConflict", "port \(draft.port) has another protocol in listener \(rival.name)"
                    )
                } else if rival.hostname == draft.hostname, draft.conflict == nil {
                    draft.conflict = (
                        "HostnameConflict", "port \(draft.port) has the same hostname in listener \(rival.name)"
                    )
                }
            }
        }
    }

    /// Between gateways that share a port the older one keeps its protocol; equal host names share their routes.
    private func markConflicts(_ drafts: [ListenerDraft], with older: [ListenerDraft]) {
        for draft in drafts where draft.conflict == nil && draft.notAccepted == nil {
            let rival = older.first {
                $0.port == draft.port && $0.conflict == nil && $0.notAccepted == nil && $0.isTLS != draft.isTLS
            }
            guard let rival else { continue }
            draft.conflict = (
                "ProtocolConflict", "port \(draft.port) has another protocol in listener \(rival.qualifiedName)"
            )
        }
    }

    // MARK: Certificates

    private func addCertificates(to draft: ListenerDraft, _ listener: GatewayListener, _ gateway: Gateway) {
        let source = draft.gateway
        do {
            if listener.tls?.mode == .passthrough {
                draft.notAccepted = ("UnsupportedValue", "tls mode Passthrough is not supported with protocol HTTPS")
                return
            }
            let validation = try validation(port: listener.port, gateway, source)
            let settings = options.listenerSettings(of: draft, index)
            for (position, reference) in (listener.tls?.certificateRefs ?? []).enumerated() {
                let identity = try certificates.identity(reference, from: source)
                let context = try certificates.serverContext(
                    identity, minVersion: settings.minVersion, offersHTTP2: settings.http2, validation: validation)
                if position == 0 {
                    draft.certificates.append(
                        TLSPort.Entry(
                            listener: draft.hostname, hostname: draft.hostname, context: context,
                            fallback: validation?.fallback))
                } else {
                    for name in names(of: identity, for: draft) {
                        draft.certificates.append(
                            TLSPort.Entry(
                                listener: draft.hostname, hostname: name, context: context,
                                fallback: validation?.fallback))
                    }
                }
            }
            if draft.certificates.isEmpty {
                draft.unresolved = ("InvalidCertificateRef", "the listener names no certificate: \(draft.name)")
            }
        } catch {
            // One bad certificate takes the listener down: serving with another one would surprise.
            draft.certificates = []
            draft.unresolved = (error.reason, error.error.message)
            if error.reason.contains("CACertificate") {
                draft.notAccepted = ("NoValidCACertificate", error.error.message)
            }
        }
    }

    /// Further certificates of a listener serve the names they carry.
    private func names(of identity: CertificateReader.Identity, for draft: ListenerDraft) -> [String] {
        guard let leaf = identity.chain.first else { return [] }
        let own = Hostname(draft.hostname)
        return leaf.dnsNames.compactMap { name in
            guard let hostname = Hostname(name.lowercased()) else { return nil }
            guard let own else { return hostname.text }
            return own.intersection(hostname)?.text
        }
    }

    private func validation(
        port: Int, _ gateway: Gateway, _ source: ObjectKey
    ) throws(ReferenceProblem) -> CertificateReader.ClientValidation? {
        guard let frontend = gateway.spec.tls?.frontend else { return nil }
        let tls = frontend.perPort.first { $0.port == port }?.tls ?? frontend.default
        guard let validation = tls.validation else { return nil }
        return CertificateReader.ClientValidation(
            roots: try certificates.roots(validation.caCertificateRefs, from: source),
            isOptional: validation.mode == .allowInsecureFallback)
    }

    // MARK: Status

    /// The status of every gateway of ours.
    func statuses(_ listeners: [ListenerDraft]) -> [ObjectStatus] {
        index.gateways.filter(isOurs).map { gateway in
            let key = ObjectKey(.gateway, namespace: gateway.metadata.namespace, name: gateway.metadata.name)
            var status = ObjectStatus(key: key, generation: gateway.metadata.generation)
            let own = listeners.filter { $0.gateway == key }
            status.listeners = own.map(\.status)
            let refused = own.filter { $0.notAccepted != nil || $0.conflict != nil }
            let names = refused.map(\.name).joined(separator: ", ")
            let message = refused.isEmpty ? "" : "listeners are not valid: \(names)"
            let isAccepted = refused.count < own.count
            status.conditions = [
                StatusCondition(
                    "Accepted", isAccepted, refused.isEmpty ? "Accepted" : "ListenersNotValid", message),
                StatusCondition(
                    "Programmed", own.contains(where: \.isServing),
                    own.contains(where: \.isServing) ? "Programmed" : "Invalid", message),
            ]
            return status
        }
    }
}

extension NIOSSLCertificate {
    /// The DNS names of its subject alternative names.
    fileprivate var dnsNames: [String] {
        _subjectAlternativeNames().compactMap { name in
            guard case .dnsName = name.nameType else { return nil }
            return String(decoding: name.contents, as: UTF8.self)
        }
    }
}
