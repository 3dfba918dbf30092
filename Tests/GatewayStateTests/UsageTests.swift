import GatewayModel
import GatewayPolicy
import Testing

@testable import GatewayState

@Suite("Usage adds up exactly, by any field")
struct UsageTests {
    private let fixture = StateFixture()

    private func record(
        _ store: StateStore, user: String = "alice", model: String = "fast", cost: Int128, tokens: Int = 1,
        change: (inout UsageRow) -> Void = { _ in }
    ) {
        let facts = StateFixture.facts(user, model: model)
        guard
            case .admitted(let reservation) = store.ledger.reserve(
                facts, .zero, .none, requestID: "r", nowMilliseconds: fixture.now)
        else {
            Issue.record("not admitted")
            return
        }
        var row = UsageRow(facts.principal, model: model, requestID: "r", timeMilliseconds: 0)
        row.cost = Money(picodollars: cost)
        row.usage.input = tokens
        change(&row)
        reservation.settle(row, nowMilliseconds: fixture.now)
    }

    @Test func everythingOfARowComesBack() throws {
        let store = try fixture.open()
        var expected: UsageRow?
        record(store, cost: 1_234_567_890_123_456) { row in
            (row.usage.cacheRead, row.usage.cacheWrite5m, row.usage.cacheWrite1h) = (2, 3, 4)
            (row.usage.audioInput, row.usage.output, row.usage.reasoning, row.usage.audioOutput) = (5, 6, 7, 8)
            (row.agent, row.run, row.route, row.provider) = ("ägent", "run \"1\"", "default/r", "openai")
            (row.providerModel, row.operation, row.priceVersion) = ("gpt-5-mini", "chat", "v7")
            (row.status, row.attempts, row.durationMilliseconds, row.firstTokenMilliseconds) = (200, 2, 345, 0)
            row.outcome = .clientClosed
            row.flags = [.streamed, .estimated]
            row.groups = ["a", "b"]
            row.timeMilliseconds = fixture.now
            expected = row
        }
        #expect(try store.usageRows() == [try #require(expected)])
    }

    @Test func sumsAreExactBeyondWhatABinaryFractionHolds() throws {
        let store = try fixture.open()
        // A picodollar beside a million dollars, a hundred times.
        for _ in 0..<100 {
            record(store, cost: 1)
            record(store, user: "bob", cost: 1_000_000 * Money.picodollarsPerDollar + 7)
        }
        let all = try store.usage(UsageQuery())
        #expect(all.map(\.cost.description) == ["100000000.0000000008"])
        #expect(all.map(\.calls) == [200])
        var query = UsageQuery()
        query.by = [.user]
        #expect(try store.usage(query).map(\.values) == [["bob"], ["alice"]])
        #expect(try store.usage(query).map(\.cost.picodollars).last == 100)
    }

    @Test func everyFieldGroupsAndFilters() throws {
        let store = try fixture.open()
        record(store, cost: 5) { row in
            (row.provider, row.status, row.outcome) = ("openai", 503, .failed)
            row.groups = ["red", "blue"]
        }
        record(store, user: "bob", model: "slow", cost: 3)
        for field in UsageField.allCases {
            var query = UsageQuery()
            query.by = [field]
            let sums = try store.usage(query)
            #expect(sums.reduce(0) { $0 + $1.calls } == 2, "\(field)")
            #expect(sums.reduce(Int128(0)) { $0 + $1.cost.picodollars } == 8, "\(field)")
            for sum in sums {
                var one = UsageQuery()
                one.filters = [UsageQuery.Filter(field: field, value: sum.values[0])]
                if field == .groups { continue }
                #expect(try store.usage(one).map(\.calls) == [sum.calls], "\(field)")
            }
        }
        var query = UsageQuery()
        query.filters = [UsageQuery.Filter(field: .groups, value: "blue")]
        #expect(try store.usage(query).map(\.failures) == [1])
        query.filters = [UsageQuery.Filter(field: .groups, value: "blu")]
        #expect(try store.usage(query).isEmpty)
    }

    @Test func aQuoteInAValueIsAValue() throws {
        let store = try fixture.open()
        record(store, user: "x' OR '1'='1", cost: 2)
        record(store, cost: 3)
        var query = UsageQuery()
        query.filters = [UsageQuery.Filter(field: .user, value: "x' OR '1'='1")]
        #expect(try store.usage(query).map(\.cost.picodollars) == [2])
    }

    @Test func timeIsHalfOpen() throws {
        let store = try fixture.open()
        let start = fixture.now
        for step in 0..<3 {
            fixture.now = start + step * 1_000
            record(store, cost: 1)
        }
        var query = UsageQuery()
        (query.sinceMilliseconds, query.untilMilliseconds) = (start, start + 2_000)
        #expect(try store.usage(query).map(\.calls) == [2])
        #expect(try store.calls(query, limit: 1).map(\.timeMilliseconds) == [start + 1_000])
        query.sinceMilliseconds = start + 3_000
        #expect(try store.usage(query).isEmpty)
    }

    @Test func hostileTextsAreCutNotRefused() throws {
        let store = try fixture.open()
        let long = String(repeating: "ä", count: 10_000)
        record(store, user: long, cost: 1)
        let row = try #require(try store.usageRows().first)
        #expect(row.user.utf8.count <= RecordWriter.textBytesMax)
        #expect(long.hasPrefix(row.user))
    }
}
