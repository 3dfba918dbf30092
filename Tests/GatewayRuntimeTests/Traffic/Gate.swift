import GatewayModel
import GatewayRecords
import GatewayWire
import GatewayWorkbench
import NIOCore
import NIOPosix

@testable import GatewayProxy

/// A gateway of one route in this process, in front of a mock: what tests of the request path stand on.
final class Gate: Sendable {
    let plane: DataPlane
    let mock: MockHTTPServer
    let port: Int
    let registry: MetricRegistry
    let shared: SharedState
    private let group: MultiThreadedEventLoopGroup

    struct Setup: Sendable {
        var policy = TrafficRules.none
        var settings = PortSettings()
        var limits = Limits.standard
        var cors: CORSPolicy?
        var retry: RetryPolicy?
        var timeouts = RouteTimeouts()
        var action: RouteAction?
        var requestEdits = HeaderEdits.none
        var loops = 1
        /// Mocks beside the first.
        var endpoints: [EndpointSpec] = []
        var mirrors = false
        var transport = UpstreamTransport()
        var answer: (@Sendable (MockRequest) -> [MockStep]?)?
    }

    /// Serves while `body` runs, then stops all.
    static func serving(_ setup: Setup, _ body: (Gate) async throws -> Void) async throws {
        var options = MockHTTPServer.Options()
        options.answer = setup.answer
        let mock = try await MockHTTPServer.start(options)
        let gate = try await Gate(setup, mock)
        do {
            try await body(gate)
        } catch {
            try? await gate.stop()
            throw error
        }
        try await gate.stop()
    }

    private init(_ setup: Setup, _ mock: MockHTTPServer) async throws {
        self.mock = mock
        group = MultiThreadedEventLoopGroup(numberOfThreads: setup.loops)
        let registry = MetricRegistry()
        self.registry = registry
        shared = SharedState(directory: EndpointDirectory(eventLoop: group.next()))
        plane = try await DataPlane(group: group, shared: shared) { _ in
            LoopRecorder(metrics: registry.makeLoop(), log: nil)
        }
        let snapshot = Gate.snapshot(setup, mock, registry)
        try await plane.publish(snapshot)
        shared.directory.update(for: snapshot)
        port = plane.boundPorts[8080] ?? 0
    }

    static func snapshot(
        _ setup: Setup, _ mock: MockHTTPServer, _ registry: MetricRegistry, revision: UInt64 = 1
    )
        -> Snapshot
    {
        let backend = CompiledBackend(
            name: "Backend/default/app", metricSlot: registry.backendSlot("app"),
            endpoints: [EndpointSpec(host: "127.0.0.1", port: mock.port)] + setup.endpoints,
            transport: setup.transport)
        let rule = CompiledRule(
            routeName: "default/app", ruleIndex: 0, metricSlot: registry.routeSlot("app"),
            action: setup.action
                ?? .forward([WeightedBackend(weight: 1, target: .backend(backend))], totalWeight: 1),
            requestEdits: setup.requestEdits, mirrors: setup.mirrors ? [Mirror(backend: backend)] : [],
            cors: setup.cors, timeouts: setup.timeouts, retry: setup.retry, policy: setup.policy)
        let listeners = [CompiledListener(name: "default/edge/http", hostname: "")]
        var settings = setup.settings
        settings.addresses = ["127.0.0.1"]
        let router = Router(
            listeners: listeners,
            entries: [
                RouteEntry(
                    listener: 0, hostname: "", path: .prefix(Array("/".utf8)),
                    order: RouteOrder(name: "a", rule: 0, match: 0), rule: rule)
            ])
        let table = PortTable(
            port: 8080, bindPort: 0, isTLS: false, settings: settings, listeners: listeners, tls: nil, router: router)
        return Snapshot(revision: revision, limits: setup.limits, ports: [table], backends: [backend])
    }

    /// Puts a changed configuration into force.
    func reload(_ setup: Setup, revision: UInt64 = 2) async throws {
        let snapshot = Gate.snapshot(setup, mock, registry, revision: revision)
        try await plane.publish(snapshot)
        shared.directory.update(for: snapshot)
    }

    private func stop() async throws {
        try await plane.drain(timeout: .seconds(2))
        try await plane.stop()
        await mock.stop()
        try await group.shutdownGracefully()
    }

    // MARK: Asking

    func call(
        _ method: String = "GET", _ target: String = "/", headers: [(String, String)] = [], body: CallBody = .none,
        version: Destination.HTTPVersion = .http1
    ) async throws -> CompletedResponse {
        try await WorkbenchClient(version: version).call(
            method, "http://127.0.0.1:\(port)\(target)", headers: headers.map { Header($0.0, $0.1) }, body: body)
    }

    /// The levels of all loops as they are now.
    func gauges() async throws -> [LoopGauge: Int] {
        try await plane.onEachWorker { $0.recorder.metrics.publish() }
        return registry.levels()
    }

    func counter(_ counter: LoopCounter) async throws -> UInt64 {
        try await plane.onEachWorker { $0.recorder.metrics.publish() }
        return registry.total(counter)
    }

    /// Waits until a condition holds; the test's own time limit ends the wait.
    func until(_ isTrue: () async throws -> Bool) async throws {
        while try await !isTrue() { try await Task.sleep(for: .milliseconds(5)) }
    }
}
