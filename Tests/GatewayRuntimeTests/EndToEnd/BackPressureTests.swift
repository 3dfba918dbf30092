import Foundation
import GatewayModel
import GatewayWorkbench
import NIOCore
import Testing

@Suite("Slow peers hold bytes back instead of filling memory", .timeLimit(.minutes(2)), .serialized)
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
                .stream(count: 8_000, intervalMilliseconds: 0) { _ in
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
        // Buffers of the kernel and both ends fill up, then nothing moves.
        var last = -1
        while sent.value != last {
            last = sent.value
            try await Task.sleep(for: .milliseconds(300))
        }
        #expect(last < 40_000_000, "\(last) bytes were taken from a backend whose client reads nothing")
        var count = 26_000
        while let chunk = try await reader.next() { count += chunk.bytes.readableBytes }
        #expect(count >= 8_000 * 26_000)
        await connection.close()
        try await gateway.stop()
        await mock.stop()
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
        await connection.close()
        _ = await sending.value
        try await gateway.connectionsClosed()
        try await gateway.stop()
        await mock.stop()
    }
}
