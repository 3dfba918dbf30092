import Foundation
import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayRuntime
import GatewayWorkbench
import Testing

@Suite("policies decide who is let in, by keys from files and Secrets", .timeLimit(.minutes(1)))
struct IdentityTests {
    /// `one` opens P1, `two` opens P2; both in their SHA-256.
    private static func line(_ id: String, _ key: String) -> String {
        "\(id) \(APIKeySet.digestText(of: key)) user=\(id) tenant=acme\n"
    }

    private static func provider(_ name: String, _ source: String) -> String {
        """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: IdentityProvider
        metadata: {name: \(name)}
        spec: {type: APIKey, apiKeys: {\(source)}}

        """
    }

    private static func policy(_ name: String, _ kind: String, _ target: String, _ authentication: String) -> String {
        """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: TrafficPolicy
        metadata: {name: \(name)}
        spec:
          targetRefs: [{group: gateway.networking.k8s.io, kind: \(kind), name: \(target)}]
          authentication: {\(authentication)}

        """
    }

    private static func key(_ key: String) -> [Header] { [Header("authorization", "Bearer \(key)")] }

    private static func run(
        _ rest: String, files: [String: String] = [:], _ body: (GatewayRig, MockHTTPServer) async throws -> Void
    ) async throws {
        let mock = try await MockHTTPServer.start()
        let text = GatewayRig.configuration(port: mock.port, rest: rest)
        try await GatewayRig.run(text, files: files) { try await body($0, mock) }
        await mock.stop()
    }

    @Test func `a key from a file lets in, is not forwarded, and a changed file counts at once`() async throws {
        let rest = Self.provider("p1", "file: one.keys") + Self.policy("who", "HTTPRoute", "app", "providers: [p1]")
        try await Self.run(rest, files: ["one.keys": Self.line("one", "k1")]) { rig, mock async throws in
            #expect(try await rig.get().status == 401)
            #expect(try await rig.get("/", Self.key("wrong")).status == 401)
            #expect(mock.journal.receivedCount == 0)
            #expect(try await rig.get("/", Self.key("k1")).status == 200)
            #expect(mock.journal.requests.first?.headers.first("authorization") == nil)
            let file = rig.folder.appending(path: "one.keys")
            try Data(Self.line("two", "k2").utf8).write(to: file)
            try await rig.wait(for: 200, Self.key("k2"))
            #expect(try await rig.get("/", Self.key("k1")).status == 401)
            // A broken file leaves the keys that were good.
            try Data("broken".utf8).write(to: file)
            try Data(Self.line("one", "k1").utf8).write(to: rig.folder.appending(path: "unrelated"))
            #expect(try await rig.get("/", Self.key("k2")).status == 200)
        }
    }

    @Test func `a key from a Secret lets in`() async throws {
        let secret = """
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: keys}
            stringData:
              keys: |
                \(Self.line("one", "k1"))
            """
        let rest =
            Self.provider("p1", "secretRef: {name: keys}") + Self.policy("who", "Gateway", "edge", "providers: [p1]")
            + secret
        try await Self.run(rest) { rig, _ async throws in
            #expect(try await rig.get().status == 401)
            #expect(try await rig.get("/", [Header("x-api-key", "k1")]).status == 200)
        }
    }

    /// What the Gateway's and the route's policy ask, and which keys get in.
    struct Pair: Sendable, CustomStringConvertible {
        var gateway: String
        var route: String
        /// Without a key, with P1's, with P2's, with one of nobody.
        var statuses: [Int]
        var description: String { "\(gateway) and \(route): \(statuses)" }
    }

    @Test(arguments: [
        Pair(gateway: "mode: Optional, providers: [p1]", route: "providers: [p1, p2]", statuses: [401, 200, 200, 401]),
        Pair(gateway: "providers: [p1]", route: "mode: Optional, providers: [p1]", statuses: [401, 200, 401, 401]),
        // A route cannot open what its gateway closes, nor the other way round.
        Pair(gateway: "providers: [p1]", route: "providers: [p2]", statuses: [401, 401, 401, 401]),
        Pair(gateway: "providers: [p1]", route: "providers: [p1, p2]", statuses: [401, 200, 401, 401]),
        Pair(
            gateway: "mode: Optional, providers: [p1]", route: "mode: Optional, providers: [p2]",
            statuses: [200, 200, 200, 401]),
    ])
    func `all policies must be content`(pair: Pair) async throws {
        let rest =
            Self.provider("p1", "file: one.keys") + Self.provider("p2", "file: two.keys")
            + Self.policy("outer", "Gateway", "edge", pair.gateway)
            + Self.policy("inner", "HTTPRoute", "app", pair.route)
        let files = ["one.keys": Self.line("one", "k1"), "two.keys": Self.line("two", "k2")]
        try await Self.run(rest, files: files) { rig, _ async throws in
            var statuses = [try await rig.get().status]
            for key in ["k1", "k2", "k3"] { statuses.append(try await rig.get("/", Self.key(key)).status) }
            #expect(statuses == pair.statuses)
        }
    }

    @Test(arguments: [
        ("good \(String(repeating: "a", count: 64))\nbad xyz\n", "keys.txt:2:5", ErrorCode.invalidValue),
        ("bad \(String(repeating: "a", count: 64)) colour=red\n", "keys.txt:1:70", .unknownField),
    ])
    func `a mistake in a key file is shown where it is`(text: String, place: String, code: ErrorCode) async throws {
        let rest = Self.provider("p1", "file: keys.txt") + Self.policy("who", "HTTPRoute", "app", "providers: [p1]")
        do {
            try await Self.run(rest, files: ["keys.txt": text]) { _, _ in Issue.record("it serves") }
        } catch let refused as ConfigurationRefused {
            let finding = try #require(refused.diagnostics.first { $0.severity == .error })
            #expect(finding.position.description.hasSuffix(place))
            #expect(finding.code == code)
            #expect(!finding.message.contains("keys.txt:"))
        }
    }

    @Test(arguments: [
        ("admin", "../keys"), ("admin", "/etc/passwd"), ("history", "a/../../b"), ("/x.yaml (sent)", "/etc/passwd"),
    ])
    func `an object from the admin API reaches the state folder only`(origin: String, path: String) {
        let reader = SideFileReader(stateDirectory: "/state")
        #expect(throws: GatewayError.self) { try reader.path(path, origin: origin) }
    }

    @Test(arguments: [
        ("admin", "keys", "/state/keys"), ("/etc/sluice/a.yaml", "keys", "/etc/sluice/keys"),
        ("a.yaml", "keys", "keys"), ("/etc/sluice/a.yaml", "/keys", "/keys"), ("-", "keys", "keys"),
    ])
    func `paths start where they were written`(origin: String, path: String, expected: String) throws {
        #expect(try SideFileReader(stateDirectory: "/state").path(path, origin: origin) == expected)
    }

    @Test func `the session key outlives the process and is its owner's alone`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try StateSecret.load("session.key", in: folder.path, byteCount: 32)
        let again = try StateSecret.load("session.key", in: folder.path, byteCount: 32)
        #expect(first.count == 32)
        #expect(first.matches(again.reveal { $0 }))
        let path = folder.appending(path: "session.key").path
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        try Data("short".utf8).write(to: URL(filePath: path))
        #expect(throws: GatewayError.self) { try StateSecret.load("session.key", in: folder.path, byteCount: 32) }
    }
}
