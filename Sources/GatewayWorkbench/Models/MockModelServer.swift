package import NIOCore
import NIOPosix
import Synchronization

/// A provider of models for tests, the quickstart and `sluice mock llm`: speaks OpenAI's and Anthropic's APIs on one
/// port, says its usage to the token, fails as it is told (`MockModelDirective`, `MockModelFaultPlan`), keeps a ledger.
package final class MockModelServer: Sendable {
    package struct Options: Sendable {
        package var host = "127.0.0.1"
        /// 0: the kernel chooses.
        package var port = 0
        package var seed: UInt64 = 0
        /// Keys it takes; any, if there is none in the list.
        package var keys: Set<String> = []
        /// False: also calls without a key.
        package var requiresKey = true
        /// What `/v1/models` lists; other names are served as well.
        package var models = [
            "gpt-5", "gpt-5-mini", "claude-sonnet-4-5", "claude-haiku-4-5", "text-embedding-3-small",
        ]
        /// Holds for every call that does not say otherwise.
        package var standing = MockModelDirective()
        package var faults = MockModelFaultPlan()
        package var bodyBytesMax = 64 << 20
        package var journaledCallsMax = 10_000

        package init() {}
    }

    package let ledger: MockModelLedger
    private let server: MockHTTPServer

    package static func start(
        _ options: Options = Options(), group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> MockModelServer {
        let ledger = MockModelLedger(entriesMax: options.journaledCallsMax)
        let provider = ModelProviderMock(options: options, ledger: ledger)
        var http = MockHTTPServer.Options()
        (http.host, http.port) = (options.host, options.port)
        http.keptBodyBytesMax = options.bodyBytesMax
        // The ledger has its own journal, without bodies.
        http.journaledRequestsMax = 2
        http.answer = { _ in [.awaitBody, .answer { provider.steps($0) }] }
        return MockModelServer(ledger: ledger, server: try await MockHTTPServer.start(http, group: group))
    }

    private init(ledger: MockModelLedger, server: MockHTTPServer) {
        self.ledger = ledger
        self.server = server
    }

    package var port: Int { server.port }
    package var authority: String { server.authority }

    /// Stops listening and cuts what is open.
    package func stop() async { await server.stop() }

    /// Returns when the listener is closed.
    package func wait() async { await server.wait() }
}
