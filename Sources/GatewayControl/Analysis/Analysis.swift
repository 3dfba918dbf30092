package import GatewayModel

/// Checks that no single object can answer: references, attachment, conflicts, what can never be reached.
package struct Analysis {
    let set: ObjectSet
    let mode: AnalysisMode
    /// Objects that exist but are broken; a reference to one is not called dangling on top.
    let refused: Set<ObjectKey>
    let grants: ReferenceGrantIndex
    let offered: OfferedModels
    private var findings: [Diagnostic] = []

    package init(_ set: ObjectSet, mode: AnalysisMode, refused: Set<ObjectKey> = []) {
        self.set = set
        self.mode = mode
        self.refused = refused
        grants = ReferenceGrantIndex(set.referenceGrants)
        offered = OfferedModels(set.modelCatalogs)
    }

    /// Every finding, in the order of its place.
    package func diagnostics() -> [Diagnostic] {
        var copy = self
        for object in set.objects {
            switch object.content {
            case .gateway(let gateway): copy.check(gateway, object)
            case .httpRoute(let route): copy.check(route, object)
            case .backend(let backend): copy.check(backend, object)
            case .trafficPolicy(let policy): copy.check(policy, object)
            case .listenerPolicy(let policy): copy.check(policy, object)
            case .identityProvider(let provider): copy.check(provider, object)
            case .credentialSource(let source): copy.check(source, object)
            case .modelProvider(let provider): copy.check(provider, object)
            case .modelCatalog(let catalog): copy.check(catalog, object)
            case .modelAccessPolicy(let policy): copy.check(policy, object)
            case .budgetPolicy(let policy): copy.check(policy, object)
            case .mcpServer(let server): copy.check(server, object)
            case .toolAccessPolicy(let policy): copy.check(policy, object)
            case .mcpToolPolicy(let policy): copy.check(policy, object)
            default: break
            }
        }
        if mode == .strict { copy.checkListenersAcrossGateways() }
        copy.checkReachability()
        copy.checkPolicyConflicts()
        copy.checkCatalogs()
        return copy.findings.sorted(by: Diagnostic.inOrder)
    }

    /// Reports at the place where `path` was written.
    mutating func report(
        _ code: ErrorCode, _ object: GatewayObject, _ path: ConfigPath, _ message: String, hint: String? = nil,
        reason: String? = nil
    ) {
        add(code, mode.gravity, object, path, message, hint: hint, reason: reason)
    }

    /// The same for what works but was hardly meant.
    mutating func warn(
        _ code: ErrorCode, _ object: GatewayObject, _ path: ConfigPath, _ message: String, hint: String? = nil,
        reason: String? = nil
    ) {
        add(code, .warning, object, path, message, hint: hint, reason: reason)
    }

    private mutating func add(
        _ code: ErrorCode, _ severity: Diagnostic.Severity, _ object: GatewayObject, _ path: ConfigPath,
        _ message: String, hint: String?, reason: String?
    ) {
        let text = path.description
        findings.append(
            Diagnostic(
                code, severity, at: object.document.position(at: path), path: text,
                "\(message) in \(object.key)\(text.isEmpty ? "" : ", \(text)")", hint: hint, object: object.key,
                reason: reason))
    }

    /// Whether the object is there (perhaps broken).
    func exists(_ key: ObjectKey) -> Bool { set[key] != nil || refused.contains(key) }

    /// The names of objects of a kind in a namespace, for suggestions.
    func names(group: String, kind: String, namespace: String) -> [String] {
        set.objects.lazy.map(\.key)
            .filter { $0.group == group && $0.kind == kind && $0.namespace == namespace }.map(\.name)
    }

    /// What to say about a name that is not there: a near one, one that lives elsewhere, or what there is.
    func hintForMissing(_ key: ObjectKey) -> String {
        let here = names(group: key.group, kind: key.kind, namespace: key.namespace)
        if let near = NearestName.of(key.name, among: here) { return "did you mean \"\(near)\"?" }
        let elsewhere = set.objects.first {
            $0.key.group == key.group && $0.key.kind == key.kind && $0.key.name == key.name
        }
        if let elsewhere { return "there is one in namespace \"\(elsewhere.key.namespace)\"" }
        let otherKind = set.objects.first {
            $0.key.name == key.name && $0.key.namespace == key.namespace
                && ["Service", "Backend"].contains($0.key.kind)
        }
        if let otherKind, ["Service", "Backend"].contains(key.kind) {
            let group = otherKind.key.group.isEmpty ? "\"\"" : otherKind.key.group
            return "there is a \(otherKind.key.kind) of this name: write group: \(group), kind: \(otherKind.key.kind)"
        }
        return here.isEmpty
            ? "there is no \(key.kind) in namespace \"\(key.namespace)\""
            : "there is: \(here.prefix(16).joined(separator: ", "))"
    }

    /// Checks a reference in the order that reveals nothing: kind, then permission, then existence. True when it
    /// resolves.
    mutating func resolve(
        _ target: ObjectKey, allowed: [ObjectKind], from object: GatewayObject, at path: ConfigPath,
        missingReason: String, kindReason: String
    ) -> Bool {
        guard allowed.contains(where: { $0.group == target.group && $0.rawValue == target.kind }) else {
            let words = allowed.map { $0.group.isEmpty ? $0.rawValue : "\($0.rawValue) of group \($0.group)" }
            let shown = target.group.isEmpty ? target.kind : "\(target.group)/\(target.kind)"
            let sameKind = allowed.first { $0.rawValue == target.kind }
            let hint =
                sameKind.map { "did you mean group: \($0.group.isEmpty ? "\"\"" : $0.group)?" }
                ?? NearestName.of(target.kind, among: allowed.map(\.rawValue)).map { "did you mean \"\($0)\"?" }
                ?? "allowed: \(words.joined(separator: ", "))"
            let field = object.document.node(at: path["kind"]) == nil ? "group" : "kind"
            report(
                .unsupportedValue, object, path[field], "unsupported kind \"\(shown)\"", hint: hint, reason: kindReason)
            return false
        }
        guard grants.permits(from: object.key, to: target) else {
            report(
                .forbiddenReference, object, path["namespace"],
                "reference to \(target.kind) \"\(target.namespace)/\(target.name)\" is not permitted",
                hint: "add a ReferenceGrant in namespace \"\(target.namespace)\" from \(object.key.kind) in namespace "
                    + "\"\(object.key.namespace)\" to \(target.kind)", reason: "RefNotPermitted")
            return false
        }
        guard exists(target) else {
            report(
                .danglingReference, object, path["name"], "no \(target.kind) \"\(target.name)\"",
                hint: hintForMissing(target), reason: missingReason)
            return false
        }
        return set[target] != nil
    }
}
