import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Synchronization
import Testing

@Suite(
    "a call of a user who has not connected asks him by a URL, and goes on when he has",
    .timeLimit(.minutes(1)))
struct ConnectAskTests {
    typealias Stand = ConnectTests.Stand

    private static let url = "\"elicitation\":{\"url\":{}}"
    private static let both = "\"elicitation\":{\"form\":{},\"url\":{}}"

    // MARK: Clients

    /// A call of revision 2026-07-28.
    private static func call(
        _ stand: Stand, _ key: String, more: String = "", can: String = url, tool: String = "get_weather", n: Int = 1
    ) async throws -> [String: Any] {
        let body = """
            {"jsonrpc":"2.0","id":\(n),"method":"tools/call","params":{"name":"\(tool)","arguments":{}\(more),"_meta":{\
            "io.modelcontextprotocol/protocolVersion":"2026-07-28",\
            "io.modelcontextprotocol/clientCapabilities":{\(can)}}}}
            """
        let fields = [
            ("authorization", "Bearer \(key)"), ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"), ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"), ("mcp-name", tool),
        ]
        return try last(try await stand.tools.post("/mcp/demo", fields.map { Header($0.0, $0.1) }, body))
    }

    /// The answer, whether it is a document or ends a stream.
    private static func last(_ answer: CompletedResponse) throws -> [String: Any] {
        let lines = answer.text.split(separator: "\n").filter { $0.hasPrefix("data: {") }
        let text = lines.last.map { String($0.dropFirst(6)) } ?? answer.text
        return try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(answer.text)")
    }

    private static func result(_ message: [String: Any]) throws -> [String: Any] {
        try #require(message["result"] as? [String: Any], "\(message)")
    }

    private struct Asked {
        var url: String
        var state: String
        var flow: String { String(url.split(separator: "=").last ?? "") }
        var origin: String { url.split(separator: "/").prefix(2).joined(separator: "//") }

        /// What the client sends the next time.
        func more(_ answer: String = "{\"action\":\"accept\"}") -> String {
            ",\"requestState\":\"\(state)\",\"inputResponses\":{\"connect\":\(answer)}"
        }
    }

    private static func asked(_ message: [String: Any]) throws -> Asked {
        let result = try result(message)
        #expect(result["resultType"] as? String == "input_required", "\(message)")
        let requests = try #require(result["inputRequests"] as? [String: Any])
        let request = try #require(requests["connect"] as? [String: Any])
        let params = try #require(request["params"] as? [String: Any])
        #expect(request["method"] as? String == "elicitation/create" && params["mode"] as? String == "url")
        #expect(params["elicitationId"] == nil && params["message"] is String)
        return Asked(
            url: try #require(params["url"] as? String), state: try #require(result["requestState"] as? String))
    }

    private static func isDone(_ message: [String: Any]) throws -> Bool {
        try JSONSerialization.data(withJSONObject: result(message)).range(of: Data("done".utf8)) != nil
    }

    private static func errorCode(_ message: [String: Any]) -> Int? {
        (message["error"] as? [String: Any])?["code"] as? Int
    }

    // MARK: Browsers

    /// Sends the form of the first page.
    private static func enter(
        _ stand: Stand, _ flow: String, _ credential: String, origin: String?
    ) async throws -> CompletedResponse {
        var headers = [Header("content-type", "application/x-www-form-urlencoded")]
        if let origin { headers.append(Header("origin", origin)) }
        return try await WorkbenchClient().call(
            "POST", try stand.tools.gateway.url("/oauth/connect/start"), headers: headers,
            body: .text("flow=\(flow)&credential=\(credential)"))
    }

    private static func cookie(_ answer: CompletedResponse) -> String {
        let line = answer.headers.first { $0.name == "set-cookie" }?.value ?? ""
        return String(line.prefix { $0 != ";" })
    }

    private static func come(
        back path: String, _ cookie: String, _ stand: Stand
    ) async throws -> CompletedResponse {
        try await WorkbenchClient().call(
            "GET", try stand.tools.gateway.url(path), headers: cookie.isEmpty ? [] : [Header("cookie", cookie)])
    }

    /// All of it, as the user does it.
    private static func connect(
        _ stand: Stand, _ asked: Asked, _ credential: String, as person: String
    ) async throws {
        let page = try await stand.get("/oauth/connect/start?flow=\(asked.flow)")
        #expect(page.status == 200 && page.text.contains("<form method=\"post\""), "\(page.text)")
        let entered = try await enter(stand, asked.flow, credential, origin: asked.origin)
        #expect(entered.status == 303, "\(entered.text)")
        let back = try stand.server.allow(entered.headers.first("location") ?? "", as: person)
        let done = try await come(back: back, "a=b; \(cookie(entered))", stand)
        #expect(done.status == 200 && done.text.contains("Connected to demo"), "\(done.text)")
    }

    // MARK: Requests that stand for themselves

    @Test("the question is the answer, the call goes on once the user has connected, and the state is of this call")
    func asks() async throws {
        try await ConnectTests.run { stand in
            let (alice, bob) = (try stand.tools.key("alice"), try stand.tools.key("bob"))
            let asked = try Self.asked(try await Self.call(stand, alice))
            #expect(!asked.url.contains("alice") && asked.url.contains("/oauth/connect/start?flow="))
            // One URL for all that the user's calls need.
            #expect(try Self.asked(try await Self.call(stand, alice)).url == asked.url)
            // The state is nobody else's.
            #expect(Self.errorCode(try await Self.call(stand, bob, more: asked.more())) == -32_602)
            // The call waits for the browser, however long that takes.
            async let waiting = Self.call(stand, alice, more: asked.more(), n: 2)
            try await Self.connect(stand, asked, alice, as: "alice-there")
            let done = try await waiting
            #expect(try Self.isDone(done) && done["id"] as? Int == 2)
            #expect(stand.server.callers == ["alice-there"])
            // The link has been used, and so has its answer.
            #expect(try await stand.get("/oauth/connect/start?flow=\(asked.flow)").status == 404)
            #expect(try await Self.enter(stand, asked.flow, alice, origin: asked.origin).status == 404)
            let shown = stand.server.state.withLock { $0.calls.map(\.authorization) }
            #expect(shown.allSatisfy { !$0.contains(alice) })
        }
    }

    @Test("connecting in another way does as well, and an answer without a word asks again")
    func otherwise() async throws {
        try await ConnectTests.run { stand in
            let key = try stand.tools.key("alice")
            let asked = try Self.asked(try await Self.call(stand, key))
            let again = try Self.asked(
                try await Self.call(stand, key, more: ",\"requestState\":\"\(asked.state)\""))
            #expect(again.url == asked.url)
            try await stand.connect(key, as: "alice")
            #expect(try Self.isDone(try await Self.call(stand, key, more: again.more())))
        }
    }

    @Test("who says no, or cannot be shown a URL, gets the refusal that names the command")
    func refusals() async throws {
        try await ConnectTests.run { stand in
            let key = try stand.tools.key("alice")
            for can in ["", "\"elicitation\":{}", "\"elicitation\":{\"form\":{}}", "\"elicitation\":{\"url\":null}"] {
                #expect(Self.errorCode(try await Self.call(stand, key, can: can)) == 3_023, "\(can)")
            }
            #expect(stand.server.state.withLock { $0.registrations.isEmpty })
            for action in ["decline", "cancel"] {
                let asked = try Self.asked(try await Self.call(stand, key))
                let answer = try await Self.call(stand, key, more: asked.more("{\"action\":\"\(action)\"}"))
                #expect(Self.errorCode(answer) == 3_023 && "\(answer)".contains("sluice connect demo"))
            }
        }
    }

    @Test("an agent may ask for its user, and the user alone answers")
    func agents() async throws {
        try await ConnectTests.run { stand in
            let alice = try stand.tools.key("alice")
            var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
            (draft.user, draft.agent, draft.groups) = ("alice", "bot", ["engineering"])
            let bot = try stand.tools.gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
            let asked = try Self.asked(try await Self.call(stand, bot))
            #expect(try await Self.enter(stand, asked.flow, bot, origin: asked.origin).status == 403)
            try await Self.connect(stand, asked, alice, as: "alice-there")
            #expect(try Self.isDone(try await Self.call(stand, bot, more: asked.more())))
        }
    }

    @Test("a credential without a user makes no connection, and is told what it lacks")
    func machines() async throws {
        try await ConnectTests.run { stand in
            for agent in [nil, "robot"] {
                var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
                (draft.agent, draft.groups) = (agent, ["engineering"])
                let key = try stand.tools.gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
                let answer = try await Self.call(stand, key)
                #expect(Self.errorCode(answer) == 3_023 && "\(answer)".contains("only users connect"), "\(answer)")
                for (path, form) in [("connections/demo", "x=y"), ("connect/confirm", "flow=f&proof=p")] {
                    #expect(try await stand.ask("POST", "/oauth/\(path)", key, form).status == 403)
                }
                let asked = try Self.asked(try await Self.call(stand, try stand.tools.key("alice")))
                #expect(try await Self.enter(stand, asked.flow, key, origin: asked.origin).status == 403)
            }
            #expect(stand.server.forms.isEmpty)
        }
    }

    // MARK: Attacks

    @Test("a link that is sent on connects nobody: who opens it must be who was asked, in one browser")
    func sentOn() async throws {
        try await ConnectTests.run { stand in
            let (mallory, victim) = (try stand.tools.key("mallory"), try stand.tools.key("victim"))
            let asked = try Self.asked(try await Self.call(stand, mallory))
            // The link alone leads nowhere, and names who was asked.
            let page = try await stand.get("/oauth/connect/start?flow=\(asked.flow)")
            #expect(page.status == 200 && page.headers.first("location") == nil && page.text.contains("mallory"))
            #expect(page.headers.first("referrer-policy") == "same-origin")
            #expect(page.headers.first("content-security-policy")?.contains("frame-ancestors 'none'") == true)
            // The victim is somebody else, and a page of Mallory's cannot show her key in the victim's browser.
            #expect(try await Self.enter(stand, asked.flow, victim, origin: asked.origin).status == 403)
            for origin in ["https://mallory.example", "null", nil] {
                #expect(try await Self.enter(stand, asked.flow, mallory, origin: origin).status == 403)
            }
            // She enters herself, and sends on where she was sent: the answer comes to another browser.
            let entered = try await Self.enter(stand, asked.flow, mallory, origin: asked.origin)
            #expect(entered.status == 303)
            let line = entered.headers.first { $0.name == "set-cookie" }?.value ?? ""
            #expect(line.contains("HttpOnly") && line.contains("SameSite=Lax"))
            let back = try stand.server.allow(entered.headers.first("location") ?? "", as: "victim")
            let name = Self.cookie(entered).prefix { $0 != "=" }
            for cookie in ["", "\(name)=made-up", "\(Self.cookie(entered)); \(Self.cookie(entered))"] {
                let answer = try await Self.come(back: back, cookie, stand)
                #expect(answer.status == 400, "\(answer.text)")
            }
            // It counts once: not even in her own browser any more.
            #expect(try await Self.come(back: back, Self.cookie(entered), stand).status == 400)
            #expect(stand.server.forms.isEmpty)
            #expect(Self.errorCode(try await Self.call(stand, mallory, can: "")) == 3_023)
        }
    }

    @Test("who ends his connection ends the links that were open for it, and nobody else's")
    func removed() async throws {
        try await ConnectTests.run { stand in
            let (alice, bob) = (try stand.tools.key("alice"), try stand.tools.key("bob"))
            let asked = try Self.asked(try await Self.call(stand, alice))
            let other = try Self.asked(try await Self.call(stand, bob))
            #expect(try await stand.get("/oauth/connect/start?flow=\(asked.flow)").status == 200)
            #expect(try await stand.ask("DELETE", "/oauth/connections/demo", alice).status == 404)
            #expect(try await stand.get("/oauth/connect/start?flow=\(asked.flow)").status == 404)
            #expect(try await Self.enter(stand, asked.flow, alice, origin: asked.origin).status == 404)
            #expect(try await stand.get("/oauth/connect/start?flow=\(other.flow)").status == 200)
        }
    }

    @Test("guessing ends the link, and the next call gets another one")
    func guesses() async throws {
        try await ConnectTests.run { stand in
            let key = try stand.tools.key("alice")
            let asked = try Self.asked(try await Self.call(stand, key))
            for _ in 0..<4 {
                #expect(try await Self.enter(stand, asked.flow, "made-up", origin: asked.origin).status == 403)
            }
            #expect(try await Self.enter(stand, asked.flow, "made-up", origin: asked.origin).status == 404)
            #expect(try await Self.enter(stand, asked.flow, key, origin: asked.origin).status == 404)
            let next = try Self.asked(try await Self.call(stand, key))
            #expect(next.flow != asked.flow)
            // The API of the command has no hold on it either.
            #expect(
                try await stand.ask("POST", "/oauth/connect/confirm", key, "flow=\(next.flow)&proof=x").status == 404)
        }
    }

    @Test("who may not use the server any more does not connect to it, and it is no guess")
    func notAllowed() async throws {
        try await ConnectTests.run { stand in
            let asked = try Self.asked(try await Self.call(stand, try stand.tools.key("alice")))
            let outside = try stand.tools.key("alice", groups: [])
            for _ in 0..<6 {
                #expect(try await Self.enter(stand, asked.flow, outside, origin: asked.origin).status == 403)
            }
            #expect(try await stand.get("/oauth/connect/start?flow=\(asked.flow)").status == 200)
        }
    }

    @Test("a server whose issuer cannot be used asks nobody: the refusal is the usual one")
    func unusable() async throws {
        try await ConnectTests.run("mode: perUser") { stand in
            let key = try stand.tools.key("alice")
            #expect(Self.errorCode(try await Self.call(stand, key)) == 3_023)
        }
    }

    @Test("calls that come at once ask by one URL, of one registration")
    func atOnce() async throws {
        try await ConnectTests.run { stand in
            let key = try stand.tools.key("alice")
            let urls = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<10 { group.addTask { try Self.asked(try await Self.call(stand, key)).url } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(urls.count == 1)
            #expect(stand.server.state.withLock { $0.registrations.count } == 1)
        }
    }

    // MARK: Approval and scopes

    @Test("an approval lets one call be made, whoever has to connect in between")
    func approved() async throws {
        try await ConnectTests.run { stand in
            let key = try stand.tools.key("alice")
            let asked = try Self.asked(try await Self.call(stand, key, can: Self.both, tool: "delete_all"))
            try await Self.connect(stand, asked, key, as: "alice")
            // Now the person is asked about the call itself.
            let question = try Self.result(
                try await Self.call(stand, key, more: asked.more(), can: Self.both, tool: "delete_all"))
            let requests = try #require(question["inputRequests"] as? [String: Any])
            #expect(requests["approval"] != nil && stand.server.callers.isEmpty)
            let state = try #require(question["requestState"] as? String)
            // The server wants more scopes, which is found out by the approved call.
            stand.server.state.withLock { $0.missingScope = "write" }
            let yes =
                ",\"requestState\":\"\(state)\",\"inputResponses\":{\"approval\":{\"action\":\"accept\",\"content\":"
                + "{\"approve\":true}}}"
            let more = try Self.asked(try await Self.call(stand, key, more: yes, can: Self.both, tool: "delete_all"))
            #expect(more.flow != asked.flow)
            stand.server.state.withLock { $0.missingScope = nil }
            try await Self.connect(stand, more, key, as: "alice")
            #expect(
                try Self.isDone(try await Self.call(stand, key, more: more.more(), can: Self.both, tool: "delete_all")))
            let sent = stand.server.callers.count
            // Sent again, it is no second call.
            let twice = try await Self.call(stand, key, more: more.more(), can: Self.both, tool: "delete_all")
            #expect(Self.errorCode(twice) == -32_602, "\(twice)")
            #expect(stand.server.callers.count == sent)
        }
    }
}
