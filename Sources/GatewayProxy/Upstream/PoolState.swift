/// The decisions of a pool of one-request-at-a-time connections to one endpoint: who gets a connection, when a new
/// one is opened, who waits and who is turned away. It holds no socket and no clock.
struct PoolState<Connection: AnyObject, Waiter: AnyObject> {
    enum Lease {
        case use(Connection)
        /// Open a new connection; the waiter is queued for whatever is free first.
        case connect
        case wait
        case refuse
    }

    /// Free connections; the last one used is taken first, so that the others may expire.
    private(set) var idle: [Connection] = []
    private var waiting: [Waiter?] = []
    private var waitingStart = 0
    private(set) var openCount = 0
    private(set) var connectingCount = 0
    /// Connections that many share (HTTP/2); they are kept elsewhere and count for the bound.
    private(set) var sharedCount = 0
    /// 0 means no bound.
    var connectionsMax = 0
    var pendingMax: Int
    var idleMax: Int

    init(pendingMax: Int, idleMax: Int) {
        self.pendingMax = pendingMax
        self.idleMax = idleMax
    }

    var waitingCount: Int { waiting.count - waitingStart }
    private var isFull: Bool {
        connectionsMax > 0 && openCount + connectingCount + sharedCount >= connectionsMax
    }
    var isUnused: Bool { openCount == 0 && connectingCount == 0 && waitingCount == 0 }

    /// `isSharing`: a connection will serve many waiters (HTTP/2), so that one attempt at a time is enough.
    mutating func lease(_ waiter: Waiter, isSharing: Bool = false) -> Lease {
        if let connection = idle.popLast() { return .use(connection) }
        guard waitingCount < pendingMax else { return .refuse }
        waiting.append(waiter)
        if isFull { return .wait }
        // One attempt for each waiter: a slow backend must not make requests queue behind each other.
        if connectingCount >= (isSharing ? 1 : waitingCount) { return .wait }
        connectingCount += 1
        return .connect
    }

    /// A new connection is up: it serves the first waiter or idles.
    mutating func connected(_ connection: Connection) -> Waiter? {
        connectingCount -= 1
        openCount += 1
        return next(for: connection)
    }

    /// An attempt failed: the waiters it was made for hear of it.
    mutating func connectFailed(isSharing: Bool = false) -> [Waiter] {
        connectingCount -= 1
        if !isSharing {
            // Those who wait have an attempt each still under way when this one's waiter was served by another.
            guard waitingCount > connectingCount else { return [] }
            return popWaiter().map { [$0] } ?? []
        }
        var failed: [Waiter] = []
        while let waiter = popWaiter() { failed.append(waiter) }
        return failed
    }

    /// Whether another connection should be opened for those who wait; counts it as begun.
    mutating func needsConnection() -> Bool {
        guard waitingCount > connectingCount else { return false }
        if isFull { return false }
        connectingCount += 1
        return true
    }

    /// A new connection turned out to be one that many can share: it is kept elsewhere.
    mutating func shared() {
        connectingCount -= 1
        sharedCount += 1
    }

    /// Such a connection takes no more requests.
    mutating func sharedClosed() { sharedCount -= 1 }

    /// Whether those who wait for a stream need another connection; counts it as begun.
    mutating func needsSharedConnection() -> Bool {
        guard waitingCount > 0, connectingCount == 0, !isFull else { return false }
        connectingCount += 1
        return true
    }

    mutating func takeWaiter() -> Waiter? { popWaiter() }

    /// A connection is free again.
    mutating func released(_ connection: Connection) -> Waiter? { next(for: connection) }

    /// A connection is gone. Returns whether another one should be opened for those who wait.
    mutating func closed(_ connection: Connection) -> Bool {
        idle.removeAll { $0 === connection }
        openCount -= 1
        return needsConnection()
    }

    /// A waiter gives up. Returns whether it was waiting.
    @discardableResult
    mutating func withdraw(_ waiter: Waiter) -> Bool {
        guard let index = waiting[waitingStart...].firstIndex(where: { $0 === waiter }) else { return false }
        waiting.remove(at: index)
        return true
    }

    /// More idle connections than may be kept.
    mutating func surplus() -> Connection? { idle.count > idleMax ? idle.removeFirst() : nil }

    private mutating func next(for connection: Connection) -> Waiter? {
        if let waiter = popWaiter() { return waiter }
        idle.append(connection)
        return nil
    }

    private mutating func popWaiter() -> Waiter? {
        guard waitingCount > 0 else { return nil }
        let waiter = waiting[waitingStart]
        waiting[waitingStart] = nil
        waitingStart += 1
        if waitingStart > 64, waitingStart * 2 > waiting.count {
            waiting.removeFirst(waitingStart)
            waitingStart = 0
        } else if waitingStart == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            waitingStart = 0
        }
        return waiter
    }
}
