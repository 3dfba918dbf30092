import GatewayWorkbench
import Testing

@Suite("who begins again goes on with the newest link", .timeLimit(.minutes(1)))
struct ConnectLinkTests {
    @Test func `an older link leads to a page that says so, and the newest connects`() async throws {
        try await ConnectTests.run { stand in
            let (alice, bob) = (try stand.tools.key("alice"), try stand.tools.key("bob"))
            let (older, others) = (try await stand.begin(alice), try await stand.begin(bob))
            let newer = try await stand.begin(alice)
            let page = try await stand.get("/oauth/connect/start?flow=\(older)")
            #expect(page.status == 410 && page.headers.first("location") == nil)
            #expect(page.text.contains("A newer link has taken this one's place"), "\(page.text)")
            let early = try await stand.ask("POST", "/oauth/connect/confirm", alice, "flow=\(older)&proof=x")
            #expect(early.status == 409, "\(early.object)")
            // Nobody else's link is touched.
            #expect(try await stand.location(others).hasPrefix(stand.server.issuer))
            #expect(try await stand.location(newer).hasPrefix(stand.server.issuer))
            try await stand.connect(alice, as: "alice-there")
        }
    }

    @Test func `what comes back by an older link is not taken`() async throws {
        try await ConnectTests.run { stand in
            let alice = try stand.tools.key("alice")
            let older = try await stand.begin(alice)
            let back = try stand.server.allow(try await stand.location(older), as: "alice-there")
            _ = try await stand.begin(alice)
            let page = try await stand.get(back)
            #expect(page.status == 410 && page.text.contains("A newer link"), "\(page.status) \(page.text)")
            #expect(!stand.server.forms.contains { $0["grant_type"] == "authorization_code" })
        }
    }
}
