/// One object of a configuration: its typed form, and the document it was read from.
package struct GatewayObject: Sendable, CustomStringConvertible, CustomReflectable {
    /// The closed set of kinds.
    package enum Content: Sendable {
        case gatewayClass(GatewayClass)
        case gateway(Gateway)
        case httpRoute(HTTPRoute)
        case referenceGrant(ReferenceGrant)
        case service(Service)
        case endpointSlice(EndpointSlice)
        case secret(SecretObject)
        case configMap(ConfigMap)
        case namespace(Namespace)
        case backend(Backend)
        case trafficPolicy(TrafficPolicy)
        case listenerPolicy(ListenerPolicy)
        case identityProvider(IdentityProvider)
        case credentialSource(CredentialSource)
        case directResponse(DirectResponse)
        case modelProvider(ModelProvider)
        case modelCatalog(ModelCatalog)
        case modelAccessPolicy(ModelAccessPolicy)
        case budgetPolicy(BudgetPolicy)
        case mcpServer(MCPServer)
        case toolAccessPolicy(ToolAccessPolicy)
        case mcpToolPolicy(MCPToolPolicy)
        case auditPolicy(AuditPolicy)
    }

    package var content: Content
    package var kind: ObjectKind
    package var metadata: ObjectMeta
    /// As written, with places. A Secret's document holds its values: render it through `Format` only.
    package var document: ConfigNode

    package var key: ObjectKey { ObjectKey(kind, namespace: metadata.namespace, name: metadata.name) }
    package var position: SourcePosition { document.position }
    /// The key alone: the document may hold secrets.
    package var description: String { key.description }
    package var customMirror: Mirror { Mirror(self, children: ["key": key]) }
}

extension GatewayObject {
    /// Older first; without ages by namespace and name, as the Gateway API settles every conflict.
    package static func isOlder(_ left: GatewayObject, _ right: GatewayObject) -> Bool {
        if let one = left.metadata.creationTimestamp, let other = right.metadata.creationTimestamp, one != other {
            return one < other
        }
        return left.key < right.key
    }
}
