import CZlib
import NIOCore

/// A gzip stream (RFC 1952) of one or more members, read by zlib.
///
/// All unsafe code of it is here. Invariants: `stream` is allocated, initialised and known to zlib from `init` to
/// `deinit` and never moves; `next_in` and `next_out` point into buffers only inside the closures that lend their
/// memory.
@safe final class GzipDecoder {
    /// gzip framing (16) and any window (15).
    private static let windowBits: Int32 = 16 + 15

    private let stream: UnsafeMutablePointer<z_stream>
    private var input = ByteBuffer()
    private var isBroken = false
    /// At the end of a member, with nothing of a next one.
    private(set) var isWhole = false
    /// zlib had no room for all it had to give.
    private var mayHaveMore = false

    /// Nil when there is no memory for it.
    init?() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let status = unsafe inflateInit2_(
            stream, GzipDecoder.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            unsafe stream.deallocate()
            return nil
        }
    }

    deinit {
        unsafe _ = inflateEnd(stream)
        unsafe stream.deallocate()
    }

    func take(_ bytes: ByteBuffer) { input = bytes }

    func next() -> DecodingStep {
        while !isBroken, input.readableBytes > 0 || mayHaveMore {
            if isWhole {
                unsafe _ = inflateReset(stream)
                isWhole = false
            }
            var output = ByteBufferAllocator().buffer(capacity: BodyDecoder.outputBytes)
            let status = inflate(into: &output)
            mayHaveMore = status == Z_OK && output.readableBytes == BodyDecoder.outputBytes
            switch status {
            case Z_STREAM_END: isWhole = true
            // Nothing to do: there was only no more input.
            case Z_OK, Z_BUF_ERROR: break
            default: isBroken = true
            }
            if output.readableBytes > 0 { return .output(output) }
            if status == Z_BUF_ERROR { break }
        }
        return isBroken ? .broken : .more
    }

    private func inflate(into output: inout ByteBuffer) -> Int32 {
        var status: Int32 = Z_OK
        _ = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: BodyDecoder.outputBytes) { space in
            let count = min(space.count, BodyDecoder.outputBytes)
            var used = 0
            unsafe input.withUnsafeReadableBytes { source in
                // zlib does not write through `next_in`; its type only lacks the `const`.
                unsafe stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
                unsafe stream.pointee.avail_in = UInt32(truncatingIfNeeded: source.count)
                unsafe stream.pointee.next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
                unsafe stream.pointee.avail_out = UInt32(truncatingIfNeeded: count)
                unsafe status = CZlib.inflate(stream, Z_NO_FLUSH)
                used = unsafe source.count - Int(stream.pointee.avail_in)
                unsafe stream.pointee.next_in = nil
                unsafe stream.pointee.next_out = nil
            }
            input.moveReaderIndex(forwardBy: used)
            return unsafe count - Int(stream.pointee.avail_out)
        }
        return status
    }
}
