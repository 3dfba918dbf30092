package import GatewayWire

/// What *match* found for a request.
package enum RouteMatch {
    /// The rule, the listener that owns the request, and how many bytes of the path its prefix matched.
    case rule(CompiledRule, listener: Int, matchedPathBytes: Int)
    /// No rule of the listener matches: 404.
    case notFound(listener: Int)
    /// TLS: the connection's server name belongs to another listener than the request's host: 421.
    case misdirected
}

/// The routes of one port, by precedence of the Gateway API.
package struct Router: Sendable {
    package init() {}

    /// Finds the rule for a request. `serverName` is the SNI of the connection, empty in clear.
    package func match(_ request: borrowing RequestHead, serverName: [UInt8]) -> RouteMatch {
        .notFound(listener: 0)
    }
}
