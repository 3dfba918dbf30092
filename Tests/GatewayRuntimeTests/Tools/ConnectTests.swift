import Foundation
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Synchronization
import Testing

@Suite(
    "users connect to protected servers, each for himself, and what they show opens nothing there",
    .timeLimit(.minutes(1)))
struct ConnectTests {
    struct Stand {
        let tools: ToolRoomTests.Stand
        let server: ProtectedToolServer

        /// A request to the connection API, and its answer.
        func ask(
            _ method: String, _ path: String, _ key: String?, _ form: String = ""
        ) async throws -> (status: Int, object: [String: Any]) {
            var headers = key.map { [Header("authorization", "Bearer \($0)")] } ?? []
            if !form.isEmpty { headers.append(Header("content-type", "application/x-www-form-urlencoded")) }
            let answer = try await WorkbenchClient().call(
                method, try tools.gateway.url(path), headers: headers, body: form.isEmpty ? .none : .text(form))
            let object = try? JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
            return (answer.status, object ?? [:])
        }

        func get(_ path: String) async throws -> CompletedResponse {
            try await WorkbenchClient().call("GET", try tools.gateway.url(path))
        }

        /// Where a browser that opens the flow's URL is sent.
        func location(_ flow: String) async throws -> String {
            let answer = try await get("/oauth/connect/start?flow=\(flow)")
            #expect(answer.status == 303, "\(answer.text)")
            return answer.headers.first("location") ?? ""
        }

        func begin(_ key: String, port: Int? = 45_678) async throws -> String {
            let begun = try await ask(
                "POST", "/oauth/connections/demo", key, port.map { "return_port=\($0)" } ?? "x=y")
            #expect(begun.status == 201, "\(begun.object)")
            return try #require(begun.object["flow"] as? String)
        }

        /// All of it, as a person does it.
        func connect(_ key: String, as person: String) async throws {
            let flow = try await begin(key)
            let back = try server.allow(try await location(flow), as: person)
            let returned = try await get(back)
            #expect(returned.status == 303)
            let place = returned.headers.first("location") ?? ""
            #expect(place.hasPrefix("http://127.0.0.1:45678/callback?"))
            let proof = ProtectedToolServer.fields(String(place.drop { $0 != "?" }.dropFirst()))["proof"] ?? ""
            let done = try await ask("POST", "/oauth/connect/confirm", key, "flow=\(flow)&proof=\(proof)")
            #expect(done.status == 201 && done.object["state"] as? String == "connected", "\(done.object)")
        }

        func call(_ key: String) async throws -> CompletedResponse {
            try await tools.send(
                key, "tools/call", "\"name\":\"get_weather\",\"arguments\":{}", name: "get_weather")
        }
    }

    static func run(
        _ oauth: String = "allowedAddresses: [127.0.0.0/8]", folder: URL? = nil,
        server given: ProtectedToolServer? = nil, _ body: (Stand) async throws -> Void
    ) async throws {
        let server = if let given { given } else { try await ProtectedToolServer.start() }
        let text = ToolRoomTests.configuration(server.resource.port).replacing(
            "/mcp\"}", with: "/mcp\", oauth: {\(oauth.replacing("$ISSUER", with: server.issuer))}}")
        let gateway = try await GatewayUnderTest.start(text, folder: folder)
        let stand = Stand(tools: ToolRoomTests.Stand(gateway: gateway, received: { [] }), server: server)
        do { try await body(stand) } catch {
            try await gateway.stop()
            throw error
        }
        try await gateway.stop()
        if given == nil { await server.stop() }
    }

    @Test("connect, call, and be nobody else: PKCE, resource, a registration of its own, and never the caller's key")
    func connected() async throws {
        try await Self.run { stand in
            let (alice, bob) = (try stand.tools.key("alice"), try stand.tools.key("bob"))
            // Nobody has connected: the call says what to do.
            let refused = try await stand.call(alice)
            #expect(refused.text.contains("sluice connect demo") && refused.text.contains("SL-3023"), "\(refused.text)")
            try await stand.connect(alice, as: "alice-there")
            let answer = try await stand.call(alice)
            #expect(answer.status == 200 && answer.text.contains("done"), "\(answer.text)")
            #expect(try await stand.call(bob).text.contains("SL-3023"))
            try await stand.connect(bob, as: "bob-there")
            _ = try await stand.call(bob)
            _ = try await stand.call(alice)
            #expect(stand.server.callers == ["alice-there", "bob-there", "alice-there"])
            // One registration for both, for a callback on this machine.
            #expect(stand.server.state.withLock { $0.registrations } == ["native"])
            let form = try #require(stand.server.forms.first { $0["grant_type"] == "authorization_code" })
            #expect(form["resource"] == stand.server.url && form["client_id"] == "dyn-1")
            let shown = stand.server.state.withLock { $0.calls.map(\.authorization) }
            #expect(shown.allSatisfy { !$0.contains(alice) && !$0.contains(bob) })
            let list = try await stand.ask("GET", "/oauth/connections", alice)
            let items = list.object["items"] as? [[String: Any]] ?? []
            #expect(items.count == 1 && items[0]["state"] as? String == "connected")
            #expect(items[0]["issuer"] as? String == stand.server.issuer)
        }
    }

    @Test("tokens are renewed before they end, with the rotated refresh token, once for all who wait")
    func renewed() async throws {
        try await Self.run { stand in
            let key = try stand.tools.key("alice")
            stand.server.state.withLock { $0.lifetimeSeconds = 1 }
            try await stand.connect(key, as: "alice")
            stand.server.state.withLock { $0.lifetimeSeconds = 3_600 }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 { group.addTask { try await stand.call(key).status } }
                for try await status in group { #expect(status == 200) }
            }
            #expect(stand.server.forms.count { $0["grant_type"] == "refresh_token" } == 1)
            #expect(Set(stand.server.callers) == ["alice"])
        }
    }

    @Test("a token that the server does not take any more is renewed, and the call made once more")
    func refused() async throws {
        try await Self.run { stand in
            let key = try stand.tools.key("alice")
            try await stand.connect(key, as: "alice")
            _ = try await stand.call(key)
            stand.server.state.withLock { $0.tokens = [:] }
            #expect(try await stand.call(key).text.contains("done"))
            #expect(stand.server.forms.count { $0["grant_type"] == "refresh_token" } == 1)
        }
    }

    @Test("a user who has taken his leave back at the issuer has to connect again")
    func over() async throws {
        try await Self.run { stand in
            let key = try stand.tools.key("alice")
            try await stand.connect(key, as: "alice")
            _ = try await stand.call(key)
            stand.server.state.withLock { ($0.tokens, $0.refreshTokens) = ([:], [:]) }
            let over = try await stand.call(key)
            #expect(over.text.contains("SL-3023") && over.text.contains("has ended"), "\(over.text)")
            let known = try await stand.ask("GET", "/oauth/connections/demo", key)
            #expect(known.object["state"] as? String == "expired")
        }
    }

    @Test("a connection survives a restart, sealed: no file of the gateway has its tokens")
    func restart() async throws {
        let server = try await ProtectedToolServer.start()
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-connect-\(UUID().uuidString)")
        try await Self.run(folder: folder, server: server) { stand in
            try await stand.connect(try stand.tools.key("alice"), as: "alice")
        }
        let tokens = server.state.withLock { Array($0.tokens.keys) + Array($0.refreshTokens.keys) }
        #expect(tokens.count == 2)
        for file in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            guard let data = FileManager.default.contents(atPath: "\(folder.path)/\(file)") else { continue }
            for token in tokens { #expect(data.firstRange(of: Data("\"\(token)\"".utf8)) == nil, "\(file)") }
        }
        try await Self.run(folder: folder, server: server) { stand in
            let key = try stand.tools.key("alice")
            #expect(try await stand.call(key).text.contains("done"))
            #expect(server.callers == ["alice"])
        }
        await server.stop()
    }

    @Test("disconnecting ends it here at once, and there")
    func disconnected() async throws {
        try await Self.run { stand in
            let key = try stand.tools.key("alice")
            try await stand.connect(key, as: "alice")
            _ = try await stand.call(key)
            #expect(try await stand.ask("DELETE", "/oauth/connections/demo", key).status == 200)
            #expect(stand.server.state.withLock { $0.revoked.count } == 2)
            #expect(try await stand.call(key).text.contains("SL-3023"))
            #expect(try await stand.ask("DELETE", "/oauth/connections/demo", key).status == 404)
        }
    }

    // MARK: Attacks

    @Test("a link that somebody sends on connects nobody: the code and the proof are worth nothing to others")
    func sentOn() async throws {
        try await Self.run { stand in
            let (mallory, alice) = (try stand.tools.key("mallory"), try stand.tools.key("alice"))
            // Mallory begins and sends the link to Alice, who says yes in her browser and sees a code.
            let flow = try await stand.begin(mallory, port: nil)
            let page = try await stand.get(try stand.server.allow(try await stand.location(flow), as: "alice"))
            #expect(page.status == 200 && page.text.contains("tell nobody the code"))
            #expect(page.headers.first("content-security-policy")?.contains("default-src 'none'") == true)
            #expect(page.headers.first("referrer-policy") == "no-referrer")
            // Without the code Mallory gets nowhere, and guessing ends the flow.
            for _ in 0..<5 {
                let tried = try await stand.ask(
                    "POST", "/oauth/connect/confirm", mallory, "flow=\(flow)&proof=BCDFG-BCDFG")
                #expect(tried.status == 403)
            }
            #expect(
                try await stand.ask("POST", "/oauth/connect/confirm", mallory, "flow=\(flow)&proof=x").status == 404)
            // A flow is its owner's.
            let other = try await stand.begin(alice)
            #expect(
                try await stand.ask("POST", "/oauth/connect/confirm", mallory, "flow=\(other)&proof=x").status == 404)
            #expect(try await stand.call(mallory).text.contains("SL-3023"))
            #expect(stand.server.forms.isEmpty)
        }
    }

    @Test("a state counts once; an answer of another issuer, or of none, is no answer")
    func callbacks() async throws {
        try await Self.run { stand in
            let key = try stand.tools.key("alice")
            let flow = try await stand.begin(key)
            let back = try stand.server.allow(try await stand.location(flow), as: "alice")
            #expect(try await stand.get(back).status == 303)
            #expect(try await stand.get(back).status == 400)
            for change in [
                { (back: String) in back.replacing("&iss=", with: "&iss=x") },
                { (back: String) in String(back.prefix { $0 != "&" }) + "&state=made-up" },
                { (back: String) in back.split(separator: "&").dropLast().joined(separator: "&") },
            ] {
                let flow = try await stand.begin(key)
                let back = change(try stand.server.allow(try await stand.location(flow), as: "alice"))
                #expect(try await stand.get(back).status == 400, "\(back)")
            }
            #expect(try await stand.get("/oauth/connect/start?flow=made-up").status == 404)
            #expect(stand.server.forms.isEmpty)
        }
    }

    @Test("addresses that the server names must be public, or opened by the operator")
    func forgery() async throws {
        try await Self.run("mode: perUser") { stand in
            let begun = try await stand.ask("POST", "/oauth/connections/demo", try stand.tools.key("alice"), "x=y")
            #expect(begun.status >= 400 && begun.object["flow"] == nil, "\(begun.object)")
            #expect(stand.server.state.withLock { $0.registrations.isEmpty && $0.forms.isEmpty })
        }
    }

    @Test(
        "metadata that lies is not gone by",
        arguments: [
            ("resource", "resource", "http://127.0.0.1:1/mcp"), ("resource", "resource", "https://other.example/mcp"),
            ("issuer", "issuer", "https://other.example"), ("issuer", "token_endpoint", "file:///etc/passwd"),
            ("issuer", "code_challenge_methods_supported", "plain"),
        ])
    func lies(_ part: String, _ member: String, _ value: String) async throws {
        try await Self.run { stand in
            stand.server.state.withLock { state in
                if part == "issuer" {
                    state.issuerMembers[member] = value
                } else {
                    state.resourceMembers[member] = value
                }
            }
            let begun = try await stand.ask("POST", "/oauth/connections/demo", try stand.tools.key("alice"), "x=y")
            #expect(begun.status >= 400 && begun.object["flow"] == nil, "\(begun.object)")
            #expect(stand.server.forms.isEmpty)
        }
    }

    @Test("who may use nothing of a server does not learn that it is there; who shows nothing is asked to")
    func unknown() async throws {
        try await Self.run { stand in
            let stranger = try stand.tools.key("stranger", groups: [])
            #expect(try await stand.ask("POST", "/oauth/connections/demo", stranger, "x=y").status == 404)
            #expect(try await stand.ask("POST", "/oauth/connections/other", stranger, "x=y").status == 404)
            #expect(try await stand.ask("GET", "/oauth/connections", nil).status == 401)
            #expect(try await stand.ask("GET", "/oauth/connections", "made-up").status == 401)
        }
    }

    @Test("a server that asks for more than was allowed says so to the user, who can allow it")
    func stepUp() async throws {
        try await Self.run { stand in
            let key = try stand.tools.key("alice")
            try await stand.connect(key, as: "alice")
            stand.server.state.withLock { $0.missingScope = "write" }
            let refused = try await stand.call(key)
            #expect(refused.text.contains("needs more than you have allowed: write"), "\(refused.text)")
            stand.server.state.withLock { $0.missingScope = nil }
            let location = try await stand.location(try await stand.begin(key))
            #expect(
                ProtectedToolServer.fields(String(location.drop { $0 != "?" }.dropFirst()))["scope"] == "tools write")
        }
    }

    @Test("what acts for a user does not change his connections")
    func agents() async throws {
        try await Self.run { stand in
            let alice = try stand.tools.key("alice")
            try await stand.connect(alice, as: "alice")
            var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
            (draft.user, draft.agent, draft.groups) = ("alice", "bot", ["engineering"])
            let bot = try stand.tools.gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
            #expect(try await stand.call(bot).text.contains("done"))
            for (method, path, form) in [
                ("DELETE", "/oauth/connections/demo", ""), ("POST", "/oauth/connections/demo", "x=y"),
                ("POST", "/oauth/connect/confirm", "flow=f&proof=p"),
            ] {
                #expect(try await stand.ask(method, path, bot, form).status == 403, "\(method) \(path)")
            }
            #expect(try await stand.call(alice).text.contains("done"))
        }
    }

    @Test("a server that takes no token gets one new one, and not one after the other")
    func hammer() async throws {
        try await Self.run { stand in
            let key = try stand.tools.key("alice")
            try await stand.connect(key, as: "alice")
            for _ in 0..<5 {
                stand.server.state.withLock { $0.tokens = [:] }
                _ = try await stand.call(key)
            }
            #expect(stand.server.forms.count { $0["grant_type"] == "refresh_token" } == 1)
        }
    }

    @Test("an operator's secret that is wrong ends no connection")
    func wrongSecret() async throws {
        try await Self.run { stand in
            let key = try stand.tools.key("alice")
            stand.server.state.withLock { $0.lifetimeSeconds = 1 }
            try await stand.connect(key, as: "alice")
            stand.server.state.withLock { $0.refusal = "server_error" }
            #expect(try await stand.call(key).text.contains("SL-4013"))
            let known = try await stand.ask("GET", "/oauth/connections/demo", key)
            #expect(known.object["state"] as? String == "connected")
        }
    }

    @Test("an issuer whose answers do not say whose they are is used only where the operator names it")
    func unnamed() async throws {
        try await Self.run { stand in
            stand.server.state.withLock { $0.issuerMembers["authorization_response_iss_parameter_supported"] = "no" }
            let begun = try await stand.ask("POST", "/oauth/connections/demo", try stand.tools.key("alice"), "x=y")
            #expect(begun.status >= 400 && begun.object["flow"] == nil, "\(begun.object)")
        }
        try await Self.run("issuer: \"$ISSUER\", allowedAddresses: [127.0.0.0/8]") { stand in
            stand.server.state.withLock { $0.issuerMembers["authorization_response_iss_parameter_supported"] = "no" }
            _ = try await stand.begin(try stand.tools.key("alice"))
        }
    }

    // MARK: Other modes

    @Test("the gateway's own credential: one token for everybody")
    func service() async throws {
        let oauth =
            "mode: service, issuer: \"$ISSUER\", client: {id: gw, secret: {file: /dev/null}}, "
            + "allowedAddresses: [127.0.0.0/8]"
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-service-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: "client.secret")
        try Data("hush".utf8).write(to: file)
        try await Self.run(oauth.replacing("/dev/null", with: file.path)) { stand in
            for user in ["alice", "bob"] {
                let answer = try await stand.call(try stand.tools.key(user))
                #expect(answer.text.contains("done"), "\(answer.text)")
            }
            #expect(stand.server.forms.count == 1)
            let form = stand.server.forms[0]
            #expect(form["grant_type"] == "client_credentials" && form["resource"] == stand.server.url)
            #expect(form["_authorization"] == "Basic " + Data("gw:hush".utf8).base64EncodedString())
        }
    }

    @Test("a scope that the issuer does not give costs the one who needs it, and nobody else")
    func narrow() async throws {
        let oauth = "mode: exchange, issuer: \"$ISSUER\", client: {id: gw}, allowedAddresses: [127.0.0.0/8]"
        try await Self.run(oauth) { stand in
            let key = try stand.tools.key("alice")
            stand.server.state.withLock { ($0.missingScope, $0.deniedScope) = ("admin", "admin") }
            #expect(!(try await stand.call(key).text.contains("done")))
            stand.server.state.withLock { $0.missingScope = nil }
            #expect(try await stand.call(key).text.contains("done"))
        }
    }

    @Test("an exchange: the gateway vouches for each caller, and never shows what the caller showed")
    func exchange() async throws {
        let oauth = "mode: exchange, issuer: \"$ISSUER\", client: {id: gw}, allowedAddresses: [127.0.0.0/8]"
        try await Self.run(oauth) { stand in
            let (alice, bob) = (try stand.tools.key("alice"), try stand.tools.key("bob"))
            for key in [alice, bob, alice] { #expect(try await stand.call(key).text.contains("done")) }
            #expect(stand.server.forms.count == 2)
            let subjects = try stand.server.forms.map { form in
                #expect(form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange")
                #expect(form["subject_token"] != alice && form["subject_token"] != bob)
                return try Self.claims(form["subject_token"])
            }
            #expect(subjects.map { $0["sub"] as? String } == ["alice", "bob"])
            #expect(subjects.allSatisfy { $0["aud"] as? String == stand.server.issuer })
        }
    }

    @Test("enterprise-managed authorization: an identity assertion for the resource, redeemed at its issuer")
    func idJag() async throws {
        let oauth = "mode: idJag, issuer: \"$ISSUER\", client: {id: gw}, allowedAddresses: [127.0.0.0/8]"
        try await Self.run(oauth) { stand in
            let answer = try await stand.call(try stand.tools.key("alice"))
            #expect(answer.text.contains("done"), "\(answer.text)")
            let form = try #require(stand.server.forms.first)
            #expect(form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer")
            let claims = try Self.claims(form["assertion"])
            #expect(claims["sub"] as? String == "alice" && claims["aud"] as? String == stand.server.issuer)
            #expect(claims["client_id"] as? String == "gw" && claims["resource"] as? String == stand.server.url)
            let header = try #require(form["assertion"]).split(separator: ".").first.map(String.init)
            let type = try Self.object(header)["typ"] as? String
            #expect(type == "oauth-id-jag+jwt")
        }
    }

    private static func claims(_ token: String?) throws -> [String: Any] {
        try object(try #require(token).split(separator: ".").dropFirst().first.map(String.init))
    }

    private static func object(_ part: String?) throws -> [String: Any] {
        var text = try #require(part).replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        let data = try #require(Data(base64Encoded: text))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }
}
