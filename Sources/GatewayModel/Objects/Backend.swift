/// An upstream that is not a Kubernetes Service (sluice.dev/v1alpha1).
package struct Backend: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: BackendSpec
}

package enum BackendProtocol: String, ConfigEnum {
    case http
    /// HTTP/2 without TLS, by prior knowledge.
    case h2c
    /// HTTP/1.1 over TLS.
    case https
    /// HTTP/2 over TLS.
    case h2
    package var usesTLS: Bool { self == .https || self == .h2 }
}

package struct BackendSpec: ConfigObject {
    package var endpoints: [BackendEndpoint]
    package var `protocol`: BackendProtocol
    package var tls: BackendTLS?
    package var healthCheck: HealthCheck?

    package init(_ fields: FieldReader) {
        endpoints = fields.list("endpoints", "where it runs", count: 1...4096)
        `protocol` = fields.value(
            "protocol", default: .http, "what it speaks; WebSocket and other upgrades work over http and https")
        tls = fields.optional("tls", "how its certificate is checked, for https and h2")
        healthCheck = fields.optional("healthCheck", "ask each endpoint how it is")
        fields.check(
            !fields.has("tls") || `protocol`.usesTLS, at: "tls", "tls with protocol \(`protocol`.rawValue)",
            hint: "set protocol: https or h2, or remove tls")
    }
}

package struct BackendEndpoint: ConfigObject, Hashable {
    /// A host name (resolved again and again) or an IP address.
    package var host: String
    package var port: Int
    package var weight: Int

    package init(_ fields: FieldReader) {
        host = fields.required("host", "a host name or an IP address", .host)
        port = fields.required("port", "the port", .port)
        weight = fields.value("weight", default: 1, "its share among the endpoints", .range(0...1_000_000))
    }
}

extension FieldRule where Value == String {
    /// A host name or an IP address, without port.
    package static var host: FieldRule {
        text(1...253, nil, "write a host name or an IP address, without port or scheme") { text in
            CIDR.addressBytes(text) != nil || NameSyntax.isSubdomain(text.lowercased())
        }
    }
}

package enum TLSVersion: String, ConfigEnum {
    case v12 = "TLSv1.2"
    case v13 = "TLSv1.3"
}

package struct BackendTLS: ConfigObject {
    package var serverName: String?
    package var caCertificateRefs: [ObjectReference]
    package var clientCertificateRef: SecretObjectReference?
    package var minVersion: TLSVersion

    package init(_ fields: FieldReader) {
        serverName = fields.optional("serverName", "the name its certificate must carry, and the SNI", .host)
        caCertificateRefs = fields.list(
            "caCertificateRefs", "ConfigMaps or Secrets with ca.crt; the system's by default", count: 0...16)
        clientCertificateRef = fields.optional("clientCertificateRef", "the client certificate shown to it")
        minVersion = fields.value("minVersion", default: .v12, "the oldest TLS version")
    }
}

/// Active health checks.
package struct HealthCheck: ConfigObject {
    package var path: String
    package var interval: ConfigDuration
    package var timeout: ConfigDuration
    package var healthyThreshold: Int
    package var unhealthyThreshold: Int
    package var expectedStatuses: [Int]

    package init(_ fields: FieldReader) {
        path = fields.value("path", default: "/", "what is asked, by GET", .requestTarget)
        interval = fields.value(
            "interval", default: ConfigDuration(milliseconds: 10_000), shown: .text("10s"), "how often", .positive)
        timeout = fields.value(
            "timeout", default: ConfigDuration(milliseconds: 1_000), shown: .text("1s"), "when no answer is a bad one",
            .positive)
        healthyThreshold = fields.value(
            "healthyThreshold", default: 2, "good answers until it is healthy", .range(1...100))
        unhealthyThreshold = fields.value(
            "unhealthyThreshold", default: 3, "bad answers until it is not", .range(1...100))
        expectedStatuses =
            fields.optionalList("expectedStatuses", "good answers; 200 by default", count: 1...64, each: .httpStatus)
            ?? [200]
    }
}

extension FieldRule where Value == String {
    /// A path with perhaps a query, in the bytes a request line may have.
    package static var requestTarget: FieldRule {
        text(1...2048, "^/", "must start with / and be visible ASCII") { text in
            text.hasPrefix("/") && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        }
    }
}
