import Foundation
import GatewayModel
import GatewayPolicy
import Synchronization
import Testing

@testable import GatewayState

@Suite("The ledger keeps within its limits and forgets nothing")
struct LedgerLimitTests {
    private let fixture = StateFixture()
    private let table = StateFixture.table("100tokens/total")

    private func settings(accounts: Int) -> LedgerSettings {
        var settings = LedgerSettings()
        settings.accountsMax = accounts
        return settings
    }

    @Test func idleAccountsMakeRoomAndAreFoundAgain() throws {
        let store = try fixture.open(settings(accounts: 4))
        for number in 0..<20 {
            #expect(store.ledger.spend(number + 1, of: table, user: "user-\(number)", now: fixture.now) == .admitted)
            store.fold()
        }
        #expect(store.ledger.statistics.accounts == 4)
        #expect(store.ledger.statistics.evicted == 16)
        for number in 0..<20 {
            let user = "user-\(number)"
            #expect(store.ledger.spend(100, of: table, user: user, now: fixture.now) != .admitted, "\(user)")
            #expect(
                store.ledger.spend(100 - number - 1, of: table, user: user, now: fixture.now) == .admitted, "\(user)")
            store.fold()
        }
        #expect(try store.budgets().count == 20)
        #expect(try store.budgets().allSatisfy { $0.remaining == 0 })
    }

    @Test func anAccountThatIsNotInTheStoreYetStays() throws {
        let store = try fixture.open(settings(accounts: 2))
        #expect(store.ledger.spend(1, of: table, user: "a", now: fixture.now) == .admitted)
        #expect(store.ledger.spend(1, of: table, user: "b", now: fixture.now) == .admitted)
        #expect(store.ledger.spend(1, of: table, user: "c", now: fixture.now) == .unavailable)
        store.fold()
        #expect(store.ledger.spend(1, of: table, user: "c", now: fixture.now) == .admitted)
        #expect(store.ledger.statistics.unavailable == 1)
    }

    @Test func anAccountWithACallUnderWayStays() throws {
        let store = try fixture.open(settings(accounts: 2))
        #expect(store.ledger.reserveAndDie(1, of: table, user: "a", now: fixture.now) != nil)
        #expect(store.ledger.reserveAndDie(1, of: table, user: "b", now: fixture.now) != nil)
        store.fold()
        #expect(store.ledger.spend(1, of: table, user: "c", now: fixture.now) == .unavailable)
    }

    @Test func accountsWithNothingToSayAreDropped() throws {
        let store = try fixture.open()
        let daily = StateFixture.table("100tokens/1d")
        for number in 0..<10 {
            #expect(store.ledger.spend(1, of: daily, user: "user-\(number)", now: fixture.now) == .admitted)
        }
        store.fold()
        #expect(store.ledger.statistics.accounts == 10)
        fixture.now += 86_400_000
        store.fold()
        #expect(store.ledger.statistics.accounts == 0)
        #expect(try store.budgets().isEmpty)
    }

    @Test func moreAccountsThanFitAreReadWhenTheyAreAskedFor() throws {
        let first = try fixture.open()
        for number in 0..<10 {
            #expect(first.ledger.spend(60, of: table, user: "user-\(number)", now: fixture.now) == .admitted)
        }
        first.close()
        let store = try fixture.open(settings(accounts: 3))
        #expect(store.ledger.statistics.accounts == 3)
        for number in 0..<10 {
            let verdict = store.ledger.spend(41, of: table, user: "user-\(number)", now: fixture.now)
            #expect(verdict == .refused(remaining: 40))
        }
    }

    @Test func aResetReachesWhatIsOnlyInTheStore() throws {
        let store = try fixture.open(settings(accounts: 2))
        for number in 0..<6 {
            #expect(store.ledger.spend(100, of: table, user: "user-\(number)", now: fixture.now) == .admitted)
            store.fold()
        }
        var filter = BudgetFilter()
        filter.policy = "default/b"
        #expect(try store.resetBudgets(filter) == 6)
        for number in 0..<6 {
            #expect(store.ledger.spend(100, of: table, user: "user-\(number)", now: fixture.now) == .admitted)
            store.fold()
        }
        store.close()
        #expect(try fixture.open().ledger.spend(1, of: table, user: "user-3", now: fixture.now) != .admitted)
    }

    // MARK: Failures

    @Test func aFullDiskRefusesNewCallsAndKeepsWhatSettles() throws {
        let store = try fixture.open()
        let facts = StateFixture.facts()
        guard
            case .admitted(let reservation) = store.ledger.reserve(
                facts, StateFixture.demand(50), table, requestID: "r", nowMilliseconds: fixture.now)
        else { return #expect(Bool(false)) }
        store.ledger.book.withLock { $0.journal.isDiskFull = true }
        #expect(store.ledger.spend(1, of: table, now: fixture.now) == .unavailable)
        reservation.settle(StateFixture.row(facts, tokens: 30), nowMilliseconds: fixture.now)
        #expect(store.ledger.failure != nil)
        #expect(store.ledger.statistics.journalFailures > 0)
        store.fold()
        #expect(store.ledger.spend(1, of: table, now: fixture.now) == .unavailable)
        store.ledger.book.withLock { $0.journal.isDiskFull = false }
        store.fold()
        #expect(store.ledger.failure == nil)
        #expect(store.ledger.spend(1, of: table, now: fixture.now) == .admitted)
        // What was settled meanwhile is in the journal by now: a crash finds it.
        let later = try fixture.copyAfterCrash()
        let again = try later.open()
        #expect(again.ledger.statistics.orphans == 0)
        #expect(again.ledger.remaining(of: table, now: later.now) == 69)
        #expect(try again.usageRows().map(\.usage.input) == [30, 1])
    }

    @Test func theOtherSettingServesUnrecorded() throws {
        var settings = LedgerSettings()
        settings.onFailure = .open
        settings.heldBytesMax = 600
        let store = try fixture.open(settings)
        store.ledger.book.withLock { $0.journal.isDiskFull = true }
        for _ in 0..<20 { #expect(store.ledger.spend(2, of: table, now: fixture.now) == .admitted) }
        // Budgets hold nevertheless.
        #expect(store.ledger.spend(61, of: table, now: fixture.now) == .refused(remaining: 60))
        #expect(store.ledger.statistics.unrecorded > 0)
        store.ledger.book.withLock { $0.journal.isDiskFull = false }
        store.fold()
        // The rows are gone, the sums are not.
        let later = try fixture.copyAfterCrash()
        let again = try later.open()
        #expect(again.ledger.remaining(of: table, now: later.now) == 60)
        #expect(again.ledger.statistics.orphans == 0)
    }

    @Test func aCallThatSettledUnsaidIsNotChargedTwice() throws {
        var settings = LedgerSettings()
        settings.heldBytesMax = 20
        let store = try fixture.open(settings)
        let facts = StateFixture.facts()
        guard
            case .admitted(let reservation) = store.ledger.reserve(
                facts, StateFixture.demand(50), table, requestID: "r", nowMilliseconds: fixture.now)
        else { return #expect(Bool(false)) }
        store.ledger.book.withLock { $0.journal.isDiskFull = true }
        reservation.settle(StateFixture.row(facts, tokens: 30), nowMilliseconds: fixture.now)
        store.ledger.book.withLock { $0.journal.isDiskFull = false }
        store.fold()
        let later = try fixture.copyAfterCrash()
        let again = try later.open()
        #expect(again.ledger.statistics.orphans == 0)
        #expect(again.ledger.remaining(of: table, now: later.now) == 70)
    }

    @Test func aFullSegmentGivesWayToTheNext() throws {
        var settings = LedgerSettings()
        settings.segmentBytesMax = 500
        let store = try fixture.open(settings)
        let wide = StateFixture.table("100000tokens/total")
        for _ in 0..<50 { #expect(store.ledger.spend(1, of: wide, now: fixture.now) == .admitted) }
        #expect(fixture.segments.count > 5)
        let later = try fixture.copyAfterCrash()
        let again = try later.open()
        #expect(again.ledger.remaining(of: wide, now: later.now) == 99_950)
        #expect(try again.usageRows().count == 50)
    }

    @Test func aJournalThatIsNotFoldedStopsGrowing() throws {
        var settings = LedgerSettings()
        settings.segmentBytesMax = 500
        settings.journalBytesMax = 5_000
        let store = try fixture.open(settings)
        let wide = StateFixture.table("100000tokens/total")
        var verdicts: [Verdict] = []
        for _ in 0..<100 { verdicts.append(store.ledger.spend(1, of: wide, now: fixture.now)) }
        #expect(verdicts.last == .unavailable)
        store.fold()
        store.fold()
        #expect(store.ledger.spend(1, of: wide, now: fixture.now) == .admitted)
        let admitted = verdicts.count { $0 == .admitted } + 1
        #expect(try store.usageRows().count == admitted)
    }

    @Test func oldUsageIsRemoved() throws {
        var settings = LedgerSettings()
        settings.usageDays = 2
        let store = try fixture.open(settings)
        #expect(store.ledger.spend(1, of: .none, now: fixture.now) == .admitted)
        store.fold()
        fixture.now += 86_400_000
        #expect(store.ledger.spend(2, of: .none, now: fixture.now) == .admitted)
        store.fold()
        #expect(try store.usageRows().count == 2)
        fixture.now += 2 * 86_400_000 - 1
        store.fold()
        #expect(try store.usageRows().map(\.usage.input) == [2])
    }
}

@Suite("A shadow budget counts and refuses nothing")
struct ShadowBudgetTests {
    @Test func whatItWouldRefuseIsSeen() throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        let shadow = StateFixture.table("10tokens/1d")
        let facts = StateFixture.facts()
        for _ in 0..<3 {
            switch store.ledger.reserve(
                facts, StateFixture.demand(8), .none, shadow: shadow, requestID: "r", nowMilliseconds: fixture.now)
            {
            case .admitted(let reservation):
                #expect(reservation.tightest == nil)
                reservation.settle(StateFixture.row(facts, tokens: 8), nowMilliseconds: fixture.now)
            default: Issue.record("not admitted")
            }
        }
        let line = try #require(try store.budgets().first)
        #expect(line.spent == 24)
        #expect(line.debt == 14)
    }
}
