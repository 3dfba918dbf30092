/// Which requests go where (gateway.networking.k8s.io/v1, experimental fields included).
package struct HTTPRoute: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: HTTPRouteSpec
}

package struct HTTPRouteSpec: ConfigObject {
    package var parentRefs: [ParentReference]
    package var hostnames: [Hostname]
    package var rules: [HTTPRouteRule]
    package var useDefaultGateways: GatewayDefaultScope?

    package init(_ fields: FieldReader) {
        parentRefs = fields.list("parentRefs", "the gateways it attaches to", count: 0...32)
        hostnames = fields.list(
            "hostnames", "only requests for these hosts; all of the listener by default", count: 0...16)
        let written: [HTTPRouteRule]? = fields.optionalList(
            "rules", "what to match and where to send it", count: 1...16)
        rules = written ?? [HTTPRouteRule.matchingAll]
        useDefaultGateways = fields.optional("useDefaultGateways", "attach to gateways of this default scope")
        var names: Set<String> = []
        for rule in rules {
            guard let name = rule.name else { continue }
            fields.check(
                names.insert(name).inserted, at: "rules", .duplicateKey, "duplicate rule name \"\(name)\"",
                hint: "give every rule of a route its own name")
        }
        var parents: Set<ParentReference> = []
        for parent in parentRefs {
            fields.check(
                parents.insert(parent).inserted, at: "parentRefs", .duplicateKey,
                "duplicate parentRef \"\(parent.name)\"", hint: "tell them apart by sectionName or port")
        }
    }
}

/// One rule: any of `matches`, through `filters`, to one of `backendRefs` by weight.
package struct HTTPRouteRule: ConfigObject {
    package var name: String?
    package var matches: [HTTPRouteMatch]
    package var filters: [HTTPRouteFilter]
    package var backendRefs: [HTTPBackendRef]
    package var timeouts: HTTPRouteTimeouts?
    package var retry: HTTPRouteRetry?
    package var sessionPersistence: SessionPersistence?

    package init(_ fields: FieldReader) {
        name = fields.optional("name", "the rule's name, unique in the route", .name)
        let written: [HTTPRouteMatch]? = fields.optionalList(
            "matches", "any of these; everything by default", count: 0...64)
        // An empty list says the same as none: every path.
        matches = written.flatMap { $0.isEmpty ? nil : $0 } ?? [HTTPRouteMatch.all]
        filters = fields.list("filters", "what to change on the way", count: 0...16)
        backendRefs = fields.list("backendRefs", "where it goes, by weight", count: 0...16)
        timeouts = fields.optional("timeouts", "how long it may take")
        retry = fields.optional("retry", "when to try again")
        sessionPersistence = fields.optional("sessionPersistence", "keep a client on its backend")
        guard !fields.isRecording else { return }
        HTTPRouteFilter.checkTogether(filters, fields)
        let redirects = filters.contains { $0.type == .requestRedirect }
        fields.check(
            !(redirects && !backendRefs.isEmpty), at: "backendRefs", "backendRefs beside a RequestRedirect filter",
            hint: "a redirect answers by itself; remove backendRefs")
        let replacesPrefix = (filters + backendRefs.flatMap(\.filters)).contains(where: \.replacesPrefix)
        fields.check(
            !replacesPrefix || matches.allSatisfy { $0.path.type == .pathPrefix }, at: "filters",
            "replacePrefixMatch with a match that is not a PathPrefix", hint: "match by PathPrefix, or replaceFullPath")
    }

    static var matchingAll: HTTPRouteRule {
        HTTPRouteRule(FieldReader([], at: ConfigNode.nowhere, path: .root, sink: DiagnosticSink()))
    }
}

package enum HTTPMethod: String, ConfigEnum {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
    case connect = "CONNECT"
    case options = "OPTIONS"
    case trace = "TRACE"
    case patch = "PATCH"
}

package enum PathMatchType: String, ConfigEnum {
    case pathPrefix = "PathPrefix"
    case exact = "Exact"
    case regularExpression = "RegularExpression"
}

package enum ValueMatchType: String, ConfigEnum {
    case exact = "Exact"
    case regularExpression = "RegularExpression"
}

/// All parts must hold.
package struct HTTPRouteMatch: ConfigObject, Hashable {
    package var path: HTTPPathMatch
    package var headers: [HTTPHeaderMatch]
    package var queryParams: [HTTPQueryParamMatch]
    package var method: HTTPMethod?

    package init(_ fields: FieldReader) {
        path = fields.optional("path", "the path; every path by default") ?? HTTPPathMatch.all
        headers = fields.list("headers", "all of these headers", count: 0...16)
        queryParams = fields.list("queryParams", "all of these query parameters", count: 0...16)
        method = fields.optional("method", "the method; every method by default")
    }

    static var all: HTTPRouteMatch {
        HTTPRouteMatch(FieldReader([], at: ConfigNode.nowhere, path: .root, sink: DiagnosticSink()))
    }
}

package struct HTTPPathMatch: ConfigObject, Hashable {
    package var type: PathMatchType
    package var value: String

    package init(_ fields: FieldReader) {
        type = fields.value("type", default: .pathPrefix, "how the path is compared")
        value = fields.value("value", default: "/", "what it is compared with", .length(0...1024))
        if type != .regularExpression {
            fields.check(
                value.hasPrefix("/"), at: "value", "invalid value \"\(value)\"", hint: "a path starts with /")
            let forbidden = ["//", "/./", "/../", "%2f", "%2F", "#"].first { value.utf8.containsSequence($0.utf8) }
            let ending = ["/.", "/.."].first { value.hasSuffix($0) }
            fields.check(
                forbidden == nil && ending == nil, at: "value", "invalid value \"\(value)\"",
                hint: "a path must not contain \(forbidden ?? ending ?? "")")
            fields.check(
                value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "?") }, at: "value",
                "invalid value \"\(value)\"", hint: "write the path percent-encoded, without query")
        }
    }

    static var all: HTTPPathMatch {
        HTTPPathMatch(FieldReader([], at: ConfigNode.nowhere, path: .root, sink: DiagnosticSink()))
    }
}

package struct HTTPHeaderMatch: ConfigObject, Hashable {
    package var type: ValueMatchType
    package var name: String
    package var value: String

    package init(_ fields: FieldReader) {
        type = fields.value("type", default: .exact, "how the value is compared")
        name = fields.required("name", "the header's name", .headerName)
        value = fields.required("value", "the header's value or expression", .length(1...4096))
    }
}

package struct HTTPQueryParamMatch: ConfigObject, Hashable {
    package var type: ValueMatchType
    package var name: String
    package var value: String

    package init(_ fields: FieldReader) {
        type = fields.value("type", default: .exact, "how the value is compared")
        name = fields.required("name", "the parameter's name", .headerName)
        value = fields.required("value", "the parameter's value or expression", .length(1...1024))
    }
}

/// A backend with its share and its own filters.
package struct HTTPBackendRef: ConfigObject {
    package var group: String
    package var kind: String
    package var name: String
    package var namespace: String?
    package var port: Int?
    package var weight: Int
    package var filters: [HTTPRouteFilter]

    package init(_ fields: FieldReader) {
        let reference = BackendObjectReference(fields)
        group = reference.group
        kind = reference.kind
        name = reference.name
        namespace = reference.namespace
        port = reference.port
        weight = fields.value("weight", default: 1, "its share of the requests", .range(0...1_000_000))
        filters = fields.list("filters", "what to change for this backend only", count: 0...16)
        if !fields.isRecording { HTTPRouteFilter.checkTogether(filters, fields) }
    }
}

package struct HTTPRouteTimeouts: ConfigObject {
    /// The whole exchange; 0 means no bound.
    package var request: ConfigDuration?
    /// One try at a backend; 0 means no bound.
    package var backendRequest: ConfigDuration?

    package init(_ fields: FieldReader) {
        request = fields.optional("request", "the whole exchange, retries included; 0s for no bound")
        backendRequest = fields.optional("backendRequest", "one try at a backend; 0s for no bound")
        if let request, let backendRequest, request.milliseconds > 0 {
            fields.check(
                backendRequest <= request, at: "backendRequest",
                "backendRequest \(backendRequest) is longer than request",
                hint: "make it at most \(request)")
        }
    }
}

package struct HTTPRouteRetry: ConfigObject {
    package var codes: [Int]
    package var attempts: Int?
    package var backoff: ConfigDuration?

    package init(_ fields: FieldReader) {
        codes = fields.list("codes", "answers worth another try", each: .range(400...599))
        attempts = fields.optional("attempts", "how many more tries", .range(1...100))
        backoff = fields.optional("backoff", "at least this long between tries")
    }
}

/// Keeps a client on the backend it met first (GEP-1619).
package struct SessionPersistence: ConfigObject {
    package enum Kind: String, ConfigEnum {
        case cookie = "Cookie"
        case header = "Header"
    }
    package enum CookieLifetime: String, ConfigEnum {
        case session = "Session"
        case permanent = "Permanent"
    }

    package struct CookieConfig: ConfigObject {
        package var lifetimeType: CookieLifetime

        package init(_ fields: FieldReader) {
            lifetimeType = fields.value("lifetimeType", default: .session, "whether the cookie outlives the browser")
        }
    }

    package var sessionName: String?
    package var absoluteTimeout: ConfigDuration?
    package var type: Kind
    package var cookieConfig: CookieConfig?

    package init(_ fields: FieldReader) {
        sessionName = fields.optional("sessionName", "the cookie's or header's name", .headerName)
        absoluteTimeout = fields.optional("absoluteTimeout", "how long a session lives at most")
        type = fields.value("type", default: .cookie, "what carries the session")
        cookieConfig = fields.optional("cookieConfig", "for type Cookie")
        fields.check(
            !(type == .header && cookieConfig != nil), at: "cookieConfig", "cookieConfig with type Header",
            hint: "use type Cookie, or remove cookieConfig")
        fields.check(
            cookieConfig?.lifetimeType != .permanent || absoluteTimeout != nil || fields.has("absoluteTimeout"),
            .missingField, "missing field \"absoluteTimeout\"", hint: "a permanent cookie needs absoluteTimeout")
    }
}

extension Sequence<UInt8> {
    /// Whether `other` occurs in order and without gaps.
    func containsSequence(_ other: some Collection<UInt8>) -> Bool {
        let bytes = Array(self)
        let wanted = Array(other)
        guard bytes.count >= wanted.count else { return false }
        return (0...(bytes.count - wanted.count)).contains { bytes[$0..<($0 + wanted.count)].elementsEqual(wanted) }
    }
}
