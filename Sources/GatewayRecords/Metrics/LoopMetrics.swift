import Synchronization

/// The counters of one loop: plain memory that only the loop touches, so that a count costs one add.
///
/// Why not relaxed atomics: a count would cost 2.4 instead of 1.6 ns, which hardly matters, but the arrays grow
/// when a reload brings routes, and growing shared atomic memory under its readers needs locks or leaks. Here the
/// loop publishes a copy once a second, under a lock it only tries; a scrape reads copies and cannot disturb it.
package final class LoopMetrics {
    private var values: MetricValues
    private let published: PublishedMetrics
    private var isChanged = true
    private var publishedNanoseconds: UInt64 = 0

    /// Made by `MetricRegistry.makeLoop()`.
    init(published: PublishedMetrics, values: MetricValues) {
        self.published = published
        self.values = values
    }

    /// Adds to a counter that has no labels.
    @inline(__always)
    package func add(_ counter: LoopCounter, _ amount: UInt64 = 1) {
        values.counters[Int(counter.rawValue)] &+= amount
        isChanged = true
    }

    /// Moves a level of this loop up or down; the metric is the sum over loops.
    @inline(__always)
    package func change(_ gauge: LoopGauge, by difference: Int) {
        values.gauges[Int(gauge.rawValue)] &+= difference
        isChanged = true
    }

    /// Sets a level of this loop.
    package func set(_ gauge: LoopGauge, to value: Int) {
        values.gauges[Int(gauge.rawValue)] = value
        isChanged = true
    }

    /// Adds to a counter of a backend.
    package func add(_ counter: BackendCounter, backend: Int, _ amount: UInt64 = 1) {
        let start = values.backendStart(backend)
        values.backends[start + Int(counter.rawValue)] &+= amount
        isChanged = true
    }

    /// Moves a level of a backend on this loop, such as its idle connections.
    package func change(_ gauge: BackendGauge, backend: Int, by difference: Int) {
        let start = values.backendStart(backend)
        // Two's complement: the sum over loops is read back as signed.
        values.backends[start + BackendLayout.gauges + Int(gauge.rawValue)] &+= UInt64(bitPattern: Int64(difference))
        isChanged = true
    }

    /// Moves something of this loop from one level to another.
    package func move(from: LoopGauge, to: LoopGauge) {
        values.gauges[Int(from.rawValue)] &-= 1
        values.gauges[Int(to.rawValue)] &+= 1
        isChanged = true
    }

    /// Moves something of a backend from one level to another.
    package func move(from: BackendGauge, to: BackendGauge, backend: Int) {
        let start = values.backendStart(backend) &+ BackendLayout.gauges
        values.backends[start &+ Int(from.rawValue)] &-= 1
        values.backends[start &+ Int(to.rawValue)] &+= 1
        isChanged = true
    }

    /// Counts a settled exchange.
    func count(_ record: borrowing RequestRecord) {
        values.count(record)
        isChanged = true
    }

    /// Changes what has more than one number to it.
    func update(_ body: (inout MetricValues) -> Void) {
        body(&values)
        isChanged = true
    }

    /// Counts a settled model call: once for each, on every way it can end.
    package func recordModelCall(_ call: borrowing ModelCallRecord) {
        values.count(call)
        isChanged = true
    }

    /// Publishes a copy if a second has passed since the last one. Called on the loop's tick; never waits.
    package func tick(nowNanoseconds: UInt64) {
        guard isChanged, nowNanoseconds &- publishedNanoseconds >= 1_000_000_000 || publishedNanoseconds == 0 else {
            return
        }
        if publish() { publishedNanoseconds = nowNanoseconds }
    }

    /// Publishes a copy now; false if a scrape held the lock.
    @discardableResult
    package func publish() -> Bool {
        guard published.tryStore(values) else { return false }
        isChanged = false
        return true
    }
}

/// A loop's last published values.
final class PublishedMetrics: Sendable {
    private let copy: Mutex<MetricValues>

    init(_ values: MetricValues) { copy = Mutex(values) }

    /// Copies into memory that is already there, so that the loop's own arrays stay unshared.
    func tryStore(_ values: borrowing MetricValues) -> Bool {
        let other = copy values
        return copy.withLockIfAvailable { $0.assign(other) } != nil
    }

    func load() -> MetricValues { copy.withLock { $0 } }
}
