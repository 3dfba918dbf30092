import Testing

@testable import GatewayPolicy

private let second: UInt64 = 1_000_000_000

@Suite("A rate limit is exact")
struct GCRATests {
    @Test(
        "a burst, then one for each interval", arguments: [(1, 1), (3, 1), (3, 3), (7, 2), (1_000, 10), (999_983, 5)])
    func burstThenSteady(requests: Int, burst: Int) throws {
        let rate = try #require(
            Rate(requests: UInt32(requests), periodNanoseconds: second, burst: UInt32(burst)))
        var state = GCRA()
        let start: UInt64 = 5 * second
        for left in (0..<burst).reversed() {
            let decision = state.take(rate, nowNanoseconds: start)
            #expect(decision.isAllowed)
            #expect(decision.remaining == UInt32(left))
        }
        let refused = state.take(rate, nowNanoseconds: start)
        #expect(!refused.isAllowed)
        #expect(refused.retryAfterNanoseconds > 0)
        // One nanosecond early is refused, on time is allowed.
        var early = state
        #expect(!early.take(rate, nowNanoseconds: start + refused.retryAfterNanoseconds - 1).isAllowed)
        #expect(state.take(rate, nowNanoseconds: start + refused.retryAfterNanoseconds).isAllowed)
    }

    @Test("no rounding adds up over a million requests", arguments: [UInt32(3), 7, 997])
    func exactOverTime(requests: UInt32) throws {
        let rate = try #require(Rate(requests: requests, periodNanoseconds: second, burst: 1))
        var state = GCRA()
        var now = second
        let rounds = Int(requests) * 1_000
        for _ in 0..<rounds {
            let decision = state.take(rate, nowNanoseconds: now)
            guard decision.isAllowed else {
                Issue.record("refused at \(now)")
                return
            }
            // The next instant at which one is allowed, in whole nanoseconds.
            now = state.arrival + (state.arrivalRest > 0 ? 1 : 0)
        }
        // 1,000 seconds' worth of requests took 1,000 seconds, to the nanosecond of rounding up each arrival.
        #expect(now >= 1_001 * second)
        #expect(now - 1_001 * second <= UInt64(rounds))
        var unrounded = GCRA()
        let wide = try #require(Rate(requests: requests, periodNanoseconds: second, burst: requests))
        var count: UInt32 = 0
        while unrounded.take(wide, nowNanoseconds: 0).isAllowed { count += 1 }
        #expect(count == requests)
        #expect(unrounded.arrival == second && unrounded.arrivalRest == 0)
    }

    @Test("a request given back can be taken again")
    func giveBack() throws {
        let rate = try #require(Rate(requests: 3, periodNanoseconds: second, burst: 1))
        var state = GCRA()
        let before = state.take(rate, nowNanoseconds: second)
        #expect(before.isAllowed)
        #expect(!state.take(rate, nowNanoseconds: second).isAllowed)
        state.giveBack(rate)
        #expect(state.take(rate, nowNanoseconds: second).isAllowed)
    }

    @Test("rates that mean nothing are refused")
    func nonsense() {
        #expect(Rate(requests: 0, periodNanoseconds: second) == nil)
        #expect(Rate(requests: 1, periodNanoseconds: 0) == nil)
        #expect(Rate(requests: 1, periodNanoseconds: second, burst: 0) == nil)
        #expect(Rate(requests: 1, periodNanoseconds: UInt64.max) == nil)
    }
}

@Suite("A table of rate limits stays bounded and honest")
struct RateLimitTableTests {
    @Test("keys do not disturb each other")
    func separate() throws {
        let table = RateLimitTable(keysMax: 1_024)
        let rate = try #require(Rate(requests: 2, periodNanoseconds: second))
        for key in UInt64(1)...20 {
            let fact = FactKey(hash: key &* 0x9e37_79b9_7f4a_7c15)
            #expect(table.take(fact, rate: rate, nowNanoseconds: second).isAllowed)
            #expect(table.take(fact, rate: rate, nowNanoseconds: second).isAllowed)
            #expect(!table.take(fact, rate: rate, nowNanoseconds: second).isAllowed)
        }
    }

    @Test("a flood of random keys does not reset a key that has a place")
    func flood() throws {
        let table = RateLimitTable(keysMax: 64)
        let rate = try #require(Rate(requests: 1, periodNanoseconds: 60 * second))
        let honest = FactKey(hash: 42)
        #expect(table.take(honest, rate: rate, nowNanoseconds: second).isAllowed)
        var random = SystemRandomNumberGenerator()
        var allowed = 0
        for _ in 0..<20_000 {
            let key = FactKey(hash: random.next())
            if table.take(key, rate: rate, nowNanoseconds: second).isAllowed { allowed += 1 }
        }
        #expect(!table.take(honest, rate: rate, nowNanoseconds: second).isAllowed)
        // Everything the table could hold, and one more for each crowded set.
        #expect(allowed <= 16 * 17)
        // An hour later the places are free again.
        #expect(table.take(honest, rate: rate, nowNanoseconds: 3_600 * second).isAllowed)
        #expect(table.take(FactKey(hash: 7), rate: rate, nowNanoseconds: 3_600 * second).isAllowed)
    }

    @Test("loops together do not exceed the limit", .timeLimit(.minutes(1)))
    func shared() async throws {
        let table = RateLimitTable()
        let rate = try #require(Rate(requests: 500, periodNanoseconds: second))
        let allowed = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<1_000).count { _ in
                        table.take(FactKey(hash: 9), rate: rate, nowNanoseconds: second).isAllowed
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(allowed == 500)
    }
}

@Suite("A concurrency limit gives back exactly what it took")
struct ConcurrencyLimiterTests {
    @Test("permits are released once, by release or by going out of scope")
    func permits() {
        let limiter = ConcurrencyLimiter()
        let key = FactKey(hash: 1)
        do {
            let first = limiter.acquire(key, countMax: 2)
            let second = limiter.acquire(key, countMax: 2)
            #expect(limiter.count(key) == 2)
            let third = limiter.acquire(key, countMax: 2)
            let isRefused = third == nil
            #expect(isRefused)
            first?.release()
            #expect(limiter.count(key) == 1)
            _ = consume second
        }
        #expect(limiter.count(key) == 0)
    }
}
