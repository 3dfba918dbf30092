import Foundation
import GatewayModel
import GatewayRecords
import Testing

@testable import GatewayControl

@Suite("The admin API opens with its token, and says what is wrong with a path")
struct AdminAccessTests {
    @Test(arguments: [
        (nil, "no field"), ("Bearer", "no token"), ("Bearer ", "an empty token"),
        ("Bearer 0123456789abcdef0123456789abcdeX", "another token"),
        ("Bearer 0123456789abcdef0123456789abcdef0", "a longer token"),
        ("Bearer 0123456789abcdef0123456789abcde", "a shorter token"),
        ("Basic 0123456789abcdef0123456789abcdef", "another scheme"),
        ("0123456789abcdef0123456789abcdef", "no scheme"),
    ])
    func `without the token nothing opens`(value: String?, name: String) async throws {
        let fixture = try await AdminFixture()
        for endpoint in AdminEndpoint.all {
            let fields = value.map { [(name: "Authorization", value: $0)] } ?? []
            let answer = await fixture.ask(endpoint.method, endpoint.path, fields: fields, token: nil)
            #expect(answer.status == 401, "\(endpoint.method) \(endpoint.path) with \(name)")
            #expect(answer.field("www-authenticate") != nil)
            #expect(answer.node["code"]?.string == ErrorCode.unauthenticated.rawValue)
        }
    }

    @Test(arguments: [
        ("GET", "/v1/gatways", 404, "did you mean \"/v1/gateways\"?"),
        ("GET", "/v1/histroy", 404, "did you mean \"/v1/history\"?"),
        ("GET", "/v2/kinds", 404, "did you mean \"/v1/kinds\"?"),
        ("GET", "/debug/pool", 404, "did you mean \"pools\"?"),
        ("GET", "/v1/kinds/httproute", 200, ""),
        ("GET", "/v1/kinds/rout", 404, ""),
        ("DELETE", "/v1/history", 405, "it takes GET"),
        ("POST", "/v1/backends/default/own", 405, "it takes GET, PUT, PATCH, DELETE"),
        ("PUT", "/v1/backends/own", 404, "did you mean \"/v1/backends/default/own\"?"),
        ("GET", "/v1/namespaces/a/b", 404, "a Namespace has no namespace: /v1/namespaces/b"),
        ("GET", "/v1/backends/default/on", 404, "did you mean \"own\"?"),
        ("GET", "/v1//kinds", 404, ""), ("GET", "/v1/backends/default/%zz", 404, ""), ("GET", "/", 404, ""),
        ("GET", "/v1/backends/default/a%2Fb", 404, ""),
    ])
    func `an unknown path names the nearest one`(method: String, path: String, status: Int, hint: String) async throws {
        let answer = await (try await AdminFixture()).ask(method, path)
        #expect(answer.status == status, "\(method) \(path): \(answer.text)")
        if !hint.isEmpty { #expect(answer.node["hint"]?.string == hint) }
        if status == 405 { #expect(answer.field("allow") != nil) }
    }

    @Test(arguments: ["dryrun=1", "dryRun=perhaps", "dryRun=1&dryRun=0", "dryRun=%zz"])
    func `a misspelt query changes nothing`(query: String) async throws {
        let fixture = try await AdminFixture()
        let before = await fixture.store.snapshot.revision
        let answer = await fixture.ask("DELETE", "/v1/backends/default/own?\(query)")
        #expect(answer.status == 400)
        #expect(await fixture.store.snapshot.revision == before)
    }

    @Test func `an oversized body is refused`() async throws {
        let fixture = try await AdminFixture()
        let body = String(repeating: "#", count: AdminAPI.bodyBytesMax + 1)
        #expect(await fixture.ask("POST", "/v1/apply", body).status == 413)
    }

    @Test func `the token is made once, for its owner only`() throws {
        let folder = try TemporaryFolder()
        let state = "\(folder.path)/state"
        let first = try AdminToken.establish(stateFolder: state)
        let path = "\(state)/\(AdminToken.fileName)"
        let mode = try #require(
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)
        #expect(mode.intValue == 0o600)
        #expect(first.count == 64)
        let again = try AdminToken.establish(stateFolder: state)
        #expect(first.reveal { again.matches($0) })
        let other = try AdminToken.establish(stateFolder: "\(folder.path)/other")
        #expect(!first.reveal { other.matches($0) })
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(throws: GatewayError.self) { try AdminToken.establish(stateFolder: state) }
        #expect(try AdminToken.read(stateFolder: folder.path) == nil)
    }

    @Test func `the page has a row for each endpoint and no other`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "Documentation/AdminAPI.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") && $0.contains("` | `/") }.map(String.init)
        let wanted = AdminEndpoint.all.map { endpoint in
            let query = endpoint.query.map { "`\($0)`" }.joined(separator: " ")
            let cell = query.isEmpty ? "" : query + " "
            return "| `\(endpoint.method)` | `\(endpoint.path)` | \(cell)| \(endpoint.summary) |"
        }
        #expect(rows == wanted, "write these rows:\n\(wanted.joined(separator: "\n"))")
    }

    @Test("a record of a change says whom it is about, and never a secret")
    func told() {
        let mint: ConfigNode = .object([
            ("agent", .text("planner")), ("user", .text("ada")), ("models", .list([.text("fast")])),
            ("secret", .text("s")), ("ttl", .text("15m")),
        ])
        #expect(
            AdminAPI.told(mint) == [
                AuditFact("agent", "planner"), AuditFact("user", "ada"), AuditFact("models", .list(["fast"])),
                AuditFact("ttl", "15m"),
            ])
        let token: ConfigNode = .object([("kind", .text("token")), ("value", .text("eyJ…"))])
        #expect(AdminAPI.told(token) == [AuditFact("kind", "token")])
        let run: ConfigNode = .object([("kind", .text("run")), ("value", .text("run-1"))])
        #expect(AdminAPI.told(run).count == 2)
    }
}
