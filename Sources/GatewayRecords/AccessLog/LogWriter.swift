package import GatewayModel
import Glibc
import Synchronization

/// One thread that writes log blocks of all loops to one descriptor. Loops never wait for it: the lock is only
/// tried, the queue is bounded, and what does not fit is counted and dropped.
///
/// `close()` must be called once; until then the thread keeps the writer alive.
package final class LogWriter: Sendable {
    /// Where lines go.
    package enum Target: Sendable, Equatable {
        case standardOutput
        case standardError
        case file(String)
        case none
    }

    /// What became of a block that was handed over.
    package enum Submission: Sendable, Equatable {
        case accepted
        /// The lock was held at this instant: keep the block and try again later.
        case busy
        /// The queue is full; the lines were dropped and counted.
        case dropped
    }

    private struct State {
        var queue: [LogBlock] = []
        var spare: [LogBlock] = []
        var isClosing = false
        var mustReopen = false

        mutating func take(_ block: inout LogBlock, _ blocksMax: Int) -> Submission {
            guard !isClosing, queue.count < blocksMax else { return .dropped }
            queue.append(block)
            block = spare.popLast() ?? LogBlock.none
            return .accepted
        }
    }

    /// Blocks waiting at most: 64 KiB each, so 8 MiB of log before lines are dropped.
    package let blocksMax: Int
    package let target: Target
    private let state = Mutex(State())
    private let dropped = Atomic<UInt64>(0)
    private let failures = Atomic<UInt64>(0)
    private let written = Atomic<UInt64>(0)
    private let wake: DescriptorPair
    private let finished: DescriptorPair

    /// Opens the target and starts the thread. Throws `unreadableFile` if the file cannot be opened.
    package init(_ target: Target, blocksMax: Int = 128) throws(GatewayError) {
        self.target = target
        self.blocksMax = max(1, blocksMax)
        wake = try DescriptorPair()
        finished = try DescriptorPair()
        guard target != .none else { return }
        let sink = try LogSink(target)
        try WriterThread.start { [self] in run(sink) }
    }

    /// Lines that were dropped because the queue was full or the descriptor failed.
    package var droppedLines: UInt64 { dropped.load(ordering: .relaxed) }
    /// Writes and reopenings that failed.
    package var writeFailures: UInt64 { failures.load(ordering: .relaxed) }
    package var writtenLines: UInt64 { written.load(ordering: .relaxed) }

    /// Takes a block and gives an empty one in its place. Never blocks, unless told that it may.
    package func submit(_ block: inout LogBlock, mayWait: Bool = false) -> Submission {
        guard target != .none else {
            block.removeAll()
            return .accepted
        }
        var handed = block
        block = LogBlock.none
        let blocksMax = blocksMax
        let outcome =
            mayWait
            ? state.withLock { $0.take(&handed, blocksMax) }
            : state.withLockIfAvailable { $0.take(&handed, blocksMax) } ?? .busy
        switch outcome {
        case .accepted:
            block = handed.isUsable ? handed : LogBlock()
            wake.signal()
        case .dropped:
            drop(&handed)
            block = handed
        case .busy:
            block = handed
        }
        return outcome
    }

    /// Empties a block and counts its lines as dropped.
    package func drop(_ block: inout LogBlock) {
        countDropped(UInt64(block.lineCount))
        block.removeAll()
    }

    /// Counts lines that never reached a block.
    package func countDropped(_ lines: UInt64) { dropped.wrappingAdd(lines, ordering: .relaxed) }

    /// Opens the file again before the next block, for log rotation that renames. A rename is also noticed by
    /// itself within a second.
    package func reopen() {
        state.withLock { $0.mustReopen = true }
        wake.signal()
    }

    /// Writes what is queued and ends the thread. Waits at most `timeoutMilliseconds` (a reader that is stuck must
    /// not keep the process); false if that passed. Call it off the loops.
    @discardableResult
    package func close(timeoutMilliseconds: Int32 = 2_000) -> Bool {
        guard target != .none else { return true }
        state.withLock { $0.isClosing = true }
        wake.signal()
        return finished.wait(timeoutMilliseconds: timeoutMilliseconds)
    }

    private func run(_ first: LogSink) {
        var sink = first
        var isClosing = false
        while !isClosing {
            var blocks: [LogBlock] = []
            var mustReopen = false
            state.withLock { state in
                swap(&blocks, &state.queue)
                mustReopen = state.mustReopen
                state.mustReopen = false
                isClosing = state.isClosing && blocks.isEmpty
            }
            if isClosing { break }
            if mustReopen || sink.wasRotated() {
                if !sink.reopen() { failures.wrappingAdd(1, ordering: .relaxed) }
            }
            if blocks.isEmpty {
                wake.await(timeoutMilliseconds: 1_000)
                continue
            }
            for block in blocks {
                if sink.write(block) {
                    written.wrappingAdd(UInt64(block.lineCount), ordering: .relaxed)
                } else {
                    failures.wrappingAdd(1, ordering: .relaxed)
                    countDropped(UInt64(block.lineCount))
                }
            }
            giveBack(blocks)
        }
        sink.close()
        finished.signal()
    }

    /// A few emptied blocks are kept so that loops need not allocate.
    private func giveBack(_ blocks: consuming [LogBlock]) {
        state.withLock { state in
            while state.spare.count < 8, var block = blocks.popLast() {
                block.removeAll()
                state.spare.append(block)
            }
        }
    }
}
