import Foundation
import GatewayWorkbench
import NIOCore
import Synchronization

/// An MCP server of one test: keeps what it was sent and answers by a closure for each method.
enum ScriptedToolServer {
    struct Received: Sendable {
        var method: String
        var name: String
        var body: String
        var headers: [Header]

        func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    /// What is answered: a result, an error with its status, or bytes of a stream.
    enum Answer: Sendable {
        case result(String)
        /// The same, with the id of a session.
        case session(String, String)
        case error(Int, code: Int, String)
        case events([String])
        case status(Int)
        /// A stream that goes on until the client leaves.
        case endless([String])
        /// The same as `session`, once the feed has ended.
        case held(MockFeed, String, String)
        /// A stream as it goes over the wire.
        case raw([String])
        /// Whatever else, made from the request's id.
        case steps(@Sendable (_ id: String) -> [MockStep])
    }

    private final class Box: Sendable {
        let log = Mutex<[Received]>([])
    }
    private static func id(_ object: [String: Any]) -> String {
        guard let id = object["id"] else { return "null" }
        if let text = id as? String { return "\"\(text)\"" }
        return "\(id)"
    }

    /// Revision 2026-07-28, with one tool list.
    static func start(
        tools: String = ScriptedToolServer.tools, discover: String? = ScriptedToolServer.discovered,
        _ answer: @escaping @Sendable (Received, [String: Any]) -> Answer?
    ) async throws -> (MockHTTPServer, @Sendable () -> [Received]) {
        let box = Box()
        var options = MockHTTPServer.Options()
        options.keptBodyBytesMax = 4 << 20
        options.answer = { request in
            [
                .awaitBody,
                .answer { request in
                    let object =
                        (try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]) ?? [:]
                    let params = object["params"] as? [String: Any] ?? [:]
                    let received = Received(
                        method: object["method"] as? String ?? request.method, name: params["name"] as? String ?? "",
                        body: request.bodyText, headers: request.headers)
                    box.log.withLock { $0.append(received) }
                    let id = id(object)
                    if let answer = answer(received, params) { return steps(answer, id) }
                    switch received.method {
                    case "server/discover":
                        return steps(discover.map { .result($0) } ?? .error(400, code: -32601, "no"), id)
                    case "tools/list": return steps(.result("{\"resultType\":\"complete\",\"tools\":\(tools)}"), id)
                    case "tools/call":
                        return steps(.result(done), id)
                    case let method where method.hasPrefix("notifications/"): return steps(.status(202), id)
                    default: return steps(.error(404, code: -32601, "no such method"), id)
                    }
                },
            ]
        }
        let server = try await MockHTTPServer.start(options)
        return (server, { box.log.withLock { $0 } })
    }

    private static func steps(_ answer: Answer, _ id: String) -> [MockStep] {
        let json = Header("content-type", "application/json")
        switch answer {
        case .result(let result):
            let body = "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":\(result)}"
            return [.head(200, [json]), .chunk(ByteBuffer(string: body)), .end([])]
        case .session(let session, let result):
            let body = "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":\(result)}"
            return [
                .head(200, [json, Header("mcp-session-id", session)]), .chunk(ByteBuffer(string: body)), .end([]),
            ]
        case .held(let feed, let session, let result):
            var steps = steps(.session(session, result), id)
            steps.insert(.feed(feed), at: 1)
            return steps
        case .error(let status, let code, let message):
            let body = "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"error\":{\"code\":\(code),\"message\":\"\(message)\"}}"
            return [.head(status, [json]), .chunk(ByteBuffer(string: body)), .end([])]
        case .steps(let make): return make(id)
        case .status(let status): return [.head(status, []), .end([])]
        case .raw(let parts):
            return [.head(200, [Header("content-type", "text/event-stream")])]
                + parts.map { .chunk(ByteBuffer(string: $0)) } + [.end([])]
        case .events(let events): return stream(events, id) + [.end([])]
        case .endless(let events): return stream(events, id) + [.hang]
        }
    }

    /// `$ID` stands for the request's id.
    private static func stream(_ events: [String], _ id: String) -> [MockStep] {
        [.head(200, [Header("content-type", "text/event-stream")])]
            + events.map { event in
                .chunk(ByteBuffer(string: "data: \(event.replacing("$ID", with: id))\n\n"))
            }
    }

    static let done = "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}"
    static let discovered = """
        {"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},\
        "ttlMs":0,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"one","version":"1"}}}
        """
    static let tools = """
        [{"name":"get_weather","description":"d","inputSchema":{"type":"object"}},\
        {"name":"add","inputSchema":{"type":"object","properties":{"a":{"type":"integer","x-mcp-header":"A"}}}},\
        {"name":"delete_all","inputSchema":{"type":"object"}},{"name":"secret","inputSchema":{"type":"object"}}]
        """
}
