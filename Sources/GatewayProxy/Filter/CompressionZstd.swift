import CZstd
import NIOCore

/// A Zstandard stream (RFC 8878), made by libzstd. Used again for later responses.
///
/// All unsafe code of zstd is here. Invariants: `context` is valid from `init` to `deinit` and used by one stream at
/// a time; the two buffer descriptions live on the stack of one call and point into memory that the surrounding
/// closures lend for that call.
@safe final class ZstdEncoder {
    static let outputBytes = 16 * 1024
    private static let level: Int32 = 3
    /// A window of 256 KiB: well below the 8 MiB that clients must support, and what bounds our memory.
    private static let windowBits: Int32 = 18

    private let context: OpaquePointer
    private var output = ByteBuffer()
    private var isPending = false

    /// Nil when there is no memory for it.
    init?() {
        guard let context = unsafe ZSTD_createCCtx() else { return nil }
        unsafe self.context = unsafe context
        unsafe _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, ZstdEncoder.level)
        unsafe _ = ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, ZstdEncoder.windowBits)
    }

    deinit { unsafe _ = ZSTD_freeCCtx(context) }

    /// Ready for another stream, memory and settings kept.
    func reset() {
        unsafe _ = ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
        output.clear()
        isPending = false
    }

    func encode(_ bytes: ByteBuffer, _ step: EncodingStep, to sink: (ByteBuffer) -> Void) {
        if step == .flush, !isPending { return }
        isPending = step == .run
        let mode =
            switch step {
            case .run: ZSTD_e_continue
            case .flush: ZSTD_e_flush
            case .finish: ZSTD_e_end
            }
        unsafe bytes.withUnsafeReadableBytes { source in
            var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            while true {
                if output.capacity == 0 { output = ByteBufferAllocator().buffer(capacity: ZstdEncoder.outputBytes) }
                let left = unsafe write(&input, mode)
                // An error here means no memory: the body ends short, which its missing end shows the client.
                if ZSTD_isError(left) != 0 { return }
                let isDone = unsafe step == .run ? input.pos == input.size : left == 0
                if isDone { break }
                handOver(to: sink)
            }
        }
        if output.readableBytes >= ZstdEncoder.outputBytes || step != .run, output.readableBytes > 0 {
            handOver(to: sink)
        }
    }

    /// One call of libzstd into what is free of the output; what it has left to write, or an error.
    private func write(_ input: inout ZSTD_inBuffer, _ mode: ZSTD_EndDirective) -> Int {
        var left = 0
        _ = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: 64) { space in
            var target = unsafe ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
            left = unsafe ZSTD_compressStream2(context, &target, &input, mode)
            return unsafe target.pos
        }
        return left
    }

    private func handOver(to sink: (ByteBuffer) -> Void) {
        if output.readableBytes > 0 { sink(output) }
        output = ByteBuffer()
    }
}
