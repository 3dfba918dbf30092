import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// Opens one connection to an endpoint: TCP, then TLS if the backend has it, then whichever protocol ALPN chose.
struct UpstreamConnector {
    struct Ready {
        var channel: any Channel
        var isHTTP2: Bool
    }

    let endpoint: Endpoint
    let transport: UpstreamTransport
    let timeoutNanoseconds: UInt64

    /// Calls back on `eventLoop`, exactly once.
    func connect(on eventLoop: any EventLoop, then done: @escaping (ConnectResult) -> Void) {
        let timeout = TimeAmount.nanoseconds(Int64(clamping: timeoutNanoseconds))
        let ready = eventLoop.makePromise(of: Bool.self)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try install(in: channel, ready: ready, timeout: timeout) }
            }
        let connected = bootstrap.connect(to: endpoint.address)
        connected.assumeIsolated().whenComplete { result in
            switch result {
            case .failure(let error): ready.fail(error)
            case .success: if transport.tls == nil { ready.succeed(transport.http == .http2) }
            }
        }
        connected.and(ready.futureResult).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let (channel, isHTTP2)): done(.success(Ready(channel: channel, isHTTP2: isHTTP2)))
            case .failure(let error): done(.failure(Self.failure(error)))
            }
        }
    }

    typealias ConnectResult = Result<Ready, ConnectFailure>

    private func install(in channel: any Channel, ready: EventLoopPromise<Bool>, timeout: TimeAmount) throws {
        guard let tls = transport.tls else { return }
        let identity = UpstreamIdentity(tls, endpoint)
        let handler = try NIOSSLClientHandler(context: tls.context, serverHostname: identity.serverName)
        try channel.pipeline.syncOperations.addHandlers([
            handler, UpstreamHandshake(ready: ready, identity: identity, wanted: transport.http, timeout: timeout),
        ])
    }

    private static func failure(_ error: any Error) -> ConnectFailure {
        if let known = error as? ConnectFailure { return known }
        if case ChannelError.connectTimeout = error { return ConnectFailure(failure: .connectTimedOut) }
        if error is HandshakeTimeout { return ConnectFailure(failure: .connectTimedOut) }
        return ConnectFailure(failure: .connectFailed(cause(error)))
    }

    /// In words that say what to look for; the library's own name functions and lines of its code.
    static func cause(_ error: any Error) -> String {
        // Safe: the text is copied before anything else can be called.
        if let error = error as? IOError { return unsafe String(cString: strerror(error.errnoCode)).lowercased() }
        let text = String(describing: error)
        guard error is NIOSSLError || error is BoringSSLError else { return text }
        let reasons = text.split(separator: "OPENSSL_internal:").dropFirst()
            .map { $0.prefix { $0 != " " && $0 != ":" && $0 != "]" } }
        if reasons.isEmpty { return "TLS: \(text)" }
        return "TLS: " + reasons.joined(separator: ", ").lowercased().replacing("_", with: " ")
    }
}

/// Why no connection came about.
struct ConnectFailure: Error {
    var failure: UpstreamFailure
}

struct HandshakeTimeout: Error {}

/// Waits for the end of a TLS handshake and says which protocol was agreed on; then it leaves the pipeline.
final class UpstreamHandshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let ready: EventLoopPromise<Bool>
    private let identity: UpstreamIdentity
    private let wanted: UpstreamTransport.HTTP
    private let timeout: TimeAmount
    private var timer: Scheduled<Void>?

    init(
        ready: EventLoopPromise<Bool>, identity: UpstreamIdentity, wanted: UpstreamTransport.HTTP, timeout: TimeAmount
    ) {
        self.ready = ready
        self.identity = identity
        self.wanted = wanted
        self.timeout = timeout
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let ready = ready
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: timeout) {
            ready.fail(HandshakeTimeout())
            bound.value.closeBeneathTLS()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let agreed) = event as? TLSUserEvent {
            let isHTTP2 = agreed == "h2"
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            if !identity.isNamed(by: certificate) {
                let cause = "the certificate does not name \(identity.expected)"
                ready.fail(ConnectFailure(failure: .connectFailed(cause)))
                context.closeBeneathTLS()
            } else if wanted == .http2, !isHTTP2 {
                ready.fail(ConnectFailure(failure: .connectFailed("the backend does not offer HTTP/2")))
                context.closeBeneathTLS()
            } else {
                // The pool adds its handler in the same turn of the loop, before any byte can pass.
                timer?.cancel()
                context.pipeline.syncOperations.removeHandler(self, promise: nil)
                ready.succeed(isHTTP2)
            }
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        ready.fail(ConnectFailure(failure: .connectFailed("the backend closed the connection during the handshake")))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        ready.fail(error)
        context.closeBeneathTLS()
    }
}
