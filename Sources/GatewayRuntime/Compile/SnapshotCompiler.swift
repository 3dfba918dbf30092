package import GatewayIdentity
package import GatewayLLM
package import GatewayMCP
package import GatewayModel
package import GatewayProxy

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Turns a set of objects into the snapshot that the data plane serves. Pure: the same objects (and the
/// files they name) give the same snapshot, nothing is connected or resolved, and what cannot work
/// is refused for its own requests only.
package struct SnapshotCompiler {
    /// The `gatewayClassName` of this gateway, and the controller a GatewayClass names for it.
    package static let className = "sluice"
    package static let controllerName = "sluice.dev/gateway"
    /// The gateway that listens when the set has none.
    package static let defaultGatewayName = "sluice"

    package struct Options: Sendable {
        /// Classes that are ours; nil for any, as in tests of foreign manifests.
        package var classNames: Set<String>? = [SnapshotCompiler.className]
        package var limits = Limits.standard
        /// Where the default gateway listens.
        package var defaultPort = 8080
        /// What listeners bind when their Gateway gives no address.
        package var addresses = ["0.0.0.0"]
        /// What a configured port is bound as; tests bind 0.
        package var bindPort: @Sendable (Int) -> Int = { $0 }
        /// Gives routes and backends their metric slots, by name; the same name always gets the same slot.
        package var routeSlot: @Sendable (String) -> Int = { _ in 0 }
        package var backendSlot: @Sendable (String) -> Int = { _ in 0 }
        /// What limits and caches remember; the same object for every compilation of one gateway.
        package var traffic = TrafficState()
        /// Reads the files that objects name.
        package var files = SideFileReader()
        /// Reads an environment variable, for the keys of vendors.
        package var environment: @Sendable (String) -> String? = { SnapshotCompiler.environmentVariable($0) }
        /// The room of models for the table of one route; nil where nothing is served.
        package var modelRoom: (@Sendable (ModelTable) -> any RouteHandler)?
        /// The room of tools for the servers of one route; nil where nothing is served.
        package var toolRoom: (@Sendable (ToolCatalog, MCPRoom.Place) -> any RouteHandler)?
        /// Where users connect to protected servers; nil where nothing is served.
        package var connectRoom: (@Sendable (ToolCatalog) -> any RouteHandler)?
        /// Servers of tools that are processes; nil where none are started.
        package var processes: StdioServers?
        /// The keys of `apiKeys: {managed: true}`.
        package var managedKeys = LiveKeySet()
        /// Tokens of the gateway itself; nil where it gives none out.
        package var ownTokens: TokenAuthority?
        /// Gives them out, under `/oauth`; nil where nothing is served.
        package var tokenRoom: (any RouteHandler)?
        /// Issuers and their keys, over compilations.
        package var identities = IdentityServices()
        /// Credentials for upstreams, over compilations.
        package var credentials = CredentialServices()

        package init() {}
    }

    package struct Result: Sendable {
        package var snapshot: Snapshot
        /// One for every Gateway of ours, every route and every policy.
        package var statuses: [ObjectStatus]
        /// What only compiling can find: certificates, expressions, values a filter cannot have.
        package var diagnostics: [Diagnostic]
        /// Files that objects name; a change of one needs another compilation.
        package var sideFiles: [String]
        /// Servers of tools that are processes.
        package var processes: Set<StdioServers.Key>
        /// Servers of tools that are asked how they are.
        var checkedServers: [CompiledServer]
        /// Every model of every catalogue.
        package var models: ModelTable
        /// Issuers whose keys are to be kept fresh.
        package var issuers: [LiveIssuer] = []
        /// Credentials for upstreams that are to be kept fresh.
        package var credentials: [LiveCredential] = []
    }

    package static func compile(
        _ objects: [GatewayObject], revision: UInt64, options: Options = Options()
    ) -> Result {
        let index = ObjectIndex(objects)
        let grants = ReferenceGrantIndex(index.grants)
        let certificates = CertificateReader(index: index, grants: grants)
        let policies = PolicyIndex(index)
        let identities = IdentityCompiler(
            index: index, grants: grants, certificates: certificates, options: options)
        let gateways = GatewayCompiler(index: index, certificates: certificates, options: options)
        let listeners = gateways.listeners()
        let backends = BackendCompiler(
            index: index, grants: grants, certificates: certificates, policies: policies, options: options)
        let sources = CredentialSourceCompiler(
            index: index, grants: grants, certificates: certificates, options: options)
        let providers = ProviderCompiler(
            index: index, grants: grants, certificates: certificates, sources: sources, options: options)
        let models = ModelCompiler(index: index, grants: grants, providers: providers)
        let tools = ToolCompiler(
            index: index, grants: grants, certificates: certificates, sources: sources, options: options)
        let ports = PortCompiler(listeners: listeners, index: index, options: options)
        let routes = RouteCompiler(
            index: index, listeners: listeners, policies: policies, backends: backends, models: models,
            tools: tools, traffic: TrafficRulesCompiler(identities: identities, options: options), options: options)
        routes.compileAll()
        let snapshot = Snapshot(
            revision: revision, limits: options.limits, ports: ports.tables(entries: routes.entries),
            backends: backends.all + providers.all.map(\.backend) + tools.catalog.servers.map(\.backend))
        let diagnostics =
            gateways.diagnostics(listeners) + ports.diagnostics() + routes.diagnostics + identities.diagnostics
            + sources.diagnostics + providers.diagnostics + tools.diagnostics
        return Result(
            snapshot: snapshot,
            statuses: gateways.statuses(listeners) + routes.statuses + policies.statuses(index) + sources.statuses
                + providers.statuses + models.statuses + tools.statuses,
            diagnostics: diagnostics.sorted(by: Diagnostic.inOrder),
            sideFiles: identities.sideFiles + sources.sideFiles + providers.sideFiles + tools.sideFiles,
            processes: tools.processes, checkedServers: tools.catalog.servers.filter(\.isChecked), models: models.whole,
            issuers: identities.issuers,
            credentials: sources.used)
    }
}

extension SnapshotCompiler {
    /// A variable of this process.
    package static func environmentVariable(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}

extension GatewayCompiler {
    /// Listeners that cannot serve.
    func diagnostics(_ listeners: [ListenerDraft]) -> [Diagnostic] {
        listeners.flatMap { draft -> [Diagnostic] in
            var findings: [Diagnostic] = []
            let path = ConfigPath.spec["listeners"][draft.index]
            func report(_ code: ErrorCode, _ path: ConfigPath, _ problem: (reason: String, message: String)?) {
                guard let problem else { return }
                findings.append(
                    Diagnostic(
                        code, at: index.position(draft.gateway, path), path: path.description,
                        "\(problem.message) in \(draft.gateway), \(path)", object: draft.gateway,
                        reason: problem.reason))
            }
            report(.listenerConflict, path, draft.conflict)
            if draft.isTLS { report(.invalidCertificate, path["tls"], draft.unresolved) }
            return findings
        }
    }
}
