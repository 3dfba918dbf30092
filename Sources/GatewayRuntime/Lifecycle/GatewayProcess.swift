package import GatewayControl
package import GatewayIdentity
import GatewayLLM
import GatewayMCP
package import GatewayModel
package import GatewayProxy
package import GatewayRecords
package import GatewayState
import NIOCore
import NIOPosix
import Synchronization

/// A whole gateway: desired state, data plane and telemetry, wired together. The only place that knows every room.
///
///     let gateway = try await GatewayProcess(options)
///     try await gateway.start()
///     …
///     try await gateway.stop()
package final class GatewayProcess: Sendable {
    package let options: GatewayOptions
    package let store: ObjectStore
    package let registry: MetricRegistry
    package let tap = Tap()
    package let traces = TraceBoard()
    package let plane: DataPlane
    /// Keys, budgets and usage, in the state folder.
    package let state: StateStore
    /// Where everything that must be remembered goes.
    package let audit: AuditTrail
    /// What the rooms of models share over reloads.
    let models: ModelServices
    /// The same for the rooms of tools.
    let tools: MCPServices
    /// The managed keys of this moment.
    package let managedKeys = LiveKeySet()
    /// Issuers and their keys.
    let identities: IdentityServices
    /// Credentials for upstreams.
    let credentials: CredentialServices
    /// Gives out tokens of the gateway's own.
    package let tokens: TokenService
    /// Opens the admin API.
    let adminToken: Secret
    let startedSeconds = WallTime.seconds
    let logWriter: LogWriter
    let spans: SpanQueue?
    let group: MultiThreadedEventLoopGroup
    private let shared: SharedState
    /// Limits and caches go on over reloads.
    private let traffic = TrafficState()
    /// Servers of tools that are processes.
    let processes: StdioServers
    let life = Mutex(Life())
    let sinkObjects = SinkObjects()
    /// Signals, and what the admin API orders.
    private let orders = AsyncStream.makeStream(of: Signals.Kind.self)

    struct Life {
        var tasks: [Task<Void, Never>] = []
        /// Outlives the others: the last requests have spans too.
        var telemetry: Task<Void, Never>?
        /// May be in the midst of a call to a webhook, which nobody waits for.
        var telling: Task<Void, Never>?
        var isReady = false
        var isDraining = false
        var statuses: [ObjectStatus] = []
        /// What brings the audit log to its sinks, by what they were started with.
        var shippers: [AuditSinkPlan: Task<Void, Never>] = [:]
        /// Files that the configuration names.
        var sideFiles: [String] = []
        /// Why the newest configuration does not serve, if it does not.
        var trouble: [Diagnostic] = []
    }

    package init(_ options: GatewayOptions) async throws {
        self.options = options
        registry = MetricRegistry(names: options.genAINames)
        try await AdminSocket.claim(options.stateDirectory)
        adminToken = try AdminToken.establish(stateFolder: options.stateDirectory)
        let secret = try StateSecret.load("session.key", in: options.stateDirectory, byteCount: 32)
        state = try GatewayProcess.openState(options, managedKeys)
        audit = try GatewayProcess.openAudit(options)
        models = ModelServices(
            ledger: state.ledger, origins: ResponseOrigin(key: secret), objects: state.objects,
            spill: SpillFolder(path: options.stateDirectory + "/bodies"), formHeldBytesMax: options.formHeldBytesMax
        ) { [registry] operation, provider, model in
            registry.modelSlot(operation: operation, provider: provider, model: model)
        }
        // It is told on an event loop.
        processes = StdioServers(group: MultiThreadedEventLoopGroup.singleton) { line in Task { Console.error(line) } }
        registry.setLedger { [state] in LedgerSample(state) }
        registry.setAudit(audit.log)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.loops ?? Processors.usable)
        self.group = group
        logWriter = try LogWriter(options.accessLog)
        spans = options.otlp == nil ? nil : SpanQueue()
        let registry = registry
        let directory = EndpointDirectory(eventLoop: group.next(), sessionSecret: secret) { event in
            if case .health(let backend, let address, let isHealthy, _) = event {
                registry.process.setHealth(backend: backend, address: address, isHealthy: isHealthy)
            }
        }
        let revocations = RevocationList()
        let proofs = ProofRules(nonces: ProofNonces(secret: secret))
        shared = SharedState(
            directory: directory, traces: traces, revocations: revocations, proofs: proofs, audit: audit)
        let (writer, settings, tap, spans) = (logWriter, options.accessLogSettings, tap, spans)
        let samplingRatio = options.otlp?.samplingRatio ?? 0
        plane = try await DataPlane(group: group, shared: shared) { _ in
            LoopRecorder(
                metrics: registry.makeLoop(), log: writer, settings: settings, tap: tap, spans: spans,
                samplingRatio: samplingRatio)
        }
        identities = IdentityServices(http: OutboundClient(plane).http, revocations: revocations)
        tokens = try GatewayProcess.makeTokens(
            options, state: state, keys: managedKeys, identities: identities, proofs: proofs,
            audit: audit)
        credentials = GatewayProcess.makeCredentials(plane, tokens)
        tools = MCPServices(
            secret: secret, book: state.tools, ledger: state.ledger,
            connections: GatewayProcess.makeConnections(
                options, secret: secret, state: state, http: identities.http, tokens: tokens),
            limits: options.limits,
            hasEnded: { [managedKeys] in managedKeys.hasEnded($0, nowSeconds: $1) })
        store = try ObjectStore(stateFolder: options.stateDirectory, limits: options.limits)
    }

    // MARK: Life

    /// Reads the configuration, opens the ports, serves. Throws when there is nothing that could serve.
    package func start() async throws {
        try state.start()
        recordLife(.started)
        registry.process.setStart(seconds: UInt64(WallTime.seconds))
        try claimOwnPorts()
        // The store is this gateway's own: held by it, neither would ever go.
        await store.setProvision { [weak self] set in self?.provision(set) ?? [] }
        await store.setClaims(
            ObjectStore.Claims(
                take: { [weak self] in self?.claimPorts(of: $0) ?? [] }, release: { [plane] in plane.releaseClaims() }))
        let changes = await store.changes()
        var served = 0
        switch options.source {
        case .files(let paths):
            let loads = FileSource(paths: paths, limits: options.limits).loads()
            for await first in loads {
                served = try await begin(await store.replaceFiles(first))
                break
            }
            watch(loads)
        case .text(let text, let name):
            let load = ConfigurationLoad(
                texts: [ConfigurationLoad.Text(bytes: Array(text.utf8), file: name)], mode: .strict,
                limits: options.limits)
            served = try await begin(await store.replaceFiles(load))
        }
        follow(changes, after: served)
        keep(Task { await followSideFiles() })
        let telling = Task { await tellApprovals() }
        life.withLock { $0.telling = telling }
        if spans != nil { life.withLock { $0.telemetry = Task { await exportTelemetry() } } }
    }

    /// The first configuration must serve, or the last good one of an earlier life. Returns the revision that does.
    private func begin(_ outcome: StoreOutcome) async throws -> Int {
        let snapshot = await store.snapshot
        if outcome.isRefused {
            report(outcome.diagnostics)
            guard !snapshot.set.objects.isEmpty else { throw ConfigurationRefused(diagnostics: outcome.diagnostics) }
        }
        try await serve(snapshot)
        life.withLock { $0.isReady = true }
        return snapshot.revision
    }

    private func watch(_ loads: AsyncStream<ConfigurationLoad>) {
        keep(
            Task { [store] in
                for await load in loads {
                    let outcome = await store.replaceFiles(load)
                    if outcome.isApplied || outcome.isRefused { self.report(outcome.diagnostics) }
                    if outcome.isRefused { self.registry.process.reloadRefused() }
                }
            })
    }

    /// The change that brought what serves since the start is among them.
    private func follow(_ changes: AsyncStream<StoreChange>, after served: Int) {
        keep(
            Task {
                for await change in changes where change.snapshot.revision > served {
                    do {
                        let digest = try await self.serve(change.snapshot)
                        Console.error(change.line(digest: digest))
                    } catch {
                        self.registry.process.reloadRefused()
                        Console.error(
                            "the configuration of revision \(change.snapshot.revision) does not serve: \(error)")
                    }
                }
            })
    }

    private func keep(_ task: Task<Void, Never>) { life.withLock { $0.tasks.append(task) } }

    /// Compiles a state of the store and makes it what requests see. Returns its digest, as records name it.
    @discardableResult
    func serve(_ desired: StoreSnapshot) async throws -> String {
        let result = compile(desired.set, revision: UInt64(max(0, desired.revision)))
        let snapshot = withOwnPorts(result.snapshot)
        let digest = try applyAudit(desired.set, revision: snapshot.revision)
        try await plane.publish(snapshot)
        shared.directory.update(for: snapshot)
        processes.keep(only: result.processes)
        try await checkTools(result.checkedServers)
        life.withLock {
            $0.statuses = result.statuses
            $0.sideFiles = result.sideFiles
            $0.trouble = result.diagnostics
        }
        identities.activate(result.issuers)
        credentials.activate(result.credentials)
        registry.process.reloadApplied(revision: snapshot.revision, wallSeconds: UInt64(WallTime.seconds))
        return digest
    }

    /// What only compiling finds in a set.
    func provision(_ set: ObjectSet) -> [Diagnostic] { compile(set, revision: 0).diagnostics }

    func compile(_ set: ObjectSet, revision: UInt64) -> SnapshotCompiler.Result {
        var compilation = SnapshotCompiler.Options()
        compilation.limits = options.limits
        compilation.traffic = traffic
        compilation.addresses = options.addresses
        compilation.bindPort = options.bindPort
        compilation.managedKeys = managedKeys
        compilation.identities = identities
        compilation.credentials = credentials
        compilation.ownTokens = tokens.authority
        compilation.tokenRoom = TokenRoom.make(tokens)
        compilation.modelRoom = { [models] table in ModelRoom(table: table, services: models) }
        compilation.toolRoom = { [tools] catalog, place in
            MCPRoom(catalog: catalog, place: place, services: tools)
        }
        compilation.connectRoom = { [tools, tokens, audit] catalog in
            if let connections = tools.connections { return ConnectRoom.make(connections, catalog, tokens, audit) }
            return TokenRoom.make(tokens)
        }
        // What is only tried starts nothing: a process begins with its first request.
        compilation.processes = processes
        compilation.files = SideFileReader(stateDirectory: options.stateDirectory)
        compilation.routeSlot = { [registry] in registry.routeSlot($0) }
        compilation.backendSlot = { [registry] in registry.backendSlot($0) }
        return SnapshotCompiler.compile(set.objects, revision: revision, options: compilation)
    }

    /// Serves until SIGTERM or SIGINT, then drains. SIGHUP reopens the access log. A second signal ends at once.
    package func run() async throws {
        let forwarding = Task { [orders] in
            for await signal in Signals.stream() { orders.continuation.yield(signal) }
        }
        for await order in orders.stream {
            if order == .reopenLogs { logWriter.reopen() } else { break }
        }
        try await stop()
        forwarding.cancel()
    }

    /// Makes `run()` drain and return, as SIGTERM does.
    package func requestStop() { orders.continuation.yield(.stop) }

    /// Stops accepting, lets requests under way finish, hands over the last log lines.
    package func stop() async throws {
        let tasks = life.withLock { state in
            state.isReady = false
            state.isDraining = true
            state.telling?.cancel()
            defer { state.tasks.removeAll() }
            return state.tasks
        }
        for task in tasks { task.cancel() }
        // A configuration that is being made to serve still needs the loops.
        for task in tasks { await task.value }
        identities.activate([])
        credentials.activate([])
        try await checkTools([])
        try await plane.drain(timeout: options.drainTimeout)
        try await finishTelemetry()
        await finishShipping()
        shared.directory.shutDown()
        try await plane.stop()
        processes.keep(only: [])
        recordLife(.stopped)
        audit.log?.close()
        state.close()
        AdminSocket.release(options.stateDirectory)
        logWriter.close()
        try await group.shutdownGracefully()
    }

    /// The spans of the last requests leave too.
    private func finishTelemetry() async throws {
        guard let telemetry = life.withLock({ $0.telemetry.take() }) else { return }
        try await plane.onEachWorker { $0.recorder.handOverSpans() }
        telemetry.cancel()
        await telemetry.value
    }

    /// Tells people of calls that wait for them, until the task is cancelled.
    private func tellApprovals() async {
        let book = state.tools
        await tools.hooks.run(
            over: OutboundClient(plane).http, nowSeconds: { WallTime.seconds },
            isOpen: { id in (try? book.approval(id)).map { $0.state == .pending } ?? false },
            pause: { try await Task.sleep(for: .seconds($0)) }, failed: { Console.error($0) })
    }

    // MARK: What others ask

    /// Configured port → the port that listens.
    package var boundPorts: [Int: Int] { plane.boundPorts }
    var isDraining: Bool { life.withLock { $0.isDraining } }
    package var isReady: Bool { life.withLock { $0.isReady && !$0.isDraining } }
    var sideFiles: [String] { life.withLock { $0.sideFiles } }
    package var statuses: [ObjectStatus] { withHealth(withCredentials(life.withLock { $0.statuses })) }
    package var snapshot: Snapshot { shared.snapshots.load() }
    package var directory: EndpointDirectory { shared.directory }

    func report(_ diagnostics: [Diagnostic]) {
        for diagnostic in diagnostics { Console.error("\(diagnostic)") }
    }
}

/// The first configuration has errors, and there is no earlier one to go on with.
package struct ConfigurationRefused: Error {
    package var diagnostics: [Diagnostic]
}
