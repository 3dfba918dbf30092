import GatewayModel

/// Providers and catalogues: what they refer to, and names that must be one model's only.
extension Analysis {
    mutating func check(_ provider: ModelProvider, _ object: GatewayObject) {
        let path = ConfigPath.spec
        let isList = object.document.node(at: path["credential"])?.elements != nil
        for (index, credential) in provider.spec.credentials.enumerated() {
            checkCredential(credential, at: isList ? path["credential"][index] : path["credential"], object)
        }
        for (index, reference) in (provider.spec.tls?.caCertificateRefs ?? []).enumerated() {
            checkAuthority(reference, at: path["tls"]["caCertificateRefs"][index], object)
        }
        if let reference = provider.spec.tls?.clientCertificateRef {
            checkCertificate(
                reference, at: path["tls"]["clientCertificateRef"], object, reason: "InvalidClientCertificateRef")
        }
        checkURL(provider, object)
    }

    /// A value of a Secret must be there, and there for this object.
    mutating func checkSecret(_ reference: SecretKeyReference, at path: ConfigPath, _ object: GatewayObject) {
        let namespace = reference.namespace ?? object.metadata.namespace
        let target = ObjectKey(
            group: reference.group, kind: reference.kind, namespace: namespace, name: reference.name)
        guard
            resolve(
                target, allowed: [.secret], from: object, at: path, missingReason: "InvalidSecretRef",
                kindReason: "InvalidKind"),
            let secret = set.secret(namespace, reference.name)
        else { return }
        checkValue(reference.key, of: secret, at: path, object)
    }

    private mutating func checkValue(
        _ key: String?, of secret: SecretObject, at path: ConfigPath, _ object: GatewayObject
    ) {
        let names = secret.data.keys.sorted()
        if let key {
            guard secret.data[key] == nil else { return }
            report(
                .danglingReference, object, path["key"], "Secret \"\(secret.metadata.name)\" has no value \"\(key)\"",
                hint: NearestName.hint(key, among: names, word: "its values") ?? "it has no values",
                reason: "InvalidSecretRef")
        } else if names.count != 1 {
            report(
                .missingField, object, path, "Secret \"\(secret.metadata.name)\" has \(names.count) values",
                hint: names.isEmpty ? "put the key into it" : "say which: key: \(names[0])", reason: "InvalidSecretRef")
        }
    }

    private mutating func checkURL(_ provider: ModelProvider, _ object: GatewayObject) {
        guard let url = try? OutboundURL(provider.spec.baseURL) else { return }
        let path = ConfigPath.spec["baseURL"]
        if url.host == "api.openai.com", url.target == "/" {
            warn(
                .invalidValue, object, path, "the API of api.openai.com is under /v1",
                hint: "write https://api.openai.com/v1")
        }
        let isLocal = url.host == "localhost" || url.host == "::1" || url.host.hasPrefix("127.")
        if !url.isTLS, !isLocal, !provider.spec.credentials.isEmpty {
            warn(
                .invalidValue, object, path, "the credential travels in clear to \(url.host)",
                hint: "write https://, unless the network between is yours")
        }
    }

    // MARK: - Catalogues

    mutating func check(_ catalog: ModelCatalog, _ object: GatewayObject) {
        for (index, model) in catalog.spec.models.enumerated() {
            let path = ConfigPath.spec["models"][index]
            for (number, target) in model.targets.enumerated() {
                check(target, of: model, at: path["targets"][number], object)
                checkCondition(target.when, at: path["targets"][number]["when"], object)
            }
            for (number, name) in model.fallback.enumerated() where !offered.contains(name) {
                report(
                    .danglingReference, object, path["fallback"][number], "no model \"\(name)\"",
                    hint: NearestName.hint(name, among: offered.names, word: "there is"))
            }
            if model.strategy == .lowestCost, model.price == nil, model.targets.contains(where: { $0.price == nil }) {
                warn(
                    .missingField, object, path, "strategy lowestCost with a target of unknown price",
                    hint: "add price; a target without one is tried last")
            }
        }
    }

    private mutating func check(
        _ target: ModelTarget, of model: CatalogModel, at path: ConfigPath, _ object: GatewayObject
    ) {
        let namespace = target.namespace ?? object.metadata.namespace
        let key = ObjectKey(.modelProvider, namespace: namespace, name: target.provider)
        guard grants.permits(from: object.key, to: key) else {
            report(
                .forbiddenReference, object, path["namespace"],
                "reference to ModelProvider \"\(namespace)/\(target.provider)\" is not permitted",
                hint: "add a ReferenceGrant in namespace \"\(namespace)\" from ModelCatalog in namespace "
                    + "\"\(object.metadata.namespace)\" to ModelProvider", reason: "RefNotPermitted")
            return
        }
        guard exists(key) else {
            report(
                .danglingReference, object, path["provider"], "no ModelProvider \"\(target.provider)\"",
                hint: hintForMissing(key), reason: "ProviderNotFound")
            return
        }
        guard case .modelProvider(let provider)? = set[key]?.content, let served = provider.spec.models else { return }
        let name = target.model ?? model.name
        if !name.contains("*"), !served.contains(name) {
            report(
                .danglingReference, object, path[target.model == nil ? "provider" : "model"],
                "ModelProvider \"\(target.provider)\" does not list the model \"\(name)\"",
                hint: NearestName.hint(name, among: served, word: "it lists"), reason: "ModelNotFound")
        }
    }

    // MARK: - All of them together

    /// A name that two catalogues have has no owner, and a fallback that leads back never ends.
    mutating func checkCatalogs() {
        var owners: [String: GatewayObject] = [:]
        var graph: [String: (next: [String], object: GatewayObject, path: ConfigPath)] = [:]
        for object in set.objects(of: .modelCatalog) {
            guard case .modelCatalog(let catalog) = object.content else { continue }
            for (index, model) in catalog.spec.models.enumerated() {
                let path = ConfigPath.spec["models"][index]
                for (number, name) in ([model.name] + model.aliases).enumerated() {
                    if let owner = owners[name], owner.key != object.key {
                        report(
                            .duplicateKey, object, number == 0 ? path["name"] : path["aliases"][number - 1],
                            "model \"\(name)\" is in \(owner.key) already", hint: "rename or remove one of them")
                    } else {
                        owners[name] = object
                    }
                }
                if graph[model.name] == nil { graph[model.name] = (model.fallback, object, path["fallback"]) }
            }
        }
        for name in graph.keys.sorted() { checkCycle(name, graph) }
        checkModelsAreReached()
    }

    /// Told once for each cycle, at the model whose name comes first.
    private mutating func checkCycle(
        _ start: String, _ graph: [String: (next: [String], object: GatewayObject, path: ConfigPath)]
    ) {
        guard let place = graph[start] else { return }
        var seen: Set<String> = [start]
        var paths: [[String]] = [[start]]
        while let path = paths.popLast(), let last = path.last {
            for next in graph[last]?.next ?? [] {
                // A model that falls back to itself is refused where it is read.
                if next == start, path.count > 1, path.allSatisfy({ $0 >= start }) {
                    report(
                        .invalidValue, place.object, place.path,
                        "fallbacks lead in a circle: \((path + [start]).joined(separator: ", "))",
                        hint: "remove one of them")
                    return
                }
                if seen.insert(next).inserted { paths.append(path + [next]) }
            }
        }
    }

    /// Catalogues that no one can use: no policy lets anybody in, or no route leads there.
    private mutating func checkModelsAreReached() {
        guard let object = set.objects(of: .modelCatalog).first else { return }
        if set.objects(of: .modelAccessPolicy).isEmpty, !refused.contains(where: { $0.kind == "ModelAccessPolicy" }) {
            warn(
                .missingField, object, .spec, "nobody may use these models: there is no ModelAccessPolicy",
                hint: "add one, such as spec: {subjects: [{any: true}], models: [\"*\"]}")
        }
        let isRouted = set.httpRoutes.contains { route in
            route.spec.rules.contains { rule in
                rule.backendRefs.contains { $0.group == ObjectKind.sluiceGroup && $0.kind == "ModelCatalog" }
            }
        }
        if !set.gateways.isEmpty, !isRouted {
            warn(
                .notAttached, object, .spec, "no route leads to these models",
                hint: "add an HTTPRoute with a rule for /v1 and backendRefs: [{group: sluice.dev, kind: ModelCatalog, "
                    + "name: \(object.metadata.name)}]")
        }
    }
}
