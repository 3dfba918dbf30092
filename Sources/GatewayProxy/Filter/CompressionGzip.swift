import CZlib
import NIOCore

/// A gzip stream (RFC 1952), made by zlib. Used again for later responses.
///
/// All unsafe code of gzip is here. Invariants: `stream` is allocated, initialised and known to zlib from `init` to
/// `deinit` and never moves, which zlib asks for; `next_in` points into a buffer only while `encode` holds it, and
/// `next_out` only inside the closure that lends the output's memory.
@safe final class GzipEncoder {
    /// Bytes of output gathered before they are passed on.
    static let outputBytes = 16 * 1024
    /// gzip framing (16) and a window of 32 KiB (15), about 256 KiB a stream.
    private static let windowBits: Int32 = 16 + 15
    /// Between the fastest (1) and the smallest (9): beyond 5 each step costs half as much again for a percent.
    private static let level: Int32 = 5

    private let stream: UnsafeMutablePointer<z_stream>
    private var output = ByteBuffer()
    /// Something was taken in since the last flush.
    private var isPending = false

    /// Nil when there is no memory for it.
    init?() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let status = unsafe deflateInit2_(
            stream, GzipEncoder.level, Z_DEFLATED, GzipEncoder.windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            unsafe stream.deallocate()
            return nil
        }
    }

    deinit {
        // Z_DATA_ERROR for a stream that was not finished is as good: all is freed.
        unsafe _ = deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Ready for another stream, memory kept.
    func reset() {
        unsafe _ = deflateReset(stream)
        output.clear()
        isPending = false
    }

    func encode(_ bytes: ByteBuffer, _ step: EncodingStep, to sink: (ByteBuffer) -> Void) {
        if step == .flush, !isPending { return }
        isPending = step == .run
        unsafe bytes.withUnsafeReadableBytes { source in
            // zlib does not write through `next_in`; its type only lacks the `const`.
            unsafe stream.pointee.next_in = UnsafeMutablePointer(
                mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
            unsafe stream.pointee.avail_in = UInt32(truncatingIfNeeded: source.count)
            pump(step, to: sink)
            unsafe stream.pointee.next_in = nil
            unsafe stream.pointee.avail_in = 0
        }
        if step != .run, output.readableBytes > 0 { handOver(to: sink) }
    }

    private func pump(_ step: EncodingStep, to sink: (ByteBuffer) -> Void) {
        let mode =
            switch step {
            case .run: Z_NO_FLUSH
            case .flush: Z_SYNC_FLUSH
            case .finish: Z_FINISH
            }
        while true {
            if output.capacity == 0 { output = ByteBufferAllocator().buffer(capacity: GzipEncoder.outputBytes) }
            let isFull = write(mode)
            // Room was left over: zlib has no more to give. (A full buffer may have more behind it.)
            guard isFull else { return }
            handOver(to: sink)
        }
    }

    /// Lets zlib write into what is free of the output; whether it used all of that.
    private func write(_ mode: Int32) -> Bool {
        var isFull = false
        _ = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: 64) { space in
            unsafe stream.pointee.next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
            unsafe stream.pointee.avail_out = UInt32(truncatingIfNeeded: space.count)
            unsafe _ = deflate(stream, mode)
            let left = unsafe Int(stream.pointee.avail_out)
            isFull = left == 0
            unsafe stream.pointee.next_out = nil
            return space.count - left
        }
        return isFull
    }

    private func handOver(to sink: (ByteBuffer) -> Void) {
        sink(output)
        output = ByteBuffer()
    }
}
