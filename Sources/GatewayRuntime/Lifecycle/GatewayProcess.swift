package import GatewayControl
package import GatewayModel
package import GatewayProxy
package import GatewayRecords
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
    package let registry = MetricRegistry()
    package let tap = Tap()
    package let traces = TraceBoard()
    package let plane: DataPlane
    let logWriter: LogWriter
    let spans: SpanQueue?
    private let group: MultiThreadedEventLoopGroup
    private let shared: SharedState
    private let state = Mutex(State())

    private struct State {
        var tasks: [Task<Void, Never>] = []
        var isReady = false
        var isDraining = false
        var statuses: [ObjectStatus] = []
        /// Why the newest configuration does not serve, if it does not.
        var trouble: [Diagnostic] = []
    }

    package init(_ options: GatewayOptions) async throws {
        self.options = options
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.loops ?? System.coreCount)
        self.group = group
        logWriter = try LogWriter(options.accessLog)
        spans = options.otlp == nil ? nil : SpanQueue()
        let registry = registry
        let directory = EndpointDirectory(eventLoop: group.next()) { event in
            if case .health(let backend, let address, let isHealthy, _) = event {
                registry.process.setHealth(backend: backend, address: address, isHealthy: isHealthy)
            }
        }
        shared = SharedState(directory: directory)
        let (writer, settings, tap, spans) = (logWriter, options.accessLogSettings, tap, spans)
        plane = try await DataPlane(group: group, shared: shared) { _ in
            LoopRecorder(metrics: registry.makeLoop(), log: writer, settings: settings, tap: tap, spans: spans)
        }
        store = try ObjectStore(stateFolder: options.stateDirectory, limits: options.limits)
    }

    // MARK: Life

    /// Reads the configuration, opens the ports, serves. Throws when there is nothing that could serve.
    package func start() async throws {
        registry.process.setStart(seconds: UInt64(WallTime.seconds))
        await store.setProvision { [self] set in compile(set, revision: 0).diagnostics }
        let changes = await store.changes()
        switch options.source {
        case .files(let paths):
            let source = FileSource(paths: paths, limits: options.limits)
            let outcome = await store.replaceFiles(source.load())
            try await begin(outcome)
            watch(source)
        case .text(let text, let name):
            let load = ConfigurationLoad(
                texts: [ConfigurationLoad.Text(bytes: Array(text.utf8), file: name)], mode: .strict,
                limits: options.limits)
            try await begin(await store.replaceFiles(load))
        }
        follow(changes)
        if spans != nil { keep(Task { await exportTelemetry() }) }
    }

    /// The first configuration must serve, or the last good one of an earlier life.
    private func begin(_ outcome: StoreOutcome) async throws {
        let snapshot = await store.snapshot
        if outcome.isRefused {
            report(outcome.diagnostics)
            guard !snapshot.set.objects.isEmpty else { throw ConfigurationRefused(diagnostics: outcome.diagnostics) }
        }
        try await serve(snapshot)
        state.withLock { $0.isReady = true }
    }

    private func watch(_ source: FileSource) {
        keep(
            Task { [store] in
                for await load in source.loads() {
                    let outcome = await store.replaceFiles(load)
                    if outcome.isApplied || outcome.isRefused { self.report(outcome.diagnostics) }
                    if outcome.isRefused { self.registry.process.reloadRefused() }
                }
            })
    }

    private func follow(_ changes: AsyncStream<StoreChange>) {
        keep(
            Task {
                for await change in changes {
                    do {
                        try await self.serve(change.snapshot)
                    } catch {
                        self.registry.process.reloadRefused()
                        Console.error(
                            "the configuration of revision \(change.snapshot.revision) does not serve: \(error)")
                    }
                }
            })
    }

    private func keep(_ task: Task<Void, Never>) { state.withLock { $0.tasks.append(task) } }

    /// Compiles a state of the store and makes it what requests see.
    private func serve(_ desired: StoreSnapshot) async throws {
        let result = compile(desired.set, revision: UInt64(max(0, desired.revision)))
        let snapshot = withOwnPorts(result.snapshot)
        try await plane.publish(snapshot)
        shared.directory.update(for: snapshot)
        state.withLock {
            $0.statuses = result.statuses
            $0.trouble = result.diagnostics
        }
        registry.process.reloadApplied(revision: snapshot.revision, wallSeconds: UInt64(WallTime.seconds))
    }

    private func compile(_ set: ObjectSet, revision: UInt64) -> SnapshotCompiler.Result {
        var compilation = SnapshotCompiler.Options()
        compilation.limits = options.limits
        compilation.addresses = options.addresses
        compilation.bindPort = options.bindPort
        compilation.routeSlot = { [registry] in registry.routeSlot($0) }
        compilation.backendSlot = { [registry] in registry.backendSlot($0) }
        return SnapshotCompiler.compile(set.objects, revision: revision, options: compilation)
    }

    /// Serves until SIGTERM or SIGINT, then drains. SIGHUP reopens the access log. A second signal ends at once.
    package func run() async throws {
        for await signal in Signals.stream() {
            if signal == .reopenLogs { logWriter.reopen() } else { break }
        }
        try await stop()
    }

    /// Stops accepting, lets requests under way finish, hands over the last log lines.
    package func stop() async throws {
        let tasks = state.withLock { state in
            state.isReady = false
            state.isDraining = true
            defer { state.tasks.removeAll() }
            return state.tasks
        }
        for task in tasks { task.cancel() }
        try await plane.drain(timeout: options.drainTimeout)
        shared.directory.shutDown()
        try await plane.stop()
        logWriter.close()
        try await group.shutdownGracefully()
    }

    // MARK: What others ask

    /// Configured port → the port that listens.
    package var boundPorts: [Int: Int] { plane.boundPorts }
    package var isReady: Bool { state.withLock { $0.isReady && !$0.isDraining } }
    package var statuses: [ObjectStatus] { state.withLock { $0.statuses } }
    package var snapshot: Snapshot { shared.snapshots.load() }
    package var directory: EndpointDirectory { shared.directory }

    private func report(_ diagnostics: [Diagnostic]) {
        for diagnostic in diagnostics { Console.error("\(diagnostic)") }
    }
}

/// The first configuration has errors, and there is no earlier one to go on with.
package struct ConfigurationRefused: Error {
    package var diagnostics: [Diagnostic]
}
