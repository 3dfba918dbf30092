import GatewayWire
import NIOCore

/// The client's side of an exchange: a closed set of concrete types, so that a body chunk crosses no existential.
/// All calls are made on the event loop. Bytes given are gathered and leave at `flush`.
enum Downstream {
    /// Nobody reads the answer: a mirrored copy, or an exchange not in use.
    case none
    case http1(HTTP1ServerConnection)
    case http2(HTTP2ServerStream)
    /// A request of our own.
    case call(UpstreamCall)

    /// A client of ours whose exchanges are recorded.
    var isClient: Bool {
        switch self {
        case .http1, .http2: true
        case .none, .call: false
        }
    }

    /// 100, 102, 103: another head will follow.
    func sendInterim(_ head: borrowing ResponseHead) {
        switch self {
        case .none: break
        case .http1(let connection): connection.sendInterim(head)
        case .http2(let stream): stream.sendInterim(head)
        case .call: break
        }
    }

    /// The final head. `framing` says what follows; `.none` ends the response with the head. Nobody changes the head;
    /// it is `inout` because an exchange's property that is merely borrowed is copied first.
    func sendHead(_ head: inout ResponseHead, framing: BodyFraming) {
        switch self {
        case .none: break
        case .http1(let connection): connection.sendHead(head, framing: framing)
        case .http2(let stream): stream.sendHead(head, framing: framing)
        case .call(let call): call.receiveHead(head)
        }
    }

    func sendBody(_ bytes: ByteBuffer) {
        switch self {
        case .none: break
        case .http1(let connection): connection.sendBody(bytes)
        case .http2(let stream): stream.sendBody(bytes)
        case .call(let call): call.receive(bytes)
        }
    }

    /// Ends the response; `trailers` are dropped where the protocol or the client cannot take them.
    func sendEnd(trailers: FieldBlock?) {
        switch self {
        case .none: break
        case .http1(let connection): connection.sendEnd(trailers: trailers)
        case .http2(let stream): stream.sendEnd(trailers: trailers)
        case .call(let call): call.receiveEnd(trailers: trailers)
        }
    }

    /// Breaks the response off: it had begun and cannot be finished.
    func reset() {
        switch self {
        case .none: break
        case .http1(let connection): connection.reset()
        case .http2(let stream): stream.reset()
        case .call(let call): call.brokenOff()
        }
    }

    func flush() {
        switch self {
        case .none: break
        case .http1(let connection): connection.flush()
        case .http2(let stream): stream.flush()
        case .call(let call): call.receiveFlush()
        }
    }

    /// Stops (or starts again) taking body bytes from the client.
    func setReading(_ isReading: Bool) {
        switch self {
        case .none: break
        case .http1(let connection): connection.setReading(isReading)
        case .http2(let stream): stream.setReading(isReading)
        case .call(let call): call.setRequestReading(isReading)
        }
    }

    /// Whether the client keeps up; when it turns true again the exchange hears `downstreamWritable`.
    var isWritable: Bool {
        switch self {
        case .none: true
        case .http1(let connection): connection.isWritable
        case .http2(let stream): stream.isWritable
        case .call(let call): call.isWritable
        }
    }

    /// The client may send its body now (`Expect: 100-continue`).
    func sendContinue() {
        switch self {
        case .none: break
        case .http1(let connection): connection.sendContinue()
        case .http2(let stream): stream.sendContinue()
        case .call: break
        }
    }

    /// From here on the bytes in both directions are opaque: the 101 (or 2xx of an extended CONNECT) has been sent.
    func becomeTunnel() {
        switch self {
        case .none: break
        case .http1(let connection): connection.becomeTunnel()
        case .http2: break
        case .call(let call): call.switched()
        }
    }

    /// The exchange is settled; the connection may take the next request.
    func finished() {
        switch self {
        case .none: break
        case .http1(let connection): connection.exchangeFinished()
        case .http2(let stream): stream.exchangeFinished()
        case .call(let call): call.settled()
        }
    }
}
