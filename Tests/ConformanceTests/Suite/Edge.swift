import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayRuntime
import NIOCore
import NIOPosix
import Testing

/// The data plane of one Gateway, as a cluster would run it: its listeners keep their configured ports as routing
/// keys and are bound on ports that the kernel chooses.
struct Edge: Sendable {
    let gateway: String
    let statuses: [ObjectStatus]
    private let plane: DataPlane
    private let group: MultiThreadedEventLoopGroup
    private let firstPort: Int

    static func start(_ gateway: String, _ objects: [GatewayObject]) async throws -> Edge {
        let result = compile(gateway, objects, revision: 1)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let registry = MetricRegistry()
        let shared = SharedState(directory: EndpointDirectory(eventLoop: group.any()))
        let plane = try await DataPlane(group: group, shared: shared) { _ in
            LoopRecorder(metrics: registry.makeLoop(), log: nil)
        }
        try await plane.publish(result.snapshot)
        return Edge(
            gateway: gateway, statuses: result.statuses, plane: plane, group: group,
            firstPort: firstPort(gateway, objects))
    }

    /// Replaces the configuration.
    func publish(_ objects: [GatewayObject]) async throws {
        try await plane.publish(Edge.compile(gateway, objects, revision: 2).snapshot)
    }

    static func compile(
        _ gateway: String, _ objects: [GatewayObject], revision: UInt64
    ) -> SnapshotCompiler.Result {
        var options = SnapshotCompiler.Options()
        options.addresses = ["127.0.0.1"]
        options.bindPort = { _ in 0 }
        let own = objects.filter { $0.kind != .gateway || $0.metadata.name == gateway }
        return SnapshotCompiler.compile(own, revision: revision, options: options)
    }

    private static func firstPort(_ gateway: String, _ objects: [GatewayObject]) -> Int {
        for object in objects where object.metadata.name == gateway {
            if case .gateway(let gateway) = object.content { return gateway.spec.listeners[0].port }
        }
        return 0
    }

    /// Where a configured port listens; the first listener's by default.
    func port(_ configured: Int? = nil) throws -> Int {
        try #require(plane.boundPorts[configured ?? firstPort], "gateway \(gateway) does not listen")
    }

    func stop() async throws {
        try await plane.drain(timeout: .seconds(1))
        try await plane.stop()
        try await group.shutdownGracefully()
    }

    // MARK: Status

    /// A condition of a route towards this gateway.
    func condition(_ type: String, ofRoute route: String) -> StatusCondition? {
        let status = statuses.first { $0.key.kind == "HTTPRoute" && $0.key.name == route }
        return status?.parents.first { $0.gateway.name == gateway }?.conditions[type]
    }

    /// The status of one of this gateway's listeners.
    func listener(_ name: String) -> ListenerStatus? {
        statuses.first { $0.key.kind == "Gateway" && $0.key.name == gateway }?.listeners.first { $0.name == name }
    }

    /// Routes attached to any of its listeners.
    var attachedRoutes: Int {
        let own = statuses.first { $0.key.kind == "Gateway" && $0.key.name == gateway }
        return (own?.listeners ?? []).reduce(0) { $0 + $1.attachedRoutes }
    }
}
