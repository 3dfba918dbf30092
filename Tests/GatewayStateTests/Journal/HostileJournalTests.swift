import Foundation
import GatewayModel
import GatewayPolicy
import Synchronization
import Testing

@testable import GatewayState

@Suite("Nothing in the journal's folder ends the gateway or is written over")
struct HostileJournalTests {
    private let table = StateFixture.table("100tokens/1d")

    @Test(
        "what is named like no segment is left alone",
        arguments: ["9223372036854775807", "20261126", "7", "-00000000007"])
    func names(_ name: String) throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        #expect(store.ledger.spend(10, of: table, now: fixture.now) == .admitted)
        let path = "\(fixture.folder)/journal/\(name).log"
        try Data("somebody's".utf8).write(to: URL(filePath: path))
        store.fold()
        #expect(store.damagedSegments == 0)
        store.close()
        let again = try fixture.open()
        #expect(again.ledger.remaining(of: table, now: fixture.now) == 90)
        #expect(try String(contentsOf: URL(filePath: path), encoding: .utf8) == "somebody's")
    }

    @Test("a folder and a file too large for a segment are set aside and counted")
    func kinds() throws {
        let fixture = StateFixture()
        try fixture.open().close()
        let folder = fixture.folder + "/journal"
        try FileManager.default.createDirectory(
            atPath: JournalSegment.path(500, in: folder), withIntermediateDirectories: true)
        #expect(FileManager.default.createFile(atPath: JournalSegment.path(501, in: folder), contents: nil))
        #expect(unsafe truncate(JournalSegment.path(501, in: folder), 1 << 34) == 0)
        for count in [2, 2] {
            let store = try fixture.open()
            #expect(store.damagedSegments == count)
            #expect(store.ledger.spend(1, of: table, now: fixture.now) == .admitted)
            store.close()
        }
    }

    @Test("a folder that cannot be read is none without segments, and no segment is begun where one is")
    func unreadable() throws {
        let fixture = StateFixture()
        #expect(throws: GatewayError.self) { try JournalSegment.sequences(in: fixture.folder + "/journal") }
        try FileManager.default.createDirectory(atPath: fixture.folder, withIntermediateDirectories: true)
        let path = JournalSegment.path(1, in: fixture.folder)
        try Data("records".utf8).write(to: URL(filePath: path))
        #expect(JournalFile(segment: path) == nil)
        #expect(try String(contentsOf: URL(filePath: path), encoding: .utf8) == "records")
    }

    @Test("a segment that vanishes before it is folded is counted")
    func vanished() throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        #expect(store.ledger.spend(10, of: table, now: fixture.now) == .admitted)
        let path = try #require(fixture.segments.first)
        store.ledger.book.withLock { $0.journal.end() }
        try FileManager.default.removeItem(atPath: path)
        store.fold()
        #expect(store.damagedSegments == 1)
        #expect(store.ledger.book.withLock { $0.journal.unfoldedBytes } == 0)
        #expect(store.ledger.remaining(of: table, now: fixture.now) == 90)
    }

    @Test("numbers that no counter and no row has are damage")
    func numbers() throws {
        let most = BudgetCounter.amountMax
        let window = BudgetWindow.total
        #expect(BudgetCounter(unit: .tokens, window: window, kept: most, index: 1, spent: most) != nil)
        for (max, index, spent) in [(most + 1, 1, 0), (1, .max, 0), (1, 1, most + 1), (.min, 1, 1), (1, 1, -1)]
            as [(Int128, Int, Int128)]
        {
            #expect(BudgetCounter(unit: .tokens, window: window, kept: max, index: index, spent: spent) == nil)
        }
        var writer = RecordWriter()
        writer.account(
            BudgetAccountKey(policy: "p", scope: .user, tenant: "", value: "alice"), reference: 0,
            seed: JournalSegment.seed(3))
        let good = writer.bytes.count
        writer.beginCounters(1)
        for number in [0, Int(BudgetUnit.tokens.code), 60, Int.max, 1, 1] { writer.add(number) }
        writer.end(seed: JournalSegment.seed(3))
        let summary = SegmentSummary(JournalSegment.head(3) + writer.bytes, sequence: 3)
        #expect(summary.end == .damaged)
        #expect(SegmentSummary(JournalSegment.head(3) + writer.bytes[..<good], sequence: 3).end == .whole)
    }

    @Test("facts that no gateway wrote are told, not trapped on", arguments: ["boot", "folded"])
    func facts(_ name: String) throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        try store.writing { try AccountTable.setFact(name, -5, $0) }
        store.close()
        #expect(throws: GatewayError.self) { try fixture.open() }
    }
}
