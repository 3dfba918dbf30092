import GatewayModel
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

/// The routes of one port, by precedence of the Gateway API: host name, then path (`PathTree`). Listeners are
/// isolated: a request belongs to the most specific listener that covers its host, and only the routes of listeners
/// with that very host name serve it.
package final class Router: Sendable {
    private struct ListenerRoutes: Sendable {
        /// The first listener of that host name, for records when nothing matches.
        var listener: Int
        var hosts = HostIndex()
        var trees: [PathTree] = []
    }

    private let hosts: HostIndex
    private let listeners: [ListenerRoutes]
    private let entries: [(rule: CompiledRule, listener: Int)]
    private let isTLS: Bool

    /// A router without routes.
    package convenience init() { self.init(listeners: [], entries: []) }

    /// - Parameters:
    ///   - listeners: Those of the port; several may have one host name (of several Gateways) and share their routes.
    ///   - isTLS: Whether the server name of the connection must agree with the request's host.
    package init(listeners: [CompiledListener], entries: [RouteEntry], isTLS: Bool = false) {
        var hosts = HostIndex()
        var routes: [ListenerRoutes] = []
        var positions: [String: Int] = [:]
        for (index, listener) in listeners.enumerated() where positions[listener.hostname] == nil {
            positions[listener.hostname] = routes.count
            hosts.insert(listener.hostname, value: routes.count)
            routes.append(ListenerRoutes(listener: index))
        }
        var members: [[String: [Int]]] = Array(repeating: [:], count: routes.count)
        for (index, entry) in entries.enumerated() {
            guard listeners.indices.contains(entry.listener),
                let position = positions[listeners[entry.listener].hostname]
            else { continue }
            members[position][entry.hostname, default: []].append(index)
        }
        for position in routes.indices {
            for (hostname, indices) in members[position].sorted(by: { $0.key < $1.key }) {
                routes[position].hosts.insert(hostname, value: routes[position].trees.count)
                routes[position].trees.append(PathTree(entries, members: indices))
            }
        }
        self.hosts = hosts
        self.listeners = routes
        self.entries = entries.map { ($0.rule, $0.listener) }
        self.isTLS = isTLS
    }

    /// Finds the rule for a request. `serverName` is the SNI of the connection, empty in clear.
    package func match(_ request: borrowing RequestHead, serverName: [UInt8]) -> RouteMatch {
        let bytes = request.fields.bytes.span
        let host = Router.host(of: request)
        let position = hosts.best(bytes, host)
        // The certificate, and the demand for one of the client, were those of the listener that owns the server
        // name: a host of another listener must not be served here (RFC 9110 section 7.4).
        if isTLS, hosts.best(serverName.span, serverName.indices) != position {
            return position < 0 ? .notFound(listener: -1) : .misdirected
        }
        guard position >= 0 else { return .notFound(listener: -1) }
        var found: PathTree.Found?
        listeners[position].hosts.visit(bytes, host) { tree in
            found = listeners[position].trees[tree].find(request)
            return found != nil
        }
        guard let found else { return .notFound(listener: listeners[position].listener) }
        let entry = entries[found.entry]
        return .rule(entry.rule, listener: entry.listener, matchedPathBytes: found.matchedPathBytes)
    }

    /// The host of the request's authority, without its port.
    static func host(of request: borrowing RequestHead) -> Range<Int> {
        let bytes = request.fields.bytes.span
        let authority = request.authority.range
        var end = authority.upperBound
        // A port is at most five digits and its colon; a `]` ends the search in an IPv6 literal.
        var index = end &- 1
        while index >= authority.lowerBound {
            let byte = bytes[index]
            if byte == 0x3A {
                end = index
                break
            }
            guard byte &- 0x30 < 10 else { break }
            index &-= 1
        }
        return authority.lowerBound..<end
    }
}
