import Testing

@testable import GatewayProxy

@Suite("Retries stay a share of requests")
struct RetryAllowanceTests {
    static let second = UpstreamFixture.second

    @Test("A few a second are allowed without any traffic, and no more")
    func floor() {
        var allowance = RetryAllowance(now: 0)
        var granted = 0
        for _ in 0..<20 where allowance.spend(requests: 0, percent: 0, minPerSecond: 3, now: Self.second) {
            granted += 1
        }
        #expect(granted == 3)
        let result1 = allowance.spend(requests: 0, percent: 0, minPerSecond: 3, now: Self.second)
        #expect(!result1)
        let result2 = allowance.spend(requests: 0, percent: 0, minPerSecond: 3, now: 2 * Self.second)
        #expect(result2)
    }

    @Test("With 0 and 0 there are none")
    func none() {
        var allowance = RetryAllowance(now: 0)
        let result3 = allowance.spend(requests: 1_000_000, percent: 0, minPerSecond: 0, now: Self.second)
        #expect(!result3)
    }

    @Test("Under steady traffic that always fails, retries are the given share", arguments: [10, 20, 50])
    func steadyShare(_ percent: Int) {
        var allowance = RetryAllowance(now: 0)
        var requests: UInt64 = 0
        var granted = 0
        // 1000 requests a second for a minute, each wants a retry, which is a request too.
        for step in 1...60_000 {
            requests += 1
            let now = UInt64(step) * 1_000_000
            if allowance.spend(requests: requests, percent: percent, minPerSecond: 0, now: now) { granted += 1 }
        }
        #expect(granted > 0)
        #expect(granted <= 60_000 * percent / 100)
        #expect(granted >= 60_000 * percent / 100 * 9 / 10)
    }

    @Test("What was earned long ago is gone: an hour of traffic does not pay for a storm")
    func fading() {
        var allowance = RetryAllowance(now: 0)
        let hour = 3600 * Self.second
        var granted = 0
        for _ in 0..<100_000 where allowance.spend(requests: 3_600_000, percent: 20, minPerSecond: 0, now: hour) {
            granted += 1
        }
        // 1000 a second, a fifth of it, for about ten seconds.
        #expect((1_000...2_100).contains(granted))
    }

    @Test("A backend's budget is its own, and counts what its endpoints began")
    func directory() {
        let fixture = UpstreamFixture()
        let backend = UpstreamFixture.backend([1])
        let policy = RetryPolicy(attemptsMax: 3, budgetPercent: 100, budgetMinPerSecond: 0)
        let now = EndpointDirectory.now
        #expect(!fixture.directory.spendRetry(of: backend, policy: policy, now: now))
        for _ in 0..<4 {
            fixture.directory.endpoints(of: backend).endpoints[0].beginRequest()
            fixture.directory.endpoints(of: backend).endpoints[0].endRequest()
        }
        #expect(fixture.directory.spendRetry(of: backend, policy: policy, now: now))
    }
}
