/// How one of a backend's endpoints is chosen.
package struct LoadBalancing: ConfigObject {
    package enum Policy: String, ConfigEnum {
        case roundRobin = "RoundRobin"
        case leastRequest = "LeastRequest"
        case consistentHash = "ConsistentHash"
        case random = "Random"
    }

    package var policy: Policy
    package var hashOn: HashSource?
    package var stickyCookie: StickyCookie?
    package var slowStart: ConfigDuration?

    package init(_ fields: FieldReader) {
        policy = fields.value("policy", default: .roundRobin, "the way to choose")
        hashOn = fields.optional("hashOn", "with ConsistentHash, what requests are told apart by")
        stickyCookie = fields.optional("stickyCookie", "keep a client on its endpoint by a cookie")
        slowStart = fields.optional("slowStart", "a new endpoint gets its full share after this long", .positive)
        fields.check(
            policy != .consistentHash || hashOn != nil || fields.has("hashOn"), .missingField,
            "missing field \"hashOn\"",
            hint: "ConsistentHash needs hashOn, such as {clientIP: true} or {header: X-User}")
        fields.check(
            policy == .consistentHash || !fields.has("hashOn"), at: "hashOn", "hashOn with policy \(policy.rawValue)",
            hint: "set policy: ConsistentHash, or remove hashOn")
    }
}

/// What a consistent hash is taken of; exactly one is set.
package struct HashSource: ConfigObject, Hashable {
    package var header: String?
    package var cookie: String?
    package var clientIP: Bool
    package var query: String?
    package var path: Bool

    package init(_ fields: FieldReader) {
        header = fields.optional("header", "a request header", .headerName)
        cookie = fields.optional("cookie", "a cookie", .headerName)
        clientIP = fields.value("clientIP", default: false, "the client's address")
        query = fields.optional("query", "a query parameter", .nonEmpty)
        path = fields.value("path", default: false, "the path")
        let count = [header != nil, cookie != nil, clientIP, query != nil, path].filter { $0 }.count
        fields.check(
            count == 1, "\(count == 0 ? "nothing" : "several things") to hash on",
            hint: "set exactly one of header, cookie, clientIP, query, path")
    }
}

package struct StickyCookie: ConfigObject, Hashable {
    package var name: String
    package var ttl: ConfigDuration?

    package init(_ fields: FieldReader) {
        name = fields.value("name", default: "sluice-sticky", "the cookie's name", .headerName)
        ttl = fields.optional("ttl", "how long it lives; the browser's session by default", .positive)
    }
}
