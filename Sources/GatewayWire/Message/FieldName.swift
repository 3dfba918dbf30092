/// Field names the gateway itself acts on, so that a look-up is a byte compare. Everything else is `.other`.
package enum FieldName: UInt8, Sendable, CaseIterable {
    case other
    case accept, acceptEncoding, age, allow, altSvc, authorization, cacheControl, connection, contentEncoding
    case contentLength, contentType, cookie, date, etag, expect, expires, forwarded, host, http2Settings
    case ifModifiedSince, ifNoneMatch, keepAlive, lastModified, location, origin, pragma, proxyAuthenticate
    case proxyAuthorization, proxyConnection, range, retryAfter, secWebSocketKey, server, setCookie, te
    case traceparent, tracestate, trailer, transferEncoding, upgrade, userAgent, vary, via
    case xAPIKey, xForwardedFor, xForwardedHost, xForwardedProto, xForwardedPort, xRequestID, xRealIP
    case accessControlRequestMethod, accessControlRequestHeaders, xSluiceTrace

    /// The name on the wire, lower case.
    package var name: StaticString {
        switch self {
        case .other: ""
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .age: "age"
        case .allow: "allow"
        case .altSvc: "alt-svc"
        case .authorization: "authorization"
        case .cacheControl: "cache-control"
        case .connection: "connection"
        case .contentEncoding: "content-encoding"
        case .contentLength: "content-length"
        case .contentType: "content-type"
        case .cookie: "cookie"
        case .date: "date"
        case .etag: "etag"
        case .expect: "expect"
        case .expires: "expires"
        case .forwarded: "forwarded"
        case .host: "host"
        case .http2Settings: "http2-settings"
        case .ifModifiedSince: "if-modified-since"
        case .ifNoneMatch: "if-none-match"
        case .keepAlive: "keep-alive"
        case .lastModified: "last-modified"
        case .location: "location"
        case .origin: "origin"
        case .pragma: "pragma"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthorization: "proxy-authorization"
        case .proxyConnection: "proxy-connection"
        case .range: "range"
        case .retryAfter: "retry-after"
        case .secWebSocketKey: "sec-websocket-key"
        case .server: "server"
        case .setCookie: "set-cookie"
        case .te: "te"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .trailer: "trailer"
        case .transferEncoding: "transfer-encoding"
        case .upgrade: "upgrade"
        case .userAgent: "user-agent"
        case .vary: "vary"
        case .via: "via"
        case .xAPIKey: "x-api-key"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedProto: "x-forwarded-proto"
        case .xForwardedPort: "x-forwarded-port"
        case .xRequestID: "x-request-id"
        case .xRealIP: "x-real-ip"
        case .accessControlRequestMethod: "access-control-request-method"
        case .accessControlRequestHeaders: "access-control-request-headers"
        case .xSluiceTrace: "x-sluice-trace"
        }
    }

    /// Which known name these lower-case bytes are.
    package static func known(_ name: Span<UInt8>) -> FieldName {
        guard name.count > 1, name.count < 32 else { return .other }
        let slot = Int(table[hash(name)])
        guard slot != 0 else { return .other }
        for candidate in buckets[slot] where names[Int(candidate.rawValue)].count == name.count {
            if equal(names[Int(candidate.rawValue)], name) { return candidate }
        }
        return .other
    }

    private static func hash(_ name: Span<UInt8>) -> Int {
        // Length, first and last byte and one from the middle tell nearly all names apart.
        (name.count &* 31 &+ Int(name[0]) &* 7 &+ Int(name[name.count - 1]) &* 3 &+ Int(name[name.count / 2])) & 255
    }

    private static func equal(_ known: [UInt8], _ name: Span<UInt8>) -> Bool {
        for index in known.indices where known[index] != name[index] { return false }
        return true
    }

    /// Names as byte arrays, indexed by raw value.
    package static let names: [[UInt8]] = allCases.map { Array($0.name.description.utf8) }

    private static let (table, buckets): ([UInt8], [[FieldName]]) = {
        var table = [UInt8](repeating: 0, count: 256)
        var buckets: [[FieldName]] = [[]]
        for field in allCases where field != .other {
            let name = names[Int(field.rawValue)]
            let slot = hash(name.span)
            if table[slot] == 0 {
                table[slot] = UInt8(buckets.count)
                buckets.append([])
            }
            buckets[Int(table[slot])].append(field)
        }
        return (table, buckets)
    }()
}
