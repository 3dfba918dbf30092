import Foundation
import GatewayModel
import GatewayWire
import Synchronization

@testable import GatewayRecords

/// A log in a folder of its own, which goes with it.
final class AuditTestFolder: Sendable {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-audit-\(UUID())").path
    var folder: AuditFolder { AuditFolder(stateFolder: path) }
    private let start = 1_790_000_000_000

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func journal(_ settings: AuditJournal.Settings = AuditJournal.Settings()) throws -> AuditJournal {
        try AuditJournal(folder, settings: settings, nowMilliseconds: start)
    }

    func encoder(_ journal: AuditJournal) -> AuditEncoder {
        AuditEncoder(chainUID: journal.signer.verifier.name, gateway: "test", redaction: AuditRedactor())
    }

    /// A log of so many calls, with a checkpoint over all of them.
    func fill(_ count: Int, settings: AuditJournal.Settings = AuditJournal.Settings()) throws {
        var journal = try journal(settings)
        let encoder = encoder(journal)
        for number in 0..<count {
            try journal.write([SubmittedEvent(Self.event(number))], encoder, nowMilliseconds: start + number)
        }
        try journal.sync()
        try journal.publish(nowMilliseconds: start + count)
        journal.shut()
    }

    static func event(_ number: Int) -> AuditEvent {
        var event = AuditEvent(.modelCall, timeMilliseconds: 1_790_000_000_000 + number)
        event.correlation = (7, UInt64(number))
        event.principal = Principal(
            proof: .apiKey, tenant: "acme", team: "search", user: "ada", agent: "coder", run: "run-\(number % 5)",
            groups: ["dev"], credentialID: "key-1")
        event.source = "192.0.2.7"
        event.model = AuditModel(requested: "fast", name: "gpt-5-mini")
        event.operation = "chat"
        var decision = AuditDecision(number % 7 == 3 ? .denied : .allowed)
        decision.rule = "default/everyone"
        decision.facts = [AuditFact("stream", true), AuditFact("bodyBytes", number)]
        event.decision = decision
        return event
    }

    /// Tells what is about to be done, where nobody waits for the disk.
    func intent(_ event: AuditEvent, _ trail: AuditTrail) throws -> AuditTicket {
        guard case .proceed(let ticket) = trail.intent(event) else { throw CancellationError() }
        return ticket
    }

    /// What came of each record, as it says.
    var states: [String] {
        entries.compactMap { $0.tree?["unmapped"]?["effect"]?["state"]?.string?.value }
    }

    var entries: [AuditEntry] {
        var all: [AuditEntry] = []
        AuditReader(folder).visit { entry in
            all.append(entry)
            return true
        }
        return all
    }
}

/// What goes wrong with a disk, and when.
final class TestDisk: Sendable {
    let isFull = Atomic(false)
    let isFailing = Atomic(false)
}
