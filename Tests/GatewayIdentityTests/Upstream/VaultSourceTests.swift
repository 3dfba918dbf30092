import GatewayModel
import GatewayWire
import Testing

@testable import GatewayIdentity

@Suite("Vault is asked over its HTTP API")
struct VaultSourceTests {
    private static let base = "https://vault.example:8200"

    private func source(
        _ server: SourceServer, _ path: String, clock: ManualClock = ManualClock(0),
        login: VaultSource.Login = .token(Secret("root")), adjust: (inout VaultSource.Settings) -> Void = { _ in }
    ) -> VaultSource {
        var settings = VaultSource.Settings(address: Self.base, path: path, login: login)
        adjust(&settings)
        return VaultSource(settings, http: server.http) { clock.now }
    }

    @Test("a versioned secret: its only value, looked at again after the configured time")
    func versioned() async throws {
        let server = SourceServer([
            "\(Self.base)/v1/secret/data/openai": [(200, "{\"data\":{\"data\":{\"key\":\"sk-1\"},\"metadata\":{}}}")]
        ])
        let fetched = try await source(server, "secret/data/openai") {
            $0.hasVersions = true
            $0.namespace = "team"
        }.fetch()
        #expect(fetched.text == "sk-1" && fetched.lifeMilliseconds == nil && fetched.refreshMilliseconds == 300_000)
        #expect(server.field("x-vault-token") == "root" && server.field("x-vault-namespace") == "team")
        #expect(server.field("x-vault-request") == "true")
    }

    @Test("a plain secret of several values needs the name of one")
    func plain() async throws {
        let server = SourceServer([
            "\(Self.base)/v1/kv/openai": [(200, "{\"data\":{\"a\":\"sk-a\",\"b\":\"sk-b\"}}")]
        ])
        #expect(try await source(server, "kv/openai") { $0.field = "b" }.fetch().text == "sk-b")
        await #expect(throws: GatewayError.self) { try await source(server, "kv/openai").fetch() }
    }

    @Test("a secret that is made comes with a lease, which is renewed while that gains time")
    func lease() async throws {
        let made = "{\"lease_id\":\"l/1\",\"lease_duration\":600,\"renewable\":true,\"data\":{\"key\":\"sk-1\"}}"
        let again = "{\"lease_id\":\"l/2\",\"lease_duration\":600,\"renewable\":true,\"data\":{\"key\":\"sk-2\"}}"
        let server = SourceServer([
            "\(Self.base)/v1/db/creds/reader": [(200, made), (200, again)],
            "\(Self.base)/v1/sys/leases/renew": [
                (200, "{\"lease_id\":\"l/1\",\"lease_duration\":600}"),
                (200, "{\"lease_id\":\"l/1\",\"lease_duration\":100}"),
            ],
        ])
        let source = source(server, "db/creds/reader") { $0.hasLease = true }
        let first = try await source.fetch()
        #expect(first.text == "sk-1" && first.lifeMilliseconds == 600_000)
        #expect(try await source.fetch().text == "sk-1")
        #expect(server.json(1)["lease_id"] == "l/1" && server.json(1)["increment"]?.int == 600)
        // What is left of the lease is less than half: another secret.
        #expect(try await source.fetch().text == "sk-2")
        #expect(server.requests.map(\.method) == ["GET", "PUT", "PUT", "GET"])
    }

    @Test(
        "a secret that the upstream refuses is replaced, not renewed; none lives longer than the token it was made by")
    func rejected() async throws {
        func made(_ key: String) -> (Int, String) {
            (200, "{\"lease_id\":\"l\",\"lease_duration\":600,\"renewable\":true,\"data\":{\"key\":\"\(key)\"}}")
        }
        let server = SourceServer([
            "\(Self.base)/v1/auth/jwt/login": [
                (200, "{\"auth\":{\"client_token\":\"hvs.1\",\"lease_duration\":100}}")
            ],
            "\(Self.base)/v1/db/creds/reader": [made("sk-1"), made("sk-2"), made("sk-3")],
        ])
        let clock = ManualClock(0)
        let login = VaultSource.Login.method(mount: "jwt", role: "sluice", SubjectTokenSource { Secret("a.jwt") })
        let source = source(server, "db/creds/reader", clock: clock, login: login) { $0.hasLease = true }
        #expect(try await source.fetch().lifeMilliseconds == 80_000)
        #expect(try await source.fetch(isRejected: true).text == "sk-2")
        clock.advance(80_000)
        #expect(try await source.fetch().text == "sk-3")
        #expect(!server.requests.contains { $0.method == "PUT" })
    }

    @Test("a role lets the gateway in; its token serves for four fifths of its life, or until it is refused")
    func login() async throws {
        let secret = "{\"data\":{\"key\":\"sk-1\"}}"
        let server = SourceServer([
            "\(Self.base)/v1/auth/kubernetes/login": [
                (200, "{\"auth\":{\"client_token\":\"hvs.1\",\"lease_duration\":100}}")
            ],
            "\(Self.base)/v1/kv/a": [(200, secret), (200, secret), (403, ""), (200, secret)],
        ])
        let clock = ManualClock(0)
        let source = source(
            server, "kv/a", clock: clock,
            login: .method(mount: "kubernetes", role: "sluice", SubjectTokenSource { Secret("pod.jwt") }))
        _ = try await source.fetch()
        #expect(server.json(0) == ["role": "sluice", "jwt": "pod.jwt"])
        #expect(server.field("x-vault-token", 0) == nil && server.field("x-vault-token", 1) == "hvs.1")
        clock.advance(79_999)
        _ = try await source.fetch()
        #expect(server.requests.count == 3)
        // Revoked there: in again, once.
        #expect(try await source.fetch().text == "sk-1")
        #expect(server.requests.count == 6)
        clock.advance(80_000)
        _ = try await source.fetch()
        #expect(server.requests.count == 8)
    }

    @Test("a program's role and its secret")
    func appRole() async throws {
        let server = SourceServer([
            "\(Self.base)/v1/auth/approle/login": [(200, "{\"auth\":{\"client_token\":\"hvs.1\"}}")],
            "\(Self.base)/v1/kv/a": [(200, "{\"data\":{\"key\":\"sk-1\"}}")],
        ])
        let login = VaultSource.Login.appRole(mount: "approle", roleID: "r-1", secretID: Secret("s-1"))
        #expect(try await source(server, "kv/a", login: login).fetch().text == "sk-1")
        #expect(server.json(0) == ["role_id": "r-1", "secret_id": "s-1"])
    }

    @Test(
        "what is no secret is an error that quotes nothing of it",
        arguments: [
            (403, "hush"), (404, ""), (301, "hush"), (503, "hush"), (200, "hush"), (200, "{\"data\":{\"key\":1}}"),
            (200, "{\"data\":{\"key\":\"hush hush\"}}"), (200, "{\"data\":null}"),
        ])
    func refused(_ status: Int, _ body: String) async {
        let server = SourceServer(["\(Self.base)/v1/kv/a": [(status, body)]])
        do {
            _ = try await source(server, "kv/a").fetch()
            Issue.record("accepted: \(body)")
        } catch { #expect(!"\(error)".contains("hush"), "\(error)") }
    }
}
