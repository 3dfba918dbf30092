import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

/// What the rig's route does with a request: whatever the test says.
final class ScriptedRoom: RouteHandler {
    // Safe: it is set before the request and called on the test's own thread, which is the embedded loop's.
    nonisolated(unsafe) var script: (Exchange) -> Void = { $0.respond(status: 200, body: Array("hello".utf8)) }

    func handle(_ exchange: Exchange) { unsafe script(exchange) }
}

/// Keeps a request's body, and can be slow.
final class CollectedBody: BodyReader {
    var bytes: [UInt8] = []
    var trailers: FieldBlock?
    var isEnded = false
    var isAborted = false
    var onEnd: () -> Void = {}

    func receive(_ bytes: ByteBuffer) { self.bytes += Array(bytes.readableBytesView) }
    func receiveEnd(trailers: FieldBlock?) {
        isEnded = true
        self.trailers = trailers
        onEnd()
    }
    func ended() { isAborted = !isEnded }
}

/// A server connection in memory, and the client at its other end.
final class HTTP2Rig {
    let loop = EmbeddedEventLoop()
    let worker: Worker
    let room = ScriptedRoom()
    let server: HTTP2ServerConnection
    let channel: EmbeddedChannel
    private var reader = HTTP2FrameReader()
    /// Everything the server has said so far.
    private(set) var frames: [HTTP2Frame] = []

    init(_ limits: Limits = Limits(), settings: PortSettings = PortSettings(), start: Bool = true) throws {
        let rule = CompiledRule(routeName: "test/room", ruleIndex: 0, metricSlot: 0, action: .room(room))
        let entry = RouteEntry(
            listener: 0, hostname: "", path: .prefix([0x2F]), order: RouteOrder(name: "room", rule: 0, match: 0),
            rule: rule)
        let listeners = [CompiledListener(name: "test", hostname: "")]
        let table = PortTable(
            port: 80, isTLS: false, settings: settings, listeners: listeners, tls: nil,
            router: Router(listeners: listeners, entries: [entry]))
        let snapshot = Snapshot(revision: 1, limits: limits, ports: [table], backends: [])
        let shared = SharedState(
            snapshots: SnapshotStore(snapshot), directory: EndpointDirectory(eventLoop: loop))
        worker = Worker(
            eventLoop: loop, shared: shared, recorder: LoopRecorder(metrics: MetricRegistry().makeLoop(), log: nil))
        _ = worker.currentSnapshot()
        server = HTTP2ServerConnection(
            worker: worker,
            client: ClientConnection(port: BoundPort(number: 80, isTLS: false), address: "192.0.2.1"))
        channel = EmbeddedChannel(handler: server, loop: loop)
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 80)).wait()
        if start { try send(bytes: HTTP2Frame.preface + HTTP2Frame.settings().bytes) }
    }

    /// Says what the route does from here on.
    func serve(_ script: @escaping (Exchange) -> Void) { unsafe room.script = script }

    /// One read of the server's socket, and all that follows from it.
    func send(bytes: [UInt8]) throws {
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        try settle()
    }

    func send(_ frames: HTTP2Frame...) throws { try send(bytes: frames.flatMap(\.bytes)) }

    /// Lets deferred work run and reads what came out.
    func settle() throws {
        loop.run()
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { frames += reader.read(buffer) }
    }

    func frames(_ id: UInt32, type: UInt8? = nil) -> [HTTP2Frame] {
        frames.filter { $0.id == id && (type == nil || $0.type == type) }
    }

    func forget() { frames.removeAll() }

    func fields(_ frame: HTTP2Frame) throws -> [String: String] { try reader.fields(frame) }

    func status(_ frame: HTTP2Frame?) throws -> String? { try frame.flatMap { try fields($0)[":status"] } }

    var goaway: HTTP2Frame? { frames.last { $0.type == 7 } }
    func resetCode(_ id: UInt32) -> UInt32? { frames(id, type: 3).first?.code }
    func body(_ id: UInt32) -> [UInt8] { frames(id, type: 0).flatMap(\.payload) }

    /// Time passes for the connection's own clock.
    func pass(seconds: UInt64) throws {
        server.deadlineReached(now: worker.now + seconds * 1_000_000_000)
        try settle()
    }
}
