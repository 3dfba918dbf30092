import Foundation
import GatewayIdentity
import GatewayWorkbench
import NIOCore
import Synchronization

/// A protected MCP server and the authorization server that it names, both in a test's hands.
final class ProtectedToolServer: Sendable {
    struct State {
        var resourceURL = ""
        var issuer = ""
        /// `code` to what it was given for.
        var codes: [String: [String: String]] = [:]
        /// Tokens that open the server, and whose they are.
        var tokens: [String: String] = [:]
        var refreshTokens: [String: String] = [:]
        var number = 0
        var forms: [[String: String]] = []
        /// What clients registered as: `web` or `native`.
        var registrations: [String] = []
        var revoked: [String] = []
        /// `Authorization` of every request to the server, and its method.
        var calls: [(method: String, authorization: String)] = []
        var lifetimeSeconds = 3_600
        /// What metadata says otherwise, as members to add.
        var issuerMembers: [String: String] = [:]
        var resourceMembers: [String: String] = [:]
        /// Scope that a call of a tool needs beyond what its token has.
        var missingScope: String?
        /// Scope that the authorization server does not give.
        var deniedScope: String?
        /// What the token endpoint says to everything.
        var refusal: String?
    }

    let state: Mutex<State>
    let resource: MockHTTPServer
    let authorization: MockHTTPServer

    private init(_ state: sending State, _ resource: MockHTTPServer, _ authorization: MockHTTPServer) {
        self.state = Mutex(state)
        self.resource = resource
        self.authorization = authorization
    }

    private final class Place: Sendable {
        let server = Mutex<ProtectedToolServer?>(nil)
    }

    static func start() async throws -> ProtectedToolServer {
        let place = Place()
        func options(
            _ answer: @escaping @Sendable (ProtectedToolServer, MockRequest) -> [MockStep]
        ) -> MockHTTPServer.Options {
            var options = MockHTTPServer.Options()
            options.answer = { _ in
                [
                    .awaitBody,
                    .answer { request in place.server.withLock { $0 }.map { answer($0, request) } ?? [.hang] },
                ]
            }
            return options
        }
        let resource = try await MockHTTPServer.start(options { $0.serve($1) })
        let authorization = try await MockHTTPServer.start(options { $0.authorize($1) })
        var state = State()
        state.resourceURL = "http://127.0.0.1:\(resource.port)/mcp"
        state.issuer = "http://127.0.0.1:\(authorization.port)"
        let server = ProtectedToolServer(state, resource, authorization)
        place.server.withLock { $0 = server }
        return server
    }

    func stop() async {
        await resource.stop()
        await authorization.stop()
    }

    var url: String { state.withLock { $0.resourceURL } }
    var issuer: String { state.withLock { $0.issuer } }
    var forms: [[String: String]] { state.withLock { $0.forms } }
    /// Whose token each call of a tool came with.
    var callers: [String] {
        state.withLock { state in
            state.calls.filter { $0.method == "tools/call" }.map { call in
                state.tokens[String(call.authorization.dropFirst("Bearer ".count))] ?? "?\(call.authorization)"
            }
        }
    }

    // MARK: The browser

    /// What a person's browser does when she says yes: from where it was sent, back to the gateway's callback.
    func allow(_ location: String, as person: String, issuer: String? = nil) throws -> String {
        let query = ProtectedToolServer.fields(String(location.drop { $0 != "?" }.dropFirst()))
        let code = state.withLock { state -> String in
            state.number += 1
            let code = "code-\(state.number)"
            state.codes[code] = query.merging(["person": person]) { first, _ in first }
            return code
        }
        let iss = (issuer ?? self.issuer).addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return "/oauth/connect/callback?code=\(code)&state=\(query["state"] ?? "")&iss=\(iss)"
    }

    static func fields(_ text: String) -> [String: String] {
        let fields = FormText.decode(Array(text.utf8)) ?? []
        return Dictionary(fields.map { ($0.name, $0.value) }) { first, _ in first }
    }

    // MARK: The authorization server

    private func authorize(_ request: MockRequest) -> [MockStep] {
        switch request.path {
        case "/.well-known/oauth-authorization-server":
            return state.withLock { state in
                let document: [String: Any] = [
                    "issuer": state.issuer, "token_endpoint": "\(state.issuer)/token",
                    "authorization_endpoint": "\(state.issuer)/authorize",
                    "registration_endpoint": "\(state.issuer)/register",
                    "revocation_endpoint": "\(state.issuer)/revoke", "code_challenge_methods_supported": ["S256"],
                    "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
                    "authorization_response_iss_parameter_supported": true,
                ]
                return Self.json(document.merging(Self.members(state.issuerMembers)) { _, new in new })
            }
        case "/register":
            let body = (try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]) ?? [:]
            let type = body["application_type"] as? String ?? ""
            return state.withLock { state in
                state.registrations.append(type)
                return Self.json(["client_id": "dyn-\(state.registrations.count)"], status: 201)
            }
        case "/token": return token(request)
        case "/revoke":
            let form = Self.fields(request.bodyText)
            state.withLock { state in
                state.revoked.append(form["token"] ?? "")
                state.tokens[form["token"] ?? ""] = nil
                state.refreshTokens[form["token"] ?? ""] = nil
            }
            return [.head(200, []), .end([])]
        default: return [.head(404, []), .end([])]
        }
    }

    private func token(_ request: MockRequest) -> [MockStep] {
        var form = Self.fields(request.bodyText)
        form["_authorization"] = request.headers.first("authorization")
        return state.withLock { state in
            state.forms.append(form)
            if let refusal = state.refusal { return Self.json(["error": refusal], status: 400) }
            if let denied = state.deniedScope, form["scope"]?.split(separator: " ").contains(Substring(denied)) == true
            {
                return Self.json(["error": "invalid_scope"], status: 400)
            }
            let person: String?
            switch form["grant_type"] {
            case "authorization_code":
                let given = state.codes.removeValue(forKey: form["code"] ?? "")
                let isProven =
                    given?["code_challenge"] == TokenDigest(Array((form["code_verifier"] ?? "").utf8)).base64URL
                    && given?["redirect_uri"] == form["redirect_uri"] && given?["client_id"] == form["client_id"]
                    && given?["resource"] == form["resource"]
                person = isProven ? given?["person"] : nil
            case "refresh_token": person = state.refreshTokens.removeValue(forKey: form["refresh_token"] ?? "")
            case "client_credentials": person = "service"
            default: person = "somebody"
            }
            guard let person else { return Self.json(["error": "invalid_grant"], status: 400) }
            state.number += 1
            let (access, refresh) = ("at-\(state.number)", "rt-\(state.number)")
            state.tokens[access] = person
            state.refreshTokens[refresh] = person
            var answer: [String: Any] = [
                "access_token": access, "token_type": "Bearer", "expires_in": state.lifetimeSeconds,
            ]
            if form["grant_type"] == "authorization_code" || form["grant_type"] == "refresh_token" {
                answer["refresh_token"] = refresh
            }
            if let scope = form["scope"] { answer["scope"] = scope }
            return Self.json(answer)
        }
    }

    // MARK: The server of tools

    private func serve(_ request: MockRequest) -> [MockStep] {
        if request.path == "/.well-known/oauth-protected-resource/mcp" {
            return state.withLock { state in
                let document: [String: Any] = [
                    "resource": state.resourceURL, "authorization_servers": [state.issuer],
                    "scopes_supported": ["tools"],
                ]
                return Self.json(document.merging(Self.members(state.resourceMembers)) { _, new in new })
            }
        }
        guard request.path == "/mcp" else { return [.head(404, []), .end([])] }
        let object = (try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]) ?? [:]
        let (method, authorization) = (
            object["method"] as? String ?? request.method, request.headers.first("authorization") ?? ""
        )
        let (person, missing) = state.withLock { state in
            state.calls.append((method, authorization))
            return (state.tokens[String(authorization.dropFirst("Bearer ".count))], state.missingScope)
        }
        guard person != nil else {
            let place = url.replacing("/mcp", with: "/.well-known/oauth-protected-resource/mcp")
            return [
                .head(401, [Header("www-authenticate", "Bearer resource_metadata=\"\(place)\", scope=\"tools\"")]),
                .end([]),
            ]
        }
        if method == "tools/call", let missing {
            return [
                .head(
                    403,
                    [Header("www-authenticate", "Bearer error=\"insufficient_scope\", scope=\"tools \(missing)\"")]),
                .end([]),
            ]
        }
        let id = object["id"].map { "\($0)" } ?? "null"
        let result =
            switch method {
            case "server/discover": ScriptedToolServer.discovered
            case "tools/list": "{\"resultType\":\"complete\",\"tools\":\(ScriptedToolServer.tools)}"
            default: ScriptedToolServer.done
            }
        return [
            .head(200, [Header("content-type", "application/json")]),
            .chunk(ByteBuffer(string: "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":\(result)}")), .end([]),
        ]
    }

    private static func members(_ texts: [String: String]) -> [String: Any] {
        Dictionary(uniqueKeysWithValues: texts.map { ($0, $0.hasPrefix("code_") ? [$1] as Any : $1) })
    }

    private static func json(_ object: [String: Any], status: Int = 200) -> [MockStep] {
        let data = (try? JSONSerialization.data(withJSONObject: object)) ?? Data()
        return [
            .head(status, [Header("content-type", "application/json")]), .chunk(ByteBuffer(bytes: data)), .end([]),
        ]
    }
}
