package import NIOCore
import Synchronization

/// A body that others write while it is sent: a stream fed by more than its own request. Written from any thread.
package final class MockFeed: Sendable {
    enum Piece {
        case chunk(ByteBuffer)
        case ended
        /// Nothing yet; the reader is woken.
        case none
    }

    private struct State {
        var chunks: [ByteBuffer] = []
        var bytes = 0
        var isEnded = false
        var isCut = false
        var wake: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())
    private let onCut: @Sendable () -> Void
    /// What may wait for a slow reader; what comes on top is lost.
    private static let bytesMax = 64 << 20

    /// `onCut` is called once, when the connection ends before the feed does.
    package init(onCut: @escaping @Sendable () -> Void = {}) { self.onCut = onCut }

    /// False: nobody reads any more.
    @discardableResult
    package func write(_ chunk: ByteBuffer) -> Bool {
        let (isOpen, wake) = state.withLock { state -> (Bool, (@Sendable () -> Void)?) in
            guard !state.isCut, !state.isEnded, state.bytes <= Self.bytesMax else { return (false, nil) }
            state.chunks.append(chunk)
            state.bytes += chunk.readableBytes
            return (true, state.wake)
        }
        wake?()
        return isOpen
    }

    /// The answer goes on with its next step once everything is sent.
    package func end() {
        let wake = state.withLock { state -> (@Sendable () -> Void)? in
            state.isEnded = true
            return state.wake
        }
        wake?()
    }

    package var isOpen: Bool { state.withLock { !$0.isCut && !$0.isEnded } }

    // MARK: the connection's side

    func attach(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

    func next() -> Piece {
        state.withLock { state in
            if !state.chunks.isEmpty {
                let chunk = state.chunks.removeFirst()
                state.bytes -= chunk.readableBytes
                return .chunk(chunk)
            }
            return state.isEnded ? .ended : .none
        }
    }

    func cut() {
        let isFirst = state.withLock { state in
            defer { (state.isCut, state.chunks, state.wake) = (true, [], nil) }
            return !state.isCut && !state.isEnded
        }
        if isFirst { onCut() }
    }
}
