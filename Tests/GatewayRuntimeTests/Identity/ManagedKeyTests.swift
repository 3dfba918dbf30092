import Foundation
import GatewayControl
import GatewayModel
import GatewayRuntime
import GatewayWorkbench
import Testing

@Suite("managed keys let in from the moment they are made", .timeLimit(.minutes(1)))
struct ManagedKeyTests {
    private static let rest = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: IdentityProvider
        metadata: {name: own}
        spec: {type: APIKey, apiKeys: {managed: true}}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: TrafficPolicy
        metadata: {name: who}
        spec:
          targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: app}]
          authentication: {providers: [own]}
        """

    private static func run(_ body: (GatewayRig, MockHTTPServer) async throws -> Void) async throws {
        let mock = try await MockHTTPServer.start()
        try await GatewayRig.run(GatewayRig.configuration(port: mock.port, rest: rest)) { rig async throws in
            try await body(rig, mock)
        }
        await mock.stop()
    }

    /// Asks the admin API on its socket.
    private static func ask(
        _ rig: GatewayRig, _ method: String, _ path: String, _ body: String = ""
    ) async throws -> (status: Int, node: ConfigNode, text: String) {
        let folder = rig.folder.appending(path: "state").path
        let token = try #require(try AdminToken.read(stateFolder: folder))
        let client = WorkbenchClient(version: .http1, via: .unix(path: "\(folder)/\(AdminToken.socketName)"))
        let answer = try await client.call(
            method, "http://sluice\(path)",
            headers: [Header("authorization", token.reveal { "Bearer \(String(decoding: $0, as: UTF8.self))" })],
            body: body.isEmpty ? .none : .bytes(Array(body.utf8)))
        var diagnostics: [Diagnostic] = []
        let node = DocumentReader.read(
            answer.body, file: "answer", syntax: .json, unfolding: false, diagnostics: &diagnostics
        ).first
        return (answer.status, node ?? ConfigNode(.null), String(decoding: answer.body, as: UTF8.self))
    }

    private static func key(_ key: String) -> [Header] { [Header("authorization", "Bearer \(key)")] }

    @Test func `a key's whole life, without a restart`() async throws {
        try await Self.run { rig, mock in
            #expect(try await rig.get().status == 401)
            let made = try await Self.ask(rig, "POST", "/v1/keys", #"{"user":"alice","groups":["engineering"]}"#)
            #expect(made.status == 201)
            let secret = try #require(made.node["key"]?.string)
            let id = try #require(made.node["id"]?.string)
            #expect(try await rig.get("/", Self.key(secret)).status == 200)
            #expect(try await rig.get("/", [Header("x-api-key", secret)]).status == 200)
            #expect(try await rig.get("/", Self.key(secret + "x")).status == 401)
            // It never goes upstream.
            for request in mock.journal.requests {
                #expect(request.headers.first("authorization") == nil && request.headers.first("x-api-key") == nil)
            }
            let used = try await Self.ask(rig, "GET", "/v1/keys/\(id)")
            #expect(used.node["lastUsed"] != nil)
            #expect(!used.text.contains(secret))
            #expect(try await Self.ask(rig, "POST", "/v1/keys/\(id)/block").status == 200)
            let blocked = try await rig.get("/", Self.key(secret))
            #expect(blocked.status == 401)
            #expect(!String(decoding: blocked.body, as: UTF8.self).contains(secret))
            #expect(try await Self.ask(rig, "POST", "/v1/keys/\(id)/unblock").status == 200)
            #expect(try await rig.get("/", Self.key(secret)).status == 200)
            let rotated = try await Self.ask(rig, "POST", "/v1/keys/\(id)/rotate?grace=1h")
            let second = try #require(rotated.node["key"]?.string)
            #expect(try await rig.get("/", Self.key(secret)).status == 200)
            #expect(try await rig.get("/", Self.key(second)).status == 200)
            #expect(try await Self.ask(rig, "POST", "/v1/keys/\(id)/revoke").status == 200)
            for old in [secret, second] { #expect(try await rig.get("/", Self.key(old)).status == 401) }
        }
    }

    @Test func `bad questions about the state are refused`() async throws {
        try await Self.run { rig, _ in
            let cases: [(String, String, String, Int)] = [
                ("POST", "/v1/keys", #"{"usr":"alice"}"#, 400), ("POST", "/v1/keys", #"{"user":1}"#, 400),
                ("POST", "/v1/keys", #"{"groups":"a"}"#, 400), ("POST", "/v1/keys", "[]", 400),
                ("POST", "/v1/keys", #"{"user":"a","user":"b"}"#, 422), ("POST", "/v1/keys", "{", 400),
                ("GET", "/v1/keys/none", "", 404), ("POST", "/v1/keys/none/block", "", 404),
                ("POST", "/v1/keys/none/brake", "", 404), ("POST", "/v1/keys/none/block?grace=1h", "", 400),
                ("GET", "/v1/usage?by=usr", "", 400), ("GET", "/v1/usage?since=soon", "", 400),
                ("GET", "/v1/usage?format=xml", "", 400), ("GET", "/v1/usage?limit=-1", "", 400),
                ("GET", "/v1/budgets?scope=x", "", 400), ("POST", "/v1/budgets/reset", "", 400),
                ("DELETE", "/v1/keys", "", 405),
            ]
            for (method, path, body, status) in cases {
                let answer = try await Self.ask(rig, method, path, body)
                #expect(answer.status == status, "\(method) \(path) \(body): \(answer.text)")
            }
            #expect(try await Self.ask(rig, "GET", "/v1/keys").node["items"]?.elements?.isEmpty == true)
        }
    }
}
