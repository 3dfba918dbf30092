import Foundation
import GatewayModel
import GatewayRecords

/// Records through the audit log to the disk, 64 at most in one batch and `fdatasync` behind each: timed rather than
/// counted, as `time measure audit-log 50000`.
extension Measure {
    static func auditLog(_ rounds: Int) -> Int {
        let folder = FileManager.default.temporaryDirectory.appending(path: "measure-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = AuditLog.Settings()
        settings.batchRecordsMax = 64
        settings.syncMilliseconds = 0
        settings.queueRecordsMax = max(settings.queueRecordsMax, rounds)
        guard let log = try? AuditLog(AuditFolder(stateFolder: folder), settings: settings) else { return 0 }
        let trail = AuditTrail(log: log)
        for index in 0..<rounds { trail.record(call(index)) }
        let isWhole = log.close(timeoutMilliseconds: 600_000)
        precondition(isWhole && log.durableCount >= rounds, "records of the measurement are not on the disk")
        return log.durableCount
    }

    /// A model call as it is told when it is over: some two kilobytes of JSON.
    private static func call(_ index: Int) -> AuditEvent {
        var event = AuditEvent(.modelCall, timeMilliseconds: 1_800_000_000_000 + index)
        event.correlation = (UInt64(truncatingIfNeeded: index) &* 0x9E37_79B9_7F4A_7C15, 1)
        event.principal = Principal(
            proof: .token, tenant: "acme", user: "ann@example.com", agent: "coder", run: "run_0123456789",
            groups: ["engineering", "search"], credentialID: "tok_0123456789abcdef")
        event.operation = "chat"
        event.model = AuditModel(requested: "fast", name: "fast")
        event.source = "192.0.2.17"
        var decision = AuditDecision(.allowed)
        decision.rule = "default/engineers"
        decision.facts = [
            AuditFact("bodyBytes", 1_024), AuditFact("inputTokens", 300), AuditFact("route", "models"),
            AuditFact("stream", false),
        ]
        event.decision = decision
        event.effect = AuditEffect(.done, status: 200)
        event.destination = AuditDestination(host: "api.openai.com")
        event.credential = AuditCredential(id: "OPENAI_API_KEY", kind: "static")
        event.traffic = AuditTraffic(bytesIn: 1_024, bytesOut: 1_400)
        return event
    }
}
