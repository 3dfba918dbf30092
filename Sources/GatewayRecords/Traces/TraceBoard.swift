import Synchronization

/// Where whoever traces a request and the loop that serves it meet: tokens that are awaited, and finished traces until
/// they are fetched. The oldest goes when there are too many of either.
package final class TraceBoard: Sendable {
    package static let tracesMax = 128
    package static let tokenBytesMax = 128

    private struct Contents {
        var awaited: [String] = []
        var finished: [ExchangeTrace] = []
    }

    private let contents = Mutex(Contents())
    private let awaitedCount = Atomic<Int>(0)

    package init() {}

    /// The next request that shows this token is traced; one only.
    package func expect(_ token: String) {
        contents.withLock { contents in
            contents.awaited.removeAll { $0 == token }
            if contents.awaited.count >= TraceBoard.tracesMax { contents.awaited.removeFirst() }
            contents.awaited.append(token)
            awaitedCount.store(contents.awaited.count, ordering: .relaxed)
        }
    }

    /// Whether a request with this token is to be traced; true once for each time it was expected.
    package func claim(_ token: String) -> Bool {
        // Whoever sends tokens that nobody awaits costs no lock.
        guard !token.isEmpty, awaitedCount.load(ordering: .relaxed) > 0 else { return false }
        return contents.withLock { contents in
            guard let index = contents.awaited.firstIndex(of: token) else { return false }
            contents.awaited.remove(at: index)
            awaitedCount.store(contents.awaited.count, ordering: .relaxed)
            return true
        }
    }

    /// Keeps a finished trace. Traced requests are rare, so the lock is held for a moment at most.
    package func post(_ trace: ExchangeTrace) {
        contents.withLock { contents in
            contents.finished.removeAll { $0.token == trace.token }
            if contents.finished.count >= TraceBoard.tracesMax { contents.finished.removeFirst() }
            contents.finished.append(trace)
        }
    }

    /// Hands a trace out, once.
    package func take(_ token: String) -> ExchangeTrace? {
        contents.withLock { contents in
            guard let index = contents.finished.firstIndex(where: { $0.token == token }) else { return nil }
            return contents.finished.remove(at: index)
        }
    }
}
