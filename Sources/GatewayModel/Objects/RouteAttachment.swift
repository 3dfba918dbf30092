/// Why a parent did not take a route; the words are the Gateway API's.
package enum AttachmentRefusal: String, Sendable, Error {
    case noMatchingParent = "NoMatchingParent"
    case notAllowedByListeners = "NotAllowedByListeners"
    case noMatchingListenerHostname = "NoMatchingListenerHostname"
}

/// A listener that took a route, and the host names the route has there.
package struct RouteAttachment: Sendable, Equatable {
    /// The listener's place in `gateway.spec.listeners`.
    package var listenerIndex: Int
    package var listenerName: String
    /// The narrower of the listener's and the route's names; empty means every host.
    package var hostnames: [Hostname]

    /// Which listeners of `gateway` take a route with this parent reference; any listener without one.
    /// `namespaceLabels` gives the labels of the route's namespace.
    package static func resolve(
        _ reference: ParentReference?, routeKind: RouteGroupKind.Name, routeNamespace: String, hostnames: [Hostname],
        gateway: Gateway, namespaceLabels: [String: String]
    ) -> Result<[RouteAttachment], AttachmentRefusal> {
        let named = gateway.spec.listeners.enumerated().filter { _, listener in
            (reference?.sectionName ?? listener.name) == listener.name
                && (reference?.port ?? listener.port) == listener.port
        }
        if named.isEmpty { return .failure(.noMatchingParent) }
        let allowing = named.filter { _, listener in
            listener.allows(
                routeKind, from: routeNamespace, gatewayNamespace: gateway.metadata.namespace, labels: namespaceLabels)
        }
        if allowing.isEmpty { return .failure(.notAllowedByListeners) }
        let attached = allowing.compactMap { index, listener -> RouteAttachment? in
            guard let names = listener.effectiveHostnames(hostnames) else { return nil }
            return RouteAttachment(listenerIndex: index, listenerName: listener.name, hostnames: names)
        }
        return attached.isEmpty ? .failure(.noMatchingListenerHostname) : .success(attached)
    }
}

extension RouteGroupKind {
    /// A route kind by group and name, without a document behind it.
    package struct Name: Sendable, Hashable {
        package var group: String
        package var kind: String

        package init(group: String, kind: String) {
            self.group = group
            self.kind = kind
        }

        package static let httpRoute = Name(group: ObjectKind.gatewayGroup, kind: "HTTPRoute")
        package static let grpcRoute = Name(group: ObjectKind.gatewayGroup, kind: "GRPCRoute")
    }
}

extension GatewayListener {
    /// The kinds of routes its protocol can carry.
    package var protocolKinds: [RouteGroupKind.Name] {
        switch `protocol` {
        case "HTTP", "HTTPS": [.httpRoute, .grpcRoute]
        case "TLS": [RouteGroupKind.Name(group: ObjectKind.gatewayGroup, kind: "TLSRoute")]
        case "TCP": [RouteGroupKind.Name(group: ObjectKind.gatewayGroup, kind: "TCPRoute")]
        case "UDP": [RouteGroupKind.Name(group: ObjectKind.gatewayGroup, kind: "UDPRoute")]
        default: []
        }
    }

    func allows(
        _ kind: RouteGroupKind.Name, from namespace: String, gatewayNamespace: String, labels: [String: String]
    ) -> Bool {
        let kinds = allowedRoutes?.kinds ?? []
        guard protocolKinds.contains(kind),
            kinds.isEmpty || kinds.contains(where: { $0.group == kind.group && $0.kind == kind.kind })
        else { return false }
        switch allowedRoutes?.namespaces?.from ?? .same {
        case .all: return true
        case .same: return namespace == gatewayNamespace
        case .selector: return allowedRoutes?.namespaces?.selector?.matches(labels) ?? false
        }
    }

    /// The names a route with `hostnames` has here, or nil when none meets the listener's.
    package func effectiveHostnames(_ hostnames: [Hostname]) -> [Hostname]? {
        guard let own = hostname else { return hostnames }
        if hostnames.isEmpty { return [own] }
        var seen: Set<Hostname> = []
        let common = hostnames.compactMap { own.intersection($0) }.filter { seen.insert($0).inserted }
        return common.isEmpty ? nil : common
    }
}
