import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

/// The attack classes of the reference's section 6, each with what must be observed, by servers that mean harm.
@Suite("servers and clients that mean harm get nothing", .timeLimit(.minutes(2)))
struct ToolAttackTests {
    private struct Stand {
        var gateway: GatewayUnderTest
        var server: MockToolServer
        var key: String

        func send(
            _ method: String, _ params: String = "", name: String = "", headers: [Header] = [],
            path: String = "/mcp/demo"
        ) async throws -> CompletedResponse {
            let separator = params.isEmpty ? "" : ","
            let body = """
                {"jsonrpc":"2.0","id":1,"method":"\(method)","params":{\(params)\(separator)"_meta":{\
                "io.modelcontextprotocol/protocolVersion":"2026-07-28",\
                "io.modelcontextprotocol/clientCapabilities":{}}}}
                """
            var own = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)]
            if !name.isEmpty { own.append(("mcp-name", name)) }
            let kept = own.filter { field in !headers.contains { $0.name == field.0 } }.map { Header($0.0, $0.1) }
            return try await WorkbenchClient().call(
                "POST", try gateway.url(path),
                headers: [
                    Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
                    Header("accept", "application/json, text/event-stream"),
                ] + kept + headers.filter { !$0.value.isEmpty }, body: .bytes(Array(body.utf8)))
        }

        func call(_ tool: String, _ arguments: String = "{}") async throws -> CompletedResponse {
            try await send("tools/call", "\"name\":\"\(tool)\",\"arguments\":\(arguments)", name: tool)
        }

        func tools(_ answer: CompletedResponse) throws -> [String] {
            let result = try #require(try ToolRoomTests.object(answer)["result"] as? [String: Any], "\(answer.text)")
            return (result["tools"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
        }
    }

    private static let policy = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPToolPolicy
        metadata: {name: trust}
        spec: {servers: ["*"], pin: firstUse, redact: {secrets: true}}
        """

    private static func run(
        limits: String = "", _ change: (inout MockToolServer.Options) -> Void = { _ in },
        _ body: (Stand) async throws -> Void
    ) async throws {
        var options = MockToolServer.Options()
        options.revisions = [.july2026]
        change(&options)
        let server = try await MockToolServer.start(options)
        let gateway = try await GatewayUnderTest.start(
            """
            apiVersion: sluice.dev/v1alpha1
            kind: MCPServer
            metadata: {name: demo}
            spec:
              http: {url: "http://127.0.0.1:\(server.port)/mcp"}
              timeouts: {response: 1s, total: 2s}
              \(limits)
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: all}
            spec: {subjects: [{any: true}], rules: [{server: demo}]}
            \(policy)
            """)
        var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
        draft.user = "alice"
        let key = try gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
        do { try await body(Stand(gateway: gateway, server: server, key: key)) } catch {
            try await gateway.stop()
            await server.stop()
            throw error
        }
        try await gateway.stop()
        await server.stop()
    }

    @Test func `a poisoned definition is shown to nobody and not called`() async throws {
        try await Self.run {
            $0.personalities = [.poisoned]
        } _: { stand in
            let listed = try await stand.send("tools/list")
            #expect(!listed.text.contains("id_rsa") && !listed.text.contains("<!--"), "\(listed.text.prefix(400))")
            let book = stand.gateway.process.state.tools
            let hidden = book.pins().filter { $0.suspicion != nil }
            #expect(!hidden.isEmpty)
            let name = try #require(hidden.first?.tool)
            let refused = try await stand.call(name)
            #expect(try ToolRoomTests.code(refused) == 3022, "\(refused.text)")
        }
    }

    @Test(arguments: MCPRug.allCases)
    func `a rug that is pulled is caught before the call`(_ rug: MCPRug) async throws {
        try await Self.run {
            ($0.rugPullAfter, $0.rug) = (1, rug)
        } _: { stand in
            let before = Set(try stand.tools(try await stand.send("tools/list")))
            let after = Set(try stand.tools(try await stand.send("tools/list")))
            let gone = before.subtracting(after)
            #expect(gone.count == 1, "\(rug): \(before.symmetricDifference(after))")
            guard let name = gone.first else { return }
            let refused = try await stand.call(name)
            #expect(try ToolRoomTests.code(refused) == 3022, "\(refused.text)")
            #expect(refused.text.contains("\"changed\":["), "\(refused.text)")
        }
    }

    @Test(arguments: ["text", "structured", "both", "link", "embedded", "name", "error"])
    func `a secret is nowhere in a result`(_ place: String) async throws {
        try await Self.run { stand in
            let answer = try await stand.call("leak", "{\"where\":\"\(place)\"}")
            #expect(answer.status == 200)
            #expect(!answer.text.contains("AKIAIOSFODNN7EXAMPLE"), "\(answer.text)")
        }
    }

    @Test func `names that look alike have one owner, and the others are not called`() async throws {
        try await Self.run {
            $0.personalities = [.lookalikes, .duplicates]
        } _: { stand in
            let names = try stand.tools(try await stand.send("tools/list"))
            #expect(Set(names).count == names.count, "\(names)")
            #expect(Set(names.map { $0.lowercased() }).count == names.count, "\(names)")
            #expect(names.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } }, "\(names)")
        }
    }

    @Test func `a definition that asks for a forbidden field costs only itself`() async throws {
        try await Self.run {
            $0.personalities = [.headers]
        } _: { stand in
            let names = try stand.tools(try await stand.send("tools/list"))
            #expect(names.contains("echo"))
            #expect(try await stand.call("echo", "{\"text\":\"x\"}").text.contains("\"x\""))
        }
    }

    @Test(arguments: [
        MCPMisbehaviour.invalidJSON, .notRPC, .wrongID, .wrongIDType, .resultAndError, .noAnswer, .silent,
        .unknownResultType, .status500, .reset, .huge, .deep, .twinMembers,
    ])
    func `a server that breaks the protocol is an error of its own, and of nobody else`(
        _ how: MCPMisbehaviour
    ) async throws {
        try await Self.run(limits: "limits: {resultBytesMax: 1Mi}") { stand in
            let answer = try await stand.call("misbehave", "{\"how\":\"\(how.rawValue)\"}")
            #expect(try ToolRoomTests.code(answer) != nil, "\(how): \(answer.text.prefix(300))")
            #expect(try await stand.call("echo", "{\"text\":\"still here\"}").text.contains("still here"))
        }
    }

    @Test func `notifications without end are cut`() async throws {
        try await Self.run { stand in
            let answer = try await stand.call("misbehave", "{\"how\":\"endless\"}")
            #expect(
                answer.text.contains("\"error\"") && !answer.text.contains("\"result\""), "\(answer.text.suffix(300))")
        }
    }

    @Test(arguments: [MCPMisbehaviour.twice, .askOnStream, .wrongType])
    func `what a server says beside its answer, or in its place, disturbs nobody`(_ how: MCPMisbehaviour) async throws {
        try await Self.run { stand in
            let answer = try await stand.call("misbehave", "{\"how\":\"\(how.rawValue)\"}")
            #expect(answer.text.components(separatedBy: "\"id\":1").count == 2, "\(how): \(answer.text)")
            #expect(!answer.text.contains("elicitation/create"), "\(answer.text)")
            #expect(try await stand.call("echo", "{\"text\":\"still here\"}").text.contains("still here"))
        }
    }

    @Test func `a secret in structured content alone is as unreadable there`() async throws {
        try await Self.run {
            $0.personalities = [.leaky]
        } _: { stand in
            let answer = try await stand.call("get_note", "{\"id\":\"n1\"}")
            #expect(answer.text.contains("structuredContent") && answer.text.contains("[redacted]"), "\(answer.text)")
            #expect(!answer.text.contains("AKIAIOSFODNN7EXAMPLE"), "\(answer.text)")
        }
    }

    @Test func `a list without end, or of 50,000, is cut`() async throws {
        try await Self.run(limits: "limits: {toolsMax: 100}") {
            $0.personalities = [.endlessPages]
        } _: { stand in
            let answer = try await stand.send("tools/list")
            #expect(try ToolRoomTests.code(answer) != nil, "\(answer.text.prefix(200))")
        }
        try await Self.run(limits: "limits: {toolsMax: 1000}") {
            $0.personalities = [.crowded]
        } _: { stand in
            let answer = try await stand.send("tools/list")
            #expect(try ToolRoomTests.code(answer) != nil, "\(answer.text.prefix(200))")
        }
    }

    @Test func `a schema that costs its reader dearly is checked in bounded time`() async throws {
        try await Self.run {
            $0.personalities = [.schemas]
        } _: { stand in
            // A definition that nobody can read to its end makes the whole list unreadable, and nothing else.
            let answer = try await stand.send("tools/list")
            #expect(try ToolRoomTests.code(answer) == 4008, "\(answer.text.prefix(300))")
        }
    }

    @Test(arguments: [
        [Header("mcp-name", "add")], [Header("mcp-method", "tools/list")], [Header("mcp-name", "")],
        [Header("mcp-name", "echo"), Header("mcp-name", "echo")], [Header("mcp-name", "=?base64?%%%?=")],
        [Header("mcp-protocol-version", "2025-11-25")],
    ])
    func `fields that say something else than the body are refused before any server`(
        _ headers: [Header]
    ) async throws {
        try await Self.run { stand in
            let answer = try await stand.send(
                "tools/call", "\"name\":\"echo\",\"arguments\":{\"text\":\"x\"}", name: "echo", headers: headers)
            #expect(answer.status == 400, "\(answer.text)")
            #expect(stand.server.journal.entries.filter { $0.method == "tools/call" }.isEmpty)
        }
    }

    @Test(arguments: [
        "http://evil.example", "null", "http://localhost.evil", "http://user@localhost", "https://127.0.0.1.evil:1",
        "file://localhost",
    ])
    func `pages of elsewhere do not get in`(_ origin: String) async throws {
        try await Self.run { stand in
            let answer = try await stand.send("tools/list", headers: [Header("origin", origin)])
            #expect(answer.status == 403, "\(answer.text)")
            #expect(stand.server.journal.entries.isEmpty)
        }
    }

    @Test func `a key in the query opens nothing, and a caller's key goes to no server`() async throws {
        try await Self.run { stand in
            let query = try await WorkbenchClient().call(
                "POST", try stand.gateway.url("/mcp/demo?access_token=\(stand.key)"),
                headers: [Header("content-type", "application/json")], body: .bytes(Array("{}".utf8)))
            #expect(query.status == 401)
            _ = try await stand.call("echo", "{\"text\":\"x\"}")
            for entry in stand.server.journal.entries {
                #expect(!entry.headers.contains { $0.value.contains(stand.key) })
            }
        }
    }

    @Test func `another's session is as unknown as none`() async throws {
        try await Self.run {
            $0.revisions = [.november2025]
        } _: { stand in
            func open(_ key: String) async throws -> String? {
                try await WorkbenchClient().call(
                    "POST", try stand.gateway.url("/mcp/demo"),
                    headers: [Header("authorization", "Bearer \(key)"), Header("content-type", "application/json")],
                    body: .text(
                        """
                        {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
                        "capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
                        """)
                ).headers.first { $0.name == "mcp-session-id" }?.value
            }
            var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
            draft.user = "bob"
            let other = try stand.gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
            let session = try #require(try await open(stand.key))
            func list(_ key: String, _ session: String) async throws -> CompletedResponse {
                try await WorkbenchClient().call(
                    "POST", try stand.gateway.url("/mcp/demo"),
                    headers: [
                        Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
                        Header("mcp-session-id", session),
                    ], body: .text("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"))
            }
            #expect(try await list(stand.key, session).status == 200)
            let stolen = try await list(other, session)
            let made = try await list(other, String(session.dropLast(4)) + "AAAA")
            #expect(stolen.status == 404 && made.status == 404)
            #expect(stolen.text == made.text)
        }
    }
}
