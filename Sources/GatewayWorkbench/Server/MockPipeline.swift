import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOSSL
import NIOTLS
import NIOWebSocket

/// Builds the handlers of one accepted connection, all on its event loop.
struct MockPipeline {
    let options: MockHTTPServer.Options
    let journal: MockJournal
    let tls: NIOSSLContext?

    func configure(_ channel: any Channel) throws {
        let number = journal.opened()
        guard let tls else {
            try sniff(channel, connection(channel, number, tls: nil))
            return
        }
        let sni = ByteToMessageHandler(
            SNIHandler { result in
                channel.eventLoop.makeCompletedFuture {
                    var name = ""
                    if case .hostname(let hostname) = result { name = hostname }
                    try secure(channel, tls, number, serverName: name)
                }
            })
        try channel.pipeline.syncOperations.addHandler(sni)
    }

    private func connection(_ channel: any Channel, _ number: Int, tls: MockTLS?) -> MockConnection {
        MockConnection(
            number: number, port: channel.localAddress?.port ?? 0, pod: options.pod, journal: journal, tls: tls,
            isHTTP2: false, keptBodyBytesMax: options.keptBodyBytesMax, answer: options.answer)
    }

    private func secure(_ channel: any Channel, _ context: NIOSSLContext, _ number: Int, serverName: String) throws {
        let ssl = NIOSSLServerHandler(context: context)
        let alpn = ApplicationProtocolNegotiationHandler { result, channel in
            channel.eventLoop.makeCompletedFuture {
                var protocolName = ""
                if case .negotiated(let name) = result { protocolName = name }
                let state = try channel.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
                let peer = try state.peerCertificate.map { [try $0.toPEMText()] } ?? []
                let facts = MockTLS(
                    version: state.tlsVersion.map(Self.name) ?? "", serverName: serverName,
                    negotiatedProtocol: protocolName, peerCertificates: peer)
                let connection = connection(channel, number, tls: facts)
                if protocolName == "h2" {
                    try http2(channel, connection)
                } else {
                    try http1(channel, connection)
                }
            }
        }
        try channel.pipeline.syncOperations.addHandlers([ssl, alpn])
    }

    static func name(_ version: TLSVersion) -> String {
        switch version {
        case .tlsv1: "TLSv1.0"
        case .tlsv11: "TLSv1.1"
        case .tlsv12: "TLSv1.2"
        case .tlsv13: "TLSv1.3"
        }
    }

    private func sniff(_ channel: any Channel, _ connection: MockConnection) throws {
        if options.http1Only {
            try http1(channel, connection)
            return
        }
        let sniffer = ProtocolSniffer { context, isHTTP2 in
            do {
                if isHTTP2 {
                    try http2(context.channel, connection)
                } else if options.http2Only {
                    let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    context.writeAndFlush(NIOAny(ByteBuffer(string: refusal)), promise: nil)
                    context.close(promise: nil)
                } else {
                    try http1(context.channel, connection)
                }
            } catch {
                context.close(promise: nil)
            }
        }
        try channel.pipeline.syncOperations.addHandler(sniffer)
    }

    private func http1(_ channel: any Channel, _ connection: MockConnection) throws {
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
        let inner: [any RemovableChannelHandler] = [
            decoder, HTTPServerPipelineHandler(), NIOHTTPResponseHeadersValidator(), HTTPServerProtocolErrorHandler(),
        ]
        let upgrader = upgrader(connection)
        let exchange = MockExchangeHandler(connection) { context in
            let handler = HTTPServerUpgradeHandler(
                upgraders: [upgrader], httpEncoder: encoder, extraHTTPHandlers: inner,
                upgradeCompletionHandler: { _ in })
            try? context.pipeline.syncOperations.addHandler(handler, position: .before(context.handler))
        }
        try channel.pipeline.syncOperations.addHandlers([encoder] + inner)
        try channel.pipeline.syncOperations.addHandler(exchange, name: Self.exchangeName)
    }

    private static let exchangeName = "exchange"

    private func upgrader(_ connection: MockConnection) -> NIOWebSocketServerUpgrader {
        NIOWebSocketServerUpgrader(
            maxFrameSize: 1 << 24,
            shouldUpgrade: { channel, head in
                let path = head.uri.prefix { $0 != "?" }
                let accepts = path == "/ws" || path.hasPrefix("/ws/")
                return channel.eventLoop.makeSucceededFuture(accepts ? [:] : nil)
            },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    record(head, connection)
                    channel.pipeline.syncOperations.removeHandler(name: Self.exchangeName, promise: nil)
                    try channel.pipeline.syncOperations.addHandler(MockWebSocketHandler())
                }
            })
    }

    /// A handshake never reaches the exchange handler, so it is put down here.
    private func record(_ head: HTTPRequestHead, _ connection: MockConnection) {
        var request = MockRequest(
            id: 0, connection: connection.number, method: head.method.rawValue, target: head.uri,
            proto: "HTTP/\(head.version.major).\(head.version.minor)", host: head.headers.first(name: "host") ?? "",
            headers: head.headers.map { Header($0.name, $0.value) })
        request.tls = connection.tls
        let id = connection.journal.begin(request)
        connection.journal.end(id, body: [], bodyBytes: 0, trailers: [], complete: true)
    }

    private func http2(_ channel: any Channel, _ connection: MockConnection) throws {
        var connection = connection
        connection.isHTTP2 = true
        var settings = NIOHTTP2Handler.ConnectionConfiguration()
        settings.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: options.streamsPerConnectionMax),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 1 << 20),
        ]
        let shared = connection
        _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .server, connectionConfiguration: settings, streamConfiguration: .init()
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandlers([
                    HTTP2FramePayloadToHTTP1ServerCodec(), MockExchangeHandler(shared),
                ])
            }
        }
    }
}

extension NIOSSLCertificate {
    /// The certificate as PEM.
    func toPEMText() throws -> String {
        let der = try toDERBytes()
        return "-----BEGIN CERTIFICATE-----\n\(base64(der, lineLength: 64))-----END CERTIFICATE-----\n"
    }
}

/// Base64 in lines, each ended by a line feed (RFC 7468).
func base64(_ bytes: [UInt8], lineLength: Int) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var out: [UInt8] = []
    var column = 0
    func put(_ byte: UInt8) {
        out.append(byte)
        column += 1
        if column == lineLength {
            out.append(0x0A)
            column = 0
        }
    }
    var index = 0
    while index < bytes.count {
        let count = min(3, bytes.count - index)
        var word: UInt32 = 0
        for offset in 0..<3 { word = word << 8 | (offset < count ? UInt32(bytes[index + offset]) : 0) }
        for offset in 0..<4 {
            put(offset <= count ? alphabet[Int(word >> UInt32(18 - 6 * offset) & 63)] : 0x3D)
        }
        index += 3
    }
    if column > 0 { out.append(0x0A) }
    return String(decoding: out, as: UTF8.self)
}
