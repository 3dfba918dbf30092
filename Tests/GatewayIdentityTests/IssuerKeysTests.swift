import GatewayModel
import GatewayWire
import Synchronization
import Testing

@testable import GatewayIdentity

@Suite("Keys of an issuer are fetched rarely, and serve while it is away")
struct IssuerKeysTests {
    @Test("the first token waits for the keys, once for all who ask", .timeLimit(.minutes(1)))
    func first() async throws {
        let login = TokenFixture()
        let (clock, server) = (ManualClock(), KeyServer([login.key]))
        let keys = server.keys(clock)
        let authority = login.authority(keys: keys)
        let token = try login.token()
        #expect(authority.find(token).isWaiting)
        for _ in 0..<100 { _ = authority.find(token) }
        await keys.settled()
        #expect(authority.find(token).principal?.user == "ann")
        #expect(server.fetches == 1)
    }

    @Test("T15: a thousand made-up keys a second are one fetch in ten seconds", .timeLimit(.minutes(1)))
    func flood() async throws {
        let login = TokenFixture()
        let (clock, server) = (ManualClock(), KeyServer([login.key]))
        let budget = KeyFetchBudget()
        let keys = server.keys(clock, budget: budget)
        await keys.refresh()
        let authority = login.authority(keys: keys)
        for second in 0..<20 {
            for index in 0..<50 { _ = authority.find(try login.token(kid: "made-up-\(second)-\(index)")) }
            await keys.settled()
            clock.advance(1)
        }
        #expect(server.fetches <= 3)
        // Another issuer is not touched by it.
        let other = TokenFixture()
        let otherServer = KeyServer([other.key])
        let otherKeys = otherServer.keys(clock, budget: budget)
        #expect(other.authority(keys: otherKeys).find(try other.token()).isWaiting)
        await otherKeys.settled()
        #expect(other.authority(keys: otherKeys).find(try other.token()).principal != nil)
    }

    @Test("fetches that strangers ask for are bounded over all issuers")
    func globalBudget() {
        let budget = KeyFetchBudget()
        var taken = 0
        for _ in 0..<100 where budget.take(nowSeconds: 100) { taken += 1 }
        #expect(taken == KeyFetchBudget.fetchesMax)
        #expect(!budget.take(nowSeconds: 109))
        #expect(budget.take(nowSeconds: 110))
    }

    @Test("T16: known keys serve for a day while the issuer is down; new ones wait for it", .timeLimit(.minutes(1)))
    func down() async throws {
        let login = TokenFixture()
        let (clock, server) = (ManualClock(), KeyServer([login.key], fresh: 300))
        let keys = server.keys(clock)
        await keys.refresh()
        let authority = login.authority(keys: keys)
        server.setDown(true)
        clock.advance(3_600)
        // The first one that finds them old asks, and waits for the answer.
        #expect(authority.find(try login.token()).isWaiting)
        await keys.settled()
        #expect(authority.find(try login.token()).principal?.user == "ann")
        let rotated = TokenFixture()
        server.publish([rotated.key])
        clock.advance(11)
        #expect(authority.find(try rotated.token()).isWaiting)
        await keys.settled()
        #expect(authority.find(try rotated.token()).error != nil)
        // It is back: the rotated key is known, and the removed one is not, whatever was remembered.
        server.setDown(false)
        await keys.refresh()
        #expect(authority.find(try rotated.token()).principal != nil)
        #expect(authority.find(try login.token()).principal == nil)
    }

    @Test("T16: after a day without its issuer a key is not believed", .timeLimit(.minutes(1)))
    func stale() async throws {
        let login = TokenFixture()
        let (clock, server) = (ManualClock(), KeyServer([login.key]))
        let keys = server.keys(clock)
        await keys.refresh()
        server.setDown(true)
        clock.advance(86_401)
        await keys.refresh()
        let error = login.authority(keys: keys).find(try login.token()).error
        #expect(error?.code == .identityUnavailable)
    }

    @Test("T16: a key that its issuer removed is refused although its token was remembered", .timeLimit(.minutes(1)))
    func removed() async throws {
        let login = TokenFixture()
        let (clock, server) = (ManualClock(), KeyServer([login.key]))
        let keys = server.keys(clock)
        await keys.refresh()
        let authority = login.authority(keys: keys)
        let token = try login.token()
        #expect(authority.find(token).principal != nil)
        server.publish([SigningKey(.ed25519)])
        await keys.refresh()
        #expect(authority.find(token).principal == nil)
    }

    @Test("T17: what is revoked is refused at once, although it was remembered")
    func revoked() throws {
        let login = TokenFixture()
        let authority = login.authority()
        let token = try login.token { $0["act"] = ["sub": "builder"] }
        for kind in [RevocationList.Kind.token, .user, .agent] {
            let fixture = TokenFixture()
            let authority = fixture.authority()
            let token = try fixture.token { $0["act"] = ["sub": "builder"] }
            #expect(authority.find(token).principal != nil)
            let value = ["token": "t-1", "user": "ann", "agent": "builder"][kind.rawValue] ?? ""
            let entry = RevocationList.Entry(
                kind: kind, value: value, beforeSeconds: TokenFixture.now, untilSeconds: TokenFixture.now + 900)
            #expect(fixture.revocations.add([entry], nowSeconds: TokenFixture.now))
            #expect(authority.find(token).error?.message.contains("revoked") == true)
            #expect(authority.find(token).error?.message.contains("revoked") == true)
            // Whoever gets a new token afterwards is let in, unless it is the token itself that is revoked.
            let later = try fixture.token {
                $0["iat"] = .integer(TokenFixture.now + 1)
                $0["jti"] = "t-2"
                $0["act"] = ["sub": "builder"]
            }
            #expect(authority.find(later).principal != nil)
        }
        // Somebody else's revocation changes nothing.
        #expect(authority.find(token).principal != nil)
        let other = RevocationList.Entry(kind: .user, value: "ben", beforeSeconds: .max, untilSeconds: .max)
        #expect(login.revocations.add([other], nowSeconds: 0))
        #expect(authority.find(token).principal != nil)
    }

    @Test("T25: a clock that jumps does not age keys", .timeLimit(.minutes(1)))
    func clock() async throws {
        let login = TokenFixture()
        let (clock, server) = (ManualClock(), KeyServer([login.key]))
        let keys = server.keys(clock)
        await keys.refresh()
        let authority = login.authority(keys: keys)
        let token = try login.token { $0["iat"] = nil }
        // The wall clock goes back by an hour: the uptime, by which keys are kept, does not.
        #expect(authority.find(token, now: TokenFixture.now).principal != nil)
        #expect(authority.find(token, now: TokenFixture.now - 3_600).principal != nil)
        #expect(server.fetches == 1)
    }

    @Test("no more requests wait than may", .timeLimit(.minutes(1)))
    func waiters() async throws {
        let login = TokenFixture()
        let clock = ManualClock()
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let server = KeyServer([login.key])
        let keys = IssuerKeys(
            issuer: TokenFixture.issuer, budget: KeyFetchBudget(), uptimeSeconds: { clock.now },
            fetch: {
                for await _ in gate { break }
                return try server.fetch()
            })
        #expect(login.authority(keys: keys).find(try login.token()).isWaiting)
        var taken = 0
        for _ in 0..<2_000 where keys.whenRefreshed({}) { taken += 1 }
        #expect(taken == IssuerKeys.Settings().waitersMax)
        open.yield()
        open.finish()
    }
}

@Suite("Where keys are fetched from is checked")
struct KeyFetcherTests {
    private let keys = "{\"keys\":[]}"

    private func fetch(
        _ documents: [String: (Int, String)], issuer: String = "https://login.example"
    ) async -> Result<(FetchedKeys, [OutboundRequest]), GatewayError> {
        let seen = Requests()
        let http = OutboundHTTP { request in
            seen.add(request)
            let answer = documents[request.url] ?? (404, "")
            return OutboundResponse(
                status: answer.0, fields: [OutboundField("cache-control", "max-age=120")], body: Array(answer.1.utf8))
        }
        do {
            let fetched = try await KeyFetcher(issuer: issuer, source: .discovery).fetch(http)
            return .success((fetched, seen.all))
        } catch let error as GatewayError {
            return .failure(error)
        } catch {
            return .failure(GatewayError(.internalFault, "\(error)"))
        }
    }

    private func document(_ keys: String, issuer: String = "https://login.example") -> (Int, String) {
        (200, "{\"issuer\":\"\(issuer)\",\"jwks_uri\":\"\(keys)\"}")
    }

    private let place = "https://login.example/.well-known/openid-configuration"

    @Test("keys of the issuer's own origin, kept as long as it says")
    func own() async throws {
        let found = try await fetch([
            place: document("https://login.example/keys"), "https://login.example/keys": (200, keys),
        ]).get()
        #expect(found.0.freshSeconds == 120)
        #expect(found.1.last?.reach == .configured)
    }

    @Test("keys elsewhere may not be at the gateway's neighbours")
    func elsewhere() async throws {
        let found = try await fetch([
            place: document("https://keys.example/k"), "https://keys.example/k": (200, keys),
        ]).get()
        #expect(found.1.last?.reach == .guarded(allowing: []))
    }

    @Test("an older server's document is found where RFC 8414 puts it")
    func older() async throws {
        let issuer = "https://login.example/realm"
        let found = try await fetch(
            [
                "https://login.example/.well-known/oauth-authorization-server/realm": document(
                    "https://login.example/keys", issuer: issuer), "https://login.example/keys": (200, keys),
            ], issuer: issuer
        ).get()
        #expect(found.1.count == 3)
    }

    @Test("what an issuer may not say")
    func hostile() async {
        let bad: [[String: (Int, String)]] = [
            [place: document("http://login.example/keys")],
            [place: document("https://login.example/keys", issuer: "https://login.example/")],
            [place: document("https://login.example/keys"), "https://login.example/keys": (302, "")],
            [place: document("file:///etc/passwd")],
            [place: (200, "<html>")], [place: (500, "")], [place: (301, "")], [:],
            [place: document("https://login.example/keys"), "https://login.example/keys": (200, "{}")],
        ]
        for documents in bad {
            if case .success = await fetch(documents) { Issue.record("accepted: \(documents)") }
        }
    }
}

private final class Requests: Sendable {
    private let list = Mutex<[OutboundRequest]>([])
    func add(_ request: OutboundRequest) { list.withLock { $0.append(request) } }
    var all: [OutboundRequest] { list.withLock { $0 } }
}
