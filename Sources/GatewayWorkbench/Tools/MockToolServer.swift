package import NIOCore
import NIOPosix

/// An MCP server for tests, the quickstart and `sluice mock mcp`: both eras of the protocol on one endpoint and the
/// old pair of endpoints beside it, everything a server can offer, and the ways in which one can mean harm.
package final class MockToolServer: Sendable {
    package struct Options: Sendable {
        package var host = "127.0.0.1"
        /// 0: the kernel chooses.
        package var port = 0
        package var name = "demo"
        package var seed: UInt64 = 0
        /// What it speaks; another revision is refused as the protocol says.
        package var revisions = Set(MCPRevision.allCases)
        package var sets: Set<MockToolSet> = [.demo, .surface, .hostile]
        package var personalities: Set<MockToolPersonality> = []
        /// After so many lists of tools one definition changes; nil: never.
        package var rugPullAfter: Int?
        package var rug = MCPRug.description
        /// What every call of a tool meets instead of its answer.
        package var always: MCPMisbehaviour?
        /// Every call of a tool waits so long first.
        package var delayMilliseconds = 0
        package var secret = "AKIAIOSFODNN7EXAMPLE"
        package var answers = MockToolAnswers.automatic
        /// How many a page of a list has; 0: all of them.
        package var pageSize = 0
        package var ttlMilliseconds = 60_000
        package var cacheScope = "public"
        /// False: old revisions get no session either.
        package var hasSessions = true
        /// Tokens it takes; any, and none at all, if there is none in the list.
        package var bearers: Set<String> = []
        /// Refuses hosts and origins that are not this machine's own.
        package var guardsOrigin = true
        /// What the priming event of a stream says; nil: there is none.
        package var retryMilliseconds: Int?
        package var bodyBytesMax = 64 << 20
        package var journaledCallsMax = 10_000

        package init() {}
    }

    package let journal: MockToolJournal
    let mock: MCPServerMock
    private let server: MockHTTPServer

    package static func start(
        _ options: Options = Options(), group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> MockToolServer {
        let mock = MCPServerMock(options)
        var http = MockHTTPServer.Options()
        (http.host, http.port) = (options.host, options.port)
        http.keptBodyBytesMax = options.bodyBytesMax
        // The mock has a journal of its own, of messages.
        http.journaledRequestsMax = 2
        http.answer = { _ in [.awaitBody, .answer { mock.steps($0) }] }
        return MockToolServer(mock, server: try await MockHTTPServer.start(http, group: group))
    }

    private init(_ mock: MCPServerMock, server: MockHTTPServer) {
        (self.mock, self.server, journal) = (mock, server, mock.journal)
    }

    package var port: Int { server.port }
    package var authority: String { server.authority }
    /// Of the endpoint that speaks both eras.
    package var url: String { "http://\(authority)/mcp" }

    /// Tells those who listen, and who subscribed.
    package func announce(_ change: MCPChange) { mock.announce(change) }

    /// Changes a definition now, and tells those who listen.
    package func pullRug(_ field: MCPRug) { mock.pullRug(field) }

    /// Forgets every session: what a restart looks like to a client.
    package func forgetSessions() { mock.forgetSessions() }

    /// The sessions that are open.
    package var sessionNames: [String] { mock.sessionNames }

    /// How many streams are listening for changes, of the new revision and of the old.
    package var listenerCount: Int { mock.listenerCount }

    /// Cuts every open connection and keeps listening.
    package func dropConnections() async { await server.dropConnections() }

    /// Stops listening and cuts what is open.
    package func stop() async {
        mock.forgetSessions()
        await server.stop()
    }

    /// Returns when the listener is closed.
    package func wait() async { await server.wait() }
}

/// Which tools, resources and prompts there are.
package enum MockToolSet: String, Sendable, CaseIterable {
    /// An echo, a sum, notes.
    case demo
    /// One of each that the protocol has.
    case surface
    /// What leaks, lies and breaks.
    case hostile
    /// By the names that the official conformance suite asks for.
    case conformance
}

/// How the lists of a server mean harm.
package enum MockToolPersonality: String, Sendable, CaseIterable {
    /// Instructions hidden in what is listed.
    case poisoned
    /// One name twice, with different definitions.
    case duplicates
    /// Names that look like another's: other case, other alphabet, another's prefixed name.
    case lookalikes
    /// Headers asked for that no client may send.
    case headers
    /// 50,000 tools.
    case crowded
    /// A schema that costs its reader dearly.
    case schemas
    /// Every result of `get_` and `list_` has the secret in its structured part only.
    case leaky
    /// A page that leads to itself.
    case endlessPages = "endless-pages"
}

/// In which form a request is answered.
package enum MockToolAnswers: String, Sendable, CaseIterable {
    /// JSON where there is only a result, events where there is more.
    case automatic
    case events
    case json
}
