/// Every kind the gateway reads.
package enum ObjectKind: String, Sendable, CaseIterable {
    case gatewayClass = "GatewayClass"
    case gateway = "Gateway"
    case httpRoute = "HTTPRoute"
    case referenceGrant = "ReferenceGrant"
    case service = "Service"
    case endpointSlice = "EndpointSlice"
    case secret = "Secret"
    case configMap = "ConfigMap"
    case namespace = "Namespace"
    case backend = "Backend"
    case trafficPolicy = "TrafficPolicy"
    case listenerPolicy = "ListenerPolicy"
    case identityProvider = "IdentityProvider"
    case credentialSource = "CredentialSource"
    case directResponse = "DirectResponse"
    case modelProvider = "ModelProvider"
    case modelCatalog = "ModelCatalog"
    case modelAccessPolicy = "ModelAccessPolicy"
    case budgetPolicy = "BudgetPolicy"
    case mcpServer = "MCPServer"
    case toolAccessPolicy = "ToolAccessPolicy"
    case mcpToolPolicy = "MCPToolPolicy"
    case auditPolicy = "AuditPolicy"

    package static let gatewayGroup = "gateway.networking.k8s.io"
    package static let sluiceGroup = "sluice.dev"

    package var group: String {
        switch self {
        case .gatewayClass, .gateway, .httpRoute, .referenceGrant: Self.gatewayGroup
        case .service, .secret, .configMap, .namespace: ""
        case .endpointSlice: "discovery.k8s.io"
        case .backend, .trafficPolicy, .listenerPolicy, .identityProvider, .directResponse, .modelProvider,
            .modelCatalog, .modelAccessPolicy, .budgetPolicy, .mcpServer, .toolAccessPolicy, .mcpToolPolicy,
            .auditPolicy, .credentialSource:
            Self.sluiceGroup
        }
    }

    /// Versions read, the preferred one first.
    package var versions: [String] {
        switch self {
        case .gatewayClass, .gateway, .httpRoute, .referenceGrant: ["v1", "v1beta1"]
        case .service, .secret, .configMap, .namespace, .endpointSlice: ["v1"]
        case .backend, .trafficPolicy, .listenerPolicy, .identityProvider, .directResponse, .modelProvider,
            .modelCatalog, .modelAccessPolicy, .budgetPolicy, .mcpServer, .toolAccessPolicy, .mcpToolPolicy,
            .auditPolicy, .credentialSource:
            ["v1alpha1"]
        }
    }

    /// The preferred `apiVersion`.
    package var apiVersion: String {
        group.isEmpty ? versions[0] : "\(group)/\(versions[0])"
    }

    package var apiVersions: [String] { versions.map { group.isEmpty ? $0 : "\(group)/\($0)" } }

    package var isNamespaced: Bool { self != .gatewayClass && self != .namespace }

    /// The lower-case plural, as in a resource path and on a command line.
    package var plural: String {
        switch self {
        case .gatewayClass: "gatewayclasses"
        case .trafficPolicy: "trafficpolicies"
        case .listenerPolicy: "listenerpolicies"
        case .modelAccessPolicy: "modelaccesspolicies"
        case .budgetPolicy: "budgetpolicies"
        case .toolAccessPolicy: "toolaccesspolicies"
        case .mcpToolPolicy: "mcptoolpolicies"
        case .auditPolicy: "auditpolicies"
        default: rawValue.lowercased() + "s"
        }
    }

    package init?(group: String, kind: String) {
        guard let found = Self(rawValue: kind), found.group == group else { return nil }
        self = found
    }

    /// Finds a kind by any name a person would type: `HTTPRoute`, `httproute`, `httproutes`.
    package init?(word: String) {
        let word = word.lowercased()
        guard let found = Self.allCases.first(where: { $0.rawValue.lowercased() == word || $0.plural == word }) else {
            return nil
        }
        self = found
    }
}
