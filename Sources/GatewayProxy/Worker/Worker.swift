import GatewayIdentity
package import GatewayRecords
import GatewayWire
package import NIOCore
import Synchronization

/// All state of one event loop: its snapshot, upstream pools, timers, recorder and scratch memory. It is used on its
/// loop only, so nothing in it is locked or atomic, and nothing of it is ever sent to another loop.
package final class Worker {
    package let eventLoop: any EventLoop
    package let shared: SharedState
    /// The clock of the current event, nanoseconds; refreshed when a read, a tick or a callback enters the loop.
    package private(set) var now: UInt64
    private var clock = WallClock()
    /// The time of day at `now`.
    package var wallNanoseconds: UInt64 { now &+ clock.aheadOfUptime }
    var dateBytes: [UInt8] { clock.dateBytes }
    private(set) var snapshot: Snapshot
    /// Opens a connection to an endpoint and calls back once, on this loop. Tests put channels in memory here.
    lazy var openUpstream: (UpstreamConnector, @escaping (UpstreamConnector.ConnectResult) -> Void) -> Void = {
        [eventLoop] connector, done in connector.connect(on: eventLoop, then: done)
    }
    private var snapshotSeen: UInt64 = 0
    var wheel: TimerWheel
    package let recorder: LoopRecorder
    package var random: LoopRandom
    /// For serialising heads: filled and copied out within one call.
    var scratch: [UInt8] = []
    /// For body decoders.
    private var spareRanges: [Range<Int>] = []
    private var buffers: [ByteBuffer] = []
    /// What leaves at the end of the loop's turn.
    private var leaving: [HTTP1Output] = []
    private var stuck: [HTTP1Output] = []
    private var isLeavingScheduled = false
    private var lastSent: UInt64 = 0
    private lazy var leaveAll: () -> Void = { [weak self] in self?.allLeave() }
    private var exchanges: [Exchange] = []
    var pools = UpstreamPools()
    var balancers = Balancers()
    var compressions = CompressionPool()
    /// Open downstream connections, for draining and `/debug`.
    var connections: [ObjectIdentifier: any DownstreamConnection] = [:]
    /// Accepted and not closed yet, those without a handshake too.
    var acceptedCount = 0
    package private(set) var isDraining = false
    /// Calls whose client has gone, and that go on all the same: what they come to has to be known.
    package var detachedCalls = 0
    private var isStopped = false
    private var tick: RepeatedTask?
    private var dueTimers: [Timed] = []
    private var revocationsSeen: UInt64 = 0

    package init(eventLoop: any EventLoop, shared: SharedState, recorder: LoopRecorder) {
        self.eventLoop = eventLoop
        self.shared = shared
        self.recorder = recorder
        now = NIODeadline.now().uptimeNanoseconds
        snapshot = .empty
        wheel = TimerWheel(now: NIODeadline.now().uptimeNanoseconds)
        random = LoopRandom()
        scratch.reserveCapacity(16 * 1024)
        clock.refresh(uptimeNanoseconds: now)
    }

    /// Starts the loop's only timer. On the loop.
    package func start() {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        tick = eventLoop.scheduleRepeatedTask(
            initialDelay: .nanoseconds(Int64(TimerWheel.tickNanoseconds)),
            delay: .nanoseconds(Int64(TimerWheel.tickNanoseconds))
        ) { _ in bound.value.ticked() }
    }

    /// Stops the timer and hands the last log lines over. On the loop.
    package func stop() {
        tick?.cancel()
        tick = nil
        isStopped = true
        for pool in pools.takeAll() { pool.closeAll() }
        exchanges.removeAll()
        // What serves is held by what it serves with.
        snapshot = .empty
        wheel = TimerWheel(now: now)
        balancers = Balancers()
        recorder.finish()
    }

    /// Reads the clock once for everything that follows in this event.
    package func refreshClock() { now = NIODeadline.now().uptimeNanoseconds }

    /// The snapshot a new request must use.
    func currentSnapshot() -> Snapshot {
        shared.snapshots.refresh(&snapshot, seen: &snapshotSeen)
        return snapshot
    }

    func schedule(_ target: Timed, at deadline: UInt64) { wheel.schedule(target, at: deadline) }
    func cancel(_ target: Timed) { wheel.cancel(target) }

    private func ticked() {
        refreshClock()
        clock.refresh(uptimeNanoseconds: now)
        wheel.advance(to: now, due: &dueTimers)
        let due = dueTimers
        dueTimers.removeAll(keepingCapacity: true)
        // One that an earlier callback has given a new deadline is not due any more.
        for target in due where target.deadline == .max { target.deadlineReached(now: now) }
        recorder.tick(nowNanoseconds: now)
        cutRevoked()
    }

    /// Ends what is under way for callers who are not believed any more: within a tick of the revocation.
    private func cutRevoked() {
        let version = shared.revocations.version
        guard version != revocationsSeen else { return }
        revocationsSeen = version
        for connection in Array(connections.values) {
            connection.forEachExchange { $0.endIfRevoked(shared.revocations) }
        }
    }

    // MARK: Leaving

    /// Who has sent so recently will hardly be alone in this turn; for one message alone, waiting costs more than it
    /// saves.
    private static let busyNanoseconds: UInt64 = 50_000

    /// Something is to be sent: whether something was a moment ago, too.
    func sendsOften() -> Bool {
        let before = lastSent
        lastSent = now
        return now &- before < Worker.busyNanoseconds
    }

    /// So many leave together at most: the first must not wait for a long turn's end.
    private static let leavingMax = 16

    /// Lets output go when everything that is ready now has been processed: tasks run after the events of a turn.
    func letLeave(_ output: HTTP1Output) {
        leaving.append(output)
        if leaving.count >= Worker.leavingMax {
            // Those that do not are not tried again before the end of the turn.
            for output in leaving where !output.leavesAtOnce() { stuck.append(output) }
            leaving.removeAll(keepingCapacity: true)
        }
        guard !isLeavingScheduled else { return }
        isLeavingScheduled = true
        eventLoop.assumeIsolated().execute(leaveAll)
    }

    private func allLeave() {
        isLeavingScheduled = false
        let all = leaving
        leaving.removeAll(keepingCapacity: true)
        for output in all { output.leave() }
        guard !stuck.isEmpty else { return }
        let rest = stuck
        stuck.removeAll()
        for output in rest { output.leave() }
    }

    // MARK: Memory that goes round

    /// An empty buffer to write into; give it back when it has been handed to the channel.
    func takeBuffer() -> ByteBuffer {
        guard var buffer = buffers.popLast() else { return ByteBufferAllocator().buffer(capacity: 4096) }
        buffer.clear()
        return buffer
    }

    /// Keeps a buffer's memory for the next writer. If the channel still holds it, the next `clear` replaces it.
    func giveBack(_ buffer: ByteBuffer) {
        guard buffers.count < 64, buffer.capacity <= 64 * 1024 else { return }
        buffers.append(buffer)
    }

    /// An empty list for one call of a body decoder; give it back.
    func takeRanges() -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        swap(&ranges, &spareRanges)
        return ranges
    }

    func giveBack(_ ranges: inout [Range<Int>]) {
        ranges.removeAll(keepingCapacity: true)
        swap(&ranges, &spareRanges)
    }

    /// An exchange ready for a new request.
    func takeExchange() -> Exchange { exchanges.popLast() ?? Exchange(worker: self) }

    func giveBack(_ exchange: Exchange) {
        guard exchanges.count < 256, !isStopped else { return cancel(exchange) }
        exchanges.append(exchange)
    }

    // MARK: Draining

    /// Ends what is idle now, and everything else as soon as its response is out. On the loop.
    package func drain() {
        isDraining = true
        refreshClock()
        for connection in Array(connections.values) { connection.drain() }
    }

    /// Ends connections of ports that the current snapshot does not have. On the loop.
    package func drain(port: Int) {
        refreshClock()
        for connection in Array(connections.values) where connection.port.number == port { connection.drain() }
    }
}

/// A client's connection of either protocol, as far as draining and `/debug` need to know it.
protocol DownstreamConnection: AnyObject {
    var port: BoundPort { get }
    /// No further requests: close when idle, or after the response under way.
    func drain()
    /// Close now, whatever is under way.
    func abort()
    /// The requests under way.
    func forEachExchange(_ body: (Exchange) -> Void)
}

/// A listening port as connections know it: what the socket was bound as, whatever the configuration says later.
package final class BoundPort: Sendable {
    /// The port the configuration names; the routing key.
    package let number: Int
    package let isTLS: Bool
    private let connections = Atomic<Int>(0)

    package init(number: Int, isTLS: Bool) {
        self.number = number
        self.isTLS = isTLS
    }

    /// Metrics and the admin API: no port that a configuration names has such a number.
    var isOwn: Bool { BoundPort.isOwn(number) }
    static func isOwn(_ number: Int) -> Bool { number < 0 }

    /// Connections of all event loops. Two that arrive at once may both be let in: a bound, not a lock.
    var connectionCount: Int { connections.load(ordering: .relaxed) }
    func add(_ count: Int) { connections.add(count, ordering: .relaxed) }
}
