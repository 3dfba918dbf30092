/// What became of one document.
package enum DecodedDocument: Sendable {
    /// Taken whole; warnings may still have been reported.
    case object(GatewayObject)
    /// A well-known kind that the gateway has no use for.
    case ignored
    /// Broken; the key is there when it could be read, so that references to it are not called dangling.
    case refused(ObjectKey?)
}

extension GatewayObject {
    /// Kinds that stand beside ours in the same files and mean nothing to a gateway.
    package static let ignoredKinds: Set<String> = [
        "ClusterRole", "ClusterRoleBinding", "CronJob", "CustomResourceDefinition", "DaemonSet", "Deployment",
        "HorizontalPodAutoscaler", "Job", "Kustomization", "NetworkPolicy", "PersistentVolume", "PersistentVolumeClaim",
        "Pod", "PodDisruptionBudget", "ReplicaSet", "Role", "RoleBinding", "ServiceAccount", "StatefulSet",
    ]

    /// Reads one document, adding every finding to `diagnostics`.
    package static func decode(_ document: ConfigNode, diagnostics: inout [Diagnostic]) -> DecodedDocument {
        let sink = DiagnosticSink()
        defer { diagnostics += sink.diagnostics }
        guard let fields = document.fields else {
            ValueReader(document, path: .root, sink: sink).reportWrongType(expected: "an object")
            return .refused(nil)
        }
        let header = FieldReader(fields, at: document.position, path: .root, sink: sink)
        let apiVersion: String = header.required("apiVersion", "the object's group and version, such as v1")
        let kindName: String = header.required("kind", "the object's kind, such as HTTPRoute")
        header.tolerateUnknown()
        header.finish()
        guard !apiVersion.isEmpty, !kindName.isEmpty else { return .refused(nil) }
        guard let kind = resolve(apiVersion, kindName, document, sink) else {
            if !sink.diagnostics.hasErrors { return .ignored }
            return .refused(meantKey(kindName, document))
        }
        // The label must be right before anything inside the object is judged.
        let written = document["metadata"]
        let name = written?["name"]?.string ?? ""
        let namespace = written?["namespace"]?.string ?? ObjectMeta.defaultNamespace
        let key = ObjectKey(kind, namespace: namespace, name: name)
        sink.object = name.isEmpty ? nil : key
        sink.label = name.isEmpty ? kind.rawValue : key.description

        let reader = FieldReader(fields, at: document.position, path: .root, sink: sink)
        let _: String = reader.required("apiVersion", "")
        let _: String = reader.required("kind", "")
        let metadata: ObjectMeta = reader.required("metadata", "metadata with the object's name")
        let content = readContent(kind, metadata, reader)
        let _: ConfigNode? = reader.optional("status", "written by controllers; kept")
        reader.finish()
        if sink.diagnostics.hasErrors { return .refused(sink.object) }
        return .object(GatewayObject(content: content, kind: kind, metadata: metadata, document: document))
    }

    /// The object that a misspelled kind or version was probably to be.
    private static func meantKey(_ kindName: String, _ document: ConfigNode) -> ObjectKey? {
        let near = NearestName.of(kindName, among: ObjectKind.allCases.map(\.rawValue))
        guard let kind = near.flatMap(ObjectKind.init(rawValue:)), let metadata = document["metadata"],
            let name = metadata["name"]?.string
        else { return nil }
        return ObjectKey(
            kind, namespace: metadata["namespace"]?.string ?? ObjectMeta.defaultNamespace, name: name)
    }

    private static func resolve(
        _ apiVersion: String, _ kindName: String, _ document: ConfigNode, _ sink: DiagnosticSink
    ) -> ObjectKind? {
        let group = apiVersion.contains("/") ? apiVersion.prefix { $0 != "/" }.description : ""
        let at = document["kind"]?.position ?? document.position
        if let kind = ObjectKind(group: group, kind: kindName) {
            if kind.apiVersions.contains(apiVersion) { return kind }
            sink.label = "\(kindName) \(document["metadata"]?["name"]?.string ?? "")"
            sink.report(
                .unknownKind, at: document["apiVersion"]?.position ?? at, path: .root["apiVersion"],
                "unknown version \"\(apiVersion)\" of \(kindName)",
                hint: NearestName.hint(apiVersion, among: kind.apiVersions))
            return nil
        }
        if ignoredKinds.contains(kindName), ObjectKind(rawValue: kindName) == nil {
            sink.report(
                .unknownKind, .warning, at: at, path: .root["kind"], "ignored kind \"\(kindName)\"",
                hint: "the gateway has no use for it")
            return nil
        }
        if let sameName = ObjectKind(rawValue: kindName) {
            sink.report(
                .unknownKind, at: document["apiVersion"]?.position ?? at, path: .root["apiVersion"],
                "unknown apiVersion \"\(apiVersion)\" of \(kindName)",
                hint: "did you mean \"\(sameName.apiVersion)\"?")
            return nil
        }
        let names = ObjectKind.allCases.filter { $0.group == group }.map(\.rawValue)
        let near =
            NearestName.of(kindName, among: names)
            ?? NearestName.of(kindName, among: ObjectKind.allCases.map(\.rawValue))
        sink.report(
            .unknownKind, at: at, path: .root["kind"], "unknown kind \"\(kindName)\" of \(apiVersion)",
            hint: near.map { "did you mean \"\($0)\"?" }
                ?? "kinds: \(ObjectKind.allCases.map(\.rawValue).joined(separator: ", "))")
        return nil
    }

    /// Declares and reads everything beside apiVersion, kind, metadata and status.
    static func readContent(_ kind: ObjectKind, _ metadata: ObjectMeta, _ fields: FieldReader) -> Content {
        let doc = "what is wanted"
        switch kind {
        case .gatewayClass: return .gatewayClass(GatewayClass(metadata: metadata, spec: fields.required("spec", doc)))
        case .gateway: return .gateway(Gateway(metadata: metadata, spec: fields.required("spec", doc)))
        case .httpRoute: return .httpRoute(HTTPRoute(metadata: metadata, spec: fields.required("spec", doc)))
        case .referenceGrant:
            return .referenceGrant(ReferenceGrant(metadata: metadata, spec: fields.required("spec", doc)))
        case .service: return .service(Service(metadata: metadata, spec: fields.required("spec", doc)))
        case .endpointSlice:
            return .endpointSlice(
                EndpointSlice(
                    metadata: metadata,
                    addressType: fields.value(
                        "addressType", default: "IPv4", "IPv4, IPv6 or FQDN", .word(["IPv4", "IPv6", "FQDN"])),
                    endpoints: fields.list("endpoints", "the endpoints", count: 0...1000),
                    ports: fields.list("ports", "the ports they listen on", count: 0...100)))
        case .secret: return .secret(readSecret(metadata, fields))
        case .configMap:
            let map = ConfigMap(
                metadata: metadata, data: fields.map("data", "texts by name"),
                binaryData: fields.map("binaryData", "bytes by name"))
            let _: Bool? = fields.optional("immutable", "kept, not used")
            return .configMap(map)
        case .namespace:
            let _: ConfigNode? = fields.optional("spec", "kept, not used")
            return .namespace(Namespace(metadata: metadata))
        case .backend: return .backend(Backend(metadata: metadata, spec: fields.required("spec", doc)))
        case .trafficPolicy:
            return .trafficPolicy(TrafficPolicy(metadata: metadata, spec: fields.required("spec", doc)))
        case .listenerPolicy:
            return .listenerPolicy(ListenerPolicy(metadata: metadata, spec: fields.required("spec", doc)))
        case .identityProvider:
            return .identityProvider(IdentityProvider(metadata: metadata, spec: fields.required("spec", doc)))
        case .credentialSource:
            return .credentialSource(CredentialSource(metadata: metadata, spec: fields.required("spec", doc)))
        case .directResponse:
            return .directResponse(DirectResponse(metadata: metadata, spec: fields.required("spec", doc)))
        case .modelProvider:
            return .modelProvider(ModelProvider(metadata: metadata, spec: fields.required("spec", doc)))
        case .modelCatalog:
            return .modelCatalog(ModelCatalog(metadata: metadata, spec: fields.required("spec", doc)))
        case .modelAccessPolicy:
            return .modelAccessPolicy(ModelAccessPolicy(metadata: metadata, spec: fields.required("spec", doc)))
        case .budgetPolicy:
            return .budgetPolicy(BudgetPolicy(metadata: metadata, spec: fields.required("spec", doc)))
        case .mcpServer: return .mcpServer(MCPServer(metadata: metadata, spec: fields.required("spec", doc)))
        case .mcpToolPolicy:
            return .mcpToolPolicy(MCPToolPolicy(metadata: metadata, spec: fields.required("spec", doc)))
        case .toolAccessPolicy:
            return .toolAccessPolicy(ToolAccessPolicy(metadata: metadata, spec: fields.required("spec", doc)))
        case .auditPolicy:
            return .auditPolicy(AuditPolicy(metadata: metadata, spec: fields.required("spec", doc)))
        }
    }

    private static func readSecret(_ metadata: ObjectMeta, _ fields: FieldReader) -> SecretObject {
        let type: String = fields.value("type", default: "Opaque", "what is inside, such as kubernetes.io/tls")
        let encoded: [String: Base64Bytes] = fields.map("data", "values by name, in base64")
        let plain: [String: SecretText] = fields.map("stringData", "values by name, as they are; they win over data")
        let _: Bool? = fields.optional("immutable", "kept, not used")
        var data = encoded.mapValues { Secret($0.bytes) }
        for (name, text) in plain { data[name] = text.secret }
        return SecretObject(metadata: metadata, type: type, data: data)
    }
}
