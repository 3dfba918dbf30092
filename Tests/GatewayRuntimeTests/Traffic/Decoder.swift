import CZlib
import CZstd

/// Undoes content codings with the libraries' own decoders, as far as the bytes go.
enum Decoder {
    static func decode(_ bytes: [UInt8], _ coding: String?) -> [UInt8] {
        switch coding {
        case "gzip": gunzip(bytes)
        case "zstd": unzstd(bytes)
        default: bytes
        }
    }

    private static func gunzip(_ bytes: [UInt8]) -> [UInt8] {
        var stream = unsafe z_stream()
        guard
            unsafe inflateInit2_(&stream, 16 + 15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return [] }
        defer { unsafe _ = inflateEnd(&stream) }
        var output: [UInt8] = []
        var input = bytes
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        unsafe input.withUnsafeMutableBufferPointer { source in
            unsafe stream.next_in = source.baseAddress
            unsafe stream.avail_in = UInt32(source.count)
            while true {
                var status: Int32 = Z_OK
                let written = unsafe piece.withUnsafeMutableBufferPointer { space in
                    unsafe stream.next_out = space.baseAddress
                    unsafe stream.avail_out = UInt32(space.count)
                    unsafe status = inflate(&stream, Z_SYNC_FLUSH)
                    return unsafe space.count - Int(stream.avail_out)
                }
                output += piece[..<written]
                if status != Z_OK || written == 0 { return }
            }
        }
        return output
    }

    private static func unzstd(_ bytes: [UInt8]) -> [UInt8] {
        guard let context = unsafe ZSTD_createDCtx() else { return [] }
        defer { unsafe _ = ZSTD_freeDCtx(context) }
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 128 * 1024)
        unsafe bytes.withUnsafeBytes { source in
            var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            while true {
                var written = 0
                var isFailed = false
                unsafe piece.withUnsafeMutableBytes { space in
                    var target = unsafe ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
                    isFailed = ZSTD_isError(unsafe ZSTD_decompressStream(context, &target, &input)) != 0
                    written = unsafe target.pos
                }
                output += piece[..<written]
                if isFailed || written == 0 { return }
            }
        }
        return output
    }
}
