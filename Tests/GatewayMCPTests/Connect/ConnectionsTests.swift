import Foundation
import GatewayModel
import GatewayState
import GatewayWire
import Synchronization
import Testing

@testable import GatewayMCP

@Suite("tokens of protected servers: found, renewed once, and given back", .timeLimit(.minutes(1)))
struct ConnectionsTests {
    /// Opens once; who comes before waits.
    private final class Gate: Sendable {
        private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

        func pass() async {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }

        func open() {
            let waiting = state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for each in waiting { each.resume() }
        }
    }

    /// The server of tools and its issuer, as they answer.
    private final class Elsewhere: Sendable {
        struct State {
            var documents: [String: String] = [:]
            var forms: [[String: String]] = []
            var revoked: [String] = []
            var refusal: String?
            var isHeld = false
        }

        let state = Mutex(State())
        /// The token endpoint is asked, and may answer.
        let asked = Gate()
        let answers = Gate()

        var http: OutboundHTTP { OutboundHTTP { [self] in try await answer($0) } }

        private func answer(_ request: OutboundRequest) async throws -> OutboundResponse {
            guard request.method == "POST" else {
                let text = state.withLock { $0.documents[request.url] }
                if let text, text.utf8.count > request.responseBytesMax {
                    throw GatewayError(.tooLarge, "the answer is larger than \(request.responseBytesMax) bytes")
                }
                return OutboundResponse(status: text == nil ? 404 : 200, body: Array((text ?? "").utf8))
            }
            let fields = Self.fields(request.body)
            switch request.url {
            case "https://login.test/token":
                let isHeld = state.withLock { state in
                    state.forms.append(fields)
                    return state.isHeld
                }
                asked.open()
                if isHeld { await answers.pass() }
                return state.withLock { state in
                    if let refusal = state.refusal {
                        return OutboundResponse(status: 400, body: Array("{\"error\":\"\(refusal)\"}".utf8))
                    }
                    let text = """
                        {"access_token":"new-at","token_type":"Bearer","expires_in":3600,"refresh_token":"new-rt"}
                        """
                    return OutboundResponse(status: 200, body: Array(text.utf8))
                }
            case "https://login.test/revoke":
                state.withLock { $0.revoked.append(fields["token"] ?? "") }
                return OutboundResponse(status: 200)
            default: return OutboundResponse(status: 404)
            }
        }

        private static func fields(_ body: [UInt8]) -> [String: String] {
            let parts = String(decoding: body, as: UTF8.self).split(separator: "&").map {
                $0.split(separator: "=", maxSplits: 1).map { String($0).removingPercentEncoding ?? "" }
            }
            return Dictionary(parts.map { ($0[0], $0.count > 1 ? $0[1] : "") }) { first, _ in first }
        }
    }

    private static let page = "<!doctype html><title>Welcome</title>"
    private static let issuer = """
        {"issuer":"https://login.test","token_endpoint":"https://login.test/token",\
        "revocation_endpoint":"https://login.test/revoke","authorization_endpoint":"https://login.test/authorize"}
        """

    private typealias Client = GatewayMCP.OAuthClient

    private let elsewhere = Elsewhere()
    private let store: StateStore
    private let connections: Connections
    private let seal = Seal(secret: Secret(Array(repeating: 7, count: 32)))
    private let alice = Principal(proof: .apiKey, user: "alice")

    init() throws {
        let folder = NSTemporaryDirectory() + "sluice-connections-" + UUID().uuidString
        store = try StateStore(folder: folder) { 1_800_000_000_000 }
        connections = Connections(
            Connections.Environment(
                http: elsewhere.http, book: store.connections, seal: seal, publicURL: "https://gateway.test",
                wallSeconds: { 1_800_000_000 }, spawn: { body in Task { await body() } }))
        elsewhere.state.withLock {
            $0.documents["https://login.test/.well-known/oauth-authorization-server"] = Self.issuer
        }
    }

    private static func settings(_ scopes: [String] = [], issuer: String? = nil) -> ConnectionSettings {
        var spec = MCPServerOAuth(
            FieldReader([], at: ConfigNode.nowhere, path: .root, sink: DiagnosticSink()))
        spec.scopes = scopes
        spec.issuer = issuer
        var metadata = ObjectMeta(FieldReader(recording: ()))
        metadata.name = "tracker"
        metadata.namespace = "default"
        return ConnectionSettings(
            spec, metadata: metadata, url: "https://tools.test/mcp", client: nil, provider: nil, trust: .system,
            serverTrust: .system)
    }

    /// A connection of Alice's whose token has ended.
    private func connect(_ client: Client) throws -> UpstreamConnection {
        let key = UpstreamConnection.Key(alice, server: "default/tracker")
        let answer = TokenAnswer(token: Secret("old-at"), lifetimeSeconds: 0, refreshToken: Secret("old-rt"))
        let kept = SealedConnection(
            key: key, url: "https://tools.test/mcp", resource: "https://tools.test/mcp", issuer: "https://login.test",
            answer: answer, client: client, nowSeconds: 1_800_000_000)
        let row = UpstreamConnection(
            key: key, id: "con_1", issuer: "https://login.test", scopes: [], createdSeconds: 1, changedSeconds: 1,
            sealed: try kept.sealed(seal))
        try store.connections.keep(row)
        return row
    }

    private static let registered = Client(id: "dyn-1", secret: nil, method: .none, origin: .registration)
    private static let document = Client(
        id: "https://gateway.test/oauth/client.json", secret: nil, method: .none, origin: .document)

    /// What a request finds in the end.
    private func token(_ settings: ConnectionSettings) async throws -> String {
        for _ in 0..<4 {
            switch connections.find(settings, alice) {
            case .token(let token): return SealedConnection.text(token.value)
            case .refused(let error): throw error
            case .waiting:
                await withCheckedContinuation { continuation in
                    if !connections.wait(settings, alice, { continuation.resume() }) { continuation.resume() }
                }
            }
        }
        throw GatewayError(.overloaded, "no end")
    }

    @Test(
        "where every path has a page, however long, documents are looked for at the next place",
        arguments: [page, page + String(repeating: " ", count: OAuthHTTP.documentBytesMax)])
    func pages(_ page: String) async throws {
        elsewhere.state.withLock { state in
            for url in [
                "https://tools.test/.well-known/oauth-protected-resource/mcp",
                "https://login.test/.well-known/oauth-authorization-server",
            ] { state.documents[url] = page }
            state.documents["https://tools.test/.well-known/oauth-protected-resource"] =
                "{\"resource\":\"https://tools.test/mcp\",\"authorization_servers\":[\"https://login.test\"]}"
            state.documents["https://login.test/.well-known/openid-configuration"] = Self.issuer
        }
        let found = try await connections.discover(Self.settings())
        #expect(found.server.tokenEndpoint == "https://login.test/token")
        #expect(found.resource.identifier == "https://tools.test/mcp")
    }

    @Test(
        "pages alone are no metadata: the server is then its own issuer, and one without a document",
        arguments: ["", "[1]", "ok"])
    func nothing(_ text: String) async throws {
        elsewhere.state.withLock { state in
            for path in ["oauth-protected-resource/mcp", "oauth-protected-resource", "oauth-authorization-server"] {
                state.documents["https://tools.test/.well-known/\(path)"] = text
            }
        }
        let error = await #expect(throws: GatewayError.self) {
            try await connections.discover(Self.settings())
        }
        #expect(error?.message.contains("it has no document") == true, "\(String(describing: error))")
    }

    @Test("credentials shown at once are no more guesses than one after the other; what nobody could judge is none")
    func attempts() async throws {
        elsewhere.state.withLock { state in
            state.documents["https://tools.test/.well-known/oauth-protected-resource/mcp"] =
                "{\"resource\":\"https://tools.test/mcp\",\"authorization_servers\":[\"https://login.test\"]}"
            state.documents["https://login.test/.well-known/oauth-authorization-server"] =
                String(Self.issuer.dropLast()) + ",\"code_challenge_methods_supported\":[\"S256\"],"
                + "\"authorization_response_iss_parameter_supported\":true,"
                + "\"client_id_metadata_document_supported\":true}"
        }
        let flow = try await connections.begin(Self.settings(), alice, end: .browser).flow
        for _ in 0..<20 {
            #expect(connections.attempt(flow) != nil)
            connections.conclude(flow, isWrong: false)
        }
        #expect((0..<8).count { _ in connections.attempt(flow) != nil } == ConnectFlows.wrongProofsMax)
        connections.conclude(flow, isWrong: false)
        #expect(connections.attempt(flow) != nil)
        connections.conclude(flow, isWrong: true)
        #expect(connections.opened(flow) == nil)
    }

    @Test("tokens that come after their connection was removed are given back at the issuer")
    func removed() async throws {
        _ = try connect(Self.registered)
        elsewhere.state.withLock { $0.isHeld = true }
        let settings = Self.settings()
        async let found = token(settings)
        await elsewhere.asked.pass()
        #expect(try await connections.disconnect(settings, alice) != nil)
        #expect(elsewhere.state.withLock { $0.revoked } == ["old-rt", "old-at"])
        elsewhere.answers.open()
        do {
            let token = try await found
            Issue.record("\(token)")
        } catch { #expect(error is GatewayError) }
        #expect(elsewhere.state.withLock { $0.revoked } == ["old-rt", "old-at", "new-rt", "new-at"])
        #expect(store.connections.connection(UpstreamConnection.Key(alice, server: "default/tracker")) == nil)
    }

    @Test("where another connection stands meanwhile, nothing is revoked under it")
    func replaced() async throws {
        var row = try connect(Self.registered)
        elsewhere.state.withLock { $0.isHeld = true }
        let settings = Self.settings()
        async let found = token(settings)
        await elsewhere.asked.pass()
        (row.id, row.sealed) = ("con_2", "another")
        try store.connections.keep(row)
        elsewhere.answers.open()
        do {
            let token = try await found
            Issue.record("\(token)")
        } catch { #expect(error is GatewayError) }
        #expect(elsewhere.state.withLock { $0.revoked }.isEmpty)
        #expect(store.connections.connection(row.key)?.id == "con_2")
    }

    @Test("snapshots with different settings renew a connection once, and both have the token", .timeLimit(.minutes(1)))
    func snapshots() async throws {
        _ = try connect(Self.registered)
        elsewhere.state.withLock { $0.isHeld = true }
        async let one = token(Self.settings())
        await elsewhere.asked.pass()
        async let other = token(Self.settings(["read"]))
        // The second has begun to wait before the first gets its answer.
        while !(connections.state.withLock { $0.turns.values.contains { !$0.isEmpty } }) { await Task.yield() }
        elsewhere.answers.open()
        let tokens = try await [one, other]
        #expect(tokens == ["new-at", "new-at"])
        #expect(elsewhere.state.withLock { $0.forms.map { $0["refresh_token"] } } == ["old-rt"])
        #expect(connections.state.withLock { $0.turns.isEmpty })
    }

    @Test(
        "an issuer that cannot fetch the gateway's document ends nothing, and no registration",
        arguments: [true, false])
    func unknownClient(isDocument: Bool) async throws {
        let row = try connect(isDocument ? Self.document : Self.registered)
        let name = "https://login.test https://gateway.test/oauth/connect/callback"
        let tree: JSONTree = ["n": .text(name), "c": Self.registered.tree]
        let sealed = try #require(seal.seal(tree.bytes, .oauthClient))
        try store.connections.keep(client: sealed, name)
        elsewhere.state.withLock { $0.refusal = "invalid_client" }
        await #expect(throws: GatewayError.self) { try await token(Self.settings()) }
        #expect(store.connections.connection(row.key)?.state == (isDocument ? .connected : .expired))
        #expect((store.connections.client(name) != nil) == isDocument)
    }

    @Test("a registration that has been replaced meanwhile is not thrown away for an older one")
    func olderClient() throws {
        let name = "https://login.test https://gateway.test/oauth/connect/callback"
        let newer = Client(id: "dyn-2", secret: nil, method: .none, origin: .registration)
        let tree: JSONTree = ["n": .text(name), "c": newer.tree]
        try store.connections.keep(client: try #require(seal.seal(tree.bytes, .oauthClient)), name)
        let server = try AuthorizationServer(
            try JSONTree.parse(Array(Self.issuer.utf8)), of: "https://login.test", isClear: false)
        connections.forget(Self.registered, at: server)
        #expect(store.connections.client(name) != nil)
        connections.forget(newer, at: server)
        #expect(store.connections.client(name) == nil)
    }

    @Test("what a client is known by is kept with its connection")
    func origins() throws {
        #expect(Client(Self.document.tree)?.origin == .document)
        #expect(Client(Self.registered.tree)?.origin == .registration)
    }
}
