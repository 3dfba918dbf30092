import GatewayModel
import GatewayProxy
import GatewayWire
import NIOSSL

/// Makes TLS contexts of Secrets and ConfigMaps. Errors name the object, never its content.
struct CertificateReader {
    let index: ObjectIndex
    let grants: ReferenceGrantIndex

    /// A certificate chain with its key.
    struct Identity {
        var chain: [NIOSSLCertificate]
        var key: NIOSSLPrivateKey
        var name: String
        /// Of certificate and key: tells whether they changed.
        var digest: UInt64
    }

    /// Certificates that are trusted.
    struct Authorities {
        var certificates: [NIOSSLCertificate] = []
        var digest: UInt64 = 0
    }

    /// How clients' certificates are checked.
    struct ClientValidation {
        var roots: Authorities
        /// Who shows no valid certificate is let in as nobody.
        var isOptional: Bool

        /// What decides then whether a certificate counts.
        var fallback: ClientTrust? { isOptional ? try? ClientTrust(roots: roots.certificates) : nil }
    }

    /// The identity a Secret of type `kubernetes.io/tls` holds.
    func identity(
        _ reference: SecretObjectReference, from source: ObjectKey
    ) throws(ReferenceProblem)
        -> Identity
    {
        let secret = try secret(reference, from: source)
        let name = "Secret \(secret.metadata.qualifiedName)"
        guard let certificate = secret.data["tls.crt"], let key = secret.data["tls.key"] else {
            throw problem("the Secret has no tls.crt and tls.key: \(name)")
        }
        do {
            var digest = Hash64()
            certificate.reveal { digest.add($0.span) }
            key.reveal { digest.add($0.span) }
            let chain = try certificate.reveal { try NIOSSLCertificate.fromPEMBytes($0) }
            let key = try key.reveal { try NIOSSLPrivateKey(bytes: $0, format: .pem) }
            if chain.isEmpty { throw problem("tls.crt holds no certificate: \(name)") }
            return Identity(chain: chain, key: key, name: name, digest: digest.value)
        } catch let error as ReferenceProblem {
            throw error
        } catch {
            throw problem("tls.crt or tls.key is not valid PEM: \(name)")
        }
    }

    private func secret(
        _ reference: SecretObjectReference, from source: ObjectKey
    )
        throws(ReferenceProblem) -> SecretObject
    {
        guard reference.group.isEmpty, reference.kind == "Secret" else {
            throw problem("a certificate can only come from a Secret: \(reference.kind) \(reference.name)")
        }
        let namespace = reference.namespace ?? source.namespace
        guard grants.permits(from: source, to: ObjectKey(.secret, namespace: namespace, name: reference.name)) else {
            throw ReferenceProblem(
                "RefNotPermitted", .forbiddenReference,
                "no ReferenceGrant permits the reference: Secret \(namespace)/\(reference.name)")
        }
        guard let secret = index.secrets["\(namespace)/\(reference.name)"] else {
            throw problem("the Secret does not exist: \(namespace)/\(reference.name)")
        }
        return secret
    }

    private func problem(_ message: String) -> ReferenceProblem {
        ReferenceProblem("InvalidCertificateRef", .invalidCertificate, message)
    }

    /// The certificates that ConfigMaps or Secrets hold under `ca.crt`.
    func roots(
        _ references: [ObjectReference], from source: ObjectKey
    ) throws(ReferenceProblem)
        -> Authorities
    {
        var roots = Authorities()
        var digest = Hash64()
        for reference in references {
            let bytes = try authority(reference, from: source)
            guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
                throw ReferenceProblem(
                    "InvalidCACertificateRef", .invalidCertificate,
                    "no certificate in ca.crt of \(reference.kind) \(reference.name)")
            }
            digest.add(bytes.span)
            roots.certificates += certificates
        }
        roots.digest = digest.value
        return roots
    }

    /// The same as text, for requests of our own.
    func trust(
        _ references: [ObjectReference], from source: ObjectKey
    ) throws(ReferenceProblem) -> OutboundRequest.Trust {
        guard !references.isEmpty else { return .system }
        _ = try roots(references, from: source)
        var pem: [UInt8] = []
        for reference in references { pem += try authority(reference, from: source) + [0x0A] }
        return .authorities(pem)
    }

    private func authority(
        _ reference: ObjectReference, from source: ObjectKey
    ) throws(ReferenceProblem)
        -> [UInt8]
    {
        let namespace = reference.namespace ?? source.namespace
        let name = "\(reference.kind) \(namespace)/\(reference.name)"
        guard reference.group.isEmpty, reference.kind == "ConfigMap" || reference.kind == "Secret" else {
            throw ReferenceProblem(
                "InvalidCACertificateKind", .invalidCertificate,
                "a CA can only come from a ConfigMap or Secret: \(name)")
        }
        let target = ObjectKey(group: "", kind: reference.kind, namespace: namespace, name: reference.name)
        guard grants.permits(from: source, to: target) else {
            throw ReferenceProblem(
                "RefNotPermitted", .forbiddenReference, "no ReferenceGrant permits the reference: \(name)")
        }
        let key = "\(namespace)/\(reference.name)"
        var bytes: [UInt8]?
        if reference.kind == "ConfigMap" {
            bytes =
                index.configMaps[key]?.data["ca.crt"].map { Array($0.utf8) }
                ?? index.configMaps[key]?.binaryData["ca.crt"]?.bytes
        } else {
            bytes = index.secrets[key]?.data["ca.crt"]?.reveal { $0 }
        }
        guard let bytes else {
            throw ReferenceProblem("InvalidCACertificateRef", .invalidCertificate, "no ca.crt in \(name)")
        }
        return bytes
    }

    // MARK: Contexts

    /// A listener's context.
    func serverContext(
        _ identity: Identity, minVersion: GatewayModel.TLSVersion, offersHTTP2: Bool, validation: ClientValidation?
    ) throws(ReferenceProblem) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: identity.chain.map { .certificate($0) }, privateKey: .privateKey(identity.key))
        configuration.minimumTLSVersion = minVersion == .v13 ? .tlsv13 : .tlsv12
        configuration.applicationProtocols = offersHTTP2 ? ["h2", "http/1.1"] : ["http/1.1"]
        if let validation {
            configuration.trustRoots = .certificates(validation.roots.certificates)
            configuration.certificateVerification =
                validation.isOptional ? .optionalVerification : .noHostnameVerification
        }
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw problem("the certificate and the key do not belong together: \(identity.name)")
        }
    }

    /// The context towards a backend.
    func clientContext(
        roots: Authorities, identity: Identity?, minVersion: GatewayModel.TLSVersion, protocols: [String]
    ) throws(ReferenceProblem) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if !roots.certificates.isEmpty { configuration.trustRoots = .certificates(roots.certificates) }
        if let identity {
            configuration.certificateChain = identity.chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(identity.key)
        }
        configuration.minimumTLSVersion = minVersion == .v13 ? .tlsv13 : .tlsv12
        configuration.applicationProtocols = protocols
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw problem("the client certificate cannot be used: \(identity?.name ?? "")")
        }
    }
}
