import GatewayModel
import GatewayPolicy
import Testing

@Suite("A budget account adds up")
struct BudgetAccountTests {
    private let key = BudgetAccountKey(policy: "default/per-user", scope: .user, tenant: "", value: "alice")
    private let day = 86_400_000

    private func account(_ limits: String..., now: Int = 0) -> BudgetAccount {
        var account = BudgetAccount()
        account.follow(limits.compactMap { BudgetLimit($0) }, nowMilliseconds: now)
        return account
    }

    private func tokens(_ count: Int, cost: String = "0") -> BudgetAmounts {
        BudgetAmounts(cost: Money(dollars: cost) ?? .zero, inputTokens: count, outputTokens: 0)
    }

    @Test func namesThatOnlyLookAlikeHaveTheirOwnAccounts() {
        func key(_ value: String, tenant: String = "") -> BudgetAccountKey {
            BudgetAccountKey(policy: "p", scope: .user, tenant: tenant, value: value)
        }
        let (composed, decomposed) = ("jos\u{E9}", "jose\u{301}")
        #expect(composed == decomposed)
        #expect(key(composed) == key(composed) && key(composed) != key(decomposed))
        #expect(key("a", tenant: composed) != key("a", tenant: decomposed))
        #expect([key(composed): 1, key(decomposed): 2].count == 2)
    }

    @Test func whatIsReservedCountsAsMuchAsWhatIsSpent() {
        var account = account("100tokens/1d")
        account.reserve(tokens(60))
        #expect(account.refusal(tokens(40), key: key, nowMilliseconds: 0) == nil)
        #expect(account.refusal(tokens(41), key: key, nowMilliseconds: 0)?.standing.remaining == 40)
        account.settle(tokens(60), actual: tokens(10), nowMilliseconds: 0)
        #expect(account.refusal(tokens(90), key: key, nowMilliseconds: 0) == nil)
        #expect(account.refusal(tokens(91), key: key, nowMilliseconds: 0) != nil)
        #expect(account.reserved == .zero)
    }

    @Test func aRefusalSaysWhatWhereAndUntilWhen() throws {
        var account = account("5usd/1d", now: 1_000)
        account.reserve(tokens(0, cost: "4.5"))
        account.settle(tokens(0, cost: "4.5"), actual: tokens(0, cost: "4.75"), nowMilliseconds: 1_000)
        let refusal = try #require(account.refusal(tokens(0, cost: "0.5"), key: key, nowMilliseconds: 1_000))
        #expect(refusal.standing.remaining == 250_000_000_000)
        #expect(refusal.standing.resetMilliseconds == day)
        #expect(refusal.retryMilliseconds == day)
        #expect(refusal.retryAfterSeconds(nowMilliseconds: 1_000) == 86_399)
        let error = refusal.error(nowMilliseconds: 1_000)
        #expect(error.code == .budgetExceeded)
        #expect(
            error.message
                == "the user's budget of 5usd/1d has 0.25 left and the call needs up to 0.5: default/per-user")
        #expect(error.hint == "try again in 86399 s, or have BudgetPolicy default/per-user raised")
    }

    @Test func aCallLargerThanTheWholeBudgetIsNotToldToWait() throws {
        let refusal = try #require(
            account("100tokens/1d").refusal(tokens(101), key: key, nowMilliseconds: 0))
        #expect(refusal.retryMilliseconds == nil)
        #expect(refusal.error(nowMilliseconds: 0).hint?.contains("max_tokens") == true)
    }

    @Test func aTotalIsNeverToldToWait() throws {
        var account = account("100tokens/total")
        account.reserve(tokens(100))
        account.settle(tokens(100), actual: tokens(100), nowMilliseconds: 0)
        let refusal = try #require(account.refusal(tokens(1), key: key, nowMilliseconds: 400 * day))
        #expect(refusal.standing.resetMilliseconds == nil)
        #expect(refusal.retryMilliseconds == nil)
    }

    @Test(arguments: [
        // spent, days on, what is left of it
        (50, 1, 0), (100, 1, 0), (130, 1, 30), (130, 2, 0), (350, 1, 250), (350, 2, 150), (350, 3, 50), (350, 4, 0),
        (350, 1_000, 0), (100, 0, 100),
    ])
    func debtIsCarriedUntilItIsPaid(spent: Int, days: Int, left: Int) {
        var account = account("100tokens/1d")
        account.reserve(tokens(100))
        account.settle(tokens(100), actual: tokens(spent), nowMilliseconds: 5)
        // In one step and in many: the same.
        var stepwise = account
        account.roll(nowMilliseconds: days * day + 7)
        for step in 0...days { stepwise.roll(nowMilliseconds: step * day) }
        #expect(account.counters[0].spent == Int128(left))
        #expect(stepwise == account)
    }

    @Test(arguments: [(130, 70, 1), (130, 71, 2), (350, 50, 3), (350, 51, 4), (350, 100, 4), (300, 100, 3)])
    func aRefusalInDebtNamesTheWindowThatHasRoom(spent: Int, demand: Int, windows: Int) throws {
        var account = account("100tokens/1d")
        account.settle(.zero, actual: tokens(spent), nowMilliseconds: 0)
        let refusal = try #require(account.refusal(tokens(demand), key: key, nowMilliseconds: 0))
        #expect(refusal.debt == Int128(spent - 100))
        let retry = try #require(refusal.retryMilliseconds)
        #expect(retry == windows * day)
        // It keeps its word, and is not later than it must be.
        var early = account
        early.roll(nowMilliseconds: retry - 1)
        #expect(early.refusal(tokens(demand), key: key, nowMilliseconds: retry - 1) != nil)
        account.roll(nowMilliseconds: retry)
        #expect(account.refusal(tokens(demand), key: key, nowMilliseconds: retry) == nil)
    }

    @Test func whatIsOpenAtTheEndOfAWindowCountsInTheNext() {
        var account = account("100tokens/1d")
        account.reserve(tokens(80))
        account.roll(nowMilliseconds: day)
        #expect(account.refusal(tokens(21), key: key, nowMilliseconds: day) != nil)
        account.settle(tokens(80), actual: tokens(30), nowMilliseconds: day)
        #expect(account.counters[0].spent == 30)
        #expect(account.refusal(tokens(70), key: key, nowMilliseconds: day) == nil)
    }

    @Test func callsUnderWayAreALimitOfTheirOwn() throws {
        var account = account("2concurrent", "100tokens/1d")
        account.reserve(tokens(1))
        account.reserve(tokens(1))
        let refusal = try #require(account.refusal(tokens(1), key: key, nowMilliseconds: 0))
        #expect(refusal.standing.unit == .concurrent)
        #expect(refusal.retryAfterSeconds(nowMilliseconds: 0) == 1)
        account.settle(tokens(1), actual: tokens(1), nowMilliseconds: 0)
        #expect(account.refusal(tokens(1), key: key, nowMilliseconds: 0) == nil)
        account.release(tokens(1))
        #expect(account.reserved == .zero)
    }

    @Test(
        "what calls under way hold comes back nobody knows when: not after a second, and with the window at the latest",
        arguments: [
            // limit, settled, held, asked for, now, wait in seconds
            ("10usd/1d", "2", "8", "0.1", 0, 10), ("10usd/1d", "2", "8", "0.1", 86_396_000, 4),
            ("10usd/total", "2", "8", "0.1", 0, 10), ("10usd/1s", "0", "10", "1", 0, 1),
            // Settled alone leaves no room: nothing that ends before the window does makes any.
            ("10usd/1d", "10", "1", "0.1", 0, 86_400), ("10usd/1d", "9.95", "1", "0.1", 0, 86_400),
        ])
    func held(limit: String, settled: String, held: String, asked: String, now: Int, wait: Int) throws {
        var account = account(limit)
        account.settle(.zero, actual: tokens(0, cost: settled), nowMilliseconds: 0)
        account.reserve(tokens(0, cost: held))
        let refusal = try #require(account.refusal(tokens(0, cost: asked), key: key, nowMilliseconds: now))
        #expect(refusal.retryAfterSeconds(nowMilliseconds: now) == wait)
    }

    @Test(
        "a request under way may be given back, one that is settled is not",
        arguments: [("2requests/1h", 1, 10), ("2requests/1h", 2, 3_600), ("2requests/total", 1, 10)])
    func requestsUnderWay(limit: String, settled: Int, wait: Int) throws {
        var account = account(limit)
        for number in 0..<2 {
            account.reserve(tokens(1))
            if number < settled { account.settle(tokens(1), actual: tokens(1), nowMilliseconds: 0) }
        }
        let refusal = try #require(account.refusal(tokens(1), key: key, nowMilliseconds: 0))
        #expect(refusal.retryAfterSeconds(nowMilliseconds: 0) == wait)
        if settled < 2 { account.release(tokens(1)) }
        #expect((account.refusal(tokens(1), key: key, nowMilliseconds: 0) == nil) == (settled < 2))
    }

    @Test func aTotalOfRequestsThatIsSpentIsNotToldToWait() throws {
        var account = account("1requests/total")
        account.settle(.zero, actual: tokens(1), nowMilliseconds: 0)
        #expect(try #require(account.refusal(tokens(1), key: key, nowMilliseconds: 0)).retryMilliseconds == nil)
    }

    @Test func theLongestWaitIsTheOneThatIsTold() throws {
        var account = account("10tokens/1m", "20tokens/1d", "1concurrent")
        account.settle(.zero, actual: tokens(20), nowMilliseconds: 0)
        account.reserve(tokens(0))
        let refusal = try #require(account.refusal(tokens(5), key: key, nowMilliseconds: 0))
        #expect(refusal.standing.window == .day)
    }

    @Test func theTightestIsTheOneWithTheSmallestShareLeft() {
        var account = account("100tokens/1m", "1000tokens/1d", "4concurrent")
        #expect(account.tightest(key: key)?.limit == 100)
        account.settle(.zero, actual: tokens(90), nowMilliseconds: 0)
        account.roll(nowMilliseconds: 60_000)
        account.settle(.zero, actual: tokens(50), nowMilliseconds: 60_000)
        account.settle(.zero, actual: tokens(0), nowMilliseconds: 60_000)
        #expect(account.tightest(key: key)?.window == .minute)
        account.reserve(tokens(0))
        account.reserve(tokens(0))
        account.reserve(tokens(0))
        #expect(account.tightest(key: key)?.unit == .concurrent)
    }

    @Test func aChangedLimitKeepsTheCount() {
        var account = account("100tokens/1d", "10requests/1h")
        account.settle(.zero, actual: tokens(90), nowMilliseconds: 0)
        account.follow([BudgetLimit(unit: .tokens, max: 50, window: .day)], nowMilliseconds: 10)
        #expect(account.counters.map(\.spent) == [90])
        #expect(account.refusal(tokens(1), key: key, nowMilliseconds: 10)?.debt == 40)
        account.follow(
            [BudgetLimit(unit: .usd, max: 1, window: .day), BudgetLimit(unit: .tokens, max: 200, window: .day)],
            nowMilliseconds: 10)
        #expect(account.counters.map(\.spent) == [0, 90])
    }

    @Test func aLimitOfNothingAdmitsOnlyWhatIsFree() throws {
        let account = account("0usd/1d")
        #expect(account.refusal(tokens(5, cost: "0"), key: key, nowMilliseconds: 0) == nil)
        let refusal = try #require(account.refusal(tokens(5, cost: "0.000001"), key: key, nowMilliseconds: 0))
        #expect(refusal.retryMilliseconds == nil)
    }

    @Test func aSlightlyLateClockChangesNothing() {
        var account = account("100tokens/1d", now: day)
        account.settle(.zero, actual: tokens(60), nowMilliseconds: day + 1)
        account.roll(nowMilliseconds: day - 1)
        #expect(account.counters[0].spent == 60)
        account.roll(nowMilliseconds: day)
        #expect(account.counters[0].spent == 60)
    }

    @Test func aClockThatWasSetBackForgivesNothingAndDoesNotLockOut() {
        var account = account("100tokens/1d", now: 400 * day)
        account.settle(.zero, actual: tokens(60), nowMilliseconds: 400 * day)
        account.roll(nowMilliseconds: 10 * day)
        #expect(account.counters[0].spent == 60)
        #expect(account.counters[0].resetMilliseconds == 11 * day)
        account.roll(nowMilliseconds: 11 * day)
        #expect(account.counters[0].spent == 0)
    }

    @Test func absurdAmountsDoNotOverflow() {
        var account = account("100tokens/1d", "5usd/1d")
        let absurd = BudgetAmounts(
            cost: Money(picodollars: .max), inputTokens: .max, outputTokens: .max, requests: .max)
        #expect(account.refusal(absurd, key: key, nowMilliseconds: 0) != nil)
        for _ in 0..<100 { account.settle(.zero, actual: absurd, nowMilliseconds: 0) }
        account.roll(nowMilliseconds: .max / 2)
        let negative = BudgetAmounts(cost: Money(picodollars: -5), inputTokens: -1, outputTokens: .min)
        #expect(negative[.tokens] == 0)
        #expect(negative[.usd] == 0)
    }

    @Test func aResetForgivesWhatIsSpentAndKeepsWhatIsUnderWay() {
        var account = account("100tokens/1d")
        account.settle(.zero, actual: tokens(150), nowMilliseconds: 0)
        account.reserve(tokens(30))
        account.reset()
        #expect(account.refusal(tokens(70), key: key, nowMilliseconds: 0) == nil)
        #expect(account.refusal(tokens(71), key: key, nowMilliseconds: 0) != nil)
    }
}
