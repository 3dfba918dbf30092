import GatewayModel
import GatewayPolicy
import Testing

@Suite("Budgets are written exactly")
struct BudgetTextTests {
    @Test(arguments: [
        ("1s", 1), ("90s", 90), ("1m", 60), ("1h", 3_600), ("1d", 86_400), ("30d", 2_592_000), ("2w", 1_209_600),
        ("total", 0), ("3653d", 3_653 * 86_400),
    ])
    func aWindowIsRead(text: String, seconds: Int) {
        #expect(BudgetWindow(text)?.seconds == seconds)
    }

    @Test(arguments: [
        "", "0s", "1", "s", "-1d", "1 d", "1D", "1.5h", "1y", "3654d", "99999999999s", "1h30m", "٣d", "Total",
    ])
    func whatIsNoWindowIsNone(text: String) {
        #expect(BudgetWindow(text) == nil)
    }

    @Test(arguments: [("60s", "1m"), ("3600s", "1h"), ("24h", "1d"), ("7d", "7d"), ("61s", "61s"), ("total", "total")])
    func aWindowIsShownInItsShortestForm(text: String, shown: String) {
        #expect(BudgetWindow(text)?.description == shown)
    }

    @Test func windowsAreAlignedToTheEpochAlsoBeforeIt() {
        let day = BudgetWindow.day
        #expect(day.index(atMilliseconds: 0) == 0)
        #expect(day.index(atMilliseconds: 86_399_999) == 0)
        #expect(day.index(atMilliseconds: 86_400_000) == 1)
        #expect(day.index(atMilliseconds: -1) == -1)
        #expect(day.index(atMilliseconds: -86_400_000) == -1)
        #expect(day.index(atMilliseconds: -86_400_001) == -2)
        #expect(day.startMilliseconds(of: 2) == 172_800_000)
        #expect(BudgetWindow.total.index(atMilliseconds: 99) == 0)
        #expect(BudgetWindow.total.startMilliseconds(of: 1) == nil)
    }

    @Test(arguments: [
        ("5usd/1d", BudgetLimit(unit: .usd, max: 5_000_000_000_000, window: .day), "5usd/1d"),
        ("0.25usd/1m", BudgetLimit(unit: .usd, max: 250_000_000_000, window: .minute), "0.25usd/1m"),
        ("100000tokens/60s", BudgetLimit(unit: .tokens, max: 100_000, window: .minute), "100000tokens/1m"),
        ("8concurrent", BudgetLimit(unit: .concurrent, max: 8, window: .total), "8concurrent"),
        ("10requests/total", BudgetLimit(unit: .requests, max: 10, window: .total), "10requests/total"),
        ("7outputTokens/1h", BudgetLimit(unit: .outputTokens, max: 7, window: .hour), "7outputTokens/1h"),
    ])
    func aLimitIsReadAndShown(text: String, limit: BudgetLimit, shown: String) {
        #expect(BudgetLimit(text) == limit)
        #expect(limit.description == shown)
    }

    @Test(arguments: [
        "", "/", "5usd", "usd/1d", "5/1d", "5eur/1d", "1.5tokens/1m", "-5usd/1d", "8concurrent/1m", "5usd/",
        "5usd/1d/1d",
        "0.0000000000001usd/1d", "99999999999999999999tokens/1m",
    ])
    func whatIsNoLimitIsNone(text: String) {
        #expect(BudgetLimit(text) == nil)
    }

    @Test(arguments: [
        ("gpt-5-*", "gpt-5-mini", true), ("gpt-5-*", "gpt-5-", true), ("gpt-5-*", "gpt-5", false), ("*", "", true),
        ("fast", "fast", true), ("fast", "Fast", false), ("fast", "faster", false), ("*mini*", "gpt-mini-2", true),
        ("a*b*c", "aXbYbZc", true), ("a*b*c", "aXbYbZ", false), ("**", "x", true), ("", "", true), ("", "x", false),
        ("a.c", "abc", false), ("*a", "aaaaaaaab", false),
    ])
    func aStarStandsForAnything(pattern: String, name: String, isMatch: Bool) {
        #expect(NamePattern(pattern).matches(name) == isMatch)
    }

    @Test(.timeLimit(.minutes(1))) func hostilePatternsDoNotExplode() {
        let pattern = NamePattern(String(repeating: "*a", count: 200) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 2_000)))
    }
}
