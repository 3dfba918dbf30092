import Testing

@testable import GatewayProxy

/// Stands for a connection or for whoever waits for one.
final class Token {}

private typealias State = PoolState<Token, Token>

extension PoolState.Lease {
    fileprivate var name: String {
        switch self {
        case .use: "use"
        case .connect: "connect"
        case .wait: "wait"
        case .refuse: "refuse"
        }
    }
}

@Suite("A pool decides who gets a connection")
struct PoolStateTests {
    @Test("each waiter has its own attempt until the bound is reached")
    func connectsForEachWaiter() {
        var state = State(pendingMax: 3, idleMax: 2)
        state.connectionsMax = 2
        #expect((0..<4).map { _ in state.lease(Token()).name } == ["connect", "connect", "wait", "refuse"])
        #expect(state.connectingCount == 2)
        #expect(state.waitingCount == 3)
    }

    @Test("a shared connection is attempted once for all")
    func sharesAnAttempt() {
        var state = State(pendingMax: 10, idleMax: 2)
        #expect((0..<3).map { _ in state.lease(Token(), isSharing: true).name } == ["connect", "wait", "wait"])
        #expect(state.connectFailed(isSharing: true).count == 3)
        #expect(state.isUnused)
        #expect(state.needsSharedConnection() == false)
    }

    @Test("a shared connection that is up leaves those who wait to the caller")
    func sharedIsUp() {
        var state = State(pendingMax: 10, idleMax: 2)
        let waiter = Token()
        _ = state.lease(waiter, isSharing: true)
        state.shared()
        #expect(state.needsSharedConnection() == true)
        #expect(state.needsSharedConnection() == false, "one attempt is under way")
        #expect(state.takeWaiter() === waiter)
        #expect(state.takeWaiter() == nil)
    }

    @Test("shared connections count for the bound, until they take no more requests")
    func sharedCount() {
        var state = State(pendingMax: 10, idleMax: 2)
        state.connectionsMax = 1
        #expect(state.lease(Token(), isSharing: true).name == "connect")
        state.shared()
        _ = state.takeWaiter()
        #expect(state.lease(Token(), isSharing: true).name == "wait")
        #expect(state.needsSharedConnection() == false, "the bound is reached")
        state.sharedClosed()
        #expect(state.needsSharedConnection() == true)
    }

    @Test("the connection used last is used first, and the oldest is the surplus")
    func lastInFirstOut() {
        var state = State(pendingMax: 10, idleMax: 1)
        let connections = (0..<3).map { _ in Token() }
        for connection in connections {
            _ = state.lease(Token())
            #expect(state.connected(connection) != nil)
        }
        for connection in connections { #expect(state.released(connection) == nil) }
        #expect(state.surplus() === connections[0])
        #expect(state.surplus() === connections[1])
        #expect(state.surplus() == nil)
        guard case .use(let used) = state.lease(Token()) else {
            Issue.record("nothing was free")
            return
        }
        #expect(used === connections[2])
    }

    @Test("waiters are served in order, and one that gave up is not served")
    func servesInOrder() {
        var state = State(pendingMax: 10, idleMax: 1)
        state.connectionsMax = 1
        let waiters = (0..<4).map { _ in Token() }
        for waiter in waiters { _ = state.lease(waiter) }
        #expect(state.withdraw(waiters[1]) == true)
        #expect(state.withdraw(waiters[1]) == false)
        let connection = Token()
        #expect(state.connected(connection) === waiters[0])
        #expect(state.released(connection) === waiters[2])
        #expect(state.released(connection) === waiters[3])
        #expect(state.released(connection) == nil)
    }

    @Test("a connection that is gone is replaced while somebody waits")
    func replaces() {
        var state = State(pendingMax: 10, idleMax: 1)
        state.connectionsMax = 1
        let connection = Token()
        _ = state.lease(Token())
        _ = state.connected(connection)
        #expect(state.lease(Token()).name == "wait")
        #expect(state.closed(connection) == true)
        #expect(state.connectingCount == 1)
        #expect(state.openCount == 0)
    }

    @Test("when an attempt fails at the bound, the next waiter gets one of its own")
    func failureAtTheBound() {
        var state = State(pendingMax: 10, idleMax: 1)
        state.connectionsMax = 1
        let waiters = (0..<3).map { _ in Token() }
        for waiter in waiters { _ = state.lease(waiter) }
        for waiter in waiters {
            #expect(state.connectFailed().first === waiter)
            #expect(state.needsConnection() == (waiter !== waiters[2]))
        }
        #expect(state.isUnused)
    }

    @Test("a waiter whose own attempt is under way does not hear of another's failure")
    func keepsWaiting() {
        var state = State(pendingMax: 10, idleMax: 1)
        let (first, second) = (Token(), Token())
        let freed = Token()
        _ = state.lease(Token())
        _ = state.connected(freed)
        _ = state.lease(first)
        _ = state.lease(second)
        #expect(state.released(freed) === first)
        #expect(state.connectFailed().count == 0)
        #expect(state.connectFailed().first === second)
    }

    @Test("those who were served or have gone are not held", arguments: [1, 63, 64, 65, 200])
    func letsGo(count: Int) {
        var state = State(pendingMax: 1000, idleMax: 1)
        state.connectionsMax = 1
        var waiters = (0..<count).map { _ in Token() }
        let watched = waiters.map(Watched.init)
        for waiter in waiters { _ = state.lease(waiter) }
        let kept = waiters.removeLast()
        waiters.removeAll()
        let connection = Token()
        _ = state.connected(connection)
        while state.released(connection) != nil {}
        _ = kept
        #expect(watched.dropLast().allSatisfy { $0.object == nil })
    }

    private struct Watched {
        weak var object: Token?
        init(_ object: Token) { self.object = object }
    }

    @Test("over a long random life no waiter is lost and no bound is broken", arguments: UInt64(1)...20)
    func randomWalk(seed: UInt64) {
        var walk = PoolWalk(seed: seed)
        for _ in 0..<3_000 { walk.step() }
        walk.finish()
    }
}

/// A pool and the simplest model of it, driven by chance.
private struct PoolWalk {
    var random: FixedRandom
    var state: State
    var waiting: [Token] = []
    var free: [Token] = []
    var busy: [Token] = []
    var connecting = 0

    init(seed: UInt64) {
        random = FixedRandom(seed: seed)
        state = State(pendingMax: 20, idleMax: 4)
        state.connectionsMax = seed % 3 == 0 ? 0 : Int(seed % 7) + 1
    }

    mutating func chance(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    mutating func step() {
        switch chance(12) {
        case 0...3: lease()
        case 4, 5: connect()
        case 6, 7: release()
        case 8: close(fromFree: true)
        case 9: close(fromFree: false)
        case 10: fail()
        default: withdraw()
        }
        check()
    }

    mutating func lease() {
        let waiter = Token()
        switch state.lease(waiter) {
        case .use(let connection):
            #expect(connection === free.last)
            free.removeLast()
            busy.append(connection)
        case .connect:
            connecting += 1
            waiting.append(waiter)
        case .wait: waiting.append(waiter)
        case .refuse: #expect(waiting.count == 20)
        }
    }

    mutating func serve(_ waiter: Token?, _ connection: Token) {
        if let waiter {
            #expect(waiter === waiting.first)
            waiting.removeFirst()
            busy.append(connection)
        } else {
            #expect(waiting.isEmpty)
            free.append(connection)
        }
    }

    mutating func connect() {
        guard connecting > 0 else { return }
        connecting -= 1
        let connection = Token()
        serve(state.connected(connection), connection)
    }

    mutating func release() {
        guard !busy.isEmpty else { return }
        let connection = busy.remove(at: chance(busy.count))
        serve(state.released(connection), connection)
        while let surplus = state.surplus() {
            #expect(surplus === free.first)
            free.removeFirst()
            if state.closed(surplus) { connecting += 1 }
        }
        #expect(free.count <= 4)
    }

    mutating func close(fromFree: Bool) {
        guard fromFree ? !free.isEmpty : !busy.isEmpty else { return }
        let gone = fromFree ? free.remove(at: chance(free.count)) : busy.remove(at: chance(busy.count))
        if state.closed(gone) { connecting += 1 }
    }

    mutating func fail() {
        guard connecting > 0 else { return }
        connecting -= 1
        for waiter in state.connectFailed() {
            #expect(waiter === waiting.first)
            waiting.removeFirst()
        }
        if state.needsConnection() { connecting += 1 }
    }

    mutating func withdraw() {
        guard !waiting.isEmpty else { return }
        let leaver = waiting.remove(at: chance(waiting.count))
        #expect(state.withdraw(leaver) == true)
    }

    func check() {
        #expect(state.waitingCount == waiting.count)
        #expect(state.connectingCount == connecting)
        #expect(state.openCount == free.count + busy.count)
        #expect(state.idle.count == free.count)
        let open = free.count + busy.count + connecting
        if state.connectionsMax > 0 { #expect(open <= state.connectionsMax) }
        // Whoever waits has something to wait for.
        if !waiting.isEmpty { #expect(connecting + busy.count > 0 && free.isEmpty) }
    }

    /// Everything ends well: all attempts succeed, all requests end.
    mutating func finish() {
        while connecting > 0 { connect() }
        var rounds = 0
        while !busy.isEmpty, rounds < 1_000 {
            release()
            rounds += 1
        }
        #expect(waiting.isEmpty)
        check()
    }
}
