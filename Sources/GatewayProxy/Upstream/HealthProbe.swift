import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// One health check: a connection of its own, `GET`, the status, close. It shares nothing with the pools, so that a
/// full pool does not look like an ill endpoint.
struct HealthProbe {
    let endpoint: Endpoint
    let transport: UpstreamTransport
    let check: ActiveHealthCheck

    /// The status of the answer.
    func run(on eventLoop: any EventLoop) -> EventLoopFuture<Int> {
        let answer = eventLoop.makePromise(of: Int.self)
        let timeout = TimeAmount.nanoseconds(Int64(clamping: max(check.timeoutNanoseconds, 1_000_000)))
        let (endpoint, transport) = (endpoint, transport)
        let question = question
        ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    let identity = transport.tls.map { UpstreamIdentity($0, endpoint) }
                    if let tls = transport.tls {
                        let name = identity?.serverName
                        try pipeline.addHandler(NIOSSLClientHandler(context: tls.context, serverHostname: name))
                    }
                    try pipeline.addHandler(
                        ProbeHandler(
                            question: question, transport: transport, identity: identity, timeout: timeout,
                            answer: answer))
                }
            }
            .connect(to: endpoint.address)
            .whenFailure { answer.fail($0) }
        return answer.futureResult
    }

    private var question: ProbeQuestion {
        ProbeQuestion(
            path: check.path, authority: check.host ?? endpoint.authority, isTLS: transport.tls != nil)
    }
}

extension Endpoint {
    /// What a request to this endpoint names as its host when nobody says otherwise.
    var authority: String {
        guard !isLiteralAddress, let port = address.port else { return addressText }
        return "\(host):\(port)"
    }
}

/// Why a probe has no status.
enum ProbeFailure: Error {
    case timedOut
    case closed
    case malformed
    /// The certificate is another's; requests would be refused as well.
    case misnamed
}

/// Asks as soon as the connection (and TLS) is there and succeeds or fails its promise exactly once.
private final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let question: ProbeQuestion
    private let transport: UpstreamTransport
    private let identity: UpstreamIdentity?
    private let timeout: TimeAmount
    private var answer: EventLoopPromise<Int>?
    private var timer: Scheduled<Void>?
    private var reader: ProbeReader?

    init(
        question: ProbeQuestion, transport: UpstreamTransport, identity: UpstreamIdentity?, timeout: TimeAmount,
        answer: EventLoopPromise<Int>
    ) {
        self.question = question
        self.identity = identity
        self.transport = transport
        self.timeout = timeout
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: timeout) {
            let (probe, context) = bound.value
            probe.finish(.failure(ProbeFailure.timedOut))
            context.closeBeneathTLS()
        }
        if transport.tls == nil { ask(context, isHTTP2: transport.http == .http2) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let negotiated) = event as? TLSUserEvent {
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            if let identity, !identity.isNamed(by: certificate) {
                finish(.failure(ProbeFailure.misnamed))
                return context.closeBeneathTLS()
            }
            ask(context, isHTTP2: negotiated == "h2" || negotiated == nil && transport.http == .http2)
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func ask(_ context: ChannelHandlerContext, isHTTP2: Bool) {
        guard reader == nil else { return }
        reader = isHTTP2 ? .http2(HTTP2ProbeReader()) : .http1(HTTP1ProbeReader())
        let bytes = isHTTP2 ? question.http2 : question.http1
        context.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard var reader else { return }
        let step = reader.read(Array(unwrapInboundIn(data).readableBytesView))
        self.reader = reader
        switch step {
        case .more: break
        case .status(let status):
            finish(.success(status))
            context.close(promise: nil)
        case .malformed:
            finish(.failure(ProbeFailure.malformed))
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(.failure(error))
        context.closeBeneathTLS()
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(.failure(ProbeFailure.closed))
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { finish(.failure(ProbeFailure.closed)) }

    private func finish(_ result: Result<Int, any Error>) {
        timer?.cancel()
        timer = nil
        answer?.completeWith(result)
        answer = nil
    }
}
