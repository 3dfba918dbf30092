import GatewayWire

/// Memory for many log lines: filled by one loop, written out whole by the log writer, then used again.
package struct LogBlock: Sendable {
    /// What a loop hands over at once. Large enough that the hand-over costs nothing per line.
    package static let bytesMax = 64 * 1024
    /// The longest line. With every bounded field full and escaped a line stays below it.
    package static let lineBytesMax = 32 * 1024

    private(set) var storage: [UInt8]
    private(set) var count = 0
    private(set) var lineCount = 0

    package var isEmpty: Bool { count == 0 }
    package var isFull: Bool { count >= LogBlock.bytesMax }
    /// The lines so far, copied; for tests and for small blocks.
    package var bytes: [UInt8] { Array(storage[0..<count]) }

    package init() { storage = [UInt8](repeating: 0, count: LogBlock.bytesMax + LogBlock.lineBytesMax) }

    private init(storage: [UInt8]) { self.storage = storage }

    /// A stand-in without memory, so that a block can be moved out of its place without a copy.
    static let none = LogBlock(storage: [])
    var isUsable: Bool { !storage.isEmpty }

    /// Writes one exchange's line; false, and nothing is kept, if it did not fit.
    mutating func append(
        _ format: inout AccessLogLine, _ record: borrowing RequestRecord, _ request: borrowing RequestHead
    ) -> Bool {
        let start = count
        let limit = min(storage.count - start, LogBlock.lineBytesMax)
        guard limit > 0 else { return false }
        var span = storage.mutableSpan
        // Safe: the writer checks every write against `limit`, which ends inside the storage, and does not outlive
        // the closure.
        let written: Int = unsafe span.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            var writer = unsafe LineWriter(base: base + start, limit: limit)
            format.write(record, request, to: &writer)
            writer.byte(0x0A)
            return writer.overflowed ? 0 : writer.count
        }
        guard written > 0 else { return false }
        count += written
        lineCount += 1
        return true
    }

    /// Forgets the lines and keeps the memory.
    mutating func removeAll() {
        count = 0
        lineCount = 0
    }
}
