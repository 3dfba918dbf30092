/// So many requests in a time, counted apart for every value of `key`.
package struct RateLimit: ConfigObject {
    package var name: String
    package var key: [RequestFact]
    package var requests: Int
    package var per: ConfigDuration
    /// How many may come at once; `requests` when left out.
    package var burst: Int

    package init(_ fields: FieldReader) {
        name = fields.required("name", "names the limit in records and answers", .name)
        key = fields.list(
            "key", "facts that are counted apart, such as client.ip; one count for all by default", count: 0...8)
        let requests: Int = fields.required("requests", "how many requests", .range(1...1_000_000_000))
        self.requests = requests
        per = fields.value(
            "per", default: ConfigDuration(milliseconds: 1_000), shown: .text("1s"), "in what time", .positive)
        burst =
            fields.optional(
                "burst", "how many may come at once; as many as requests by default", .range(1...1_000_000_000))
            ?? requests
    }
}

/// A fact about a request or its principal that things can be counted by.
package enum RequestFact: ConfigValue, Hashable, CustomStringConvertible {
    case clientIP
    case requestHeader(String)
    case requestQuery(String)
    case requestCookie(String)
    case requestPath
    case requestHost
    case requestMethod
    case routeName
    case principalUser
    case principalTenant
    case principalAgent
    case principalCredential

    private static let plain: [(String, RequestFact)] = [
        ("client.ip", .clientIP), ("request.path", .requestPath), ("request.host", .requestHost),
        ("request.method", .requestMethod), ("route.name", .routeName), ("principal.user", .principalUser),
        ("principal.tenant", .principalTenant), ("principal.agent", .principalAgent),
        ("principal.credential", .principalCredential),
    ]

    package init?(_ text: String) {
        if let found = Self.plain.first(where: { $0.0 == text }) {
            self = found.1
            return
        }
        for (prefix, make) in Self.named where text.hasPrefix(prefix) {
            let name = String(text.dropFirst(prefix.count))
            guard NameSyntax.isToken(name) else { return nil }
            self = make(name)
            return
        }
        return nil
    }

    private static var named: [(String, (String) -> RequestFact)] {
        [
            ("request.header.", { .requestHeader($0.lowercased()) }), ("request.query.", { .requestQuery($0) }),
            ("request.cookie.", { .requestCookie($0) }),
        ]
    }

    package var description: String {
        switch self {
        case .requestHeader(let name): "request.header.\(name)"
        case .requestQuery(let name): "request.query.\(name)"
        case .requestCookie(let name): "request.cookie.\(name)"
        default: Self.plain.first { $0.1 == self }?.0 ?? ""
        }
    }

    package static func decode(_ value: ValueReader) -> RequestFact? {
        guard case .string(let text) = value.node.value else {
            value.reportWrongType(expected: "a string")
            return nil
        }
        if let fact = RequestFact(text) { return fact }
        let names = plain.map(\.0) + ["request.header.NAME", "request.query.NAME", "request.cookie.NAME"]
        value.reportInvalid("\"\(text)\"", hint: NearestName.hint(text, among: names))
        return nil
    }

    package static var placeholder: RequestFact { .clientIP }
    package static var schema: ConfigNode {
        .object([
            (
                "anyOf",
                .list([
                    .object([("enum", .list(plain.map { .text($0.0) }))]),
                    .object([
                        ("type", .text("string")), ("pattern", .text("^request\\.(header|query|cookie)\\..+$")),
                    ]),
                ])
            )
        ])
    }
}

package struct ConcurrencyLimit: ConfigObject {
    package var max: Int
    package var key: [RequestFact]

    package init(_ fields: FieldReader) {
        max = fields.required("max", "how many requests at once", .atLeast(1))
        key = fields.list("key", "facts that are counted apart; one count for all by default", count: 0...8)
    }
}

package struct TrafficLimits: ConfigObject {
    package var bodyBytes: ByteQuantity?
    package var headerBytes: ByteQuantity?

    package init(_ fields: FieldReader) {
        bodyBytes = fields.optional("bodyBytes", "the largest request body")
        headerBytes = fields.optional("headerBytes", "the largest request head")
    }
}

/// Which client addresses may call. Deny wins; a non-empty allow list denies everyone else.
package struct IPAccess: ConfigObject {
    package var allow: [CIDR]
    package var deny: [CIDR]

    package init(_ fields: FieldReader) {
        allow = fields.list("allow", "only these; everyone by default")
        deny = fields.list("deny", "never these")
        fields.check(
            !allow.isEmpty || !deny.isEmpty || fields.has("allow") || fields.has("deny"), .missingField,
            "missing field \"allow\"", hint: "name ranges to allow or to deny")
        // An empty list would let everyone in while it reads as if no one were allowed.
        fields.check(
            !(fields.has("allow") && allow.isEmpty), at: "allow", "empty list \"allow\"",
            hint: "to allow no one, write deny: [0.0.0.0/0, \"::/0\"]; to allow everyone, remove it")
    }
}

package struct Compression: ConfigObject {
    package enum Algorithm: String, ConfigEnum { case gzip, zstd }

    package var algorithms: [Algorithm]
    package var minBytes: ByteQuantity
    package var contentTypes: [String]

    /// What is worth compressing; `text/*` covers all below.
    package static let defaultContentTypes = [
        "text/*", "application/json", "application/javascript", "application/xml", "application/problem+json",
        "image/svg+xml",
    ]

    package init(_ fields: FieldReader) {
        algorithms =
            fields.optionalList("algorithms", "in order of preference; zstd, then gzip by default", count: 1...2)
            ?? [.zstd, .gzip]
        minBytes = fields.value(
            "minBytes", default: ByteQuantity(bytes: 1024), shown: .integer(1024), "smaller answers stay as they are")
        contentTypes =
            fields.optionalList(
                "contentTypes", "which answers; text and JSON by default", count: 1...64, each: .nonEmpty)
            ?? Self.defaultContentTypes
    }
}

package struct ResponseCache: ConfigObject {
    package var ttl: ConfigDuration?
    package var maxEntryBytes: ByteQuantity
    package var maxBytes: ByteQuantity
    package var statuses: [Int]
    package var varyOn: [String]

    package init(_ fields: FieldReader) {
        ttl = fields.optional("ttl", "how long, where the answer does not say", .positive)
        maxEntryBytes = fields.value(
            "maxEntryBytes", default: ByteQuantity(bytes: 1 << 20), shown: .text("1Mi"), "the largest answer kept")
        maxBytes = fields.value(
            "maxBytes", default: ByteQuantity(bytes: 64 << 20), shown: .text("64Mi"), "all answers together")
        statuses =
            fields.optionalList("statuses", "which answers; 200 by default", count: 1...32, each: .httpStatus) ?? [200]
        varyOn = fields.list(
            "varyOn", "request headers that tell answers apart, beside Vary", count: 0...16, each: .headerName)
        fields.check(
            maxEntryBytes <= maxBytes, at: "maxEntryBytes", "maxEntryBytes \(maxEntryBytes) is above maxBytes",
            hint: "make it at most \(maxBytes)")
    }
}

package struct Authentication: ConfigObject {
    package enum Mode: String, ConfigEnum {
        case required = "Required"
        case optional = "Optional"
    }

    package var mode: Mode
    package var providers: [String]

    package init(_ fields: FieldReader) {
        mode = fields.value("mode", default: .required, "whether a caller without a credential is let in")
        providers = fields.list(
            "providers", "IdentityProviders of the policy's namespace; any of them", count: 1...16, each: .name)
    }
}
