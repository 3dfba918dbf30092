import GatewayIdentity
import GatewayMCP
import GatewayModel
import GatewayPolicy
import GatewayProxy

/// Turns MCPServers and ToolAccessPolicies into what the room of tools serves by. A server that lacks something is
/// refused alone, when it is used: the others serve.
final class ToolCompiler {
    let index: ObjectIndex
    private let grants: ReferenceGrantIndex
    let certificates: CertificateReader
    let credentials: CredentialReader
    private let sources: CredentialSourceCompiler
    let options: SnapshotCompiler.Options
    private(set) var catalog = ToolCatalog.empty
    var statuses: [ObjectStatus] = []
    private(set) var diagnostics: [Diagnostic] = []
    /// Those that are processes.
    var processes: Set<StdioServers.Key> = []
    var documents: [String] = []
    var sideFiles: [String] { credentials.sideFiles + documents }

    init(
        index: ObjectIndex, grants: ReferenceGrantIndex, certificates: CertificateReader,
        sources: CredentialSourceCompiler, options: SnapshotCompiler.Options
    ) {
        self.sources = sources
        self.index = index
        self.grants = grants
        self.certificates = certificates
        self.options = options
        credentials = CredentialReader(index: index, grants: grants, options: options)
        let servers = index.mcpServers.compactMap { compile($0) }
        let rules = index.toolPolicies.flatMap { ToolRule.rules($0.metadata.qualifiedName, $0.spec) }
        // The analysis has refused what is no expression; without its policies no tool is used.
        let governance = try? ToolGovernance(index.toolGovernance.map(\.spec))
        let virtuals = index.mcpServers.compactMap { virtual($0) }
        var authorizations: [String: ResourceAuthorization] = [:]
        for server in index.mcpServers {
            guard let spec = server.spec.authorization else { continue }
            authorizations[server.metadata.qualifiedName] = ResourceAuthorization(spec)
        }
        catalog = ToolCatalog(
            servers: servers, virtuals: virtuals, authorizations: authorizations,
            access: governance == nil ? .empty : ToolAccessTable(rules),
            governance: governance ?? .none, hooks: hooks(),
            budgets: ToolBudgets(index.budgetPolicies.map { ($0.metadata.qualifiedName, $0.spec) }))
        reportPrefixes()
    }

    /// Who is told of calls that wait. One that cannot be signed for is told nothing, and the calls wait all the same.
    private func hooks() -> [String: ApprovalHook] {
        var hooks: [String: ApprovalHook] = [:]
        for policy in index.toolPolicies {
            guard let spec = policy.spec.approvals?.webhook else { continue }
            let key = ObjectKey(.toolAccessPolicy, namespace: policy.metadata.namespace, name: policy.metadata.name)
            do throws(GatewayError) {
                hooks[policy.metadata.qualifiedName] = try ApprovalHook(
                    spec, policy: policy.metadata.qualifiedName, secret: credentials.read(spec.signingSecret, of: key))
            } catch {
                let path = ConfigPath.spec["approvals"]["webhook"]["signingSecret"]
                report(error, key, path, severity: .warning)
            }
        }
        return hooks
    }

    var isEmpty: Bool { catalog.servers.isEmpty }

    /// The server a rule of a route names.
    func server(_ reference: HTTPBackendRef, from route: ObjectMeta) throws(ReferenceProblem) -> String {
        let namespace = reference.namespace ?? route.namespace
        let name = "\(namespace)/\(reference.name)"
        let source = ObjectKey(.httpRoute, namespace: route.namespace, name: route.name)
        let target = ObjectKey(.mcpServer, namespace: namespace, name: reference.name)
        guard grants.permits(from: source, to: target) else {
            throw ReferenceProblem("RefNotPermitted", "no ReferenceGrant permits the server: \(name)")
        }
        let names = catalog.servers.map(\.name) + catalog.virtuals.map(\.name)
        guard names.contains(name) else {
            throw ReferenceProblem("BackendNotFound", "the server does not exist: MCPServer \(name)")
        }
        return name
    }

    /// A selection of what others have needs nothing of its own.
    private func virtual(_ server: MCPServer) -> VirtualServer? {
        guard let virtual = server.spec.virtual else { return nil }
        let key = ObjectKey(.mcpServer, namespace: server.metadata.namespace, name: server.metadata.name)
        statuses.append(status(key, server.metadata.generation, nil))
        return VirtualServer(metadata: server.metadata, spec: server.spec, virtual)
    }

    private func compile(_ server: MCPServer) -> CompiledServer? {
        let key = ObjectKey(.mcpServer, namespace: server.metadata.namespace, name: server.metadata.name)
        if let process = server.spec.stdio { return compile(process, server, key) }
        if let api = server.spec.openapi { return compile(api, server, key) }
        // Decoding has refused anything else.
        guard let http = server.spec.http, let url = try? OutboundURL(http.url) else { return nil }
        return compile(
            server, key, url, ConfigPath.spec["http"], credential: http.credential, tls: http.tls, api: nil,
            oauth: http.oauth)
    }

    /// What is reached over HTTP.
    func compile(
        _ server: MCPServer, _ key: ObjectKey, _ url: OutboundURL, _ path: ConfigPath, credential: ModelCredential?,
        tls: BackendTLS?, api: OpenAPIDocument?, oauth: MCPServerOAuth? = nil
    ) -> CompiledServer? {
        var problem: GatewayError?
        var transport = UpstreamTransport(http: .http1)
        if url.isTLS {
            do { transport = try certificates.transport(tls, of: key, name: server.metadata.qualifiedName) } catch {
                problem = GatewayError(
                    .invalidBackend, "the server cannot be used: \(server.metadata.shownName)",
                    cause: error.error.message)
                report(error.error, key, path["tls"], reason: error.reason)
            }
        }
        var (secret, source): (Secret?, LiveCredential?) = (nil, nil)
        if let credential {
            do throws(GatewayError) { (secret, source) = try read(credential, of: key) } catch {
                problem = GatewayError(
                    .credentialUnavailable, "the server has no usable credential: \(server.metadata.shownName)",
                    hint: "the operator finds the reason in the gateway's log", cause: error.message)
                report(error, key, path["credential"], severity: .warning)
            }
        }
        var connection: ConnectionSettings?
        if let oauth {
            do throws(GatewayError) { connection = try self.connection(oauth, server, key, tls) } catch {
                problem = GatewayError(
                    .credentialUnavailable, "the server has no usable credential: \(server.metadata.shownName)",
                    hint: "the operator finds the reason in the gateway's log", cause: error.message)
                report(error, key, path["oauth"], severity: .warning)
            }
        }
        let name = "MCPServer/\(server.metadata.qualifiedName)"
        let backend = CompiledBackend(
            name: name, metricSlot: options.backendSlot(name),
            endpoints: [EndpointSpec(host: url.host, port: url.port)], transport: transport)
        statuses.append(status(key, server.metadata.generation, problem))
        return CompiledServer(
            metadata: server.metadata, spec: server.spec, url: url, backend: backend, credential: secret,
            source: source, connection: connection, api: api, problem: problem)
    }

    private func read(
        _ credential: ModelCredential, of key: ObjectKey
    ) throws(GatewayError) -> (Secret?, LiveCredential?) {
        guard let reference = credential.sourceRef else { return (try credentials.read(credential, of: key), nil) }
        switch try sources.find(reference, from: key).supply {
        case .fixed(let secret): return (secret, nil)
        case .live(let live): return (nil, live)
        case .missing(let error): throw error
        }
    }

    /// Two servers under one prefix could not be told apart.
    private func reportPrefixes() {
        var owners: [String: CompiledServer] = [:]
        for server in catalog.servers {
            guard let first = owners.updateValue(server, forKey: server.prefix) else { continue }
            owners[server.prefix] = first
            let names = server.name.split(separator: "/").map(String.init)
            let key = ObjectKey(.mcpServer, namespace: names[0], name: names[1])
            report(
                GatewayError(
                    .conflictingPolicy, "the prefix \"\(server.prefix)\" is that of MCPServer \(first.shownName)",
                    hint: "set prefix to another one"), key, ConfigPath.spec["prefix"])
        }
    }

    func status(_ key: ObjectKey, _ generation: Int, _ problem: GatewayError?) -> ObjectStatus {
        var status = ObjectStatus(key: key, generation: generation)
        status.conditions = [
            StatusCondition("Accepted", true, "Accepted", ""),
            StatusCondition(
                "Ready", problem == nil,
                problem == nil ? "Ready" : problem?.code == .credentialUnavailable ? "CredentialMissing" : "Invalid",
                problem?.cause ?? ""),
        ]
        return status
    }

    func report(
        _ error: GatewayError, _ key: ObjectKey, _ path: ConfigPath, severity: Diagnostic.Severity = .error,
        reason: String? = nil
    ) {
        diagnostics.append(
            Diagnostic(
                error.code, severity, at: index.position(key, path), path: path.description,
                "\(error.message) in \(key), \(path)", hint: error.hint, object: key, reason: reason))
    }
}

extension RouteCompiler {
    /// A rule that leads to servers of tools leads nowhere else.
    func toolRoom(_ draft: RuleDraft, _ route: HTTPRoute) -> RouteAction {
        var servers: [String] = []
        for reference in draft.rule.backendRefs {
            guard reference.isMCPServer else {
                draft.unsupported = draft.unsupported ?? "a rule leads to servers of tools or to backends, not to both"
                continue
            }
            do { servers.append(try tools.server(reference, from: route.metadata)) } catch {
                draft.problem = draft.problem ?? error
                return .refuse(
                    GatewayError(.invalidBackend, "the route's tools cannot be used", cause: error.error.message))
            }
        }
        return toolRoom(.servers(servers))
    }

    func toolRoom(_ place: MCPRoom.Place) -> RouteAction {
        if let make = options.toolRoom { return .room(make(tools.catalog, place)) }
        return .refuse(GatewayError(.invalidBackend, "tools are not served here"))
    }
}

extension HTTPBackendRef {
    /// Whether it leads to the room of tools.
    var isMCPServer: Bool { group == ObjectKind.sluiceGroup && kind == ObjectKind.mcpServer.rawValue }
}
