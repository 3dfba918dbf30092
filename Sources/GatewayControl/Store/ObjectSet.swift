package import GatewayModel

/// A whole configuration: every object once, in a fixed order. Immutable.
package struct ObjectSet: Sendable {
    /// Sorted by key.
    package let objects: [GatewayObject]
    private let places: [ObjectKey: Int]

    package static let empty = ObjectSet(unique: [])

    /// Of several objects with one key the first stays; each other one is reported with both places.
    package init(_ objects: [GatewayObject], diagnostics: inout [Diagnostic]) {
        var unique: [GatewayObject] = []
        var first: [ObjectKey: SourcePosition] = [:]
        for object in objects {
            if let place = first[object.key] {
                diagnostics.append(
                    Diagnostic(
                        .duplicateObject, at: object.position, "duplicate object \(object.key)",
                        hint: "it is defined at \(place) already; remove or rename one", object: object.key))
                continue
            }
            first[object.key] = object.position
            unique.append(object)
        }
        self.init(unique: unique)
    }

    /// For objects whose keys are known to differ.
    init(unique objects: [GatewayObject]) {
        self.objects = objects.sorted { $0.key < $1.key }
        places = Dictionary(
            self.objects.enumerated().map { ($0.element.key, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    package var isEmpty: Bool { objects.isEmpty }

    /// These with others laid over them: what both have is the other's.
    package func overlaid(by other: ObjectSet) -> ObjectSet {
        ObjectSet(unique: objects.filter { other[$0.key] == nil } + other.objects)
    }
    package var count: Int { objects.count }

    package subscript(key: ObjectKey) -> GatewayObject? { places[key].map { objects[$0] } }

    package func objects(of kind: ObjectKind) -> [GatewayObject] { objects.filter { $0.kind == kind } }

    package var gateways: [Gateway] { objects.compactMap { if case .gateway(let it) = $0.content { it } else { nil } } }
    package var httpRoutes: [HTTPRoute] {
        objects.compactMap { if case .httpRoute(let it) = $0.content { it } else { nil } }
    }
    package var referenceGrants: [ReferenceGrant] {
        objects.compactMap { if case .referenceGrant(let it) = $0.content { it } else { nil } }
    }
    package var endpointSlices: [EndpointSlice] {
        objects.compactMap { if case .endpointSlice(let it) = $0.content { it } else { nil } }
    }
    package var services: [Service] { objects.compactMap { if case .service(let it) = $0.content { it } else { nil } } }
    package var backends: [Backend] { objects.compactMap { if case .backend(let it) = $0.content { it } else { nil } } }
    package var secrets: [SecretObject] {
        objects.compactMap { if case .secret(let it) = $0.content { it } else { nil } }
    }
    package var configMaps: [ConfigMap] {
        objects.compactMap { if case .configMap(let it) = $0.content { it } else { nil } }
    }
    package var namespaces: [Namespace] {
        objects.compactMap { if case .namespace(let it) = $0.content { it } else { nil } }
    }
    package var trafficPolicies: [TrafficPolicy] {
        objects.compactMap { if case .trafficPolicy(let it) = $0.content { it } else { nil } }
    }
    package var listenerPolicies: [ListenerPolicy] {
        objects.compactMap { if case .listenerPolicy(let it) = $0.content { it } else { nil } }
    }
    package var identityProviders: [IdentityProvider] {
        objects.compactMap { if case .identityProvider(let it) = $0.content { it } else { nil } }
    }
    package var directResponses: [DirectResponse] {
        objects.compactMap { if case .directResponse(let it) = $0.content { it } else { nil } }
    }

    package var modelProviders: [ModelProvider] {
        objects.compactMap { if case .modelProvider(let it) = $0.content { it } else { nil } }
    }
    package var modelCatalogs: [ModelCatalog] {
        objects.compactMap { if case .modelCatalog(let it) = $0.content { it } else { nil } }
    }
    package var budgetPolicies: [BudgetPolicy] {
        objects.compactMap { if case .budgetPolicy(let it) = $0.content { it } else { nil } }
    }

    package var auditPolicies: [AuditPolicy] {
        objects.compactMap { if case .auditPolicy(let it) = $0.content { it } else { nil } }
    }

    package func gateway(_ namespace: String, _ name: String) -> Gateway? {
        if case .gateway(let it)? = self[ObjectKey(.gateway, namespace: namespace, name: name)]?.content {
            it
        } else {
            nil
        }
    }
    package func service(_ namespace: String, _ name: String) -> Service? {
        if case .service(let it)? = self[ObjectKey(.service, namespace: namespace, name: name)]?.content {
            it
        } else {
            nil
        }
    }
    package func backend(_ namespace: String, _ name: String) -> Backend? {
        if case .backend(let it)? = self[ObjectKey(.backend, namespace: namespace, name: name)]?.content {
            it
        } else {
            nil
        }
    }
    package func secret(_ namespace: String, _ name: String) -> SecretObject? {
        if case .secret(let it)? = self[ObjectKey(.secret, namespace: namespace, name: name)]?.content {
            it
        } else {
            nil
        }
    }
    package func configMap(_ namespace: String, _ name: String) -> ConfigMap? {
        if case .configMap(let it)? = self[ObjectKey(.configMap, namespace: namespace, name: name)]?.content {
            it
        } else {
            nil
        }
    }
    package func directResponse(_ namespace: String, _ name: String) -> DirectResponse? {
        if case .directResponse(let it)? = self[ObjectKey(.directResponse, namespace: namespace, name: name)]?.content {
            it
        } else {
            nil
        }
    }

    /// The labels of a namespace; one without an object has only its name, as Kubernetes would set it.
    package func namespaceLabels(_ name: String) -> [String: String] {
        if case .namespace(let it)? = self[ObjectKey(.namespace, name: name)]?.content {
            return it.metadata.labels.merging(["kubernetes.io/metadata.name": name]) { _, new in new }
        }
        return ["kubernetes.io/metadata.name": name]
    }
}
