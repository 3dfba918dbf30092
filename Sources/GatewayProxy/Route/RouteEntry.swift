package import GatewayPolicy

/// One match of one rule under one host name: what a router is made of.
package struct RouteEntry: Sendable {
    /// Position of its listener in `PortTable.listeners`.
    package var listener: Int
    /// What is left of the route's host name inside the listener's: lower case, empty for any, may start with `*.`.
    package var hostname: String
    package var path: PathMatch
    package var condition: RouteCondition
    package var order: RouteOrder
    package var rule: CompiledRule
    /// The gateway's own: goes before all that others write, however well that fits.
    package var isReserved: Bool

    package init(
        listener: Int, hostname: String, path: PathMatch, condition: RouteCondition = .none, order: RouteOrder,
        rule: CompiledRule, isReserved: Bool = false
    ) {
        self.isReserved = isReserved
        self.listener = listener
        self.hostname = hostname
        self.path = path
        self.condition = condition
        self.order = order
        self.rule = rule
    }
}

/// How a rule matches paths. Paths are compared as canonicalised bytes, without the query.
package enum PathMatch: Sendable {
    case exact([UInt8])
    /// By path elements: `/a` matches `/a` and `/a/b`, not `/ab`; a trailing slash of the prefix means nothing.
    case prefix([UInt8])
    /// All of the path must match.
    case regex(BytePattern)
}

/// What decides between two matches that fit a request equally well: the older route, then its name, then the order
/// in which its rules and matches were written.
package struct RouteOrder: Sendable, Equatable {
    /// Seconds since 1970; objects without a time count as new.
    package var created: Int64
    /// `namespace/name`.
    package var name: String
    package var rule: Int
    package var match: Int

    package init(created: Int64 = .max, name: String, rule: Int, match: Int) {
        self.created = created
        self.name = name
        self.rule = rule
        self.match = match
    }

    func precedes(_ other: RouteOrder) -> Bool {
        if created != other.created { return created < other.created }
        if name != other.name { return name < other.name }
        return (rule, match) < (other.rule, other.match)
    }
}
