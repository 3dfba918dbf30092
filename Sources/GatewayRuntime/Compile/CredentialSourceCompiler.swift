import GatewayControl
import GatewayIdentity
import GatewayLLM
import GatewayModel
import GatewayProxy

/// A CredentialSource, ready to be used.
struct CompiledSource {
    enum Supply {
        /// It is there, until a reload.
        case fixed(Secret)
        case live(LiveCredential)
        case missing(GatewayError)
    }

    var supply: Supply
    /// A token, which is shown as `Authorization: Bearer`.
    var isToken = false
    /// It signs requests.
    var isSigner = false
    /// What the vendor's API is told of a request that comes with it (`anthropic-beta`).
    var beta: String?
}

/// Turns CredentialSources into what providers and servers are opened with. One that lacks something is refused alone,
/// when it is used.
final class CredentialSourceCompiler {
    let index: ObjectIndex
    private let grants: ReferenceGrantIndex
    let certificates: CertificateReader
    let credentials: CredentialReader
    let options: SnapshotCompiler.Options
    let services: CredentialServices
    /// By `namespace/name`.
    private var known: [String: CompiledSource] = [:]
    /// Those that something uses.
    private(set) var used: [LiveCredential] = []
    private(set) var statuses: [ObjectStatus] = []
    private(set) var diagnostics: [Diagnostic] = []
    var sideFiles: [String] { credentials.sideFiles }

    init(
        index: ObjectIndex, grants: ReferenceGrantIndex, certificates: CertificateReader,
        options: SnapshotCompiler.Options
    ) {
        self.index = index
        self.grants = grants
        self.certificates = certificates
        self.options = options
        services = options.credentials
        credentials = CredentialReader(index: index, grants: grants, options: options)
        for (name, source) in index.credentialSources.sorted(by: { $0.key < $1.key }) {
            known[name] = compile(source)
        }
    }

    /// The source that an object names; from then on it is kept fresh. Throws what is wrong with it, too.
    func find(_ reference: CredentialSourceReference, from owner: ObjectKey) throws(GatewayError) -> CompiledSource {
        let namespace = reference.namespace ?? owner.namespace
        let name = "\(namespace)/\(reference.name)"
        let target = ObjectKey(.credentialSource, namespace: namespace, name: reference.name)
        guard grants.permits(from: owner, to: target) else {
            throw GatewayError(
                .forbiddenReference, "no ReferenceGrant permits the reference: CredentialSource \(name)")
        }
        guard let source = known[name] else {
            throw GatewayError(.missingCredential, "the CredentialSource does not exist: \(name)", hint: "add it")
        }
        switch source.supply {
        case .fixed: break
        case .missing(let error): throw error
        case .live(let live): if !used.contains(where: { $0 === live }) { used.append(live) }
        }
        return source
    }

    // MARK: One source

    private func compile(_ source: CredentialSource) -> CompiledSource {
        let key = ObjectKey(.credentialSource, namespace: source.metadata.namespace, name: source.metadata.name)
        var compiled = CompiledSource(supply: .missing(GatewayError(.missingCredential, "nothing")))
        compiled.isToken = source.spec.isToken
        compiled.isSigner = source.spec.awsWebIdentity != nil
        if source.spec.federation?.vendor == .anthropic { compiled.beta = FederationSource.anthropicTokenBeta }
        var problem: GatewayError?
        do {
            if let secret = try fixed(source.spec, key) {
                compiled.supply = .fixed(secret)
            } else {
                var draft = CredentialSourceDraft(source, key, self)
                let fetch = try draft.fetch()
                compiled.supply = .live(
                    services.credential(
                        source.metadata.qualifiedName, source.spec, material: draft.material, fetch: fetch))
            }
        } catch let error as ReferenceProblem {
            problem = error.error
            report(error.error, key, severity: .error, reason: error.reason)
        } catch let error as GatewayError {
            problem = error
            report(error, key, severity: .warning)
        } catch {
            problem = GatewayError(.internalFault, "the source cannot be used")
        }
        if let problem { compiled.supply = .missing(problem) }
        var status = ObjectStatus(key: key, generation: source.metadata.generation)
        status.conditions = [
            StatusCondition("Accepted", true, "Accepted", ""),
            StatusCondition(
                "Ready", problem == nil, problem == nil ? "Ready" : "CredentialMissing", problem?.message ?? ""),
        ]
        statuses.append(status)
        return compiled
    }

    /// What needs no fetch.
    private func fixed(_ spec: CredentialSourceSpec, _ key: ObjectKey) throws(GatewayError) -> Secret? {
        guard spec.env != nil || spec.file != nil || spec.secretRef != nil else { return nil }
        return try credentials.read(env: spec.env, file: spec.file, secretRef: spec.secretRef, of: key)
    }

    private func report(
        _ error: GatewayError, _ key: ObjectKey, severity: Diagnostic.Severity, reason: String? = nil
    ) {
        let path = ConfigPath.spec
        diagnostics.append(
            Diagnostic(
                error.code, severity, at: index.position(key, path), path: path.description,
                "\(error.message) in \(key), \(path)", hint: error.hint, object: key, reason: reason))
    }
}
