import GatewayWire
import NIOCore

/// What happens to a response's body on its way to the client: nothing, compression, or a copy for the cache.
enum ResponseTransform {
    case none

    var isNone: Bool { true }

    func framing(for response: borrowing ResponseHead) -> BodyFraming { response.framing }

    mutating func apply(_ bytes: ByteBuffer, to output: (ByteBuffer) -> Void) { output(bytes) }

    mutating func finish(to output: (ByteBuffer) -> Void) {}
}
