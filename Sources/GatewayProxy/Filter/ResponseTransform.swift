import GatewayWire
import NIOCore

/// What happens to a response's body on its way to the client. The encoders are classes, so that a chunk costs one
/// switch and no copy of state.
enum ResponseTransform {
    case none
    case gzip(GzipEncoder)
    case zstd(ZstdEncoder)

    var isNone: Bool {
        if case .none = self { true } else { false }
    }

    func apply(_ bytes: ByteBuffer, to output: (ByteBuffer) -> Void) {
        switch self {
        case .none: output(bytes)
        case .gzip(let encoder): encoder.encode(bytes, .run, to: output)
        case .zstd(let encoder): encoder.encode(bytes, .run, to: output)
        }
    }

    /// Lets out all that was taken in, so that no event waits for the next one.
    func flush(to output: (ByteBuffer) -> Void) {
        switch self {
        case .none: break
        case .gzip(let encoder): encoder.encode(ByteBuffer(), .flush, to: output)
        case .zstd(let encoder): encoder.encode(ByteBuffer(), .flush, to: output)
        }
    }

    /// The body is whole.
    func finish(to output: (ByteBuffer) -> Void) {
        switch self {
        case .none: break
        case .gzip(let encoder): encoder.encode(ByteBuffer(), .finish, to: output)
        case .zstd(let encoder): encoder.encode(ByteBuffer(), .finish, to: output)
        }
    }
}

/// How far an encoder goes with what it was given.
enum EncodingStep {
    /// As it likes best; output may wait for more input.
    case run
    /// Everything taken in must come out.
    case flush
    /// The same, and the end of the stream.
    case finish
}
