/// Where traffic enters (gateway.networking.k8s.io/v1).
package struct Gateway: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: GatewaySpec
}

package struct GatewaySpec: ConfigObject {
    package var gatewayClassName: String
    package var listeners: [GatewayListener]
    package var addresses: [GatewayAddress]
    package var infrastructure: GatewayInfrastructure?
    package var allowedListeners: AllowedListeners?
    package var tls: GatewayTLSConfig?
    package var defaultScope: GatewayDefaultScope?

    package init(_ fields: FieldReader) {
        gatewayClassName = fields.required("gatewayClassName", "the class; \"sluice\" is this gateway", .nonEmpty)
        listeners = fields.list("listeners", "where and how it listens", count: 1...64)
        addresses = fields.list("addresses", "addresses to listen on; all by default", count: 0...16)
        infrastructure = fields.optional("infrastructure", "notes for what is made on its behalf; kept, not used")
        allowedListeners = fields.optional("allowedListeners", "which ListenerSets may attach; kept, not used")
        tls = fields.optional("tls", "client certificates, towards clients and towards backends")
        defaultScope = fields.optional("defaultScope", "which routes without a parent attach here")
        var seen: Set<String> = []
        for (index, listener) in listeners.enumerated() {
            fields.check(
                seen.insert(listener.name).inserted, at: "listeners", .duplicateKey,
                "duplicate listener name \"\(listener.name)\" at index \(index)",
                hint: "give every listener of a gateway its own name")
        }
    }
}

package enum GatewayDefaultScope: String, ConfigEnum {
    case all = "All"
    case none = "None"
}

/// One address of a Gateway.
package struct GatewayAddress: ConfigObject {
    /// `IPAddress`, `Hostname`, `NamedAddress` or a domain-prefixed word.
    package var type: String
    package var value: String?

    package init(_ fields: FieldReader) {
        type = fields.value("type", default: "IPAddress", "IPAddress, Hostname or NamedAddress", .nonEmpty)
        value = fields.optional("value", "the address; any when left out", .length(0...253))
    }
}

package struct GatewayInfrastructure: ConfigObject {
    package var labels: [String: String]
    package var annotations: [String: String]
    package var parametersRef: LocalObjectReference?

    package init(_ fields: FieldReader) {
        labels = fields.map("labels", "labels to put on what is made", countMax: 8)
        annotations = fields.map("annotations", "annotations to put on what is made", countMax: 16)
        parametersRef = fields.optional("parametersRef", "an object with parameters of the class")
    }
}

package struct AllowedListeners: ConfigObject {
    package enum From: String, ConfigEnum {
        case none = "None"
        case all = "All"
        case same = "Same"
        case selector = "Selector"
    }

    package struct Namespaces: ConfigObject {
        package var from: From
        package var selector: LabelSelector?

        package init(_ fields: FieldReader) {
            from = fields.value("from", default: .none, "which namespaces")
            selector = fields.optional("selector", "with from: Selector, by the namespace's labels")
        }
    }

    package var namespaces: Namespaces?

    package init(_ fields: FieldReader) {
        namespaces = fields.optional("namespaces", "namespaces whose ListenerSets may attach")
    }
}

/// One listener: a port and protocol, perhaps for one host name.
package struct GatewayListener: ConfigObject {
    package var name: String
    package var hostname: Hostname?
    package var port: Int
    /// `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP` or a domain-prefixed word; judged by the analysis, because an
    /// unsupported protocol is a condition of the listener and not a broken document.
    package var `protocol`: String
    package var tls: ListenerTLSConfig?
    package var allowedRoutes: AllowedRoutes?

    package init(_ fields: FieldReader) {
        name = fields.required("name", "the listener's name, unique in the gateway", .name)
        let written: String? = fields.optional(
            "hostname", "only requests for this host; *.example.com for all below", .length(0...253))
        // The empty string means "any" in the Gateway API.
        let text = written ?? ""
        hostname = Hostname(text)
        fields.check(
            text.isEmpty || hostname != nil, at: "hostname", "invalid value \"\(text)\"",
            hint: "write a lower-case host name such as api.example.com or *.example.com")
        port = fields.required("port", "the port to listen on", .port)
        `protocol` = fields.required("protocol", "HTTP, HTTPS or TLS", .length(1...255))
        tls = fields.optional("tls", "certificates and mode, for HTTPS and TLS")
        allowedRoutes = fields.optional("allowedRoutes", "which routes may attach; same namespace by default")
        let hasTLS = fields.has("tls")
        fields.check(
            !(hasTLS && ["HTTP", "TCP", "UDP"].contains(`protocol`)), at: "tls",
            "tls on a listener with protocol \(`protocol`)", hint: "use protocol HTTPS, or leave tls out")
        fields.check(
            !(`protocol` == "HTTPS" && tls?.mode == .passthrough), at: "tls",
            "tls mode Passthrough with protocol HTTPS", hint: "use protocol TLS, or mode Terminate")
        fields.check(
            !(["TCP", "UDP"].contains(`protocol`) && hostname != nil), at: "hostname",
            "hostname on a listener with protocol \(`protocol`)", hint: "leave hostname out")
    }
}

package enum ListenerTLSMode: String, ConfigEnum {
    case terminate = "Terminate"
    case passthrough = "Passthrough"
}

package struct ListenerTLSConfig: ConfigObject {
    package var mode: ListenerTLSMode
    package var certificateRefs: [SecretObjectReference]
    package var options: [String: String]

    package init(_ fields: FieldReader) {
        mode = fields.value("mode", default: .terminate, "who ends TLS: the gateway or the backend")
        certificateRefs = fields.list("certificateRefs", "Secrets with tls.crt and tls.key", count: 0...64)
        options = fields.map("options", "settings of the implementation", countMax: 16)
        fields.check(
            mode == .passthrough || !certificateRefs.isEmpty || !options.isEmpty || fields.has("certificateRefs"),
            .missingField, "missing field \"certificateRefs\"",
            hint: "mode Terminate needs a certificate: certificateRefs: [{name: my-secret}]")
    }
}

package struct AllowedRoutes: ConfigObject {
    package var namespaces: RouteNamespaces?
    package var kinds: [RouteGroupKind]

    package init(_ fields: FieldReader) {
        namespaces = fields.optional("namespaces", "namespaces whose routes may attach")
        kinds = fields.list("kinds", "kinds of routes that may attach; all of the protocol by default", count: 0...8)
    }
}

package struct RouteNamespaces: ConfigObject {
    package enum From: String, ConfigEnum {
        case same = "Same"
        case all = "All"
        case selector = "Selector"
    }

    package var from: From
    package var selector: LabelSelector?

    package init(_ fields: FieldReader) {
        from = fields.value("from", default: .same, "which namespaces")
        selector = fields.optional("selector", "with from: Selector, by the namespace's labels")
        fields.check(
            from != .selector || selector != nil || fields.has("selector"), .missingField,
            "missing field \"selector\"", hint: "from: Selector needs selector.matchLabels")
    }
}

package struct RouteGroupKind: ConfigObject, Hashable {
    package var group: String
    package var kind: String

    package init(_ fields: FieldReader) {
        group = fields.value("group", default: ObjectKind.gatewayGroup, "the route's API group", .group)
        kind = fields.required("kind", "the route's kind", .kind)
    }
}

package struct GatewayTLSConfig: ConfigObject {
    package var backend: GatewayBackendTLS?
    package var frontend: FrontendTLSConfig?

    package init(_ fields: FieldReader) {
        backend = fields.optional("backend", "what the gateway shows to backends")
        frontend = fields.optional("frontend", "what the gateway asks of clients")
    }
}

package struct GatewayBackendTLS: ConfigObject {
    package var clientCertificateRef: SecretObjectReference?

    package init(_ fields: FieldReader) {
        clientCertificateRef = fields.optional("clientCertificateRef", "the client certificate shown to backends")
    }
}

package struct FrontendTLSConfig: ConfigObject {
    package var `default`: FrontendTLS
    package var perPort: [FrontendTLSPort]

    package init(_ fields: FieldReader) {
        `default` = fields.required("default", "for every port without its own entry")
        perPort = fields.list("perPort", "for single ports", count: 0...64)
        var seen: Set<Int> = []
        for entry in perPort {
            fields.check(
                seen.insert(entry.port).inserted, at: "perPort", .duplicateKey, "duplicate port \(entry.port)",
                hint: "one entry for each port")
        }
    }
}

package struct FrontendTLSPort: ConfigObject {
    package var port: Int
    package var tls: FrontendTLS

    package init(_ fields: FieldReader) {
        port = fields.required("port", "the port it is for", .port)
        tls = fields.required("tls", "what is asked of clients there")
    }
}

package struct FrontendTLS: ConfigObject {
    package var validation: FrontendValidation?

    package init(_ fields: FieldReader) {
        validation = fields.optional("validation", "how client certificates are checked; not asked for by default")
    }
}

package struct FrontendValidation: ConfigObject {
    package enum Mode: String, ConfigEnum {
        case allowValidOnly = "AllowValidOnly"
        case allowInsecureFallback = "AllowInsecureFallback"
    }

    package var caCertificateRefs: [ObjectReference]
    package var mode: Mode

    package init(_ fields: FieldReader) {
        caCertificateRefs = fields.list("caCertificateRefs", "ConfigMaps with ca.crt", count: 1...16)
        mode = fields.value("mode", default: .allowValidOnly, "whether a client without a valid one is let in")
    }
}
