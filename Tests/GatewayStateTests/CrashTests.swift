import Foundation
import GatewayModel
import GatewayPolicy
import Synchronization
import Testing

@testable import GatewayState

@Suite("A crash loses no spending")
struct CrashTests {
    private let table = StateFixture.table("100tokens/1d", "2concurrent")

    @Test func whatWasSettledIsFoundAgainWithoutAFold() throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        #expect(store.ledger.spend(30, actual: 20, of: table, now: fixture.now) == .admitted)
        let later = try fixture.copyAfterCrash()
        let again = try later.open()
        #expect(again.ledger.remaining(of: table, now: later.now) == 80)
        #expect(try again.usageRows().map(\.usage.input) == [20])
    }

    @Test func whatWasUnderWayIsChargedWhenItsLeaseEnds() throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        for _ in 0..<2 { #expect(store.ledger.reserveAndDie(40, of: table, now: fixture.now) != nil) }
        #expect(store.ledger.spend(1, of: table, now: fixture.now) == .refused(remaining: 0))
        let later = try fixture.copyAfterCrash()
        let again = try later.open()
        // The slots are free at once, the tokens are not.
        #expect(again.ledger.statistics.orphans == 2)
        #expect(again.ledger.remaining(of: table, now: later.now) == 20)
        #expect(again.ledger.spend(20, of: table, now: later.now) == .admitted)
        later.now += LedgerSettings().leaseMilliseconds
        again.fold()
        #expect(again.ledger.statistics.orphans == 0)
        let lost = try again.usageRows().filter { $0.outcome == .lost }
        #expect(lost.map(\.usage.input) == [40, 40])
        #expect(lost.allSatisfy { $0.flags == .estimated && $0.user == "alice" && $0.requestID == "lost" })
        #expect(again.ledger.remaining(of: table, now: later.now) == 0)
        // A second crash right after finds the same, and charges nobody twice.
        let third = try later.copyAfterCrash()
        let last = try third.open()
        #expect(last.ledger.statistics.orphans == 0)
        #expect(last.ledger.remaining(of: table, now: third.now) == 0)
        #expect(try last.usageRows().count == 3)
    }

    @Test(arguments: [false, true])
    func whatGrewIsChargedAsItGrew(isFolded: Bool) throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        let ticket = try #require(store.ledger.reserveAndDie(40, of: table, now: fixture.now))
        if isFolded { store.fold() }
        #expect(store.ledger.grow(ticket, by: StateFixture.more(30), nowMilliseconds: fixture.now) == nil)
        #expect(store.ledger.grow(ticket, by: StateFixture.more(31), nowMilliseconds: fixture.now)?.demand == 31)
        #expect(store.ledger.remaining(of: table, now: fixture.now) == 30)
        let later = try fixture.copyAfterCrash()
        let again = try later.open()
        #expect(again.ledger.remaining(of: table, now: later.now) == 30)
        later.now += LedgerSettings().leaseMilliseconds
        again.fold()
        #expect(again.ledger.remaining(of: table, now: later.now) == 30)
    }

    @Test func whatGrewAfterAFoldAndSettledIsUnderWayNoMore() throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        let facts = StateFixture.facts()
        guard
            case .admitted(let reservation) = store.ledger.reserve(
                facts, StateFixture.demand(40), table, requestID: "r", nowMilliseconds: fixture.now)
        else {
            Issue.record("not admitted")
            return
        }
        store.fold()
        #expect(reservation.grow(by: StateFixture.more(20), nowMilliseconds: fixture.now) == nil)
        reservation.settle(StateFixture.row(facts, tokens: 55), nowMilliseconds: fixture.now)
        store.fold()
        #expect(store.ledger.statistics.overruns == 0)
        let again = try fixture.copyAfterCrash().open()
        #expect(again.ledger.statistics.orphans == 0)
        #expect(again.ledger.remaining(of: table, now: fixture.now) == 45)
    }

    @Test func whoNeverCallsAgainIsChargedToo() throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        #expect(store.ledger.reserveAndDie(40, of: table, now: fixture.now) != nil)
        let later = try fixture.copyAfterCrash()
        later.now += LedgerSettings().leaseMilliseconds
        let again = try later.open()
        again.fold()
        #expect(again.ledger.remaining(of: table, now: later.now) == 60)
        again.close()
        #expect(try later.open().ledger.remaining(of: table, now: later.now) == 60)
    }

    @Test func aRestartInTheMiddleOfAWindowGoesOnInIt() throws {
        let fixture = StateFixture()
        var store = try fixture.open()
        for _ in 0..<5 {
            #expect(store.ledger.spend(10, of: table, now: fixture.now) == .admitted)
            store.close()
            store = try fixture.open()
        }
        #expect(store.ledger.remaining(of: table, now: fixture.now) == 50)
        fixture.now += 86_400_000
        #expect(store.ledger.remaining(of: table, now: fixture.now) == 100)
    }

    @Test func aTornTailIsFoundAtEveryByte() throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        #expect(store.ledger.spend(10, of: table, now: fixture.now) == .admitted)
        let path = try #require(fixture.segments.first)
        let before = store.ledger.book.withLock { $0.journal.currentBytes }
        #expect(store.ledger.spend(20, of: table, now: fixture.now) == .admitted)
        let file = Array(try Data(contentsOf: URL(filePath: path)))
        let whole = Array(file[..<store.ledger.book.withLock { $0.journal.currentBytes }])
        // Nobody ended the segment: zeros are behind it, and mean nothing.
        #expect(file.count > whole.count)
        #expect(SegmentSummary(file, sequence: try #require(fixture.sequence(of: path))).rows.count == 2)
        let sequence = try #require(fixture.sequence(of: path))
        let complete = SegmentSummary(whole, sequence: sequence)
        #expect(complete.rows.count == 2)
        for cut in 0..<whole.count {
            let summary = SegmentSummary(Array(whole[..<cut]), sequence: sequence)
            #expect(summary.rows.count == (cut < before ? 0 : 1), "\(cut)")
            #expect(summary.end != .damaged)
            // A reservation that is whole and has no settlement stays open.
            #expect(summary.opened.count <= 1)
            let unended = SegmentSummary(
                Array(whole[..<cut]) + Array(repeating: 0, count: 5_000), sequence: sequence)
            #expect(unended.rows.count <= summary.rows.count + 1 && unended.end != .damaged, "\(cut)")
        }
        // As a crash leaves it: the last settlement is torn, so the call is charged as reserved.
        for cut in [whole.count - 1, whole.count - 40] {
            let copy = try fixture.copyAfterCrash()
            try Data(whole[..<cut]).write(to: URL(filePath: try #require(copy.segments.first)))
            let again = try copy.open()
            #expect(again.ledger.statistics.orphans == 1)
            #expect(again.ledger.remaining(of: table, now: copy.now) == 70)
        }
    }

    /// The machine died: any page that was not synced may be missing, also one before others that are there.
    @Test func aLostPageIsATornEnd() throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        for _ in 0..<100 { #expect(store.ledger.spend(1, of: table, now: fixture.now) == .admitted) }
        let (whole, sequence) = try fixture.written(by: store)
        #expect(whole.count > 4 * 4_096)
        var rows = -1
        for page in 0..<whole.count / 4_096 {
            var bytes = whole
            for index in page * 4_096..<(page + 1) * 4_096 { bytes[index] = 0 }
            let summary = SegmentSummary(bytes, sequence: sequence)
            #expect(summary.end == .torn, "\(page)")
            #expect(summary.rows.count > rows, "\(page)")
            rows = summary.rows.count
            if page == 0 { rows = 0 }
        }
        // The process died between a record's content and its head.
        let first = JournalSegment.headBytes
        var bytes = whole
        for index in first..<first + RecordWriter.headBytes { bytes[index] = 0 }
        #expect(SegmentSummary(bytes, sequence: sequence).end == .torn)
    }

    @Test func aFlippedBitIsFound() throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        for _ in 0..<3 { #expect(store.ledger.spend(10, of: table, now: fixture.now) == .admitted) }
        let (whole, sequence) = try fixture.written(by: store)
        for index in stride(from: 0, to: whole.count, by: 3) {
            var bytes = whole
            bytes[index] ^= 0x10
            #expect(SegmentSummary(bytes, sequence: sequence).end != .whole)
        }
        // The file is kept for who wants to know.
        let copy = try fixture.copyAfterCrash()
        var bytes = whole
        bytes[whole.count / 2] ^= 1
        try Data(bytes).write(to: URL(filePath: try #require(copy.segments.first)))
        _ = try copy.open()
        let names = try FileManager.default.contentsOfDirectory(atPath: copy.folder + "/journal")
        #expect(names.contains { $0.hasSuffix(".damaged") })
    }

    @Test func garbageIsNoSegment() {
        var random = SplitMix(state: 7)
        for _ in 0..<2_000 {
            let count = Int(random.next() % 200)
            var bytes = JournalSegment.head(3)
            for _ in 0..<count { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
            let summary = SegmentSummary(bytes, sequence: 3)
            #expect(summary.rows.isEmpty)
        }
    }

    @Test func foldingASegmentTwiceDoesNothing() throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        #expect(store.ledger.spend(30, of: table, now: fixture.now) == .admitted)
        let path = try #require(fixture.segments.first)
        let bytes = try Data(contentsOf: URL(filePath: path))
        store.close()
        // As if the process had died between the transaction and the removal of the file.
        let copy = try fixture.copyAfterCrash()
        try bytes.write(to: URL(filePath: copy.folder + "/journal/" + (path as NSString).lastPathComponent))
        let again = try copy.open()
        #expect(again.ledger.remaining(of: table, now: copy.now) == 70)
        #expect(try again.usageRows().count == 1)
    }

    @Test func twoProcessesCannotShareAFolder() throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        #expect(throws: GatewayError.self) { try fixture.open() }
        #expect(StateStore.isHeld(folder: fixture.folder))
        store.close()
        #expect(!StateStore.isHeld(folder: fixture.folder))
        #expect(!StateStore.isHeld(folder: fixture.folder + "/none"))
    }

    @Test func nobodyElseMayReadTheState() throws {
        let fixture = StateFixture()
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let store = try fixture.open()
        #expect(store.ledger.spend(1, of: table, now: fixture.now) == .admitted)
        store.fold()
        #expect(store.ledger.spend(1, of: table, now: fixture.now) == .admitted)
        let files = try #require(FileManager.default.enumerator(atPath: fixture.folder)?.allObjects as? [String])
        #expect(files.count >= 5)
        for file in files + ["."] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(fixture.folder)/\(file)")
            let mode = try #require((attributes[.posixPermissions] as? NSNumber)?.intValue)
            #expect(mode & 0o077 == 0, "\(file)")
        }
    }
}

extension StateFixture {
    /// What has been written of the first segment, and its number.
    func written(by store: StateStore) throws -> (bytes: [UInt8], sequence: Int) {
        let path = try #require(segments.first)
        let count = store.ledger.book.withLock { $0.journal.currentBytes }
        return (
            Array(try Data(contentsOf: URL(filePath: path)).prefix(count)), try #require(sequence(of: path))
        )
    }

    func sequence(of path: String) -> Int? { Int((path as NSString).lastPathComponent.dropLast(4)) }

    var segments: [String] {
        ((try? JournalSegment.sequences(in: folder + "/journal")) ?? []).map {
            JournalSegment.path($0, in: folder + "/journal")
        }
    }
}
