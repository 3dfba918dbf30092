import GatewayModel
import GatewayWorkbench
import Testing

@Suite("Every answer of the gateway's own says which request it is about", .timeLimit(.minutes(1)))
struct RequestIDTests {
    private static func id(_ answer: CompletedResponse) -> String? {
        let values = answer.headers.filter { $0.name.lowercased() == "x-sluice-request-id" }.map(\.value)
        return values.count == 1 ? values[0] : nil
    }

    @Test("models: refusals of every phase, lists and answers, also under the names that the SDKs read")
    func models() async throws {
        try await ModelStand.run { stand in
            let key = try stand.key()
            let question = Array(ModelStand.question("chat").utf8)
            let claude = Array(ModelStand.question("claude", "", false, ",\"max_tokens\":9").utf8)
            let type = [Header("content-encoding", "br")]
            let cases: [(String, String, String, [UInt8], [Header], Int)] = [
                (key, "POST", "/v1/chat/completions", question, [], 200), (key, "GET", "/v1/models", [], [], 200),
                ("none", "POST", "/v1/chat/completions", question, [], 401),
                ("none", "POST", "/v1/messages", claude, [], 401), (key, "POST", "/v1/nothing", question, [], 404),
                (key, "POST", "/v1/chat/completions", Array(ModelStand.question("no").utf8), [], 404),
                (key, "GET", "/v1/chat/completions", [], [], 405),
                (key, "POST", "/v1/chat/completions", question, type, 415),
                (key, "POST", "/v1/chat/completions", Array("{".utf8), [], 400),
            ]
            var seen: Set<String> = []
            for (key, method, path, body, headers, status) in cases {
                let answer = try await stand.call(key, path, body, method: method, headers: headers)
                #expect(answer.status == status, "\(path): \(answer.text)")
                let id = try #require(Self.id(answer), "\(status) \(path)")
                #expect(id.count == 32 && seen.insert(id).inserted)
                let name = path == "/v1/messages" ? "request-id" : "x-request-id"
                if path != "/v1/models" {
                    #expect(answer.headers.contains { $0.name == name && $0.value == id }, "\(status) \(path)")
                }
            }
        }
    }

    @Test("tools: refusals by the room and by whoever comes before it, and answers")
    func tools() async throws {
        try await ToolRoomTests.run { stand in
            let key = try stand.key("alice")
            let refused = try await stand.send("none", "tools/list")
            #expect(refused.status == 401 && Self.id(refused) != nil)
            let type = [Header("authorization", "Bearer \(key)"), Header("content-type", "text/plain")]
            let unread = try await stand.post("/mcp/demo", type, "x")
            #expect(unread.status >= 400 && Self.id(unread) != nil, "\(unread.text)")
            let put = try await WorkbenchClient().call(
                "PUT", try stand.gateway.url("/mcp/demo"), headers: [Header("authorization", "Bearer \(key)")])
            #expect(put.status == 405 && Self.id(put) != nil, "\(put.text)")
            let unknown = try await stand.send(key, "tools/list", path: "/mcp/nothing")
            #expect(unknown.status == 404 && Self.id(unknown) != nil, "\(unknown.text)")
            let served = try await stand.send(key, "tools/list")
            #expect(served.status == 200 && Self.id(served) != nil, "\(served.text)")
        }
    }
}
