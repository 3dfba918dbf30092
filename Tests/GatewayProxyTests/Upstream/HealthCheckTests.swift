import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import GatewayProxy

@Suite("Active checks find out who is well")
struct HealthCheckTests {
    @Test("The first result counts at once; then it takes several in a row to change a mind")
    func thresholds() {
        var tracker = HealthTracker()
        var changes: [Bool] = []
        for isGood in [true, false, false, true, false, false, false, true, false, true, true, true] {
            changes.append(tracker.record(isGood, healthyThreshold: 2, unhealthyThreshold: 3))
        }
        #expect(
            changes == [
                false, false, false, false, false, false, true, false, false, false, true, false,
            ])
        #expect(tracker.isHealthy)
        var new = HealthTracker()
        let changed = new.record(false, healthyThreshold: 2, unhealthyThreshold: 3)
        #expect(changed && !new.isHealthy)
    }

    @Test(
        "The status line of HTTP/1",
        arguments: [
            ("HTTP/1.1 200 OK\r\n", ProbeStep.status(200)), ("HTTP/1.0 503 \r\n", .status(503)),
            ("HTTP/1.1 404\r\n\r\n", .status(404)), ("HTTP/1.1 20", .more), ("", .more),
            ("HTTP/2.0 200 OK\r\n", .malformed),
            ("SSH-2.0-OpenSSH\r\n", .malformed), ("HTTP/1.1 2x0 OK\r\n", .malformed),
            ("HTTP/1.1 2000 \r\n", .malformed),
            ("HTTP/1.1 099 x\r\n", .malformed),
        ])
    func http1(_ text: String, _ step: ProbeStep) {
        var whole = HTTP1ProbeReader()
        let atOnce = whole.read(Array(text.utf8))
        #expect(atOnce == step)
        var reader = HTTP1ProbeReader()
        var last = ProbeStep.more
        for byte in text.utf8 where last == .more { last = reader.read([byte]) }
        #expect(last == step)
    }

    @Test(
        "The first field of HTTP/2's answer",
        arguments: [
            ([0x88] as [UInt8], ProbeStep.status(200)), ([0x8D, 0x40], .status(404)),
            // A change of the table's size first, also one of several bytes.
            ([0x20, 0x8E], .status(500)), ([0x3F, 0xE1, 0x1F, 0x89], .status(204)),
            // Literals: with indexing, without, never; plain and Huffman.
            ([0x48, 0x03, 0x35, 0x30, 0x33], .status(503)), ([0x08, 0x03, 0x34, 0x32, 0x39], .status(429)),
            ([0x18, 0x03, 0x32, 0x30, 0x32], .status(202)), ([0x48, 0x82, 0x64, 0x02], .status(302)),
            ([0x48, 0x03, 0x35, 0x30], .malformed), ([0x40, 0x01, 0x61, 0x01, 0x62], .malformed), ([], .malformed),
            ([0x82], .malformed), ([0x48, 0x82, 0xFF, 0xFF], .malformed),
        ])
    func http2(_ block: [UInt8], _ step: ProbeStep) {
        let settings: [UInt8] = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]
        let acknowledgement: [UInt8] = [0, 0, 0, 4, 1, 0, 0, 0, 0]
        let headers: [UInt8] = [0, 0, UInt8(block.count), 1, 5, 0, 0, 0, 1] + block
        var reader = HTTP2ProbeReader()
        var last = ProbeStep.more
        for byte in settings + acknowledgement + headers where last == .more { last = reader.read([byte]) }
        #expect(last == step)
    }

    @Test("A reset stream, GOAWAY or an endless preamble is no answer")
    func http2Refusals() {
        for frame: [UInt8] in [
            [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7], [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            var reader = HTTP2ProbeReader()
            let step = reader.read(frame)
            #expect(step == .malformed)
        }
        var reader = HTTP2ProbeReader()
        let step = reader.read([UInt8](repeating: 0, count: HTTP2ProbeReader.bytesMax + 1))
        #expect(step == .malformed)
    }

    @Test("The questions")
    func questions() {
        let question = ProbeQuestion(path: "/healthz", authority: "app.test:80", isTLS: false)
        let text = String(decoding: question.http1, as: UTF8.self)
        #expect(text.hasPrefix("GET /healthz HTTP/1.1\r\nhost: app.test:80\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
        let long = ProbeQuestion(path: "/" + String(repeating: "a", count: 300), authority: "h", isTLS: true)
        // 301 = 127 + 46 + 1 * 128, in a 7-bit prefix.
        #expect(long.http2.dropFirst(24 + 9 + 9).starts(with: [0x82, 0x87, 0x04, 127, 0xAE, 0x01]))
    }

    /// A server that answers every connection with the status of the moment, or only accepts, and then closes.
    private final class Server: Sendable {
        let status = Atomic<Int>(200)
        let asked = Mutex<[String]>([])
        let channel: any Channel

        init() async throws {
            let shared = Box()
            channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Answer(shared))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            shared.server.withLock { $0 = self }
        }

        final class Box: Sendable {
            let server = Mutex<Server?>(nil)
            init() {}
        }

        final class Answer: ChannelInboundHandler {
            typealias InboundIn = ByteBuffer
            let box: Box
            init(_ box: Box) { self.box = box }
            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                guard let server = box.server.withLock({ $0 }) else { return }
                server.asked.withLock { $0.append(String(buffer: unwrapInboundIn(data))) }
                let status = server.status.load(ordering: .relaxed)
                guard status > 0 else { return }
                let text = "HTTP/1.1 \(status) X\r\ncontent-length: 0\r\n\r\n"
                context.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
            }
        }
    }

    private static func check(timeout: UInt64 = 5_000_000_000) -> ActiveHealthCheck {
        ActiveHealthCheck(
            path: "/ready", intervalNanoseconds: 20_000_000, timeoutNanoseconds: timeout, healthyThreshold: 2,
            unhealthyThreshold: 2)
    }

    private static func backend(_ server: Server, check: ActiveHealthCheck?) -> CompiledBackend {
        CompiledBackend(
            name: "app", metricSlot: 0,
            endpoints: [EndpointSpec(host: "127.0.0.1", port: server.channel.localAddress?.port ?? 0)], health: check)
    }

    /// The next health event.
    private static func next(_ events: inout AsyncStream<EndpointEvent>.Iterator) async -> Bool? {
        while let event = await events.next(isolation: #isolation) {
            if case .health(_, _, let isHealthy, _) = event { return isHealthy }
        }
        return nil
    }

    @Test("An endpoint that answers badly, or not in time, is out until it answers well", .timeLimit(.minutes(1)))
    func overTheWire() async throws {
        let server = try await Server()
        let (stream, continuation) = AsyncStream.makeStream(of: EndpointEvent.self)
        var events = stream.makeAsyncIterator()
        let directory = EndpointDirectory(
            eventLoop: MultiThreadedEventLoopGroup.singleton.any(), onEvent: { continuation.yield($0) })
        let backend = Self.backend(server, check: Self.check(timeout: 50_000_000))
        let endpoint = directory.endpoints(of: backend).endpoints[0]
        server.status.store(503, ordering: .relaxed)
        directory.update(for: UpstreamFixture.snapshot([backend]))
        #expect(await Self.next(&events) == false)
        #expect(!endpoint.isHealthy)
        server.status.store(204, ordering: .relaxed)
        #expect(await Self.next(&events) == true)
        #expect(endpoint.isHealthy)
        #expect(endpoint.warmSinceNanoseconds > 0)
        // Silence.
        server.status.store(0, ordering: .relaxed)
        #expect(await Self.next(&events) == false)
        #expect(server.asked.withLock { $0.first?.hasPrefix("GET /ready HTTP/1.1\r\nhost: 127.0.0.1:") } == true)
        // Without a check nobody is ill.
        directory.update(for: UpstreamFixture.snapshot([Self.backend(server, check: nil)]))
        #expect(endpoint.isHealthy)
        directory.shutDown()
        try await server.channel.close()
    }

    @Test("An endpoint nobody listens at is out", .timeLimit(.minutes(1)))
    func refused() async throws {
        let server = try await Server()
        let backend = Self.backend(server, check: Self.check())
        try await server.channel.close()
        let (stream, continuation) = AsyncStream.makeStream(of: EndpointEvent.self)
        var events = stream.makeAsyncIterator()
        let directory = EndpointDirectory(
            eventLoop: MultiThreadedEventLoopGroup.singleton.any(), onEvent: { continuation.yield($0) })
        directory.update(for: UpstreamFixture.snapshot([backend]))
        #expect(await Self.next(&events) == false)
        directory.shutDown()
    }
}
