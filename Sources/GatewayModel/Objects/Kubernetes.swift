/// Lets namespaces refer to objects of its own namespace.
package struct ReferenceGrant: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: ReferenceGrantSpec
}

package struct ReferenceGrantSpec: ConfigObject {
    package struct From: ConfigObject, Hashable {
        package var group: String
        package var kind: String
        package var namespace: String

        package init(_ fields: FieldReader) {
            group = fields.required("group", "the referring object's API group", .group)
            kind = fields.required("kind", "the referring object's kind", .kind)
            namespace = fields.required("namespace", "the referring object's namespace", .label)
        }
    }

    package struct To: ConfigObject, Hashable {
        package var group: String
        package var kind: String
        package var name: String?

        package init(_ fields: FieldReader) {
            group = fields.required("group", "the target's API group; empty for core", .group)
            kind = fields.required("kind", "the target's kind", .kind)
            name = fields.optional("name", "one target; all of the kind by default", .nonEmpty)
        }
    }

    package var from: [From]
    package var to: [To]

    package init(_ fields: FieldReader) {
        from = fields.list("from", "who may refer", count: 1...16)
        to = fields.list("to", "to what", count: 1...16)
    }
}

/// Tolerated: the class says nothing about routing.
package struct GatewayClass: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: GatewayClassSpec
}

package struct GatewayClassSpec: ConfigObject {
    package var controllerName: String
    package var description: String?

    package init(_ fields: FieldReader) {
        controllerName = fields.required("controllerName", "who serves gateways of the class", .nonEmpty)
        description = fields.optional("description", "for people")
        let _: ConfigNode? = fields.optional("parametersRef", "kept, not used")
    }
}

package struct Namespace: Sendable, Equatable {
    package var metadata: ObjectMeta
}

package struct ConfigMap: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var data: [String: String]
    package var binaryData: [String: Base64Bytes]
}

/// A Kubernetes Secret. Its values cannot be printed.
package struct SecretObject: Sendable {
    package var metadata: ObjectMeta
    package var type: String
    package var data: [String: Secret]
}

package struct Service: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: ServiceSpec
}

package struct ServiceSpec: ConfigObject {
    package var type: String
    package var clusterIP: String?
    package var clusterIPs: [String]
    package var externalName: String?
    package var selector: [String: String]
    package var ports: [ServicePort]

    package init(_ fields: FieldReader) {
        type = fields.value("type", default: "ClusterIP", "ClusterIP, NodePort, LoadBalancer or ExternalName")
        clusterIP = fields.optional("clusterIP", "None for a headless service")
        clusterIPs = fields.list("clusterIPs", "all cluster addresses")
        externalName = fields.optional("externalName", "read, never routed to (CVE-2021-25740)")
        selector = fields.map("selector", "the pods behind it")
        ports = fields.list("ports", "its ports")
        // A Service comes from a cluster with many more fields; none of them concerns routing.
        fields.tolerateUnknown()
    }
}

package struct ServicePort: ConfigObject {
    package var name: String?
    package var port: Int
    package var `protocol`: String
    package var appProtocol: String?
    /// A number or a port name.
    package var targetPort: IntOrString?

    package init(_ fields: FieldReader) {
        name = fields.optional("name", "the port's name")
        port = fields.required("port", "the port", .port)
        `protocol` = fields.value("protocol", default: "TCP", "TCP, UDP or SCTP")
        appProtocol = fields.optional("appProtocol", "kubernetes.io/h2c, kubernetes.io/ws, …")
        targetPort = fields.optional("targetPort", "the pod's port, by number or name")
        let _: Int? = fields.optional("nodePort", "kept, not used")
    }
}

package enum IntOrString: ConfigValue, Hashable {
    case number(Int)
    case name(String)

    package static func decode(_ value: ValueReader) -> IntOrString? {
        switch value.node.value {
        case .string(let text): return .name(text)
        case .number: return Int.decode(value).map { .number($0) }
        default:
            value.reportWrongType(expected: "an integer or a string")
            return nil
        }
    }
    package static var placeholder: IntOrString { .number(0) }
    package static var schema: ConfigNode { .object([("type", .list([.text("integer"), .text("string")]))]) }
}

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
