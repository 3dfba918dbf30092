import GatewayModel
import GatewayWire
import Testing

@testable import GatewayIdentity

@Suite("Google's workload identity federation")
struct GoogleFederationTests {
    private static let exchange = "https://sts.googleapis.com/v1/token"
    private static let account = "sluice@p.iam.gserviceaccount.com"
    private static let impersonation =
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/\(account):generateAccessToken"
    private static let provider =
        "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/agents/providers/sluice"
    /// 2027-01-15T08:00:00Z.
    private static let now = 1_800_000_000

    private func source(_ server: SourceServer, account: String?) -> FederationSource {
        let provider = FederationSource.Provider.google(provider: Self.provider, serviceAccount: account)
        return FederationSource(
            provider, at: TokenEndpoint(provider.usualURL, http: server.http),
            subject: SubjectTokenSource { Secret("own.jwt") }, wallSeconds: { Self.now })
    }

    @Test("the gateway's JWT is exchanged for the pool's own token")
    func exchanged() async throws {
        let server = SourceServer([Self.exchange: [(200, SourceServer.token)]])
        let fetched = try await source(server, account: nil).fetch()
        #expect(fetched.text == "issued" && fetched.lifeMilliseconds == 3_600_000)
        #expect(
            server.form() == [
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": Self.provider,
                "scope": "https://www.googleapis.com/auth/cloud-platform",
                "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": "own.jwt",
            ])
    }

    @Test("and that for one of a service account, whose end Google says")
    func impersonated() async throws {
        let answer = "{\"accessToken\":\"of-the-account\",\"expireTime\":\"2027-01-15T08:30:00Z\"}"
        let server = SourceServer([
            Self.exchange: [(200, SourceServer.token)], Self.impersonation: [(200, answer)],
        ])
        let fetched = try await source(server, account: Self.account).fetch()
        #expect(fetched.text == "of-the-account" && fetched.lifeMilliseconds == 1_800_000)
        #expect(server.requests.map(\.url) == [Self.exchange, Self.impersonation])
        #expect(server.field("authorization", 0) == nil && server.field("authorization", 1) == "Bearer issued")
        #expect(
            server.json(1)
                == ["scope": ["https://www.googleapis.com/auth/cloud-platform"], "lifetime": "3600s"])
    }

    @Test(
        "what is no token of the account is none, and nothing of it is quoted",
        arguments: [
            (403, "{\"error\":{\"message\":\"hush\"}}"), (200, "hush"), (200, "{\"accessToken\":\"hush\"}"),
            (200, "{\"accessToken\":\"hush hush\",\"expireTime\":\"2027-01-15T08:30:00Z\"}"),
            (302, "{\"accessToken\":\"hush\",\"expireTime\":\"2027-01-15T08:30:00Z\"}"),
        ])
    func refused(_ status: Int, _ body: String) async {
        let server = SourceServer([
            Self.exchange: [(200, SourceServer.token)], Self.impersonation: [(status, body)],
        ])
        do {
            _ = try await source(server, account: Self.account).fetch()
            Issue.record("accepted: \(body)")
        } catch { #expect(!"\(error)".contains("hush") && !"\(error)".contains("issued"), "\(error)") }
    }
}
