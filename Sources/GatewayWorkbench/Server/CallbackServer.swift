import NIOCore
import Synchronization

/// Waits on a loopback port for a browser to come back with an answer (RFC 8252 section 7.3). The first answer counts:
/// a code is good once.
package final class CallbackServer: Sendable {
    private final class Arrival: Sendable {
        let query = Mutex<[UInt8]?>(nil)
    }

    private static let path = "/callback"
    private let arrival: Arrival
    private let server: MockHTTPServer

    package static func start() async throws -> CallbackServer {
        let arrival = Arrival()
        var options = MockHTTPServer.Options()
        options.answer = { request in CallbackServer.answer(request, arrival) }
        return CallbackServer(arrival, try await MockHTTPServer.start(options))
    }

    private init(_ arrival: Arrival, _ server: MockHTTPServer) {
        self.arrival = arrival
        self.server = server
    }

    package var port: Int { server.port }

    /// What the browser is to be sent to.
    package var url: String { "http://127.0.0.1:\(server.port)\(CallbackServer.path)" }

    /// What it came back with, as it was sent; nil until then.
    package var query: [UInt8]? { arrival.query.withLock { $0 } }

    package func stop() async { await server.stop() }

    private static func answer(_ request: MockRequest, _ arrival: Arrival) -> [MockStep]? {
        let parts = request.target.split(separator: "?", maxSplits: 1)
        guard parts.count == 2, parts[0] == CallbackServer.path else { return [.head(404, []), .end([])] }
        arrival.query.withLock { if $0 == nil { $0 = Array(parts[1].utf8) } }
        return [
            .head(200, [Header("content-type", "text/plain; charset=utf-8")]),
            .chunk(ByteBuffer(string: "You may close this page and go back to the terminal.\n")), .end([]),
        ]
    }
}
