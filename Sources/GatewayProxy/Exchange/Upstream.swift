import GatewayWire
import NIOCore

/// The backend's side of an exchange: the connection or stream that serves the current attempt.
enum Upstream {
    case none
    case http1(HTTP1ClientConnection)
    case http2(HTTP2ClientStream)

    var isNone: Bool {
        if case .none = self { true } else { false }
    }

    /// Sends the request's head as it stands; `framing` says what follows. As in `Downstream`, `inout` only lends it.
    func sendHead(_ head: inout RequestHead, framing: BodyFraming) {
        switch self {
        case .none: break
        case .http1(let connection): connection.sendHead(head, framing: framing)
        case .http2(let stream): stream.sendHead(head, framing: framing)
        }
    }

    func sendBody(_ bytes: ByteBuffer) {
        switch self {
        case .none: break
        case .http1(let connection): connection.sendBody(bytes)
        case .http2(let stream): stream.sendBody(bytes)
        }
    }

    func sendEnd(trailers: FieldBlock?) {
        switch self {
        case .none: break
        case .http1(let connection): connection.sendEnd(trailers: trailers)
        case .http2(let stream): stream.sendEnd(trailers: trailers)
        }
    }

    func flush() {
        switch self {
        case .none: break
        case .http1(let connection): connection.flush()
        case .http2(let stream): stream.flush()
        }
    }

    /// Gives the attempt up at once; the exchange hears nothing more of it.
    func cancel() {
        switch self {
        case .none: break
        case .http1(let connection): connection.cancel()
        case .http2(let stream): stream.cancel()
        }
    }

    /// Answers another exchange from here on: one that takes over what this attempt has begun.
    func serve(_ exchange: Exchange) {
        switch self {
        case .none: break
        case .http1(let connection): connection.serve(exchange)
        case .http2(let stream): stream.serve(exchange)
        }
    }

    /// Stops (or starts again) taking response bytes.
    func setReading(_ isReading: Bool) {
        switch self {
        case .none: break
        case .http1(let connection): connection.setReading(isReading)
        case .http2(let stream): stream.setReading(isReading)
        }
    }

    /// Whether the backend keeps up; when it turns true again the exchange hears `upstreamWritable`.
    var isWritable: Bool {
        switch self {
        case .none: true
        case .http1(let connection): connection.isWritable
        case .http2(let stream): stream.isWritable
        }
    }

    /// Whether the connection had served a request before: its silent end may only mean that it was stale.
    var wasReused: Bool {
        switch self {
        case .none: false
        case .http1(let connection): connection.wasReused
        case .http2(let stream): stream.wasReused
        }
    }
}

/// How an attempt ended before its response did.
enum UpstreamFailure: Sendable {
    case connectFailed(String)
    case connectTimedOut
    /// The connection ended, `responseBegun` or not.
    case reset
    /// HTTP/2: the peer says it did not process the request (REFUSED_STREAM, GOAWAY).
    case unprocessed
    case malformed(StaticString)
    /// No place in the pool or its queue.
    case overloaded
    case attemptTimedOut
    case firstByteTimedOut
    case idleTimedOut
}
