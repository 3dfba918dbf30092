package import GatewayModel
import Glibc
package import NIOCore

/// One body in a file without a name. Used by one event loop, in pieces as they come from the network: each write goes
/// to the page cache and waits for no disk.
///
/// All unsafe code of it is here. Invariant: `descriptor` is open from `init` to `deinit` and belongs to nobody else;
/// pointers live no longer than the call they are passed to.
@safe package final class SpillFile {
    private let descriptor: Int32
    private let folder: SpillFolder
    package private(set) var count = 0

    init(_ descriptor: Int32, of folder: SpillFolder) {
        self.descriptor = descriptor
        self.folder = folder
    }

    deinit {
        close(descriptor)
        folder.giveBack(count)
    }

    /// Adds bytes at the end. Throws `overloaded` when there is no room for them.
    package func append(_ bytes: ByteBuffer) throws(GatewayError) {
        try folder.take(bytes.readableBytes)
        let start = count
        count += bytes.readableBytes
        let isWritten = unsafe bytes.withUnsafeReadableBytes { source in
            var written = 0
            while written < source.count {
                let result = unsafe pwrite(
                    descriptor, source.baseAddress?.advanced(by: written), source.count - written,
                    off_t(start + written))
                if result < 0, errno == EINTR { continue }
                guard result > 0 else { return false }
                written += result
            }
            return true
        }
        guard isWritten else { throw SpillFolder.problem("cannot write") }
    }

    /// The bytes at `range`, which lie within `count`.
    package func read(_ range: Range<Int>) throws(GatewayError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: range.count)
        var position = range.lowerBound
        while position < range.upperBound {
            let wanted = range.upperBound - position
            let read = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
                while true {
                    let result = unsafe pread(descriptor, space.baseAddress, wanted, off_t(position))
                    if result < 0, errno == EINTR { continue }
                    return max(0, result)
                }
            }
            guard read > 0 else { throw SpillFolder.problem("cannot read") }
            position += read
        }
        return buffer
    }
}
