import Testing

@testable import GatewayPolicy

private let second: UInt64 = 1_000_000_000
private let millisecond: UInt64 = 1_000_000

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
