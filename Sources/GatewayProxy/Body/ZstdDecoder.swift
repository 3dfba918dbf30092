import CZstd
import NIOCore

/// A Zstandard stream (RFC 8878) of one or more frames, read by libzstd.
///
/// All unsafe code of it is here. Invariants: `context` is valid from `init` to `deinit`; the two buffer descriptions
/// live on the stack of one call and point into memory that the surrounding closures lend for that call.
@safe final class ZstdDecoder {
    /// A window of 8 MiB is what every decoder must support, and more than we lend to a caller.
    private static let windowBits: Int32 = 23

    private let context: OpaquePointer
    private var input = ByteBuffer()
    private var isBroken = false
    private var mayHaveMore = false
    /// At the end of a frame, with nothing of a next one.
    private(set) var isWhole = false

    /// Nil when there is no memory for it.
    init?() {
        guard let context = unsafe ZSTD_createDCtx() else { return nil }
        unsafe self.context = unsafe context
        unsafe _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZstdDecoder.windowBits)
    }

    deinit { unsafe _ = ZSTD_freeDCtx(context) }

    func take(_ bytes: ByteBuffer) { input = bytes }

    func next() -> DecodingStep {
        while !isBroken, input.readableBytes > 0 || mayHaveMore {
            var output = ByteBufferAllocator().buffer(capacity: BodyDecoder.outputBytes)
            let left = decompress(into: &output)
            guard ZSTD_isError(left) == 0 else {
                isBroken = true
                break
            }
            isWhole = left == 0
            mayHaveMore = left != 0 && output.readableBytes == BodyDecoder.outputBytes
            if output.readableBytes > 0 { return .output(output) }
        }
        return isBroken ? .broken : .more
    }

    /// How many bytes of input are expected next: 0 at the end of a frame; or an error.
    private func decompress(into output: inout ByteBuffer) -> Int {
        var left = 0
        _ = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: BodyDecoder.outputBytes) { space in
            let count = min(space.count, BodyDecoder.outputBytes)
            var used = 0
            var written = 0
            unsafe input.withUnsafeReadableBytes { source in
                var from = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
                var target = unsafe ZSTD_outBuffer(dst: space.baseAddress, size: count, pos: 0)
                left = unsafe ZSTD_decompressStream(context, &target, &from)
                used = unsafe from.pos
                written = unsafe target.pos
            }
            input.moveReaderIndex(forwardBy: used)
            return written
        }
        return left
    }
}
