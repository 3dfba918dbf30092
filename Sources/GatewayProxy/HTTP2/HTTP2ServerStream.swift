import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

/// One request of an HTTP/2 client: the exchange's downstream.
final class HTTP2ServerStream: HTTP2Stream {
    /// Nil when it is settled; what the client still sends is then thrown away.
    var exchange: Exchange?
    private let server: HTTP2ServerConnection
    private var isHeadSent = false
    /// The head went without a body to follow: HEAD, 204, 304, or nothing to say.
    private var isBodyless = false
    private var isHeadRequest = false
    private var hasSentContinue = false
    private var expectsContinue = false
    private var tunnel = Tunnel.none
    /// Bytes for a tunnel that is not there yet; they must not follow the request upstream.
    private var early: [ByteBuffer] = []
    private var earlyBytes = 0

    private enum Tunnel {
        case none
        /// Extended CONNECT (RFC 8441): asked for, not yet granted.
        case asked
        case open
    }

    init(server: HTTP2ServerConnection) {
        self.server = server
        super.init(connection: server)
    }

    override func prepare(id: Int32, now: UInt64) {
        super.prepare(id: id, now: now)
        isHeadSent = false
        isBodyless = false
        isHeadRequest = false
        hasSentContinue = false
        expectsContinue = false
        tunnel = .none
        early.removeAll()
        earlyBytes = 0
    }

    // MARK: From the connection

    /// The head is whole and canonical.
    func begin(isLast: Bool) {
        guard let exchange else { return }
        isPeerEnded = isLast
        isHeadRequest = exchange.request.method == .head
        expectsContinue = exchange.request.expectsContinue
        exchange.requestEnded = isLast
        if exchange.request.method == .connect, !exchange.request.upgrade.isEmpty { askForTunnel(exchange) }
        exchange.begin()
    }

    /// A WebSocket over a stream becomes the upgrade it stands for: from here on a GET like HTTP/1's.
    private func askForTunnel(_ exchange: Exchange) {
        tunnel = .asked
        let name = exchange.request.fields.store(Self.getName)
        exchange.request.method = .get
        exchange.request.methodName = name
        exchange.request.framing = .none
        exchange.request.connection.insert(.upgrade)
        isPeerEnded = false
        exchange.requestEnded = true
        exchange.request.fields.append(.secWebSocketKey, Self.key(&exchange.worker.random))
    }

    private static let getName = Array("GET".utf8)

    /// A nonce of 16 bytes, in base64 (RFC 6455 section 4.1).
    private static func key(_ random: inout LoopRandom) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var bits = random.next()
        var key: [UInt8] = []
        for position in 0..<21 {
            if position == 10 { bits = random.next() }
            key.append(alphabet[Int(bits & 63)])
            bits >>= 6
        }
        // 128 bits are 21 digits and two bits: the last digit has four bits of padding.
        key.append(alphabet[Int(random.next() & 3) << 4])
        return key + [0x3D, 0x3D]
    }

    /// Answers a head that cannot be served.
    func refuse(_ error: GatewayError) {
        guard let exchange else { return }
        exchange.request.reset()
        exchange.request.version = .http2
        exchange.accept()
        exchange.refuse(error)
    }

    /// Trailers that cannot be taken: the request cannot be finished.
    func refuseTrailers(_ error: GatewayError) { exchange?.failBeforeEnd(error) }

    /// Resets the stream for the client's fault; the exchange, if it had begun, hears that the client is gone.
    func breakOff(_ code: HTTP2Code) {
        abandonQueue()
        connection.session?.reset(id: id, code)
    }

    override func receive(_ bytes: ByteBuffer) {
        credit(bytes.readableBytes)
        guard let exchange else { return }
        if tunnel == .asked || !early.isEmpty { return keepEarly(bytes) }
        exchange.receive(bytes)
    }

    private func keepEarly(_ bytes: ByteBuffer) {
        early.append(bytes)
        earlyBytes += bytes.readableBytes
        if earlyBytes > connection.limits.bufferBytesMax { breakOff(.enhanceYourCalm) }
    }

    override func receiveEnd(trailers: FieldBlock?) {
        guard !isPeerEnded else { return }
        isPeerEnded = true
        guard let exchange else { return }
        if tunnel == .open { return exchange.downstreamHalfClosed() }
        guard tunnel == .none else { return }
        exchange.receiveEnd(trailers: trailers.flatMap { $0.isEmpty ? nil : $0 })
    }

    override func flushOnward() { exchange?.flushUpstream() }

    override func becameWritable() { exchange?.downstreamWritable() }

    override func closed(_ code: HTTP2Code) {
        abandonQueue()
        tunnel = .none
        connection.worker.recorder.metrics.change(.streamsActive, by: -1)
        exchange?.downstreamClosed()
        // Settled already, or never begun.
        giveExchangeBack()
        server.recycle(self)
    }

    override func isStalled(now: UInt64) -> Bool {
        if super.isStalled(now: now) { return true }
        guard let exchange, !isPeerEnded, !isHeadSent, isReading, tunnel == .none,
            now >= lastProgress &+ connection.bodyIdleNanoseconds
        else { return false }
        exchange.failBeforeEnd(GatewayError(.requestTimeout, "the request body did not arrive in time"))
        return false
    }

    private func giveExchangeBack() {
        guard let old = exchange else { return }
        exchange = nil
        old.downstream = .none
        old.reset()
        connection.worker.giveBack(old)
    }

    // MARK: From the exchange

    func sendContinue() {
        guard expectsContinue, !hasSentContinue, !isHeadSent, !isPeerEnded else { return }
        hasSentContinue = true
        _ = connection.session?.submitInterim(FieldBlock(), status: 100, id: id)
        connection.flushSoon()
    }

    func sendInterim(_ head: borrowing ResponseHead) {
        guard !isHeadSent else { return }
        if head.status == 100 {
            guard expectsContinue, !hasSentContinue else { return }
            hasSentContinue = true
        }
        _ = connection.session?.submitInterim(head.fields, status: head.status, id: id)
        connection.flushSoon()
    }

    func sendHead(_ head: borrowing ResponseHead, framing: BodyFraming) {
        guard !isHeadSent, let session = connection.session else { return }
        isHeadSent = true
        let isGranted = tunnel == .asked && head.status == 101
        if tunnel == .asked { tunnel = isGranted ? .open : .none }
        isBodyless =
            !isGranted
            && (isHeadRequest || head.status == 204 || head.status == 304 || framing == .none || framing == .length(0))
        let isSubmitted = session.submitResponse(
            head.fields, status: isGranted ? 200 : head.status, framing: head.status == 204 ? .none : framing,
            isTunnel: isGranted, stream: self, hasBody: !isBodyless)
        if !isSubmitted { session.reset(id: id, .internalError) }
        if isGranted { releaseEarly() }
    }

    private func releaseEarly() {
        guard !early.isEmpty || isPeerEnded else { return }
        // The exchange is in the middle of beginning its tunnel: bytes may pass once it has.
        connection.worker.eventLoop.assumeIsolated().execute { [self, id] in
            guard self.id == id, tunnel == .open else { return }
            let list = early
            early.removeAll()
            for bytes in list { exchange?.receive(bytes) }
            if isPeerEnded { exchange?.downstreamHalfClosed() }
            exchange?.flushUpstream()
        }
    }

    func sendBody(_ bytes: ByteBuffer) {
        guard !isBodyless else { return }
        enqueue(bytes)
    }

    func sendEnd(trailers: FieldBlock?) {
        guard !isBodyless else { return }
        endQueue(trailers: trailers)
    }

    func reset() {
        abandonQueue()
        connection.session?.reset(id: id, .internalError)
        connection.flushSoon()
    }

    func flush() { connection.flushSoon() }

    /// The exchange is settled; what is queued still leaves.
    func exchangeFinished() {
        giveExchangeBack()
        early.removeAll()
        setReading(true)
    }
}
