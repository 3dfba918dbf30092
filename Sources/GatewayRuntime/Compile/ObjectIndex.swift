import GatewayModel

/// The objects of a configuration by kind and name, in an order that does not depend on how they were read.
struct ObjectIndex {
    /// Oldest first, then by name: the order in which conflicts are decided.
    private(set) var gateways: [Gateway] = []
    private(set) var routes: [HTTPRoute] = []
    private(set) var policies: [TrafficPolicy] = []
    private(set) var listenerPolicies: [ListenerPolicy] = []
    private(set) var grants: [ReferenceGrant] = []
    private(set) var classes: [GatewayClass] = []
    private(set) var services: [String: Service] = [:]
    private(set) var slices: [String: [EndpointSlice]] = [:]
    private(set) var secrets: [String: SecretObject] = [:]
    private(set) var configMaps: [String: ConfigMap] = [:]
    private(set) var namespaceLabels: [String: [String: String]] = [:]
    private(set) var backends: [String: Backend] = [:]
    private(set) var directResponses: [String: DirectResponse] = [:]
    private(set) var identityProviders: [String: IdentityProvider] = [:]
    private(set) var credentialSources: [String: CredentialSource] = [:]
    private(set) var modelProviders: [String: ModelProvider] = [:]
    private(set) var modelCatalogs: [ModelCatalog] = []
    private(set) var accessPolicies: [ModelAccessPolicy] = []
    private(set) var budgetPolicies: [BudgetPolicy] = []
    private(set) var mcpServers: [MCPServer] = []
    private(set) var toolPolicies: [ToolAccessPolicy] = []
    private(set) var toolGovernance: [MCPToolPolicy] = []
    private var documents: [ObjectKey: ConfigNode] = [:]

    init(_ objects: [GatewayObject]) {
        for object in objects {
            documents[object.key] = object.document
            add(object.content)
        }
        gateways.sort { ObjectIndex.precedes($0.metadata, $1.metadata) }
        routes.sort { ObjectIndex.precedes($0.metadata, $1.metadata) }
        policies.sort { ObjectIndex.precedes($0.metadata, $1.metadata) }
        listenerPolicies.sort { ObjectIndex.precedes($0.metadata, $1.metadata) }
        modelCatalogs.sort { ObjectIndex.precedes($0.metadata, $1.metadata) }
        accessPolicies.sort { ObjectIndex.precedes($0.metadata, $1.metadata) }
        budgetPolicies.sort { ObjectIndex.precedes($0.metadata, $1.metadata) }
        // By name: what a list shows must not depend on ages.
        mcpServers.sort { $0.metadata.qualifiedName < $1.metadata.qualifiedName }
        toolPolicies.sort { ObjectIndex.precedes($0.metadata, $1.metadata) }
        for key in Array(slices.keys) {
            slices[key]?.sort { $0.metadata.qualifiedName < $1.metadata.qualifiedName }
        }
    }

    private mutating func add(_ content: GatewayObject.Content) {
        switch content {
        case .gatewayClass(let object): classes.append(object)
        case .gateway(let object): gateways.append(object)
        case .httpRoute(let object): routes.append(object)
        case .referenceGrant(let object): grants.append(object)
        case .service(let object): services[object.metadata.qualifiedName] = object
        case .endpointSlice(let object):
            guard let service = object.serviceName else { return }
            slices["\(object.metadata.namespace)/\(service)", default: []].append(object)
        case .secret(let object): secrets[object.metadata.qualifiedName] = object
        case .configMap(let object): configMaps[object.metadata.qualifiedName] = object
        case .namespace(let object): namespaceLabels[object.metadata.name] = object.metadata.labels
        case .backend(let object): backends[object.metadata.qualifiedName] = object
        case .trafficPolicy(let object): policies.append(object)
        case .listenerPolicy(let object): listenerPolicies.append(object)
        case .identityProvider(let object): identityProviders[object.metadata.qualifiedName] = object
        case .directResponse(let object): directResponses[object.metadata.qualifiedName] = object
        case .credentialSource(let object): credentialSources[object.metadata.qualifiedName] = object
        case .modelProvider(let object): modelProviders[object.metadata.qualifiedName] = object
        case .modelCatalog(let object): modelCatalogs.append(object)
        case .modelAccessPolicy(let object): accessPolicies.append(object)
        case .budgetPolicy(let object): budgetPolicies.append(object)
        case .mcpServer(let object): mcpServers.append(object)
        case .toolAccessPolicy(let object): toolPolicies.append(object)
        case .mcpToolPolicy(let object): toolGovernance.append(object)
        // For the gateway's log, not for its data plane.
        case .auditPolicy: break
        }
    }

    /// Where a part of an object was written.
    func position(_ key: ObjectKey, _ path: ConfigPath) -> SourcePosition {
        documents[key]?.position(at: path) ?? ConfigNode.nowhere
    }

    /// Whether that part of an object was written as a list.
    func isList(_ key: ObjectKey, _ path: ConfigPath) -> Bool { documents[key]?.node(at: path)?.elements != nil }

    /// The labels of a namespace; the name label that Kubernetes sets is always there.
    func labels(ofNamespace name: String) -> [String: String] {
        var labels = namespaceLabels[name] ?? [:]
        labels["kubernetes.io/metadata.name"] = name
        return labels
    }

    /// Older goes first, then `namespace/name`; an object without a time counts as young.
    static func precedes(_ left: ObjectMeta, _ right: ObjectMeta) -> Bool {
        let (a, b) = (left.createdSeconds, right.createdSeconds)
        return a != b ? a < b : left.qualifiedName < right.qualifiedName
    }
}

extension ObjectMeta {
    /// The creation time as a number that grows with time (its digits); `.max` without one.
    var createdSeconds: Int64 {
        guard let text = creationTimestamp else { return .max }
        return Int64(text.filter { $0.isASCII && $0.isNumber }.prefix(14)) ?? .max
    }
}
