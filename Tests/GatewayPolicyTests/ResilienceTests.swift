import Testing

@testable import GatewayPolicy

private let second: UInt64 = 1_000_000_000
private let millisecond: UInt64 = 1_000_000

@Suite("A retry budget bounds retries to a share")
struct RetryBudgetTests {
    @Test("a share of requests, over the saved seconds")
    func share() {
        var budget = RetryBudget(.init(percent: 20, retriesPerSecondMin: 0, secondsMax: 2), nowNanoseconds: 0)
        #expect(budget.takeRetry(nowNanoseconds: 0) == false)
        for _ in 0..<10 { budget.request(nowNanoseconds: 0) }
        #expect(budget.takeRetry(nowNanoseconds: 0) == true)
        #expect(budget.takeRetry(nowNanoseconds: second) == true)
        #expect(budget.takeRetry(nowNanoseconds: second) == false)
        for _ in 0..<10 { budget.request(nowNanoseconds: second) }
        // Two seconds later what was earned is gone.
        #expect(budget.takeRetry(nowNanoseconds: 3 * second) == false)
    }

    @Test("a few a second whatever the traffic")
    func minimum() {
        var budget = RetryBudget(.init(percent: 0, retriesPerSecondMin: 2, secondsMax: 10), nowNanoseconds: 0)
        #expect(budget.takeRetry(nowNanoseconds: 0) == true)
        #expect(budget.takeRetry(nowNanoseconds: 0) == true)
        #expect(budget.takeRetry(nowNanoseconds: 0) == false)
        #expect(budget.takeRetry(nowNanoseconds: 499 * millisecond) == false)
        #expect(budget.takeRetry(nowNanoseconds: 500 * millisecond) == true)
        // Idle time saves up no more than a second's worth.
        #expect(budget.takeRetry(nowNanoseconds: 60 * second) == true)
        #expect(budget.takeRetry(nowNanoseconds: 60 * second) == true)
        #expect(budget.takeRetry(nowNanoseconds: 60 * second) == false)
    }
}

@Suite("A circuit breaker bounds and rests")
struct CircuitBreakerTests {
    private func breaker() -> CircuitBreaker {
        var settings = CircuitBreaker.Settings()
        settings.failuresMax = 2
        settings.openMilliseconds = 1_000
        settings.requestsMax = 3
        return CircuitBreaker(settings)
    }

    @Test("requests at once are bounded")
    func bound() {
        var breaker = breaker()
        for _ in 0..<3 { #expect(breaker.admit(nowNanoseconds: 0) == .admitted) }
        #expect(breaker.admit(nowNanoseconds: 0) == .refused(.requests))
        breaker.abandoned(.admitted)
        #expect(breaker.admit(nowNanoseconds: 0) == .admitted)
    }

    @Test("failures open, one trial at a time closes or opens again")
    func cycle() {
        var breaker = breaker()
        for _ in 0..<2 {
            let admission = breaker.admit(nowNanoseconds: 0)
            breaker.finished(admission, isFailure: true, nowNanoseconds: 0)
        }
        #expect(breaker.state == .open(untilNanoseconds: second))
        #expect(breaker.admit(nowNanoseconds: second - 1) == .refused(.open))
        #expect(breaker.admit(nowNanoseconds: second) == .trial)
        #expect(breaker.admit(nowNanoseconds: second) == .refused(.open))
        breaker.finished(.trial, isFailure: true, nowNanoseconds: second)
        #expect(breaker.admit(nowNanoseconds: 2 * second - 1) == .refused(.open))
        #expect(breaker.admit(nowNanoseconds: 2 * second) == .trial)
        breaker.finished(.trial, isFailure: false, nowNanoseconds: 2 * second)
        #expect(breaker.state == .closed)
        #expect(breaker.requests == 0)
    }

    @Test("a trial whose client left does not block the next trial")
    func abandonedTrial() {
        var breaker = breaker()
        for _ in 0..<2 {
            breaker.finished(breaker.admit(nowNanoseconds: 0), isFailure: true, nowNanoseconds: 0)
        }
        #expect(breaker.admit(nowNanoseconds: second) == .trial)
        breaker.abandoned(.trial)
        #expect(breaker.admit(nowNanoseconds: second) == .trial)
    }

    @Test("a late answer from before the circuit opened changes nothing")
    func late() {
        var breaker = breaker()
        let late = breaker.admit(nowNanoseconds: 0)
        for _ in 0..<2 {
            breaker.finished(breaker.admit(nowNanoseconds: 0), isFailure: true, nowNanoseconds: 0)
        }
        breaker.finished(late, isFailure: false, nowNanoseconds: 1)
        #expect(breaker.state == .open(untilNanoseconds: second))
    }

    @Test("connections and waiting places are bounded")
    func places() {
        var breaker = CircuitBreaker()
        breaker.settings.connectionsMax = 1
        breaker.settings.pendingMax = 1
        let connections = (breaker.openConnection(), breaker.openConnection())
        #expect(connections == (true, false))
        let pending = (breaker.enterPending(), breaker.enterPending())
        #expect(pending == (true, false))
        breaker.connectionClosed()
        breaker.leavePending()
        let again = (breaker.openConnection(), breaker.enterPending())
        #expect(again == (true, true))
    }
}

@Suite("Outliers are ejected for longer each time, never too many")
struct OutlierDetectorTests {
    private func detector(_ count: Int, percent: Int = 50) -> OutlierDetector {
        var settings = OutlierDetector.Settings()
        settings.failuresMax = 2
        settings.ejectionMilliseconds = 1_000
        settings.ejectionMillisecondsMax = 2_500
        settings.ejectedPercentMax = percent
        return OutlierDetector(settings, endpointCount: count)
    }

    @Test("the time grows up to its bound")
    func growth() {
        var detector = detector(2)
        var now: UInt64 = 0
        for expected in [1_000, 2_000, 2_500, 2_500] as [UInt64] {
            #expect(detector.failed(0, nowNanoseconds: now) == .none)
            let until = now + expected * millisecond
            #expect(detector.failed(0, nowNanoseconds: now) == .eject(untilNanoseconds: until))
            #expect(detector.isEjected(0))
            #expect(detector.tick(nowNanoseconds: until - 1) == [])
            #expect(detector.tick(nowNanoseconds: until) == [0])
            now = until
        }
    }

    @Test("a success in between starts the count again")
    func success() {
        var detector = detector(2)
        _ = detector.failed(0, nowNanoseconds: 0)
        detector.succeeded(0)
        #expect(detector.failed(0, nowNanoseconds: 0) == .none)
    }

    @Test(
        "no more than the share", arguments: [(1, 50, 0), (2, 50, 1), (3, 50, 1), (4, 50, 2), (4, 100, 4), (10, 10, 1)])
    func share(count: Int, percent: Int, expected: Int) {
        var detector = detector(count, percent: percent)
        for index in 0..<count {
            _ = detector.failed(index, nowNanoseconds: 0)
            _ = detector.failed(index, nowNanoseconds: 0)
        }
        #expect((0..<count).count { detector.isEjected($0) } == expected)
    }
}

@Suite("Slow start ramps a weight up")
struct SlowStartTests {
    @Test(
        "from its least share to all",
        arguments: [(0, 10), (5_000, 55), (9_999, 99), (10_000, 100), (60_000, 100)] as [(UInt64, Int)])
    func ramp(ageMilliseconds: UInt64, expected: Int) {
        let ramp = SlowStart(windowMilliseconds: 10_000, percentMin: 10)
        let weight = ramp.weight(100, sinceNanoseconds: second, nowNanoseconds: second + ageMilliseconds * millisecond)
        #expect(weight == expected)
    }

    @Test("never nothing for something, and nothing for nothing")
    func edges() {
        let ramp = SlowStart(windowMilliseconds: 10_000, percentMin: 1)
        #expect(ramp.weight(1, sinceNanoseconds: 0, nowNanoseconds: 0) == 1)
        #expect(ramp.weight(0, sinceNanoseconds: 0, nowNanoseconds: 0) == 0)
        #expect(SlowStart(windowMilliseconds: 0).weight(7, sinceNanoseconds: 0, nowNanoseconds: 0) == 7)
    }
}
