/// The addresses behind a Service (discovery.k8s.io/v1).
package struct EndpointSlice: Sendable, Equatable {
    package struct Conditions: ConfigObject {
        package var ready: Bool?
        package var serving: Bool?
        package var terminating: Bool?

        package init(_ fields: FieldReader) {
            ready = fields.optional("ready", "may get requests; unknown counts as ready")
            serving = fields.optional("serving", "answers")
            terminating = fields.optional("terminating", "is going away")
        }
    }

    package struct Endpoint: ConfigObject {
        package var addresses: [String]
        package var conditions: Conditions?
        package var hostname: String?
        package var zone: String?

        package init(_ fields: FieldReader) {
            addresses = fields.list("addresses", "the endpoint's addresses; the first is used", count: 1...100)
            conditions = fields.optional("conditions", "its state")
            hostname = fields.optional("hostname", "its host name")
            zone = fields.optional("zone", "where it runs")
            fields.tolerateUnknown()
        }

        /// An endpoint without a word about readiness is ready.
        package var isReady: Bool { conditions?.ready ?? true }
    }

    package struct Port: ConfigObject {
        package var name: String?
        package var port: Int?
        package var `protocol`: String
        package var appProtocol: String?

        package init(_ fields: FieldReader) {
            name = fields.optional("name", "the Service port's name")
            port = fields.optional("port", "the endpoints' port", .port)
            `protocol` = fields.value("protocol", default: "TCP", "TCP, UDP or SCTP")
            appProtocol = fields.optional("appProtocol", "the protocol inside")
        }
    }

    package static let serviceNameLabel = "kubernetes.io/service-name"

    package var metadata: ObjectMeta
    /// `IPv4`, `IPv6` or `FQDN`.
    package var addressType: String
    package var endpoints: [Endpoint]
    package var ports: [Port]

    /// The Service it belongs to, by its label.
    package var serviceName: String? { metadata.labels[Self.serviceNameLabel] }
}
