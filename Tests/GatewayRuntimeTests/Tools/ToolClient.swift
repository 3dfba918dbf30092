import GatewayWorkbench
import Testing

/// A client of one test: with a session once it has opened one, and until then with requests that stand for themselves.
struct ToolClient {
    let stand: ToolRoomTests.Stand
    let key: String
    var path = "/mcp/demo"
    /// The members of its capabilities.
    var can = "\"elicitation\":{\"form\":{},\"url\":{}}"
    private var session: [Header] = []

    init(_ stand: ToolRoomTests.Stand, path: String = "/mcp/demo") throws {
        self.stand = stand
        self.path = path
        key = try stand.key("alice")
    }

    private var isStateless: Bool { session.isEmpty }

    var headers: [Header] {
        [
            Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
            Header("accept", "application/json, text/event-stream"),
        ] + session
    }

    func send(_ method: String, _ params: String = "", name: String = "") async throws -> CompletedResponse {
        guard isStateless else {
            return try await stand.post(
                path, headers, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\(method)\",\"params\":{\(params)}}")
        }
        let body = """
            {"jsonrpc":"2.0","id":1,"method":"\(method)","params":{\(params)\(params.isEmpty ? "" : ",")"_meta":{\
            "io.modelcontextprotocol/protocolVersion":"2026-07-28",\
            "io.modelcontextprotocol/clientCapabilities":{\(can)}}}}
            """
        let own = [Header("mcp-protocol-version", "2026-07-28"), Header("mcp-method", method)]
        return try await stand.post(path, headers + own + (name.isEmpty ? [] : [Header("mcp-name", name)]), body)
    }

    func call(_ tool: String = "get_weather", _ more: String = "") async throws -> CompletedResponse {
        try await send("tools/call", "\"name\":\"\(tool)\",\"arguments\":{}\(more)", name: tool)
    }

    func opened() async throws -> ToolClient {
        let answer = try await stand.post(
            path, headers,
            """
            {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
            "capabilities":{\(can)},"clientInfo":{"name":"t","version":"1"}}}
            """)
        let session = try #require(answer.headers.first { $0.name == "mcp-session-id" }?.value, "\(answer.text)")
        var opened = self
        opened.session = [Header("mcp-session-id", session), Header("mcp-protocol-version", "2025-11-25")]
        return opened
    }

    /// The rest of a stream that broke off.
    func rest(of answer: CompletedResponse) async throws -> String {
        let mark = try #require(answer.text.split(separator: "\n").last { $0.hasPrefix("id: ") }, "\(answer.text)")
        let rest = try await WorkbenchClient().call(
            "GET", try stand.gateway.url(path),
            headers: headers + [Header("last-event-id", String(mark.dropFirst(4)))])
        #expect(rest.status == 200)
        return rest.text
    }
}
