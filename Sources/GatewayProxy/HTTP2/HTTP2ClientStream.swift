import Crypto
import GatewayModel
import GatewayWire
import NIOCore

/// One request to an HTTP/2 backend: the exchange's upstream.
final class HTTP2ClientStream: HTTP2Stream {
    private let client: HTTP2ClientConnection
    /// Nil when it has its answer, or has given up.
    private(set) var exchange: Exchange?
    private(set) var wasReused = false
    private(set) var requestMethod: GatewayWire.HTTPMethod = .get
    /// The final head has arrived; a further header block is the trailers.
    private(set) var isHeadReceived = false
    private var hasBody = false
    /// An upgrade of the client's, sent as an extended CONNECT (RFC 8441).
    private var isTunnel = false

    init(client: HTTP2ClientConnection) {
        self.client = client
        super.init(connection: client)
    }

    /// Serves `exchange`; `prepare` has been called.
    func assign(_ exchange: Exchange, isReused: Bool) {
        self.exchange = exchange
        wasReused = isReused
        isHeadReceived = false
        hasBody = false
        isTunnel = false
    }

    /// Another exchange takes the request under way over.
    func serve(_ exchange: Exchange) { self.exchange = exchange }

    // MARK: From the exchange

    func sendHead(_ head: borrowing RequestHead, framing: BodyFraming) {
        requestMethod = head.method
        isTunnel = !head.upgrade.isEmpty && head.method != .connect
        if isTunnel, !client.takesTunnels {
            return failSoon(.malformed("it does not take upgrades over HTTP/2"))
        }
        hasBody = isTunnel || head.method == .connect || framing != .none && framing != .length(0)
        if !client.submit(head, framing: framing, isTunnel: isTunnel, hasBody: hasBody, self) {
            failSoon(.unprocessed)
        }
    }

    func sendBody(_ bytes: ByteBuffer) {
        guard hasBody else { return }
        enqueue(bytes)
    }

    func sendEnd(trailers: FieldBlock?) {
        // The end of a request that becomes a tunnel is the end of its head, not of the tunnel.
        guard hasBody, !isTunnel || isHeadReceived else { return }
        endQueue(trailers: trailers)
    }

    func flush() { client.flushSoon() }

    func cancel() {
        exchange = nil
        withdraw(.cancel)
    }

    // MARK: From the connection

    /// The head in the exchange's `response` is whole.
    func receiveHead(isLast: Bool) {
        guard let exchange else { return }
        if exchange.response.isInterim {
            if !isLast { exchange.upstreamInterim() }
            return
        }
        isHeadReceived = true
        if isTunnel { finishTunnelHead(exchange) }
        guard exchange.upstreamHead() else {
            // It has no use for the rest, and may be busy elsewhere already.
            if self.exchange === exchange {
                self.exchange = nil
                withdraw(.cancel)
            }
            return
        }
        if isLast { receiveEnd(trailers: nil) }
    }

    /// A 2xx grants the tunnel; the client's side of it knows that as 101.
    private func finishTunnelHead(_ exchange: Exchange) {
        guard exchange.response.status / 100 == 2 else {
            isTunnel = false
            return endQueue(trailers: nil)
        }
        exchange.response.status = 101
        exchange.response.framing = .none
        let name = exchange.request.fields.copy(exchange.request.upgrade)
        exchange.response.upgrade = exchange.response.fields.store(name)
        guard let key = exchange.request.fields.first(.secWebSocketKey) else { return }
        var hash = Insecure.SHA1()
        hash.update(data: exchange.request.fields.copy(key.value))
        hash.update(data: Self.webSocketGUID)
        exchange.response.fields.append(name: Self.acceptName, value: Self.base64(Array(hash.finalize())))
    }

    private static let webSocketGUID = Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
    private static let acceptName = Array("sec-websocket-accept".utf8)

    private static func base64(_ bytes: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            bits <<= UInt32(8 * (3 - group.count))
            for digit in 0..<4 {
                text.append(digit <= group.count ? alphabet[Int(bits >> UInt32(18 - 6 * digit) & 63)] : 0x3D)
            }
        }
        return text
    }

    override func receive(_ bytes: ByteBuffer) {
        credit(bytes.readableBytes)
        exchange?.upstreamBody(bytes)
    }

    override func receiveEnd(trailers: FieldBlock?) {
        isPeerEnded = true
        guard let finished = exchange else { return }
        guard isHeadReceived else { return fail(.malformed("the response ended before its head"), .protocolError) }
        if isTunnel, !isOutgoingEnded {
            // The other direction stays open.
            return finished.upstreamHalfClosed()
        }
        exchange = nil
        // What is left of the request has no reader any more.
        if hasBody, !isOutgoingEnded || queuedBytes > 0 { withdraw(.noError) }
        let downstream = finished.downstream
        finished.upstreamEnd(trailers: trailers.flatMap { $0.isEmpty ? nil : $0 })
        downstream.flush()
    }

    override func flushOnward() { exchange?.flushDownstream() }

    override func becameWritable() { exchange?.upstreamWritable() }

    override func closed(_ code: HTTP2Code) {
        abandonQueue()
        let failed = exchange
        exchange = nil
        if let failed {
            let downstream = failed.downstream
            if isTunnel, isPeerEnded {
                failed.upstreamEnd(trailers: nil)
            } else {
                failed.upstreamFailed(Self.failure(code))
            }
            downstream.flush()
        }
        client.recycle(self)
    }

    private static func failure(_ code: HTTP2Code) -> UpstreamFailure {
        switch code {
        case .refusedStream: .unprocessed
        case .protocolError: .malformed("it breaks the rules of HTTP/2")
        default: .reset
        }
    }

    /// Gives up on the backend's answer.
    func fail(_ failure: UpstreamFailure, _ code: HTTP2Code) {
        withdraw(code)
        guard let failed = exchange else { return }
        exchange = nil
        let downstream = failed.downstream
        failed.upstreamFailed(failure)
        downstream.flush()
    }

    /// As `fail`, when the exchange is on the stack and not ready to hear it.
    private func failSoon(_ failure: UpstreamFailure) {
        let failed = exchange
        client.worker.eventLoop.assumeIsolated().execute { [self] in
            client.worker.refreshClock()
            guard let failed, exchange === failed else { return }
            fail(failure, .cancel)
        }
    }

    private func withdraw(_ code: HTTP2Code) {
        abandonQueue()
        setReading(true)
        if id > 0 {
            client.session?.reset(id: id, code)
            client.flushSoon()
        } else {
            client.forget(self)
        }
    }
}
