/// A Kubernetes Service: ports, and through its EndpointSlices the addresses behind them.
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
