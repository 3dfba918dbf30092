import Dispatch
import Foundation
import GatewayModel
import GatewayPolicy
import Synchronization
import Testing

@testable import GatewayState

@Suite("The ledger reserves on every budget or on none")
struct LedgerTests {
    private let fixture = StateFixture()

    @Test func oneFullBudgetLeavesTheOthersAsTheyWere() throws {
        let store = try fixture.open()
        let table = BudgetTable([
            BudgetRule(name: "a", scope: .user, limits: [try #require(BudgetLimit("100tokens/1d"))]),
            BudgetRule(name: "b", scope: .team, limits: [try #require(BudgetLimit("50tokens/1d"))]),
        ])
        #expect(store.ledger.spend(60, of: table, now: fixture.now) == .refused(remaining: 50))
        #expect(store.ledger.spend(40, of: table, now: fixture.now) == .admitted)
        // The team's other member finds what is left of the team's.
        #expect(store.ledger.spend(11, of: table, user: "bob", now: fixture.now) == .refused(remaining: 10))
        #expect(store.ledger.spend(10, of: table, user: "bob", now: fixture.now) == .admitted)
    }

    @Test func theSmallestShareLeftIsTold() throws {
        let store = try fixture.open()
        let table = StateFixture.table("100tokens/1m", "10usd/1d", "5concurrent")
        let facts = StateFixture.facts()
        switch store.ledger.reserve(
            facts, StateFixture.demand(90, cost: "1"), table, requestID: "r", nowMilliseconds: fixture.now)
        {
        case .admitted(let reservation):
            #expect(reservation.tightest?.unit == .tokens)
            #expect(reservation.tightest?.remaining == 10)
            reservation.release(nowMilliseconds: fixture.now)
        default: Issue.record("not admitted")
        }
    }

    @Test func aDroppedReservationIsChargedInFull() throws {
        let store = try fixture.open()
        let table = StateFixture.table("100tokens/1d")
        if case .admitted(let reservation) = store.ledger.reserve(
            StateFixture.facts(), StateFixture.demand(30), table, requestID: "r", nowMilliseconds: fixture.now)
        {
            _ = consume reservation
        }
        #expect(store.ledger.remaining(of: table, now: fixture.now) == 70)
        #expect(store.ledger.statistics.abandoned == 1)
        #expect(store.ledger.statistics.open == 0)
        let rows = try store.usageRows()
        #expect(rows.map(\.outcome) == [.lost])
        #expect(rows.map(\.flags) == [.estimated])
    }

    @Test func aReleasedCallLeavesNothing() throws {
        let store = try fixture.open()
        let table = StateFixture.table("100tokens/1d", "1concurrent", "1requests/1d")
        for _ in 0..<3 {
            switch store.ledger.reserve(
                StateFixture.facts(), StateFixture.demand(100), table, requestID: "r", nowMilliseconds: fixture.now)
            {
            case .admitted(let reservation): reservation.release(nowMilliseconds: fixture.now)
            default: Issue.record("not admitted")
            }
        }
        #expect(store.ledger.remaining(of: table, now: fixture.now) == 100)
        #expect(store.ledger.statistics.released == 3)
        #expect(try store.usageRows().isEmpty)
    }

    @Test func whatComesFromTheCacheCostsARequestOnly() throws {
        let store = try fixture.open()
        let table = StateFixture.table("100tokens/1d", "10requests/1d")
        let facts = StateFixture.facts()
        if case .admitted(let reservation) = store.ledger.reserve(
            facts, StateFixture.demand(50), table, requestID: "r", nowMilliseconds: fixture.now)
        {
            var row = StateFixture.row(facts, tokens: 50)
            row.flags = .cacheHit
            reservation.settle(row, nowMilliseconds: fixture.now)
        }
        #expect(store.ledger.spend(100, of: table, now: fixture.now) == .admitted)
        #expect(store.ledger.remaining(of: table, now: fixture.now) == 0)
    }

    @Test func aCallWithoutBudgetsIsRecordedAllTheSame() throws {
        let store = try fixture.open()
        #expect(store.ledger.spend(7, of: .none, now: fixture.now) == .admitted)
        #expect(try store.usageRows().map(\.usage.input) == [7])
    }

    @Test func whatACallTookOverItsReservationIsDebtInTheNextWindow() throws {
        let store = try fixture.open()
        let table = StateFixture.table("100tokens/1d")
        #expect(store.ledger.spend(100, actual: 130, of: table, now: fixture.now) == .admitted)
        #expect(store.ledger.statistics.overruns == 1)
        let tomorrow = fixture.now + 86_400_000
        #expect(store.ledger.spend(71, of: table, now: tomorrow) == .refused(remaining: 70))
        #expect(store.ledger.spend(70, of: table, now: tomorrow) == .admitted)
        #expect(store.ledger.remaining(of: table, now: tomorrow + 86_400_000) == 100)
    }

    @Test func tooManyCallsUnderWayAreRefused() throws {
        var settings = LedgerSettings()
        settings.reservationsMax = 2
        let store = try fixture.open(settings)
        #expect(store.ledger.reserveAndDie(1, of: .none, now: fixture.now) != nil)
        #expect(store.ledger.reserveAndDie(1, of: .none, now: fixture.now) != nil)
        #expect(store.ledger.spend(1, of: .none, now: fixture.now) == .unavailable)
    }

    @Test("many threads on one budget never overspend it", .timeLimit(.minutes(2)))
    func concurrency() throws {
        let store = try fixture.open()
        let now = fixture.now
        let table = StateFixture.table("1usd/total", "64concurrent")
        let facts = StateFixture.facts()
        let total = Mutex((spent: Int128(0), admitted: 0, over: 0))
        DispatchQueue.concurrentPerform(iterations: 16) { thread in
            var random = SplitMix(state: UInt64(thread))
            for _ in 0..<400 {
                let price = Int128(random.next() % 1_000_000_000) + 1
                let demand = BudgetAmounts(cost: Money(picodollars: price), inputTokens: 1, outputTokens: 1)
                switch store.ledger.reserve(facts, demand, table, requestID: "r", nowMilliseconds: now) {
                case .admitted(let reservation):
                    if random.next() % 8 == 0 {
                        reservation.release(nowMilliseconds: now)
                        continue
                    }
                    var row = UsageRow(facts.principal, model: "fast", requestID: "r", timeMilliseconds: now)
                    row.cost = Money(picodollars: price - Int128(random.next() % UInt64(price)))
                    let cost = row.cost.picodollars
                    reservation.settle(row, nowMilliseconds: now)
                    total.withLock {
                        $0.spent += cost
                        $0.admitted += 1
                    }
                case .refused: total.withLock { $0.over += 1 }
                case .unavailable: Issue.record("unavailable")
                }
                if random.next() % 200 == 0 { store.fold() }
            }
        }
        let outcome = total.withLock { $0 }
        #expect(outcome.spent <= Money.picodollarsPerDollar)
        #expect(outcome.over > 0)
        let left = try #require(store.ledger.remaining(of: table, now: now))
        #expect(Money.picodollarsPerDollar - outcome.spent == left)
        let rows = try store.usageRows()
        #expect(rows.count == outcome.admitted)
        #expect(rows.reduce(Int128(0)) { $0 + $1.cost.picodollars } == outcome.spent)
    }
}

/// A small generator with a seed, the same everywhere.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
