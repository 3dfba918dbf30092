import GatewayLLM
import GatewayModel
import GatewayProxy

/// Turns ModelProviders into what can be called: where they are, how their certificate is checked, what opens them. A
/// provider that lacks something is refused alone, when it is used: the others serve.
final class ProviderCompiler {
    private let certificates: CertificateReader
    private let credentials: CredentialReader
    private let sources: CredentialSourceCompiler
    private let options: SnapshotCompiler.Options
    /// By `namespace/name`.
    private(set) var known: [String: CompiledProvider] = [:]
    /// By name, so that a provider's place does not depend on how the objects were read.
    private(set) var all: [CompiledProvider] = []
    private(set) var statuses: [ObjectStatus] = []
    private(set) var diagnostics: [Diagnostic] = []
    var sideFiles: [String] { credentials.sideFiles }

    init(
        index: ObjectIndex, grants: ReferenceGrantIndex, certificates: CertificateReader,
        sources: CredentialSourceCompiler, options: SnapshotCompiler.Options
    ) {
        self.sources = sources
        self.certificates = certificates
        self.options = options
        credentials = CredentialReader(index: index, grants: grants, options: options)
        for (name, provider) in index.modelProviders.sorted(by: { $0.key < $1.key }) {
            guard let compiled = compile(provider, index) else { continue }
            known[name] = compiled
            all.append(compiled)
        }
    }

    private func compile(_ provider: ModelProvider, _ index: ObjectIndex) -> CompiledProvider? {
        let key = ObjectKey(.modelProvider, namespace: provider.metadata.namespace, name: provider.metadata.name)
        // Decoding has refused anything else.
        guard let url = try? OutboundURL(provider.spec.baseURL) else { return nil }
        var problem: GatewayError?
        var transport = UpstreamTransport(http: .http1)
        if url.isTLS {
            do {
                transport = try certificates.transport(
                    provider.spec.tls, of: key, name: provider.metadata.qualifiedName)
            } catch {
                problem = GatewayError(
                    .invalidBackend, "the provider cannot be used: \(provider.metadata.name)",
                    cause: error.error.message)
                report(error.error, key, ConfigPath.spec["tls"], index, reason: error.reason)
            }
        }
        let name = "ModelProvider/\(provider.metadata.qualifiedName)"
        let backend = CompiledBackend(
            name: name, metricSlot: options.backendSlot(name),
            endpoints: [EndpointSpec(host: url.host, port: url.port)], transport: transport)
        let isDefault = provider.metadata.namespace == ObjectMeta.defaultNamespace
        let compiled = CompiledProvider(
            name: provider.metadata.qualifiedName,
            shownName: isDefault ? provider.metadata.name : provider.metadata.qualifiedName, index: all.count,
            spec: provider.spec, url: url, backend: backend, credentials: read(provider, key, index),
            problem: problem)
        statuses.append(status(compiled, key, provider.metadata.generation))
        return compiled
    }

    private func read(_ provider: ModelProvider, _ key: ObjectKey, _ index: ObjectIndex) -> [CompiledCredential] {
        let isList = index.isList(key, ConfigPath.spec["credential"])
        return provider.spec.credentials.enumerated().map { place, credential in
            do throws(GatewayError) {
                guard let reference = credential.sourceRef else {
                    return .make(credential, provider.spec.dialect, key: try credentials.read(credential, of: key))
                }
                let source = try sources.find(reference, from: key)
                switch source.supply {
                case .fixed(let secret): return .make(credential, provider.spec.dialect, key: secret)
                case .live(let live):
                    return .make(
                        credential, provider.spec.dialect, source: live, isToken: source.isToken, beta: source.beta)
                case .missing(let error): throw error
                }
            } catch {
                let path = isList ? ConfigPath.spec["credential"][place] : ConfigPath.spec["credential"]
                report(error, key, path, index, severity: .warning)
                return .make(credential, provider.spec.dialect, key: nil, problem: error.message)
            }
        }
    }

    private func status(_ provider: CompiledProvider, _ key: ObjectKey, _ generation: Int) -> ObjectStatus {
        var status = ObjectStatus(key: key, generation: generation)
        let refusal = provider.refusal
        let missing = provider.credentials.compactMap(\.problem).joined(separator: "; ")
        status.conditions = [
            StatusCondition("Accepted", true, "Accepted", ""),
            StatusCondition(
                "Ready", refusal == nil,
                refusal == nil ? "Ready" : provider.problem == nil ? "CredentialMissing" : "Invalid",
                provider.problem?.cause ?? missing),
        ]
        return status
    }

    private func report(
        _ error: GatewayError, _ key: ObjectKey, _ path: ConfigPath, _ index: ObjectIndex,
        severity: Diagnostic.Severity = .error, reason: String? = nil
    ) {
        diagnostics.append(
            Diagnostic(
                error.code, severity, at: index.position(key, path), path: path.description,
                "\(error.message) in \(key), \(path)", hint: error.hint, object: key, reason: reason))
    }
}

extension CertificateReader {
    /// TLS to an endpoint that an object of that key and name describes, as its `tls` says.
    func transport(_ tls: BackendTLS?, of key: ObjectKey, name: String) throws(ReferenceProblem) -> UpstreamTransport {
        var identity: Identity?
        if let reference = tls?.clientCertificateRef { identity = try self.identity(reference, from: key) }
        let roots = try roots(tls?.caCertificateRefs ?? [], from: key)
        let minVersion = tls?.minVersion ?? .v12
        let context = try clientContext(
            roots: roots, identity: identity, minVersion: minVersion, protocols: ["h2", "http/1.1"])
        // By what it was made of, so that pools live on when a reload changes nothing.
        let fingerprint =
            "\(name)|\(tls?.serverName ?? "")|\(minVersion)|\(roots.digest)|\(identity?.digest ?? 0)"
        return UpstreamTransport(
            http: .negotiated,
            tls: UpstreamTLS(context: context, serverName: tls?.serverName, fingerprint: fingerprint))
    }
}
