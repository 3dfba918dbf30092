package import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server for tests, scenarios and `sluice mock http`: answers as the echo backend of the
/// Gateway API conformance suite does, can be told to be slow or broken (`MockAnswer`), and keeps
/// a journal of what reached it. HTTP/1.1, HTTP/2 with prior knowledge on the same port, HTTPS with
/// ALPN, WebSocket echo on `/ws`.
package final class MockHTTPServer: Sendable {
    package struct Options: Sendable {
        package var host = "127.0.0.1"
        /// 0: the kernel chooses.
        package var port = 0
        /// Listens on a unix domain socket instead, as the admin API does.
        package var unixPath: String?
        package var pod = MockPod()
        package var tls: MockTLSOptions?
        /// HTTP/1 gets a 400, as on the suite's h2c port.
        package var http2Only = false
        /// A preface is then a bad HTTP/1 request.
        package var http1Only = false
        package var keptBodyBytesMax = 64 * 1024
        package var journaledRequestsMax = 10_000
        package var streamsPerConnectionMax = 1_000
        /// Answers instead of the catalogue where it returns steps.
        package var answer: (@Sendable (MockRequest) -> [MockStep]?)?

        package init() {}
    }

    package let host: String
    package let port: Int
    package let journal: MockJournal
    private let channel: any Channel
    private let children: Children

    /// Binds and serves until `stop()`.
    package static func start(
        _ options: Options = Options(), group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> MockHTTPServer {
        let journal = MockJournal(requestsMax: options.journaledRequestsMax)
        let children = Children()
        let tls = try options.tls?.context()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    children.add(child)
                    if child.localAddress?.port != nil {
                        try child.syncOptions?.setOption(.socketOption(.tcp_nodelay), value: 1)
                    }
                    try MockPipeline(options: options, journal: journal, tls: tls).configure(child)
                }
            }
        let channel: any Channel
        if let path = options.unixPath {
            channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        } else {
            channel = try await bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: options.host, port: options.port).get()
        }
        return MockHTTPServer(
            host: options.host, port: channel.localAddress?.port ?? 0, journal: journal, channel: channel,
            children: children)
    }

    private init(host: String, port: Int, journal: MockJournal, channel: any Channel, children: Children) {
        self.host = host
        self.port = port
        self.journal = journal
        self.channel = channel
        self.children = children
    }

    /// `host:port`, with brackets where IPv6 needs them.
    package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Stops listening and cuts what is open.
    package func stop() async {
        try? await channel.close().get()
        await children.closeAll()
    }

    /// Cuts every open connection and keeps listening: what a restarted upstream looks like.
    package func dropConnections() async {
        await children.closeAll()
    }

    /// Returns when the listener is closed.
    package func wait() async {
        try? await channel.closeFuture.get()
    }
}

/// The open connections of one server.
private final class Children: Sendable {
    private let open = Mutex<[ObjectIdentifier: any Channel]>([:])

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        open.withLock { $0[id] = channel }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.remove(id)
        }
    }

    private func remove(_ id: ObjectIdentifier) {
        open.withLock { $0[id] = nil }
    }

    func closeAll() async {
        let channels = open.withLock { Array($0.values) }
        for channel in channels { try? await channel.close().get() }
    }
}
