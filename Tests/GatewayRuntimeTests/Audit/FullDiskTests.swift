import Foundation
import GatewayModel
import GatewayRecords
import GatewayRuntime
import GatewayState
import GatewayWire
import GatewayWorkbench
import Synchronization
import Testing

@Suite("What cannot be recorded is not done, and is done again when there is space", .timeLimit(.minutes(1)))
struct FullDiskTests {
    private final class Disk: Sendable {
        let isFull = Atomic(false)
    }

    private static func policy(_ auditClass: String) -> String {
        """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: AuditPolicy
        metadata: {name: default}
        spec: {class: \(auditClass)}
        """
    }

    private static func stand(_ disk: Disk, _ auditClass: String) -> ModelStand.Options {
        var options = ModelStand.Options()
        options.more = policy(auditClass)
        options.adjust = { $0.auditSettings.isDiskFull = { disk.isFull.load(ordering: .relaxed) } }
        return options
    }

    @Test("class strict: 503, nothing goes upstream, and the gateway recovers by itself")
    func strict() async throws {
        let disk = Disk()
        var folder: AuditFolder?
        try await ModelStand.run(Self.stand(disk, "strict")) { stand in
            folder = AuditFolder(stateFolder: stand.gateway.folder.appending(path: "state").path)
            let key = try stand.key()
            let id = try #require(
                stand.gateway.process.state.keys.all().first { $0.user == "alice" }?.id)
            @Sendable func status() async throws -> CompletedResponse {
                try await stand.call(key, "/v1/chat/completions", ModelStand.question("chat"))
            }
            #expect(try await status().status == 200)
            let served = stand.provider.ledger.entries.count
            disk.isFull.store(true, ordering: .relaxed)
            for _ in 0..<3 {
                let refused = try await status()
                #expect(refused.status == 503)
                #expect(refused.text.contains("SL-5005"), "\(refused.text)")
            }
            #expect(stand.provider.ledger.entries.count == served)
            // Nor is a token given out that nobody could tell of.
            let form = "grant_type=client_credentials&client_id=\(id)&client_secret=\(key)"
            let token = try await WorkbenchClient(version: .http1).call(
                "POST", try stand.gateway.url("/oauth/token"),
                headers: [Header("content-type", "application/x-www-form-urlencoded")], body: .text(form))
            #expect(token.status == 503, "\(token.text)")
            #expect(!token.text.contains("access_token"))
            disk.isFull.store(false, ordering: .relaxed)
            try await eventually("calls are served again") { try await status().status == 200 }
            #expect(stand.provider.ledger.entries.count == served + 1)
        }
        let left = try #require(folder)
        let report = try AuditLogVerification.run(left)
        #expect(report.isProven, "\(report.faults)")
    }

    @Test("class standard: calls go on while the queue has room, and every record is there afterwards")
    func standard() async throws {
        let disk = Disk()
        var folder: AuditFolder?
        try await ModelStand.run(Self.stand(disk, "standard")) { stand in
            folder = AuditFolder(stateFolder: stand.gateway.folder.appending(path: "state").path)
            let key = try stand.key()
            disk.isFull.store(true, ordering: .relaxed)
            for _ in 0..<5 {
                #expect(
                    try await stand.call(key, "/v1/chat/completions", ModelStand.question("chat")).status == 200)
            }
            disk.isFull.store(false, ordering: .relaxed)
        }
        let left = try #require(folder)
        #expect(try AuditLogVerification.run(left).isProven)
        var intents: [String] = []
        var outcomes: [String] = []
        AuditReader(left).visit { entry in
            guard let tree = entry.tree, tree["unmapped"]?["traffic"]?.string?.value == "models" else { return true }
            let id = tree["metadata"]?["correlation_uid"]?.string?.value ?? ""
            let isIntent = tree["unmapped"]?["effect"]?["state"]?.string?.value == "pending"
            if isIntent || tree["end_time"] != nil { intents.append(id) }
            if !isIntent { outcomes.append(id) }
            return true
        }
        #expect(Set(intents).count == 5 && intents.count == 5)
        #expect(Set(outcomes) == Set(intents) && outcomes.count == 5)
    }
}
