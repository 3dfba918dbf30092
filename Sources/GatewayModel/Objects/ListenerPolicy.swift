/// How a gateway's listeners treat connections (sluice.dev/v1alpha1).
package struct ListenerPolicy: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: ListenerPolicySpec
}

package struct ListenerPolicySpec: ConfigObject {
    package var targetRefs: [PolicyTargetReference]
    /// Peers whose `Forwarded` and `X-Forwarded-*` are believed.
    package var trustedHops: TrustedHops?
    package var proxyProtocol: ProxyProtocol?
    package var http2: HTTP2Options?
    package var tls: ListenerTLSOptions?
    /// Keep sending after the client has finished sending.
    package var halfClose: Bool
    package var connectionsMax: Int?
    package var headTimeout: ConfigDuration?
    package var idleTimeout: ConfigDuration?

    package init(_ fields: FieldReader) {
        targetRefs = fields.list("targetRefs", "Gateways, or one listener by sectionName", count: 1...16)
        trustedHops = fields.optional(
            "trustedHops", "whose Forwarded and X-Forwarded-* headers are believed; no one's by default")
        proxyProtocol = fields.optional("proxyProtocol", "expect a PROXY protocol header, version 1 or 2")
        http2 = fields.optional("http2", "HTTP/2 settings")
        tls = fields.optional("tls", "TLS settings")
        halfClose = fields.value("halfClose", default: false, "keep answering after the client's side has closed")
        connectionsMax = fields.optional("connectionsMax", "connections at once", .atLeast(1))
        headTimeout = fields.optional("headTimeout", "until a request's head is complete", .positive)
        idleTimeout = fields.optional("idleTimeout", "a connection without a request", .positive)
    }
}

package struct TrustedHops: ConfigObject {
    /// How many hops, counted from our side, are trusted.
    package var count: Int
    /// The addresses hops must come from; empty means any address, up to `count`.
    package var from: [CIDR]

    package init(_ fields: FieldReader) {
        count = fields.value("count", default: 1, "how many proxies stand before the gateway", .range(0...16))
        from = fields.list("from", "addresses of those proxies", count: 0...256)
    }
}

package struct ProxyProtocol: ConfigObject {
    package enum Mode: String, ConfigEnum {
        case required = "Required"
        case optional = "Optional"
    }

    package var mode: Mode
    package var trustedFrom: [CIDR]

    package init(_ fields: FieldReader) {
        mode = fields.value("mode", default: .required, "whether a connection without the header is refused")
        trustedFrom = fields.list("trustedFrom", "addresses that may send the header", count: 1...256)
    }
}

package struct HTTP2Options: ConfigObject {
    package var enabled: Bool
    /// HTTP/2 without TLS, by prior knowledge.
    package var h2c: Bool
    package var streamsMax: Int?

    package init(_ fields: FieldReader) {
        enabled = fields.value("enabled", default: true, "offer h2 in TLS")
        h2c = fields.value("h2c", default: true, "accept HTTP/2 without TLS")
        streamsMax = fields.optional("streamsMax", "streams at once on a connection", .range(1...10_000))
    }
}

package struct ListenerTLSOptions: ConfigObject {
    package var minVersion: TLSVersion

    package init(_ fields: FieldReader) {
        minVersion = fields.value("minVersion", default: .v12, "the oldest TLS version")
    }
}
