package enum HTTPRouteFilterType: String, ConfigEnum {
    case requestHeaderModifier = "RequestHeaderModifier"
    case responseHeaderModifier = "ResponseHeaderModifier"
    case requestMirror = "RequestMirror"
    case requestRedirect = "RequestRedirect"
    case urlRewrite = "URLRewrite"
    case extensionRef = "ExtensionRef"
    case cors = "CORS"
    case externalAuth = "ExternalAuth"

    /// The field that belongs to the type.
    package var field: String {
        switch self {
        case .urlRewrite: "urlRewrite"
        case .cors: "cors"
        default: rawValue.prefix(1).lowercased() + rawValue.dropFirst()
        }
    }
}

/// One step on the way of a request or its answer; exactly the field named by `type` is set.
package struct HTTPRouteFilter: ConfigObject {
    package var type: HTTPRouteFilterType
    package var requestHeaderModifier: HTTPHeaderFilter?
    package var responseHeaderModifier: HTTPHeaderFilter?
    package var requestMirror: HTTPRequestMirrorFilter?
    package var requestRedirect: HTTPRequestRedirectFilter?
    package var urlRewrite: HTTPURLRewriteFilter?
    package var extensionRef: LocalObjectReference?
    package var cors: HTTPCORSFilter?
    package var externalAuth: HTTPExternalAuthFilter?

    package init(_ fields: FieldReader) {
        type = fields.required("type", "which filter; its settings stand in the field of the same name")
        requestHeaderModifier = fields.optional("requestHeaderModifier", "change request headers")
        responseHeaderModifier = fields.optional("responseHeaderModifier", "change response headers")
        requestMirror = fields.optional("requestMirror", "send a copy elsewhere and forget the answer")
        requestRedirect = fields.optional("requestRedirect", "answer with another location")
        urlRewrite = fields.optional("urlRewrite", "change host or path towards the backend")
        extensionRef = fields.optional("extensionRef", "a filter of this gateway, such as DirectResponse")
        cors = fields.optional("cors", "which other origins' pages may call")
        externalAuth = fields.optional("externalAuth", "ask another service; not supported")
        guard !fields.isRecording, fields.has("type") else { return }
        for other in HTTPRouteFilterType.allCases {
            if other == type {
                fields.check(
                    fields.has(other.field), .missingField, "missing field \"\(other.field)\"",
                    hint: "type \(other.rawValue) needs it")
            } else {
                fields.check(
                    !fields.has(other.field), at: other.field, "\(other.field) in a filter of type \(type.rawValue)",
                    hint: "set type: \(other.rawValue), or remove \(other.field)")
            }
        }
        fields.check(
            type != .externalAuth, at: "type", .unsupportedValue, "unsupported value \"ExternalAuth\"",
            hint: "use a TrafficPolicy with authentication")
    }

    /// Whether it replaces the part of the path that a PathPrefix matched.
    package var replacesPrefix: Bool {
        requestRedirect?.path?.type == .replacePrefixMatch || urlRewrite?.path?.type == .replacePrefixMatch
    }

    /// The rules for filters side by side: what may not repeat, what may not meet.
    static func checkTogether(_ filters: [HTTPRouteFilter], _ fields: FieldReader) {
        for type in HTTPRouteFilterType.allCases where type != .requestMirror && type != .extensionRef {
            fields.check(
                filters.filter { $0.type == type }.count <= 1, at: "filters", "repeated filter \(type.rawValue)",
                hint: "merge them into one")
        }
        let both =
            filters.contains { $0.type == .requestRedirect } && filters.contains { $0.type == .urlRewrite }
        fields.check(
            !both, at: "filters", "RequestRedirect beside URLRewrite",
            hint: "a redirect never reaches a backend; keep one")
    }
}

package struct HTTPHeader: ConfigObject, Hashable {
    package var name: String
    package var value: String

    package init(_ fields: FieldReader) {
        name = fields.required("name", "the header's name", .headerName)
        value = fields.required("value", "the header's value", .headerValue)
    }
}

package struct HTTPHeaderFilter: ConfigObject {
    package var set: [HTTPHeader]
    package var add: [HTTPHeader]
    package var remove: [String]

    package init(_ fields: FieldReader) {
        set = fields.list("set", "replace these", count: 0...16)
        add = fields.list("add", "add to what is there", count: 0...16)
        remove = fields.list("remove", "remove these", count: 0...16, each: .headerName)
        for (name, headers) in [("set", set), ("add", add)] {
            var seen: Set<String> = []
            for header in headers {
                fields.check(
                    seen.insert(header.name.lowercased()).inserted, at: name, .duplicateKey,
                    "duplicate header \"\(header.name)\"", hint: "one entry for each header name, whatever its case")
            }
        }
    }
}

package struct HTTPRequestMirrorFilter: ConfigObject {
    package var backendRef: BackendObjectReference
    package var percent: Int?
    package var fraction: Fraction?

    package init(_ fields: FieldReader) {
        backendRef = fields.required("backendRef", "where the copy goes")
        percent = fields.optional("percent", "copy this share of requests; all by default", .percent)
        fraction = fields.optional("fraction", "copy this share of requests, finer than percent")
        fields.check(
            !(fields.has("percent") && fields.has("fraction")), at: "fraction", "fraction beside percent",
            hint: "keep one of them")
    }
}

package struct Fraction: ConfigObject, Hashable {
    package var numerator: Int
    package var denominator: Int

    package init(_ fields: FieldReader) {
        numerator = fields.required("numerator", "the upper number", .atLeast(0))
        denominator = fields.value("denominator", default: 100, "the lower number", .atLeast(1))
        fields.check(numerator <= denominator, at: "numerator", "numerator \(numerator) is above \(denominator)")
    }
}

package enum HTTPPathModifierType: String, ConfigEnum {
    case replaceFullPath = "ReplaceFullPath"
    case replacePrefixMatch = "ReplacePrefixMatch"
}

package struct HTTPPathModifier: ConfigObject, Hashable {
    package var type: HTTPPathModifierType
    package var replaceFullPath: String?
    package var replacePrefixMatch: String?

    package init(_ fields: FieldReader) {
        type = fields.required("type", "what is replaced")
        replaceFullPath = fields.optional("replaceFullPath", "the whole new path", .length(0...1024))
        replacePrefixMatch = fields.optional("replacePrefixMatch", "instead of the matched prefix", .length(0...1024))
        guard fields.has("type") else { return }
        let names = ["replaceFullPath", "replacePrefixMatch"]
        let own = type == .replaceFullPath ? names[0] : names[1]
        let other = type == .replaceFullPath ? names[1] : names[0]
        fields.check(fields.has(own), .missingField, "missing field \"\(own)\"", hint: "type \(type.rawValue) needs it")
        fields.check(!fields.has(other), at: other, "\(other) with type \(type.rawValue)", hint: "remove it")
    }
}

package struct HTTPRequestRedirectFilter: ConfigObject {
    package enum Scheme: String, ConfigEnum { case http, https }

    package var scheme: Scheme?
    package var hostname: Hostname?
    package var path: HTTPPathModifier?
    package var port: Int?
    package var statusCode: Int

    package init(_ fields: FieldReader) {
        scheme = fields.optional("scheme", "the new scheme; the request's by default")
        hostname = fields.optional("hostname", "the new host; the request's by default", .withoutWildcard)
        path = fields.optional("path", "the new path; the request's by default")
        port = fields.optional("port", "the new port; by the scheme or listener by default", .port)
        statusCode = fields.value("statusCode", default: 302, "the answer's status", .oneOf([301, 302, 303, 307, 308]))
    }
}

package struct HTTPURLRewriteFilter: ConfigObject {
    package var hostname: Hostname?
    package var path: HTTPPathModifier?

    package init(_ fields: FieldReader) {
        hostname = fields.optional("hostname", "the Host the backend sees", .withoutWildcard)
        path = fields.optional("path", "the path the backend sees")
    }
}

extension FieldRule where Value == Hostname {
    /// A plain host name.
    package static var withoutWildcard: FieldRule {
        FieldRule { $0.isWildcard ? "write one host, without *." : nil }
    }
}

package struct HTTPCORSFilter: ConfigObject {
    package var allowOrigins: [String]
    package var allowCredentials: Bool
    package var allowMethods: [String]
    package var allowHeaders: [String]
    package var exposeHeaders: [String]
    /// Seconds a browser may keep the preflight's answer.
    package var maxAge: Int

    package init(_ fields: FieldReader) {
        allowOrigins = fields.list(
            "allowOrigins", "origins such as https://app.example.com, https://*.example.com or *", count: 0...64,
            each: .origin)
        allowCredentials = fields.value("allowCredentials", default: false, "whether cookies may be sent")
        allowMethods = fields.list(
            "allowMethods", "methods, or *", count: 0...9, each: .word(HTTPMethod.allCases.map(\.rawValue) + ["*"]))
        allowHeaders = fields.list("allowHeaders", "request headers, or *", count: 0...64, each: .headerName)
        exposeHeaders = fields.list(
            "exposeHeaders", "response headers pages may read, or *", count: 0...64, each: .headerName)
        maxAge = fields.value("maxAge", default: 5, "seconds a preflight's answer may be kept", .atLeast(1))
        for (name, values) in [
            ("allowOrigins", allowOrigins), ("allowMethods", allowMethods), ("allowHeaders", allowHeaders),
        ] {
            fields.check(
                !(values.contains("*") && values.count > 1), at: name, "\"*\" beside other values",
                hint: "keep one of them")
        }
    }
}

extension FieldRule where Value == String {
    /// One of a few words.
    package static func word(_ words: [String]) -> FieldRule {
        FieldRule(keywords: [("enum", .list(words.map { .text($0) }))]) { word in
            words.contains(word) ? nil : NearestName.hint(word, among: words)
        }
    }

    /// An origin: scheme and host, perhaps with a port and a leading wildcard label; or `*`.
    package static var origin: FieldRule {
        text(1...253, nil, "write an origin such as https://app.example.com:8443, https://*.example.com or *") { text in
            if text == "*" { return true }
            guard let end = ["http://", "https://"].first(where: { text.hasPrefix($0) }) else { return false }
            let parts = text.dropFirst(end.count).split(separator: ":", omittingEmptySubsequences: false)
            guard let host = parts.first, parts.count <= 2 else { return false }
            if parts.count == 2 {
                guard let port = Int(parts[1]), (1...65535).contains(port) else { return false }
            }
            let name = host.hasPrefix("*.") ? String(host.dropFirst(2)) : String(host)
            return host == "*" || NameSyntax.isSubdomain(name.lowercased())
        }
    }
}

/// Read so that the rest of a route keeps its meaning; the analysis refuses it as unsupported.
package struct HTTPExternalAuthFilter: ConfigObject {
    package var `protocol`: String
    package var backendRef: BackendObjectReference

    package init(_ fields: FieldReader) {
        `protocol` = fields.required("protocol", "HTTP or GRPC", .word(["HTTP", "GRPC"]))
        backendRef = fields.required("backendRef", "the service to ask")
        for name in ["grpc", "http", "forwardBody"] {
            let _: ConfigNode? = fields.optional(name, "not supported")
        }
    }
}
