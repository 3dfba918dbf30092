import GRDB
import GatewayModel
import GatewayPolicy
import Testing

@testable import GatewayState

@Suite("Rows of usage share what they have in common, and lose nothing of it")
struct UsageStoreTests {
    private let fixture = StateFixture()

    private func record(
        _ store: StateStore, id: String = "r", run: String = "", change: (inout UsageRow) -> Void = { _ in }
    ) {
        let facts = StateFixture.facts()
        guard
            case .admitted(let reservation) = store.ledger.reserve(
                facts, .zero, .none, requestID: id, nowMilliseconds: fixture.now)
        else {
            Issue.record("not admitted")
            return
        }
        var row = UsageRow(facts.principal, model: "fast", requestID: id, timeMilliseconds: fixture.now)
        (row.run, row.usage.input, row.cost) = (run, 3, Money(picodollars: 5))
        change(&row)
        reservation.settle(row, nowMilliseconds: fixture.now)
    }

    private func count(_ table: String, _ store: StateStore) throws -> Int {
        try store.reading { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") ?? 0 }
    }

    @Test("rows of every number come back, in order", arguments: [1, 15, 16, 17, 50])
    func numbers(_ number: Int) throws {
        let store = try fixture.open()
        for index in 0..<number { record(store, id: "r\(index)") }
        #expect(try store.usageRows().map(\.requestID) == (0..<number).map { "r\($0)" })
        #expect(try count("usage_terms", store) == 1)
    }

    @Test("what differs in one word or in how it ended is told apart, also after a restart")
    func differences() throws {
        let first = try fixture.open()
        record(first, run: "a")
        record(first, run: "b")
        record(first, run: "a") { $0.status = 200 }
        record(first, run: "a") { $0.outcome = .failed }
        record(first, run: "a") { $0.flags = .streamed }
        record(first, run: "a") { $0.attempts = 2 }
        record(first, run: "a") { $0.groups = ["engineering", "red"] }
        record(first, run: "a")
        let rows = try first.usageRows()
        #expect(rows.map(\.run) == ["a", "b", "a", "a", "a", "a", "a", "a"])
        #expect(rows.map(\.groups.count) == [1, 1, 1, 1, 1, 1, 2, 1])
        #expect(Set(rows.map(\.status)) == [0, 200] && rows[3].outcome == .failed && rows[5].attempts == 2)
        #expect(try count("usage_terms", first) == 7)
        first.close()
        let second = try fixture.open()
        record(second, run: "a")
        #expect(try second.usageRows().last == rows.last)
    }

    @Test("a clock that goes back gives no row another's place")
    func clock() throws {
        let store = try fixture.open()
        let start = fixture.now
        for (index, step) in [0, 1, 0, -1, 5, 1].enumerated() {
            fixture.now = start + step
            record(store, id: "r\(index)")
            if index % 2 == 1 { store.fold() }
        }
        fixture.now = start
        record(store, id: "r6")
        record(store, id: "r7")
        let rows = try store.usageRows()
        #expect(rows.map(\.requestID) == ["r3", "r0", "r2", "r6", "r7", "r1", "r5", "r4"])
        #expect(rows.map { $0.timeMilliseconds - start } == [-1, 0, 0, 0, 0, 1, 1, 5])
    }

    @Test("a time that no clock shows has a place too, however often")
    func farTime() throws {
        let store = try fixture.open()
        let start = fixture.now
        for (index, time) in [1 << 50, start, 1 << 50, start, 1 << 42].enumerated() {
            fixture.now = time
            record(store, id: "r\(index)")
            store.fold()
        }
        fixture.now = start
        #expect(store.failure == nil)
        #expect(try store.usageRows().map(\.requestID) == ["r1", "r3", "r0", "r2", "r4"])
    }

    @Test("terms go with the last row that refers to them, and not before")
    func cleaning() throws {
        var settings = LedgerSettings()
        settings.usageDays = 10
        let store = try fixture.open(settings)
        let (start, day) = (fixture.now, UsageTerms.ageMaxMilliseconds)
        for step in 0..<30 {
            fixture.now = start + step * day / 2
            record(store, id: "r\(step)", run: "same")
            record(store, id: "r\(step)", run: "run-\(step)")
            // Each row finds its terms.
            #expect(try store.usageRows().count == count("usage_calls", store))
        }
        // Of 15 days the last ten are kept, and terms for two days more.
        let rows = try store.usageRows()
        #expect(rows.count == 42 && rows.first?.timeMilliseconds == fixture.now - 10 * day)
        #expect(try count("usage_terms", store) < 42 + 10)
        fixture.now += 20 * day
        store.fold()
        #expect(try count("usage_calls", store) == 0)
        #expect(try count("usage_terms", store) == 0)
        record(store, id: "new", run: "same")
        // A clock that was wrong: what is remembered of before is not there any more.
        fixture.now -= 20 * day
        record(store, id: "back", run: "same")
        #expect(try store.usageRows().map(\.requestID) == ["back", "new"])
    }

    @Test("terms of a fold that failed are written again")
    func failedFold() throws {
        let store = try fixture.open()
        record(store, run: "a")
        try store.writing { try $0.execute(sql: "ALTER TABLE usage_calls RENAME TO away") }
        store.fold()
        #expect(store.failure != nil)
        try store.writing { try $0.execute(sql: "ALTER TABLE away RENAME TO usage_calls") }
        record(store, run: "a")
        #expect(try store.usageRows().map(\.run) == ["a", "a"])
        #expect(store.failure == nil)
    }

    @Test("more runs than are remembered, and names too long for that, are kept all the same")
    func manyTerms() throws {
        let store = try fixture.open()
        for round in 0..<2 {
            for index in 0..<2_100 { record(store, run: "\(round).\(index)") }
            record(store, run: String(repeating: "x", count: 2_000))
        }
        var query = UsageQuery()
        query.by = [.run]
        query.groupsMax = 10_000
        let sums = try store.usage(query)
        #expect(sums.count == 4_201)
        #expect(sums.reduce(0) { $0 + $1.calls } == 4_202)
        #expect(sums.allSatisfy { $0.cost.picodollars == 5 * Int128($0.calls) })
    }

    @Test("a number that another account was given leaves a call on its own")
    func accountNumbers() throws {
        func key(_ user: String) -> BudgetAccountKey {
            BudgetAccountKey(policy: "p", scope: .user, tenant: "", value: user)
        }
        var writer = RecordWriter()
        let seed = JournalSegment.seed(3)
        for (id, user) in [(1, "alice"), (2, "bob")] as [(UInt64, String)] {
            writer.account(key(user), reference: 7, seed: seed)
            writer.reserve(
                id: id, timeMilliseconds: 1, leaseMilliseconds: 2, StateFixture.demand(5), accounts: [7],
                StateFixture.facts(user), requestID: user, seed: seed)
        }
        let summary = SegmentSummary(JournalSegment.head(3) + writer.bytes, sequence: 3)
        #expect(summary.end == .whole)
        let opened = summary.opened.sorted { $0.record.id < $1.record.id }
        #expect(opened.map(\.accounts) == [[key("alice")], [key("bob")]])
        #expect(opened.map(\.call.user) == ["alice", "bob"])
    }
}
