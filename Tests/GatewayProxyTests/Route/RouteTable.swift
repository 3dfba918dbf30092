import GatewayModel
import GatewayPolicy
import GatewayWire

@testable import GatewayProxy

/// A router in a few words, and requests to ask it with.
struct RouteTable {
    var listeners = [CompiledListener(name: "default/edge/http", hostname: "")]
    var entries: [RouteEntry] = []
    var isTLS = false

    /// Adds a route whose only rule answers to `name`.
    mutating func add(
        _ name: String, host: String = "", path: PathMatch = .prefix(Array("/".utf8)),
        condition: RouteCondition = .none, created: Int64 = .max, rule: Int = 0, listener: Int = 0,
        isReserved: Bool = false
    ) {
        let error = GatewayError(.noBackend, name)
        entries.append(
            RouteEntry(
                listener: listener, hostname: host, path: path, condition: condition,
                order: RouteOrder(created: created, name: name, rule: rule, match: 0),
                rule: CompiledRule(routeName: name, ruleIndex: rule, metricSlot: 0, action: .refuse(error)),
                isReserved: isReserved))
    }

    var router: Router { Router(listeners: listeners, entries: entries, isTLS: isTLS) }
}

extension RequestHead {
    /// A head as the codecs leave it.
    static func test(
        _ target: String, host: String = "example.com", method: String = "GET", headers: [(String, String)] = []
    ) -> RequestHead {
        var head = RequestHead()
        head.method = HTTPMethod(name: Array(method.utf8))
        head.methodName = head.fields.store(Array(method.utf8))
        head.authority = head.fields.store(Array(host.utf8))
        head.target = head.fields.store(Array(target.utf8))
        let path = target.utf8.prefix { $0 != UInt8(ascii: "?") }.count
        head.path = Slice(start: Int(head.target.start), count: path)
        if path < target.utf8.count {
            head.query = Slice(start: Int(head.target.start) + path + 1, count: target.utf8.count - path - 1)
        }
        for (name, value) in headers { head.fields.append(name, value) }
        return head
    }
}

extension Router {
    /// The name of the rule found, `404` or `421`.
    func answer(_ request: RequestHead, serverName: String = "") -> String {
        switch match(request, serverName: Array(serverName.utf8)) {
        case .rule(let rule, _, _): rule.routeName
        case .notFound: "404"
        case .misdirected: "421"
        }
    }
}

extension PathMatch {
    static func exact(_ text: String) -> PathMatch { .exact(Array(text.utf8)) }
    static func prefix(_ text: String) -> PathMatch { .prefix(Array(text.utf8)) }
    static func regex(_ text: String) throws -> PathMatch { .regex(try BytePattern(text)) }
}

extension ValueMatch {
    init(_ name: String, _ value: String) {
        self.init(name: Array(name.utf8), value: .exact(Array(value.utf8)))
    }

    init(_ name: String, regex: String) throws {
        self.init(name: Array(name.utf8), value: .regex(try BytePattern(regex)))
    }
}
