import Foundation
import GatewayControl
import GatewayRuntime
import GatewayWorkbench
import Testing

/// What reaches a client by ways that are seldom gone.
@Suite("whatever a server says is judged, on whichever way it comes", .timeLimit(.minutes(1)))
struct ToolJudgedTests {
    private static let key = "AKIAABCDEFGHIJKLMNOP"
    private static let policies = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ToolAccessPolicy
        metadata: {name: more}
        spec: {subjects: [{any: true}], rules: [{server: demo, resources: ["x://1*"], prompts: ["*"]}]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPToolPolicy
        metadata: {name: secrets}
        spec: {servers: [demo], redact: {secrets: true}}
        """
    private static let opened = """
        {"protocolVersion":"2025-11-25","capabilities":{"tools":{},"prompts":{},"completions":{},\
        "resources":{"subscribe":true}},"serverInfo":{"name":"old","version":"1"}}
        """

    /// A server with sessions.
    private static func old(_ scripted: @escaping ToolRoomTests.Scripted) -> ToolRoomTests.Scripted {
        { received, params in
            if let answer = scripted(received, params) { return answer }
            switch received.method {
            case "server/discover": return .error(400, code: -32601, "no")
            case "initialize": return .result(opened)
            default: return nil
            }
        }
    }

    // MARK: Secrets

    private static let log = """
        {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"\(key)"}}
        """
    private static let error = "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"error\":{\"code\":-32000,\"message\":\"\(key)\"}}"
    private static let tools = """
        [{"name":"get_weather","description":"\(key)","inputSchema":{"type":"object"}}]
        """

    @Test func `completions, subscriptions and lists keep the secrets that all tools keep`() async throws {
        let scripted = Self.old { received, _ in
            switch received.method {
            case "completion/complete": .result("{\"completion\":{\"values\":[\"\(Self.key)\"]}}")
            case "resources/subscribe": .events([Self.log, Self.error])
            case "resources/list":
                .result("{\"resources\":[{\"uri\":\"x://1\",\"name\":\"n\",\"description\":\"\(Self.key)\"}]}")
            case "resources/templates/list":
                .result("{\"resourceTemplates\":[{\"uriTemplate\":\"x://1{a}\",\"name\":\"\(Self.key)\"}]}")
            case "prompts/list": .result("{\"prompts\":[{\"name\":\"p\",\"description\":\"\(Self.key)\"}]}")
            default: nil
            }
        }
        try await ToolRoomTests.run(tools: Self.tools, more: Self.policies, answer: scripted) { stand in
            for path in ["/mcp/demo", "/mcp"] {
                let stateless = try ToolClient(stand, path: path)
                let client = try await stateless.opened()
                let prefix = path == "/mcp" ? "demo+" : ""
                let reference = """
                    "ref":{"type":"ref/resource","uri":"\(prefix)x://1"},"argument":{"name":"a","value":""}
                    """
                var answers = [
                    try await stateless.send("completion/complete", reference),
                    try await client.send("completion/complete", reference),
                    try await client.send("resources/subscribe", "\"uri\":\"\(prefix)x://1\""),
                ]
                for method in ["resources/list", "resources/templates/list", "prompts/list"] {
                    answers.append(try await stateless.send(method))
                    answers.append(try await client.send(method))
                }
                for answer in answers {
                    #expect(answer.text.contains("[redacted]") && !answer.text.contains("AKIA"), "\(answer.text)")
                }
                #expect(answers[2].text.contains("notifications/message"), "\(answers[2].text)")
                #expect(answers[3].text.contains("\"\(prefix)x://1\""), "\(answers[3].text)")
                // A tool is what was approved.
                #expect(try await client.send("tools/list").text.contains(Self.key))
            }
        }
    }

    @Test func `what servers say of themselves keeps secrets too`() async throws {
        let words = "\"name\":\"\(Self.key)\"},\"instructions\":\"use \(Self.key)\",\"_meta\":{\"a\":\"b\""
        let said = Self.opened.replacing("\"name\":\"old\"", with: words)
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "server/discover": .error(400, code: -32601, "no")
            case "initialize": .result(said)
            default: nil
            }
        }
        try await ToolRoomTests.run(tools: Self.tools, more: Self.policies, answer: scripted) { stand in
            for path in ["/mcp/demo", "/mcp"] {
                let client = try ToolClient(stand, path: path)
                let discovered = try await client.send("server/discover")
                let opened = try await stand.post(
                    path, client.headers,
                    """
                    {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
                    "capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
                    """)
                for answer in [discovered, opened] {
                    #expect(answer.text.contains("use [redacted]"), "\(answer.text)")
                    #expect(!answer.text.contains("AKIA"), "\(answer.text)")
                }
            }
        }
    }

    // MARK: Streams that are taken up again

    /// A server whose calls break off, and go on with this; `$ID` stands for the call's id.
    private static func breaking(_ rest: [String]) -> ToolRoomTests.Scripted {
        let asked = Box("")
        return old { received, _ in
            switch received.method {
            case "tools/call":
                asked.set((received.body.firstMatch(of: /"id":("[^"]*")/)?.1).map { String($0) } ?? "")
                return .raw(["id: m-1\ndata: \n\n"])
            case "GET": return .raw(rest.map { "id: m-2\ndata: \($0.replacing("$ID", with: asked.value))\n\n" })
            default: return nil
            }
        }
    }

    private static let result = "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{\"content\":[]}}"

    @Test func `a change and a question taken back, on a stream that is taken up again`() async throws {
        func updated(_ uri: String) -> String {
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"\(uri)\"}}"
        }
        let back = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":7}}"
        let scripted = Self.breaking([updated("x://2"), updated("x://1"), back, Self.result])
        try await ToolRoomTests.run(more: Self.policies, answer: scripted) { stand in
            let client = try await ToolClient(stand, path: "/mcp").opened()
            let text = try await client.rest(of: try await client.call("demo__get_weather"))
            #expect(text.contains("\"uri\":\"demo+x://1\"") && !text.contains("x://2"), "\(text)")
            #expect(text.contains("\"requestId\":\"sluice."), "\(text)")
            #expect(text.contains("\"content\":[]"), "\(text)")
        }
    }

    @Test func `a tool that may not be used any more yields no more, on a stream that is taken up again`()
        async throws
    {
        try await ToolRoomTests.run(answer: Self.breaking([Self.result])) { stand in
            let client = try await ToolClient(stand).opened()
            let broken = try await client.call()
            #expect(try await client.rest(of: broken).contains("\"content\":[]"))
            let deny = """
                {apiVersion: sluice.dev/v1alpha1, kind: ToolAccessPolicy, metadata: {name: deny},
                spec: {subjects: [{any: true}], rules: [{server: demo, tools: [get_weather], verdict: deny}]}}
                """
            _ = try await stand.gateway.process.store.apply([
                ConfigurationLoad.Text(bytes: Array(deny.utf8), file: "deny")
            ])
            try await eventually("the rule holds") { try await client.call().text.contains("unknown tool") }
            let asked = stand.received().count
            let text = try await client.rest(of: broken)
            #expect(text.contains("may not be used any more") && !text.contains("\"content\""), "\(text)")
            #expect(stand.received().count == asked)
        }
    }

    @Test func `a question in the place of the result, on a stream that is taken up again`() async throws {
        let question = """
            {"jsonrpc":"2.0","id":$ID,"result":{"resultType":"input_required","requestState":"raw-state"}}
            """
        try await ToolRoomTests.run(answer: Self.breaking([question])) { stand in
            let client = try await ToolClient(stand).opened()
            let text = try await client.rest(of: try await client.call())
            #expect(text.contains("cannot be read") && !text.contains("raw-state"), "\(text)")
        }
    }

    // MARK: Pages in errors

    private static let pages = ["javascript:alert(1)", "http://login@evil.example/", "https://good.example/"]

    private static func required(_ code: String, count: Int = 1) -> String {
        let pages = pages.map {
            "{\"mode\":\"url\",\"elicitationId\":\"e\",\"message\":\"m\",\"url\":\"\($0)\"}"
        }
        let other = "{\"elicitationId\":\"e\",\"message\":\"m\",\"url\":\"https://none.example\"}"
        let all = Array(repeating: (pages + [other]).joined(separator: ","), count: count).joined(separator: ",")
        let data = "{\"elicitations\":[\(all)],\"more\":\"https://more\"}"
        return "{\"code\":\(code),\"message\":\"open it\",\"data\":\(data)}"
    }

    @Test(arguments: ["-32042", "-32042.0", "-32.042e3"], [false, true])
    func `a page that an error leads to`(_ code: String, _ isTakenUp: Bool) async throws {
        let error = "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"error\":\(Self.required(code))}"
        let atOnce = Self.old { received, _ in received.method == "tools/call" ? .events([error]) : nil }
        let scripted = isTakenUp ? Self.breaking([error]) : atOnce
        try await ToolRoomTests.run(answer: scripted) { stand in
            var client = try ToolClient(stand)
            func answer(_ client: ToolClient) async throws -> String {
                let client = try await client.opened()
                let answer = try await client.call()
                return isTakenUp ? try await client.rest(of: answer) : answer.text
            }
            let shown = try await answer(client)
            #expect(shown.contains("\(code)") && shown.contains("https://good.example/"), "\(shown)")
            for hidden in ["javascript", "evil", "none", "more"] { #expect(!shown.contains(hidden), "\(shown)") }
            client.can = "\"elicitation\":{}"
            let refused = try await answer(client)
            #expect(refused.contains("\"code\":-32021") && !refused.contains("good.example"), "\(refused)")
        }
    }

    @Test func `a page that an error leads to, for a client without sessions`() async throws {
        let error = "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"error\":\(Self.required("-32042"))}"
        let scripted = Self.old { received, _ in received.method == "tools/call" ? .events([error]) : nil }
        try await ToolRoomTests.run(answer: scripted) { stand in
            let answer = try await ToolClient(stand).call()
            #expect(try ToolRoomTests.code(answer) == -32602, "\(answer.text)")
            #expect(answer.text.contains("open it") && !answer.text.contains("data"), "\(answer.text)")
        }
    }

    @Test func `an error with more pages than anybody opens, and one that cannot be read`() async throws {
        let twice = "{\"code\":-32042,\"message\":\"m\",\"data\":{\"a\":1,\"a\":2,\"elicitations\":[]}}"
        for error in [Self.required("-32042", count: 50), twice] {
            let message = "{\"jsonrpc\":\"2.0\",\"id\":$ID,\"error\":\(error)}"
            let scripted = Self.old { received, _ in received.method == "tools/call" ? .events([message]) : nil }
            try await ToolRoomTests.run(answer: scripted) { stand in
                let answer = try await ToolClient(stand).opened().call()
                #expect(!answer.text.contains("elicitations") && answer.text.contains("\"error\""), "\(answer.text)")
            }
        }
    }
}
