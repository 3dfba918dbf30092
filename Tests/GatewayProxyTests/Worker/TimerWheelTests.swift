import Testing

@testable import GatewayProxy

private let tick = TimerWheel.tickNanoseconds

private final class Alarm: Timed {
    var rung: [UInt64] = []
    var onRing: (Alarm, UInt64) -> Void = { _, _ in }

    override init() { super.init() }

    override func deadlineReached(now: UInt64) {
        rung.append(now)
        onRing(self, now)
    }
}

/// A wheel, turned as the worker turns it.
private final class Clock {
    var wheel = TimerWheel(now: 0)
    var now: UInt64 = 0

    func advance(to time: UInt64, by step: UInt64 = tick) {
        while now < time {
            now = min(time, now + step)
            var due: [Timed] = []
            wheel.advance(to: now, due: &due)
            for target in due where target.deadline == .max { target.deadlineReached(now: now) }
        }
    }
}

@Suite("The timer wheel keeps its promises")
struct TimerWheelTests {
    @Test(
        "a deadline is met within a tick or two, never early",
        arguments: [1, tick - 1, tick, tick + 1, 1023 * tick, 1024 * tick, 1025 * tick + 7, 5000 * tick + 3])
    func meetsDeadlines(deadline: UInt64) throws {
        let clock = Clock()
        let alarm = Alarm()
        clock.wheel.schedule(alarm, at: deadline)
        clock.advance(to: deadline + 3 * tick)
        #expect(alarm.rung.count == 1)
        let time = try #require(alarm.rung.first)
        #expect(time >= deadline)
        #expect(time <= deadline + 2 * tick)
        #expect(clock.wheel.count == 0)
        #expect(alarm.deadline == .max)
    }

    @Test("a deadline that moves later rings once, later")
    func movesLater() {
        let clock = Clock()
        let alarm = Alarm()
        clock.wheel.schedule(alarm, at: 10 * tick)
        clock.advance(to: 5 * tick)
        clock.wheel.schedule(alarm, at: 40 * tick)
        #expect(clock.wheel.count == 1, "moving later costs no entry")
        clock.advance(to: 39 * tick)
        #expect(alarm.rung.isEmpty)
        clock.advance(to: 100 * tick)
        #expect(alarm.rung == [41 * tick])
    }

    @Test("a deadline that moves earlier rings once, earlier")
    func movesEarlier() {
        let clock = Clock()
        let alarm = Alarm()
        clock.wheel.schedule(alarm, at: 40 * tick)
        clock.wheel.schedule(alarm, at: 10 * tick)
        #expect(clock.wheel.count == 1)
        clock.advance(to: 100 * tick)
        #expect(alarm.rung == [11 * tick])
    }

    @Test("a deadline that is taken back does not ring")
    func isTakenBack() {
        let clock = Clock()
        let (quiet, never) = (Alarm(), Alarm())
        clock.wheel.schedule(quiet, at: 10 * tick)
        quiet.deadline = .max
        clock.wheel.schedule(never, at: .max)
        clock.advance(to: 100 * tick)
        #expect(quiet.rung.isEmpty && never.rung.isEmpty)
        #expect(clock.wheel.count == 0)
    }

    @Test("an alarm may be set again while it rings")
    func setsAgain() {
        let clock = Clock()
        let alarm = Alarm()
        alarm.onRing = { [unowned clock] alarm, now in
            if alarm.rung.count < 4 { clock.wheel.schedule(alarm, at: now + 2 * tick) }
        }
        clock.wheel.schedule(alarm, at: tick)
        clock.advance(to: 100 * tick)
        #expect(alarm.rung == [2, 5, 8, 11].map { $0 * tick })
    }

    @Test("one alarm may move another that is due in the same turn")
    func movesAnother() {
        let clock = Clock()
        let (first, second) = (Alarm(), Alarm())
        first.onRing = { [unowned clock] _, now in clock.wheel.schedule(second, at: now + 10 * tick) }
        clock.wheel.schedule(first, at: tick)
        clock.wheel.schedule(second, at: tick)
        clock.advance(to: 5 * tick)
        #expect(first.rung.count == 1)
        #expect(second.rung.isEmpty)
        clock.advance(to: 30 * tick)
        #expect(second.rung.count == 1)
    }

    @Test("a loop that stood still for more than a turn rings everything that is due", arguments: [1, 1023, 3000])
    func standsStill(ticks: UInt64) {
        let clock = Clock()
        let alarms = (0..<100).map { _ in Alarm() }
        for (index, alarm) in alarms.enumerated() { clock.wheel.schedule(alarm, at: UInt64(index) * 40 * tick) }
        clock.advance(to: ticks * tick, by: ticks * tick)
        for (index, alarm) in alarms.enumerated() {
            #expect(alarm.rung.count == (UInt64(index) * 40 <= ticks ? 1 : 0))
        }
        clock.advance(to: 8000 * tick, by: 7 * tick)
        #expect(alarms.allSatisfy { $0.rung.count == 1 })
    }

    @Test("the wheel lets go of what is cancelled")
    func letsGo() {
        var wheel = TimerWheel(now: 0)
        weak var watched: Alarm?
        do {
            let alarm = Alarm()
            watched = alarm
            wheel.schedule(alarm, at: 5000 * tick)
            wheel.cancel(alarm)
            wheel.cancel(alarm)
        }
        #expect(watched == nil)
        #expect(wheel.count == 0)
    }

    @Test("many alarms, set, moved and cancelled by chance, ring when a plain list says so", arguments: UInt64(1)...8)
    func many(seed: UInt64) {
        var random = FixedRandom(seed: seed)
        let clock = Clock()
        let alarms = (0..<200).map { _ in Alarm() }
        var wanted = [UInt64](repeating: .max, count: alarms.count)
        for _ in 0..<400 {
            for _ in 0..<20 {
                let index = Int(random.next() % 200)
                if random.next() % 4 == 0 {
                    clock.wheel.cancel(alarms[index])
                    wanted[index] = .max
                } else {
                    wanted[index] = clock.now + random.next() % (1500 * tick)
                    clock.wheel.schedule(alarms[index], at: wanted[index])
                }
            }
            let before = alarms.map(\.rung.count)
            clock.advance(to: clock.now + (random.next() % 40) * tick)
            for index in alarms.indices {
                if alarms[index].rung.count > before[index] {
                    #expect(alarms[index].rung.count == before[index] + 1)
                    #expect(wanted[index] <= clock.now)
                    wanted[index] = .max
                } else if wanted[index] != .max {
                    #expect(wanted[index] + 2 * tick > clock.now)
                }
            }
            #expect(clock.wheel.count <= alarms.count)
        }
    }
}
