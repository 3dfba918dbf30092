package import GatewayModel
package import NIOCore

/// Takes a compressed body of a request apart as it comes. What grows out of all proportion is refused: a small body
/// may not become a large one for the gateway and its providers.
package final class BodyDecoder {
    /// A body that has become this large may have grown this much, and no more.
    package static let growthMax = 200
    package static let growthFreeBytes = 1024 * 1024
    static let outputBytes = 64 * 1024

    private enum Inner {
        case gzip(GzipDecoder)
        case zstd(ZstdDecoder)
    }

    private let inner: Inner
    private let name: String
    private var inputBytes = 0
    private var outputBytes = 0

    /// For the value of `content-encoding`; nil for one without a meaning here. Throws `overloaded` without memory.
    package static func make(_ coding: String) throws(GatewayError) -> BodyDecoder? {
        switch coding {
        case "gzip", "x-gzip":
            guard let decoder = GzipDecoder() else { throw noMemory }
            return BodyDecoder(.gzip(decoder), "gzip")
        case "zstd":
            guard let decoder = ZstdDecoder() else { throw noMemory }
            return BodyDecoder(.zstd(decoder), "zstd")
        default: return nil
        }
    }

    /// What clients may send, for the answer to other codings.
    package static let accepted = "gzip, zstd"

    private static let noMemory = GatewayError(.overloaded, "there is no memory to read a compressed body")

    private init(_ inner: Inner, _ name: String) {
        self.inner = inner
        self.name = name
    }

    /// Hands what the bytes come to on, in pieces. Throws `malformedRequest` for what is not of the coding,
    /// `bodyTooLarge` for what grows too much, and whatever `sink` throws.
    package func decode(
        _ bytes: ByteBuffer, to sink: (ByteBuffer) throws(GatewayError) -> Void
    ) throws(GatewayError) {
        inputBytes += bytes.readableBytes
        switch inner {
        case .gzip(let decoder): decoder.take(bytes)
        case .zstd(let decoder): decoder.take(bytes)
        }
        while true {
            let step =
                switch inner {
                case .gzip(let decoder): decoder.next()
                case .zstd(let decoder): decoder.next()
                }
            switch step {
            case .more: return
            case .broken: throw malformed
            case .output(let piece):
                outputBytes += piece.readableBytes
                guard outputBytes <= max(BodyDecoder.growthFreeBytes, inputBytes * BodyDecoder.growthMax) else {
                    throw GatewayError(
                        .bodyTooLarge,
                        "the compressed body grows to more than \(BodyDecoder.growthMax) times its size",
                        hint: "send it as it is")
                }
                try sink(piece)
            }
        }
    }

    /// Nothing has come.
    package var isEmpty: Bool { inputBytes == 0 }

    /// The body has ended. Throws `malformedRequest` if it did so too early.
    package func finish() throws(GatewayError) {
        let isWhole =
            switch inner {
            case .gzip(let decoder): decoder.isWhole
            case .zstd(let decoder): decoder.isWhole
            }
        guard isWhole else { throw malformed }
    }

    private var malformed: GatewayError {
        GatewayError(.malformedRequest, "the body is not whole or not of its content-encoding: \(name)")
    }
}

/// What a decoder has next.
enum DecodingStep {
    case output(ByteBuffer)
    /// All input is used up.
    case more
    case broken
}
