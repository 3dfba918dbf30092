import Foundation
import GatewayModel
import GatewayProxy
import GatewayRuntime
import GatewayWorkbench
import NIOCore
import Testing

@Suite("Slow peers hold bytes back instead of filling memory", .timeLimit(.minutes(5)), .serialized)
struct BackPressureTests {
    private static var residentBytes: Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
    }

    @Test("a reader that stops reading stops the backend", arguments: [Destination.HTTPVersion.http1, .http2])
    func slowReader(_ version: Destination.HTTPVersion) async throws {
        let sent = Box(0)
        var options = MockHTTPServer.Options()
        options.answer = { _ in
            [
                .head(200, []),
                .stream(count: 4_000, intervalMilliseconds: 0) { _ in
                    sent.update { $0 += 26_000 }
                    return ByteBuffer(repeating: 0x61, count: 26_000)
                }, .end([]),
            ]
        }
        let mock = try await MockHTTPServer.start(options)
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port))
        let connection = try await WorkbenchClient(version: version).connection(try gateway.url())
        let response = try await connection.start(CallRequest("GET", "/"))
        var reader = response.body.makeAsyncIterator()
        _ = try await reader.next()
        // What has been taken from the backend and not been read yet lies in buffers of the kernel and of both ends. A
        // gateway that does not stop the backend holds nearly all of it long before the first tenth is read.
        var count = 26_000
        var ahead = 0
        while let chunk = try await reader.next() {
            count += chunk.bytes.readableBytes
            ahead = max(ahead, sent.value - count)
            // A reader slower than any backend, whatever the machine is doing.
            if count < 2_600_000 { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(ahead < 40_000_000, "\(ahead) bytes were taken from a backend ahead of its client")
        #expect(count >= 4_000 * 26_000)
        await connection.close()
        try await gateway.stop()
        await mock.stop()
    }

    @Test("a reader that is slow stops a room that streams")
    func slowReaderOfRoom() async throws {
        let produced = Box(0)
        let room = AsyncRoom(bodyBytesMax: 0) { _ in
            let stream = AsyncStream<[UInt8]> {
                guard produced.value < 1_000 else { return nil }
                produced.update { $0 += 1 }
                return [UInt8](repeating: 0x61, count: 64_000)
            }
            return RoomResponse(status: 200, body: .stream(stream))
        }
        let gateway = try await GatewayUnderTest.start(Configuration.gateway)
        let rule = CompiledRule(routeName: "test/room", ruleIndex: 0, metricSlot: 0, action: .room(room))
        let listeners = [CompiledListener(name: "test", hostname: "")]
        let entry = RouteEntry(
            listener: 0, hostname: "", path: .prefix([0x2F]), order: RouteOrder(name: "room", rule: 0, match: 0),
            rule: rule)
        let table = PortTable(
            port: 8080, bindPort: 0, isTLS: false, settings: PortSettings(), listeners: listeners, tls: nil,
            router: Router(listeners: listeners, entries: [entry]))
        try await gateway.process.plane.publish(
            Snapshot(revision: 2, limits: .standard, ports: [table], backends: []))
        let connection = try await WorkbenchClient(version: .http1).connection(try gateway.url())
        let response = try await connection.start(CallRequest("GET", "/"))
        var reader = response.body.makeAsyncIterator()
        var count = 0
        var ahead = 0
        while let chunk = try await reader.next() {
            count += chunk.bytes.readableBytes
            ahead = max(ahead, produced.value * 64_000 - count)
            if count < 1_280_000 { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(count == 64_000_000)
        #expect(ahead < 20_000_000, "\(ahead) bytes were asked of a room ahead of its client")
        await connection.close()
        try await gateway.stop()
    }

    @Test("a backend that stops reading stops the uploader")
    func slowBackend() async throws {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port))
        let connection = try await gateway.open()
        await connection.send("POST /?noread=1&delay=60s HTTP/1.1\r\nhost: a\r\ncontent-length: 209715200\r\n\r\n")
        let before = Self.residentBytes
        let piece = [UInt8](repeating: 0x61, count: 1 << 20)
        let sent = Box(0)
        let sending = Task {
            for _ in 0..<200 {
                await connection.send(piece)
                sent.update { $0 += 1 }
            }
        }
        var last = -1
        while sent.value != last {
            last = sent.value
            try await Task.sleep(for: .milliseconds(300))
        }
        #expect(last < 40, "\(last) MB were taken for a backend that reads nothing")
        #expect(Self.residentBytes - before < 20 << 20)
        // The end of a client that cannot get rid of its bytes is not to be seen; that of the backend is.
        await mock.dropConnections()
        await connection.close()
        _ = await sending.value
        try await gateway.connectionsClosed()
        try await gateway.stop()
        await mock.stop()
    }
}
