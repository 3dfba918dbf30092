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
    private final class ListenerRoutes: Sendable {
        /// The first listener of that host name, for records when nothing matches.
        let listener: Int
        /// Asked before all others; nil for a listener that has none.
        let reserved: HostRoutes?
        let routes: HostRoutes

        init(listener: Int, _ entries: [RouteEntry], members: [String: [Int]]) {
            self.listener = listener
            routes = HostRoutes(entries, members: members.mapValues { $0.filter { !entries[$0].isReserved } })
            let reserved = members.mapValues { $0.filter { entries[$0].isReserved } }.filter { !$0.value.isEmpty }
            self.reserved = reserved.isEmpty ? nil : HostRoutes(entries, members: reserved)
        }
    }

    /// Routes by their hosts; an object, so that asking two of them counts two references and copies no tables.
    private final class HostRoutes: Sendable {
        private let hosts: HostIndex
        private let trees: [PathTree]

        init(_ entries: [RouteEntry], members: [String: [Int]]) {
            var hosts = HostIndex()
            var trees: [PathTree] = []
            for (hostname, indices) in members.sorted(by: { $0.key < $1.key }) {
                hosts.insert(hostname, value: trees.count)
                trees.append(PathTree(entries, members: indices))
            }
            self.hosts = hosts
            self.trees = trees
        }

        @inline(__always)
        func find(_ request: borrowing RequestHead, _ host: Range<Int>) -> PathTree.Found? {
            var found: PathTree.Found?
            hosts.visit(request.fields.bytes.span, host) { tree in
                found = trees[tree].find(request)
                return found != nil
            }
            return found
        }
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
        self.isTLS = isTLS
        self.entries = entries.map { ($0.rule, $0.listener) }
        var hosts = HostIndex()
        var positions: [String: Int] = [:]
        var owners: [Int] = []
        for (index, listener) in listeners.enumerated() where positions[listener.hostname] == nil {
            positions[listener.hostname] = owners.count
            hosts.insert(listener.hostname, value: owners.count)
            owners.append(index)
        }
        var members: [[String: [Int]]] = Array(repeating: [:], count: owners.count)
        for (index, entry) in entries.enumerated() {
            guard listeners.indices.contains(entry.listener),
                let position = positions[listeners[entry.listener].hostname]
            else { continue }
            members[position][entry.hostname, default: []].append(index)
        }
        self.hosts = hosts
        self.listeners = zip(owners, members).map { ListenerRoutes(listener: $0, entries, members: $1) }
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
        let routes = listeners[position]
        guard let found = routes.reserved?.find(request, host) ?? routes.routes.find(request, host) else {
            return .notFound(listener: routes.listener)
        }
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
