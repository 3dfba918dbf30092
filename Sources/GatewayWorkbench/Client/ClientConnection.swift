package import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL

/// One open connection that runs many requests: one after the other over HTTP/1, side by side over HTTP/2.
package final class ClientConnection: Sendable {
    private enum Codec: Sendable {
        case http1(NIOLoopBound<ExchangeHandler>)
        case http2(NIOHTTP2Handler.StreamMultiplexer, GoAwayWatcher)
    }

    package let destination: Destination
    /// What ALPN chose, where TLS asked.
    package let applicationProtocol: String
    private let channel: any Channel
    private let codec: Codec

    private init(_ destination: Destination, channel: any Channel, applicationProtocol: String, codec: Codec) {
        self.destination = destination
        self.channel = channel
        self.applicationProtocol = applicationProtocol
        self.codec = codec
    }

    package var isHTTP2: Bool {
        if case .http2 = codec { return true }
        return false
    }

    package var isOpen: Bool { channel.isActive }

    /// Connects, and finishes TLS where there is one.
    package static func open(
        _ destination: Destination, on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws(CallError) -> ClientConnection {
        let (channel, negotiated) = try await connect(destination, on: group)
        do {
            let isHTTP2 = destination.version == .http2 || negotiated == "h2"
            let codec = try await channel.eventLoop.submit { () throws -> Codec in
                let pipeline = channel.pipeline.syncOperations
                let codec: Codec
                if isHTTP2 {
                    let multiplexer = try pipeline.configureHTTP2Pipeline(
                        mode: .client, connectionConfiguration: .init(), streamConfiguration: .init(),
                        inboundStreamInitializer: { $0.close() })
                    let watcher = GoAwayWatcher()
                    try pipeline.addHandler(GoAwayHandler(watcher))
                    codec = .http2(multiplexer, watcher)
                } else {
                    let handler = ExchangeHandler(isHTTP2: false)
                    try pipeline.addHandler(HTTPRequestEncoder())
                    try pipeline.addHandler(
                        ByteToMessageHandler(
                            HTTPResponseDecoder(
                                leftOverBytesStrategy: .forwardBytes, informationalResponseStrategy: .forward)))
                    try pipeline.addHandler(handler)
                    codec = .http1(NIOLoopBound(handler, eventLoop: channel.eventLoop))
                }
                try? channel.syncOptions?.setOption(.autoRead, value: true)
                channel.read()
                return codec
            }.get()
            return ClientConnection(destination, channel: channel, applicationProtocol: negotiated, codec: codec)
        } catch {
            channel.close(promise: nil)
            throw CallError(error)
        }
    }

    /// The bare channel: connected, TLS done, reading not begun in clear text.
    static func connect(
        _ destination: Destination, on group: any EventLoopGroup
    ) async throws(CallError) -> (any Channel, String) {
        do {
            let context = try destination.tls?.context(
                destination.version == .http1
                    ? ["http/1.1"] : destination.version == .http2 ? ["h2"] : ["h2", "http/1.1"])
            let bootstrap = ClientBootstrap(group: group)
                .connectTimeout(.milliseconds(Int64(destination.connectTimeoutMilliseconds)))
                .channelOption(.autoRead, value: context != nil)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard let context else { return }
                        try channel.pipeline.syncOperations.addHandlers(
                            try secure(context, destination), HandshakeWaiter(channel.eventLoop))
                    }
                }
            let channel: any Channel
            switch destination.address {
            case .host(let host, let port): channel = try await bootstrap.connect(host: host, port: port).get()
            case .unix(let path): channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
            }
            guard context != nil else {
                if case .host = destination.address {
                    try? await channel.setOption(.socketOption(.tcp_nodelay), value: 1).get()
                }
                return (channel, "")
            }
            let timeout = Int64(destination.connectTimeoutMilliseconds)
            let negotiated = try await channel.eventLoop.flatSubmit {
                do {
                    return try channel.pipeline.syncOperations.handler(type: HandshakeWaiter.self)
                        .wait(channel, timeoutMilliseconds: timeout)
                } catch {
                    return channel.eventLoop.makeFailedFuture(CallError.tlsFailed("closed during the handshake"))
                }
            }.get()
            return (channel, negotiated)
        } catch let error as CallError {
            throw error
        } catch {
            throw .connectFailed("\(destination.address): \(reason(error))")
        }
    }

    /// In words: what came of the last address that was tried.
    private static func reason(_ error: any Error) -> String {
        guard let failures = error as? NIOConnectionError else { return "\(error)" }
        return failures.connectionErrors.last.map { "\($0.error)" } ?? "no address was found for \(failures.host)"
    }

    private static func secure(_ context: NIOSSLContext, _ destination: Destination) throws -> NIOSSLClientHandler {
        let name = destination.tls?.serverName ?? destination.host
        let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : name)
    }

    /// Sends a request and returns with the final head; the body follows in `body`.
    package func start(_ request: CallRequest) async throws(CallError) -> CallResponse {
        let authority = destination.authority
        do {
            switch codec {
            case .http1(let handler):
                let promise = channel.eventLoop.makePromise(of: CallResponse.self)
                channel.eventLoop.execute { handler.value.begin(request, authority: authority, head: promise) }
                return try await promise.futureResult.get()
            case .http2(let multiplexer, let watcher):
                return try await startStream(request, multiplexer, watcher)
            }
        } catch {
            throw CallError(error)
        }
    }

    private func startStream(
        _ request: CallRequest, _ multiplexer: NIOHTTP2Handler.StreamMultiplexer, _ watcher: GoAwayWatcher
    ) async throws -> CallResponse {
        let authority = destination.authority
        let isSecure = destination.tls != nil
        let promise = channel.eventLoop.makePromise(of: CallResponse.self)
        let opened = channel.eventLoop.makePromise(of: (any Channel).self)
        opened.futureResult.whenFailure { promise.fail(CallError($0)) }
        multiplexer.createStreamChannel(promise: opened) { stream in
            stream.eventLoop.makeCompletedFuture {
                let handler = ExchangeHandler(isHTTP2: true)
                let bound = NIOLoopBound(handler, eventLoop: stream.eventLoop)
                try stream.pipeline.syncOperations.addHandlers([
                    HTTP2FramePayloadToHTTP1ClientCodec(httpProtocol: isSecure ? .https : .http), handler,
                ])
                opened.futureResult.whenSuccess { _ in
                    bound.value.begin(request, authority: authority, head: promise)
                }
            }
        }
        do {
            return try await promise.futureResult.get()
        } catch {
            // NIO says CANCEL for streams a GOAWAY left out; the frame itself tells them from real resets.
            let stream = try await opened.futureResult.get()
            let id = try? await stream.getOption(HTTP2StreamChannelOptions.streamID).get()
            let last = try await channel.eventLoop.submit { watcher.last }.get()
            if let id, let last, Int(id) > last { throw CallError.goneAway }
            throw error
        }
    }

    /// Sends a request and reads the response to its end.
    package func run(_ request: CallRequest) async throws(CallError) -> CompletedResponse {
        let response = try await start(request)
        do {
            return try await response.collect()
        } catch {
            throw CallError(error)
        }
    }

    package func close() async {
        try? await channel.close().get()
    }

    /// Returns when the connection is gone, whoever closed it.
    package func waitClosed() async {
        try? await channel.closeFuture.get()
    }
}
