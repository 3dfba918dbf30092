import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

/// A worker, its client connections and its backends, all in memory and on the test's own thread.
final class ProxyRig {
    let loop = EmbeddedEventLoop()
    let worker: Worker
    let room = ScriptedRoom()
    let directory: EndpointDirectory
    /// Connection attempts that nobody has answered yet.
    private(set) var attempts: [(UpstreamConnector.ConnectResult) -> Void] = []
    /// Whether attempts succeed at once.
    var connectsAtOnce = true
    /// Backend connections, in the order they were opened.
    private(set) var backends: [Backend] = []
    private var elapsed: UInt64 = 0

    /// The backend's end of a connection.
    final class Backend {
        let channel: EmbeddedChannel
        private var seen: [UInt8] = []

        init(loop: EmbeddedEventLoop) throws {
            channel = EmbeddedChannel(loop: loop)
            try channel.connect(to: SocketAddress(ipAddress: "10.0.0.1", port: 80)).wait()
        }

        /// All that has arrived at the backend.
        var received: String {
            while let buffer = try? channel.readOutbound(as: ByteBuffer.self) {
                seen += Array(buffer.readableBytesView)
            }
            return String(decoding: seen, as: UTF8.self)
        }

        func forget() {
            _ = received
            seen.removeAll()
        }

        func send(_ text: String) {
            guard channel.isActive else { return }
            _ = try? channel.writeInbound(ByteBuffer(string: text))
        }

        func close() { channel.close(promise: nil) }
        var isOpen: Bool { channel.isActive }
    }

    init(
        _ limits: Limits = Limits(), action: RouteAction? = nil, timeouts: RouteTimeouts = RouteTimeouts(),
        retry: RetryPolicy? = nil, mirrors: [Mirror] = [], policy: TrafficRules = .none
    ) {
        directory = EndpointDirectory(eventLoop: loop, lookup: UpstreamFixture.noNames)
        let rule = CompiledRule(
            routeName: "test/route", ruleIndex: 0, metricSlot: 0, action: action ?? .room(room), mirrors: mirrors,
            timeouts: timeouts, retry: retry, policy: policy)
        let entry = RouteEntry(
            listener: 0, hostname: "", path: .prefix([0x2F]), order: RouteOrder(name: "route", rule: 0, match: 0),
            rule: rule)
        let listeners = [CompiledListener(name: "test", hostname: "")]
        let table = PortTable(
            port: 80, isTLS: false, settings: PortSettings(), listeners: listeners, tls: nil,
            router: Router(listeners: listeners, entries: [entry]))
        let shared = SharedState(
            snapshots: SnapshotStore(Snapshot(revision: 1, limits: limits, ports: [table], backends: [])),
            directory: directory)
        worker = Worker(
            eventLoop: loop, shared: shared, recorder: LoopRecorder(metrics: MetricRegistry().makeLoop(), log: nil))
        _ = worker.currentSnapshot()
        worker.openUpstream = { [unowned self] _, done in
            attempts.append(done)
            if connectsAtOnce { answerAttempt() }
        }
    }

    /// One rule that forwards everything to this backend.
    static func forward(_ backend: CompiledBackend) -> RouteAction {
        .forward([WeightedBackend(weight: 1, target: .backend(backend))], totalWeight: 1)
    }

    static func backend(
        _ name: String = "Backend/default/app", endpoints: Int = 1, circuit: CircuitLimits = CircuitLimits()
    ) -> CompiledBackend {
        let specs = (0..<endpoints).map { EndpointSpec(host: "10.0.0.\($0 + 1)", port: 80) }
        return CompiledBackend(name: name, metricSlot: 0, endpoints: specs, circuit: circuit)
    }

    /// The oldest open attempt ends, well or badly.
    func answerAttempt(succeeds: Bool = true) {
        guard !attempts.isEmpty else { return }
        let done = attempts.removeFirst()
        guard succeeds, let backend = try? Backend(loop: loop) else {
            return done(.failure(ConnectFailure(failure: .connectFailed("refused"))))
        }
        backends.append(backend)
        done(.success(UpstreamConnector.Ready(channel: backend.channel, isHTTP2: false)))
    }

    func client(gated: Bool = false) throws -> HTTP1Client { try HTTP1Client(self, gated: gated) }

    /// What the room does from here on.
    func serve(_ script: @escaping (Exchange) -> Void) { unsafe room.script = script }

    /// Time passes for the worker's timers (not for its clock) and the loop's.
    func pass(seconds: UInt64) {
        elapsed += seconds * 1_000_000_000
        loop.advanceTime(by: .seconds(Int64(seconds)))
        let now = worker.now + elapsed
        var due: [Timed] = []
        worker.wheel.advance(to: now, due: &due)
        for target in due where target.deadline == .max { target.deadlineReached(now: now) }
        loop.run()
    }
}

/// A client's end of an HTTP/1 connection.
final class HTTP1Client {
    let channel: EmbeddedChannel
    let gate: SocketGate?
    private let loop: EmbeddedEventLoop
    private(set) weak var connection: HTTP1ServerConnection?
    private var bytes: [UInt8] = []

    init(_ rig: ProxyRig, gated: Bool) throws {
        loop = rig.loop
        let server = HTTP1ServerConnection(
            worker: rig.worker,
            client: ClientConnection(port: BoundPort(number: 80, isTLS: false), address: "192.0.2.1"))
        connection = server
        if gated {
            let gate = SocketGate()
            self.gate = gate
            channel = EmbeddedChannel(handlers: [gate, server], loop: rig.loop)
        } else {
            gate = nil
            channel = EmbeddedChannel(handler: server, loop: rig.loop)
        }
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 80)).wait()
    }

    func send(_ text: String) {
        guard channel.isActive else { return }
        _ = try? channel.writeInbound(ByteBuffer(string: text))
        loop.run()
    }

    /// The client has finished sending.
    func finishSending() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        loop.run()
    }

    func close() {
        channel.close(promise: nil)
        loop.run()
    }

    /// Everything the server has said.
    var received: String {
        while let buffer = try? channel.readOutbound(as: ByteBuffer.self) { bytes += Array(buffer.readableBytesView) }
        return String(decoding: bytes, as: UTF8.self)
    }

    func forget() {
        _ = received
        bytes.removeAll()
    }

    var isOpen: Bool { channel.isActive }
    /// The status codes of the answers, in order, interim ones too.
    var statuses: [Int] {
        received.components(after: "HTTP/1.1 ").compactMap { Int($0.prefix(3)) }
    }
}

extension String {
    /// What follows each occurrence of `mark`.
    func components(after mark: String) -> [Substring] {
        var found: [Substring] = []
        var rest = self[...]
        while let range = rest.firstRange(of: mark) {
            rest = rest[range.upperBound...]
            found.append(rest)
        }
        return found
    }

    func count(of text: String) -> Int { components(after: text).count }
}

/// Stands where the socket would: holds writes back, counts reads, and knows a half close from a whole one.
final class SocketGate: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private var held: [(NIOAny, EventLoopPromise<Void>?)] = []
    private var context: ChannelHandlerContext?
    var isHolding = false
    private(set) var readCount = 0
    private(set) var isOutputClosed = false

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if isHolding { held.append((data, promise)) } else { context.write(data, promise: promise) }
    }

    /// The peer takes what waits.
    func release() {
        isHolding = false
        for (data, promise) in held { context?.write(data, promise: promise) }
        held.removeAll()
        context?.flush()
    }

    func read(context: ChannelHandlerContext) {
        readCount += 1
        context.read()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else {
            // As a socket does: what waits is lost.
            for (_, promise) in held { promise?.fail(ChannelError.ioOnClosedChannel) }
            held.removeAll()
            return context.close(mode: mode, promise: promise)
        }
        isOutputClosed = true
        promise?.succeed()
    }
}
