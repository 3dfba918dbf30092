/// Something with a deadline. The deadline may move at no cost: the wheel looks at it only when an earlier
/// promise comes due, and asks again later if it has moved.
package class Timed {
    /// Nanoseconds of the worker's clock; `UInt64.max` for none.
    final var deadline: UInt64 = .max
    /// When its entry in the wheel comes due; `UInt64.max` when there is none.
    fileprivate final var scheduledFor: UInt64 = .max
    /// Where that entry is.
    fileprivate final var slot = 0
    fileprivate final var position = 0

    init() {}

    /// Called at or after `deadline`, within one tick. The deadline is `.max` again when it runs.
    func deadlineReached(now: UInt64) {}
}

/// One coarse wheel per event loop: no timer is allocated per request.
struct TimerWheel {
    static let tickNanoseconds: UInt64 = 50_000_000
    private static let slotCount = 1024

    private struct Entry {
        var target: Timed
        var due: UInt64
    }

    private var slots = [[Entry]](repeating: [], count: slotCount)
    private var lastTick: UInt64
    /// Entries in the wheel: at most one for each object.
    private(set) var count = 0

    init(now: UInt64) { lastTick = now / Self.tickNanoseconds }

    /// Sets the deadline of `target`. Touches the wheel only if it is earlier than what is promised already.
    mutating func schedule(_ target: Timed, at deadline: UInt64) {
        target.deadline = deadline
        guard deadline < target.scheduledFor else { return }
        remove(target)
        insert(target, due: deadline)
    }

    /// Lets go of `target`, which the wheel would otherwise hold until its promise comes due.
    mutating func cancel(_ target: Timed) {
        target.deadline = .max
        remove(target)
    }

    private mutating func insert(_ target: Timed, due: UInt64) {
        // Never into the slot being emptied: at the earliest the next tick.
        let tick = max(due / Self.tickNanoseconds &+ 1, lastTick &+ 1)
        let slot = Int(tick % UInt64(Self.slotCount))
        target.scheduledFor = due
        target.slot = slot
        target.position = slots[slot].count
        slots[slot].append(Entry(target: target, due: due))
        count += 1
    }

    private mutating func remove(_ target: Timed) {
        guard target.scheduledFor != .max else { return }
        target.scheduledFor = .max
        let (slot, position) = (target.slot, target.position)
        // The last entry takes the free place.
        guard let last = slots[slot].popLast() else { return }
        count -= 1
        guard position < slots[slot].count else { return }
        slots[slot][position] = last
        last.target.position = position
    }

    /// Removes what came due and hands it out; the caller runs the callbacks when the wheel is consistent again.
    mutating func advance(to now: UInt64, due: inout [Timed]) {
        let tick = now / Self.tickNanoseconds
        guard tick > lastTick else { return }
        let steps = min(tick - lastTick, UInt64(Self.slotCount))
        for step in 1...steps {
            let slot = Int((lastTick &+ step) % UInt64(Self.slotCount))
            guard !slots[slot].isEmpty else { continue }
            var entries: [Entry] = []
            swap(&entries, &slots[slot])
            count -= entries.count
            for entry in entries { settle(entry, now: now, due: &due) }
        }
        lastTick = tick
    }

    private mutating func settle(_ entry: Entry, now: UInt64, due: inout [Timed]) {
        let target = entry.target
        target.scheduledFor = .max
        if entry.due > now {
            // A later turn of the wheel.
            insert(target, due: entry.due)
        } else if target.deadline == .max {
            return
        } else if target.deadline > now {
            insert(target, due: target.deadline)
        } else {
            target.deadline = .max
            due.append(target)
        }
    }
}
