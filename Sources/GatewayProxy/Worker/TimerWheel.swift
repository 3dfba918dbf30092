/// Something with a deadline. The deadline may move at no cost: the wheel looks at it only when an earlier
/// promise comes due, and asks again later if it has moved.
package class Timed {
    /// Nanoseconds of the worker's clock; `UInt64.max` for none.
    final var deadline: UInt64 = .max
    /// Which wheel entry counts; older entries of this object are stale.
    fileprivate final var ticket: UInt32 = 0
    /// When the entry that counts comes due; `UInt64.max` when there is none.
    fileprivate final var scheduledFor: UInt64 = .max

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
        var ticket: UInt32
        var due: UInt64
    }

    private var slots = [[Entry]](repeating: [], count: slotCount)
    private var lastTick: UInt64
    /// Entries in the wheel, stale ones included.
    private(set) var count = 0

    init(now: UInt64) { lastTick = now / Self.tickNanoseconds }

    /// Sets the deadline of `target`. Costs an entry only if it is earlier than what is promised already.
    mutating func schedule(_ target: Timed, at deadline: UInt64) {
        target.deadline = deadline
        guard deadline < target.scheduledFor else { return }
        insert(target, due: deadline)
    }

    private mutating func insert(_ target: Timed, due: UInt64) {
        target.ticket &+= 1
        target.scheduledFor = due
        // Never into the slot being emptied: at the earliest the next tick.
        let tick = max(due / Self.tickNanoseconds &+ 1, lastTick &+ 1)
        slots[Int(tick % UInt64(Self.slotCount))].append(Entry(target: target, ticket: target.ticket, due: due))
        count += 1
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
        guard entry.ticket == target.ticket else { return }
        if entry.due > now {
            // A later turn of the wheel.
            insert(target, due: entry.due)
        } else if target.deadline == .max {
            target.scheduledFor = .max
        } else if target.deadline > now {
            insert(target, due: target.deadline)
        } else {
            target.scheduledFor = .max
            target.deadline = .max
            due.append(target)
        }
    }
}
