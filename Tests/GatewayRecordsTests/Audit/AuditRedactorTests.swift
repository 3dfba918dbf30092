import Foundation
import GatewayModel
import Testing

@testable import GatewayRecords

@Suite("What a policy takes out of records is in none of their places")
struct AuditRedactorTests {
    private func record(_ event: AuditEvent, _ redaction: AuditRedaction) throws -> String {
        let test = try AuditTestFolder()
        var journal = try test.journal()
        let encoder = AuditEncoder(
            chainUID: journal.signer.verifier.name, gateway: "test",
            redaction: AuditRedactor([redaction], key: Secret("key")))
        try journal.write([SubmittedEvent(event)], encoder, nowMilliseconds: 1_790_000_000_000)
        try journal.sync()
        journal.shut()
        return String(decoding: test.entries.flatMap(\.text), as: UTF8.self)
    }

    @Test(
        "a reason says who in words of its own, and what a reader of the log looked for is a path",
        arguments: [true, false])
    func everywhere(isHashed: Bool) throws {
        var event = AuditTestFolder.event(1)
        event.decision?.reason = "mallory may not use fast"
        event.details = [AuditFact("path", "/v1/audit"), AuditFact("query", "user=mallory")]
        var redaction = AuditRedaction()
        #expect(try record(event, redaction).components(separatedBy: "mallory").count == 3)
        if isHashed { redaction.hash = [.message, .path] } else { redaction.remove = [.message, .path] }
        let text = try record(event, redaction)
        #expect(!text.contains("mallory") && !text.contains("/v1/audit"))
        #expect(text.contains("hmac:") == isHashed)
    }

    @Test("who called is hashed the same each time, and removed where that is asked too")
    func names() throws {
        var redaction = AuditRedaction()
        redaction.hash = [.user, .agent, .groups, .clientAddress]
        let (one, other) = (
            try record(AuditTestFolder.event(1), redaction), try record(AuditTestFolder.event(2), redaction)
        )
        for name in ["\"ada\"", "coder", "192.0.2.7", "\"dev\""] { #expect(!one.contains(name), "\(name)") }
        let hash = try #require(one.firstMatch(of: /hmac:[0-9a-f]{32}/)?.output)
        #expect(other.contains(hash))
        redaction.remove = [.user]
        #expect(try !record(AuditTestFolder.event(1), redaction).contains("\"ada\""))
    }

    @Test(
        "names that stand in details are changed as those of who called",
        arguments: [("user", AuditField.user), ("agent", .agent), ("session", .session)])
    func details(_ kind: String, _ field: AuditField) throws {
        for isHashed in [true, false] {
            var event = AuditTestFolder.event(1)
            event.details = [AuditFact("revokes", kind), AuditFact("revokesName", "mallory")]
            if field != .session {
                event.details = [AuditFact("actor", "mallory"), AuditFact("client", "mallory")] + event.details
            }
            var redaction = AuditRedaction()
            if isHashed { redaction.hash = [field] } else { redaction.remove = [field] }
            let text = try record(event, redaction)
            #expect(!text.contains("mallory") && text.contains("\"revokes\":\"\(kind)\""))
            #expect(text.contains("hmac:") == isHashed)
        }
        var event = AuditTestFolder.event(1)
        event.details = [AuditFact("revokes", kind), AuditFact("revokesName", "mallory")]
        var other = AuditRedaction()
        other.remove = [.message]
        #expect(try record(event, other).contains("mallory"))
    }

    @Test("an end that no clock knows is no reason to lose a record", arguments: [Int.max, .min, 1 << 50])
    func ends(_ seconds: Int) throws {
        var event = AuditTestFolder.event(1)
        event.principal.detail = PrincipalDetail(session: "s", expiresSeconds: seconds)
        #expect(try record(event, AuditRedaction()).contains("\"expiration_time\""))
    }
}
