import Synchronization

/// Every request a mock received, readable from any thread. Old requests fall out once
/// `requestsMax` are held; the counters do not.
package final class MockJournal: Sendable {
    private struct State {
        var requests: [MockRequest] = []
        var firstID = 1
        var received = 0
        var completed = 0
        var connections = 0
        var attempts: [String: Int] = [:]
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
    }

    private struct Waiter {
        var received: Int
        var completed: Int
        var continuation: CheckedContinuation<Void, any Error>
    }

    private let state = Mutex(State())
    private let requestsMax: Int
    private static let attemptsMax = 100_000

    init(requestsMax: Int) {
        self.requestsMax = max(2, requestsMax)
    }

    /// The requests still held, in order of arrival.
    package var requests: [MockRequest] { state.withLock { $0.requests } }
    package var receivedCount: Int { state.withLock { $0.received } }
    package var completedCount: Int { state.withLock { $0.completed } }
    package var connectionCount: Int { state.withLock { $0.connections } }

    /// Forgets requests and retry attempts; connection numbers go on.
    package func clear() {
        state.withLock {
            $0.firstID += $0.requests.count
            $0.requests = []
            $0.received = 0
            $0.completed = 0
            $0.attempts = [:]
        }
    }

    /// Returns once so many requests arrived (and so many of them completely); the caller bounds the wait.
    package func wait(received: Int, completed: Int = 0) async throws {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let now: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.received >= received, state.completed >= completed { return .success(()) }
                    state.waiters[id] = Waiter(received: received, completed: completed, continuation: continuation)
                    return nil
                }
                if let now { continuation.resume(with: now) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    func opened() -> Int {
        state.withLock {
            $0.connections += 1
            return $0.connections
        }
    }

    /// Adds a request and gives it its number.
    func begin(_ request: MockRequest) -> Int {
        let (id, ready) = state.withLock { state in
            if state.requests.count >= requestsMax {
                let dropped = state.requests.count / 2
                state.requests.removeFirst(dropped)
                state.firstID += dropped
            }
            let id = state.firstID + state.requests.count
            var request = request
            request.id = id
            state.requests.append(request)
            state.received += 1
            return (id, Self.ready(&state))
        }
        for continuation in ready { continuation.resume() }
        return id
    }

    func end(_ id: Int, body: [UInt8], bodyBytes: Int, trailers: [Header], complete: Bool) {
        let ready = state.withLock { state in
            let index = id - state.firstID
            guard index >= 0 else { return [CheckedContinuation<Void, any Error>]() }
            if index < state.requests.count {
                state.requests[index].body = body
                state.requests[index].bodyBytes = bodyBytes
                state.requests[index].trailers = trailers
                state.requests[index].complete = complete
            }
            if complete { state.completed += 1 }
            return Self.ready(&state)
        }
        for continuation in ready { continuation.resume() }
    }

    /// The how-manieth attempt for a retry identifier this is, from 1.
    func attempt(_ uuid: String) -> Int {
        state.withLock { state in
            if state.attempts.count >= Self.attemptsMax { state.attempts = [:] }
            state.attempts[uuid, default: 0] += 1
            return state.attempts[uuid, default: 1]
        }
    }

    private static func ready(_ state: inout State) -> [CheckedContinuation<Void, any Error>] {
        guard !state.waiters.isEmpty else { return [] }
        var ready: [CheckedContinuation<Void, any Error>] = []
        for (id, waiter) in state.waiters
        where state.received >= waiter.received && state.completed >= waiter.completed {
            ready.append(waiter.continuation)
            state.waiters[id] = nil
        }
        return ready
    }
}
