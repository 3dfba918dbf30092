import Foundation
import GatewayIdentity
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWire
import GatewayWorkbench
import Testing

@Suite("selections of tools, searched catalogues, schemas and protected resources", .timeLimit(.minutes(1)))
struct ToolViewTests {
    private static let selections = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPServer
        metadata: {name: weather}
        spec:
          prefixMode: never
          virtual: {include: [{server: demo, tools: ["get_*"]}]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPServer
        metadata: {name: everything}
        spec: {virtual: {include: [{server: "*"}], presentation: search}}
        """

    private static func tools(_ answer: CompletedResponse) throws -> [String] {
        let result = try #require(try ToolRoomTests.object(answer)["result"] as? [String: Any], "\(answer.text)")
        return (result["tools"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
    }

    @Test func `a virtual server has what it selects, and nothing else`() async throws {
        try await ToolRoomTests.run(more: Self.selections) { stand in
            let key = try stand.key("alice")
            let path = "/mcp/weather"
            #expect(try Self.tools(try await stand.send(key, "tools/list", path: path)) == ["get_weather"])
            let call = try await stand.send(
                key, "tools/call", "\"name\":\"get_weather\"", path: path, name: "get_weather")
            #expect(call.text.contains("done"), "\(call.text)")
            let other = try await stand.send(
                key, "tools/call", "\"name\":\"add\",\"arguments\":{\"a\":1}", path: path, name: "add")
            #expect(try ToolRoomTests.code(other) == -32602, "\(other.text)")
            let prefixed = try await stand.send(
                key, "tools/call", "\"name\":\"demo__delete_all\"", path: path, name: "demo__delete_all")
            #expect(try ToolRoomTests.code(prefixed) == -32602, "\(prefixed.text)")
            #expect(stand.toolCalls.count == 1)
            #expect(try await stand.send(try stand.key("bob", groups: []), "tools/list", path: path).status == 404)
        }
    }

    @Test func `a searched catalogue shows two tools, and calls what is found under the same policy`() async throws {
        try await ToolRoomTests.run(more: Self.selections) { stand in
            let key = try stand.key("alice")
            let path = "/mcp/everything"
            let list = try await stand.send(key, "tools/list", path: path)
            #expect(try Self.tools(list) == ["search_tools", "call_tool"])
            func ask(_ name: String, _ arguments: String) async throws -> CompletedResponse {
                try await stand.send(
                    key, "tools/call", "\"name\":\"\(name)\",\"arguments\":\(arguments)", path: path, name: name)
            }
            let found = try await ask("search_tools", "{\"query\":\"weather\"}")
            #expect(found.text.contains("demo__get_weather"), "\(found.text)")
            let hidden = try await ask("search_tools", "{\"query\":\"secret\"}")
            #expect(!hidden.text.contains("demo__secret"), "\(hidden.text)")
            let called = try await ask("call_tool", "{\"name\":\"demo__add\",\"arguments\":{\"a\":1}}")
            #expect(called.text.contains("done"), "\(called.text)")
            let call = try #require(stand.toolCalls.first)
            #expect(call.name == "add")
            #expect(call.header("mcp-name") == "add")
            #expect(call.header("mcp-param-a") == "1")
            #expect(call.body.contains("\"arguments\":{\"a\":1}"), "\(call.body)")
            let refused = try await ask("call_tool", "{\"name\":\"demo__add\",\"arguments\":{\"a\":100}}")
            #expect(try ToolRoomTests.code(refused) == 3020, "\(refused.text)")
            #expect(try ToolRoomTests.code(try await ask("call_tool", "{\"name\":\"demo__secret\"}")) == -32602)
            #expect(try ToolRoomTests.code(try await ask("demo__get_weather", "{}")) == -32602)
            #expect(stand.toolCalls.count == 1)
        }
    }

    @Test func `arguments that do not fit never reach the server, results that do not never the client`() async throws {
        let policy = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: MCPToolPolicy
            metadata: {name: trust}
            spec: {servers: [demo], validate: results}
            """
        let tools = """
            [{"name":"get_weather","inputSchema":{"type":"object","properties":{"city":{"type":"string"}},\
            "required":["city"]},"outputSchema":{"type":"object","required":["degrees"]}}]
            """
        let scripted: ToolRoomTests.Scripted = { received, params in
            guard received.method == "tools/call" else { return nil }
            let city = (params["arguments"] as? [String: Any])?["city"] as? String ?? ""
            let content = city == "Rome" ? "{\"degrees\":20}" : "{}"
            return .result("{\"resultType\":\"complete\",\"content\":[],\"structuredContent\":\(content)}")
        }
        try await ToolRoomTests.run(tools: tools, more: policy, answer: scripted) { stand in
            let key = try stand.key("alice")
            func call(_ arguments: String) async throws -> CompletedResponse {
                try await stand.send(
                    key, "tools/call", "\"name\":\"get_weather\",\"arguments\":\(arguments)", name: "get_weather")
            }
            for wrong in ["{}", "{\"city\":1}"] {
                let answer = try await call(wrong)
                #expect(answer.text.contains("\"isError\":true"), "\(answer.text)")
                #expect(answer.text.contains("/city"), "\(answer.text)")
            }
            #expect(stand.toolCalls.isEmpty)
            #expect(try await call("{\"city\":\"Rome\"}").text.contains("\"degrees\":20"))
            let broken = try await call("{\"city\":\"Oslo\"}")
            #expect(try ToolRoomTests.code(broken) != nil, "\(broken.text)")
            #expect(broken.text.contains("degrees"), "\(broken.text)")
        }
    }

    @Test func `a token of a run that lists tools calls no others`() async throws {
        try await ToolRoomTests.run { stand in
            var draft = TokenDraft()
            draft.user = "alice"
            draft.groups = ["engineering"]
            draft.tools = ["demo__get_*"]
            let tokens = stand.gateway.process.tokens
            let now = Int(Date().timeIntervalSince1970)
            let key = try tokens.sign(try draft.grant(audiences: tokens.audiences, nowSeconds: now))
            #expect(try Self.tools(try await stand.send(key, "tools/list")) == ["get_weather"])
            let call = try await stand.send(key, "tools/call", "\"name\":\"add\",\"arguments\":{\"a\":1}", name: "add")
            #expect(try ToolRoomTests.code(call) == -32602, "\(call.text)")
            let own = try await stand.send(key, "tools/call", "\"name\":\"get_weather\"", name: "get_weather")
            #expect(own.text.contains("done"), "\(own.text)")
        }
    }

    @Test func `such a token reads no resources and prompts beside, unless it lists them too`() async throws {
        let all = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: all}
            spec: {subjects: [{any: true}], rules: [{server: demo}]}
            """
        let scripted: ToolRoomTests.Scripted = { received, _ in
            switch received.method {
            case "resources/read": .result("{\"resultType\":\"complete\",\"contents\":[]}")
            case "prompts/get": .result("{\"resultType\":\"complete\",\"messages\":[]}")
            case "prompts/list": .result("{\"resultType\":\"complete\",\"prompts\":[{\"name\":\"greet\"}]}")
            default: nil
            }
        }
        try await ToolRoomTests.run(more: all, answer: scripted) { stand in
            let tokens = stand.gateway.process.tokens
            let now = Int(Date().timeIntervalSince1970)
            for (names, isThere) in [
                (["demo__get_*"], false), (["demo__get_*", "demo+file:///*", "demo__greet"], true), ([], true),
            ] {
                var draft = TokenDraft()
                draft.user = "alice"
                draft.groups = ["engineering"]
                draft.tools = names
                let key = try tokens.sign(try draft.grant(audiences: tokens.audiences, nowSeconds: now))
                let read = try await stand.send(
                    key, "resources/read", "\"uri\":\"file:///a\"", name: "file:///a")
                #expect((try ToolRoomTests.code(read) == nil) == isThere, "\(names) \(read.text)")
                let prompt = try await stand.send(key, "prompts/get", "\"name\":\"greet\"", name: "greet")
                #expect((try ToolRoomTests.code(prompt) == nil) == isThere, "\(names) \(prompt.text)")
                let list = try await stand.send(key, "prompts/list")
                #expect(list.text.contains("greet") == isThere, "\(names) \(list.text)")
            }
            #expect(stand.received().filter { $0.method == "resources/read" }.count == 2)
        }
    }

    @Test func `a rule reads how tools are judged`() async throws {
        let more = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: MCPToolPolicy
            metadata: {name: judged}
            spec: {servers: [demo], tools: ["secret"], pin: "off", risk: critical}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: by-risk}
            spec:
              subjects: [{any: true}]
              rules:
                - {server: demo, tools: ["secret", "get_*"]}
                - {server: demo, when: "tool.risk in ['high', 'critical']", verdict: deny}
            """
        try await ToolRoomTests.run(more: more) { stand in
            let key = try stand.key("alice")
            #expect(try Self.tools(try await stand.send(key, "tools/list")) == ["get_weather", "add", "delete_all"])
            let denied = try await stand.send(key, "tools/call", "\"name\":\"secret\"", name: "secret")
            #expect(try ToolRoomTests.code(denied) == -32602, "\(denied.text)")
            let allowed = try await stand.send(key, "tools/call", "\"name\":\"get_weather\"", name: "get_weather")
            #expect(allowed.text.contains("done"), "\(allowed.text)")
            #expect(stand.toolCalls.count == 1)
        }
    }

    @Test func `a budget of bytes counts what tools take and give, and owes what is beyond`() async throws {
        let more = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: BudgetPolicy
            metadata: {name: tool-bytes}
            spec: {scope: user, tools: ["demo__get_*"], limits: [{unit: bytes, max: 2000, window: total}]}
            """
        let large = String(repeating: "x", count: 5_000)
        let scripted: ToolRoomTests.Scripted = { received, _ in
            received.method == "tools/call"
                ? .result("{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"\(large)\"}]}") : nil
        }
        try await ToolRoomTests.run(more: more, answer: scripted) { stand in
            let key = try stand.key("alice")
            func call(_ name: String, _ key: String) async throws -> CompletedResponse {
                let fields = name == "add" ? [Header("mcp-param-a", "1")] : []
                return try await stand.send(
                    key, "tools/call", "\"name\":\"\(name)\",\"arguments\":{\(name == "add" ? "\"a\":1" : "")}",
                    name: name, headers: fields)
            }
            #expect(try await call("get_weather", key).text.contains("xxx"))
            let refused = try await call("get_weather", key)
            #expect(try ToolRoomTests.code(refused) != nil, "\(refused.text)")
            #expect(refused.text.contains("bytes"), "\(refused.text)")
            // Another tool, and another user.
            #expect(try await call("add", key).text.contains("xxx"))
            #expect(try await call("get_weather", try stand.key("bob")).text.contains("xxx"))
            let lines = stand.gateway.process.state.ledger.lines(nowMilliseconds: 1_800_000_000_000)
            let spent = lines.filter { $0.unit == .bytes }.map(\.spent)
            #expect(spent.count == 2 && spent.allSatisfy { $0 > 5_000 && $0 < 6_000 }, "\(spent)")
        }
    }

    @Test func `calls count on the budget of their run, whichever of its tokens makes them`() async throws {
        try await ToolRoomTests.run { stand in
            var draft = TokenDraft()
            draft.user = "alice"
            draft.groups = ["engineering"]
            draft.run = "r-1"
            draft.limits = [BudgetLimit(unit: .requests, max: 2, window: .total)]
            let tokens = stand.gateway.process.tokens
            let now = Int(Date().timeIntervalSince1970)
            func call() async throws -> CompletedResponse {
                let key = try tokens.sign(try draft.grant(audiences: tokens.audiences, nowSeconds: now))
                return try await stand.send(key, "tools/call", "\"name\":\"get_weather\"", name: "get_weather")
            }
            for _ in 0..<2 { #expect(try await call().text.contains("done")) }
            let refused = try await call()
            #expect(try ToolRoomTests.code(refused) != nil, "\(refused.text)")
            #expect(refused.text.contains("budget") && refused.text.contains("requests"), "\(refused.text)")
            #expect(stand.toolCalls.count == 2)
        }
    }

    // MARK: Protected resources

    static let resource = "https://gateway.example/mcp/demo"
    private static let metadata = "https://gateway.example/.well-known/oauth-protected-resource/mcp/demo"

    static func protected(_ port: Int, _ key: SigningKey) -> String {
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: edge}
        spec: {gatewayClassName: sluice, listeners: [{name: http, protocol: HTTP, port: 8080}]}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: tools}
        spec:
          parentRefs: [{name: edge}]
          rules:
            - matches: [{path: {type: PathPrefix, value: /mcp/demo}}]
              backendRefs: [{group: sluice.dev, kind: MCPServer, name: demo}]
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: IdentityProvider
        metadata: {name: login}
        spec:
          type: JWT
          jwt:
            issuer: https://login.example
            audiences: [sluice, "\(resource)"]
            jwks: {inline: '\(JSONTree.object(["keys": [.object(key.publishedMembers)]]).compactText)'}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: TrafficPolicy
        metadata: {name: who}
        spec:
          targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: tools}]
          authentication: {providers: [login]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPServer
        metadata: {name: demo}
        spec:
          http: {url: "http://127.0.0.1:\(port)/mcp"}
          authorization:
            resource: "\(resource)"
            authorizationServers: ["https://login.example"]
            scopes: ["tools:read"]
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ToolAccessPolicy
        metadata: {name: all}
        spec: {subjects: [{any: true}], rules: [{server: demo}]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPToolPolicy
        metadata: {name: writing}
        spec: {servers: [demo], tools: ["delete_*"], scopes: ["tools:read", "tools:write"]}
        """
    }

    static func token(_ key: SigningKey, _ audience: String, scope: String) throws -> String {
        let now = Int(Date().timeIntervalSince1970)
        let claims: JSONObject = [
            "iss": "https://login.example", "sub": "ann", "aud": .text(audience), "iat": .integer(now),
            "exp": .integer(now + 300), "jti": "t-1", "scope": .text(scope),
        ]
        return try key.sign(claims, header: ["typ": "at+jwt", "kid": .text(key.thumbprint)])
    }

    @Test func `clients are told where tokens come from, tokens of others open nothing, scopes are asked for at once`()
        async throws
    {
        let key = SigningKey(.p256)
        let (server, received) = try await ScriptedToolServer.start { _, _ in nil }
        let gateway = try await GatewayUnderTest.start(Self.protected(server.port, key))
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        do {
            let path = "/.well-known/oauth-protected-resource/mcp/demo"
            // Whatever host it is asked under.
            let metadata = try await WorkbenchClient().call(
                "GET", try gateway.url(path), headers: [Header("x-forwarded-host", "evil.example")])
            #expect(metadata.status == 200)
            let object = try ToolRoomTests.object(metadata)
            #expect(object["resource"] as? String == Self.resource)
            #expect(object["authorization_servers"] as? [String] == ["https://login.example"])
            let nobody = try await stand.post("/mcp/demo", [Header("content-type", "application/json")], "{}")
            #expect(nobody.status == 401)
            #expect(
                nobody.headers.first { $0.name == "www-authenticate" }?.value
                    == "Bearer realm=\"sluice\", resource_metadata=\"\(Self.metadata)\", scope=\"tools:read\"")
            // The route believes it, and it is for another resource all the same.
            let other = try await stand.send(try Self.token(key, "sluice", scope: "tools:read"), "tools/list")
            #expect(other.status == 401, "\(other.text)")
            let challenge = other.headers.first { $0.name == "www-authenticate" }?.value ?? ""
            #expect(challenge.contains("error=\"invalid_token\"") && challenge.contains(Self.metadata), "\(challenge)")
            let reader = try Self.token(key, Self.resource, scope: "tools:read")
            let list = try await stand.send(reader, "tools/list")
            #expect(list.status == 200, "\(list.text)")
            let refused = try await stand.send(reader, "tools/call", "\"name\":\"delete_all\"", name: "delete_all")
            #expect(refused.status == 403, "\(refused.text)")
            let step = refused.headers.first { $0.name == "www-authenticate" }?.value ?? ""
            #expect(step.contains("error=\"insufficient_scope\""), "\(step)")
            #expect(step.contains("scope=\"tools:read tools:write\""), "\(step)")
            let writer = try Self.token(key, Self.resource, scope: "tools:read tools:write")
            let done = try await stand.send(writer, "tools/call", "\"name\":\"delete_all\"", name: "delete_all")
            #expect(done.text.contains("done"), "\(done.text)")
            #expect(stand.toolCalls.count == 1)
            #expect(received().allSatisfy { $0.header("authorization") == nil })
        } catch {
            try await gateway.stop()
            await server.stop()
            throw error
        }
        try await gateway.stop()
        await server.stop()
    }
}
