import GatewayModel

/// Single objects and lists of them.
extension AdminAPI {
    // MARK: Reading

    func list(_ call: AdminCall) async throws -> AdminResponse {
        try await list(kind(call), namespace: call.query["namespace"], call)
    }

    /// `/v1/{kind}/{name}`: the list of a namespace, or one object of a kind without namespaces.
    func getShort(_ call: AdminCall) async throws -> AdminResponse {
        let kind = try kind(call)
        guard kind.isNamespaced else { return try await get(call) }
        return try await list(kind, namespace: call["name"], call)
    }

    private func list(_ kind: ObjectKind, namespace: String?, _ call: AdminCall) async throws -> AdminResponse {
        let selector = try call.query["labelSelector"].map { text throws(GatewayError) in try LabelSelector(text) }
        let snapshot = await store.snapshot
        let tag = "\"r\(snapshot.revision)\""
        if call.isKnown(tag) { return .empty(304, fields: [("etag", tag)]) }
        let objects = snapshot.set.objects(of: kind).filter { object in
            (namespace == nil || object.key.namespace == namespace)
                && (selector?.matches(object.metadata.labels) ?? true)
        }
        return .json(
            .object([
                ("apiVersion", .text(kind.apiVersion)), ("kind", .text("\(kind.rawValue)List")),
                ("metadata", .object([("resourceVersion", .text(String(snapshot.revision)))])),
                ("items", .list(objects.compactMap { rendered($0.key, snapshot) })),
            ]), fields: [("etag", tag)])
    }

    func get(_ call: AdminCall) async throws -> AdminResponse {
        let key = try key(call)
        let snapshot = await store.snapshot
        guard let document = rendered(key, snapshot), let entry = snapshot.entries[key] else {
            throw missing(key, snapshot)
        }
        let tag = "\"\(entry.resourceVersion)\""
        if call.isKnown(tag) { return .empty(304, fields: [("etag", tag)]) }
        return .json(document, fields: [("etag", tag)])
    }

    /// What anyone may see of an object, with what is known of it beside.
    func rendered(_ key: ObjectKey, _ snapshot: StoreSnapshot) -> ConfigNode? {
        guard var document = snapshot.rendered(key), let entry = snapshot.entries[key] else { return nil }
        var status = services.status(key) ?? .object([])
        switch entry.origin {
        case .file(let path):
            // After a rollback the object was read from the history, and the file may say something else by now.
            let position = snapshot.set[key]?.position
            status["source"] = .text(position.map { $0.file == path ? $0.description : path } ?? path)
        case .overlay: status["source"] = .text("admin API")
        }
        document["status"] = status
        return document
    }

    // MARK: Changing

    func put(_ call: AdminCall) async throws -> AdminResponse {
        let key = try key(call)
        let texts = try call.texts()
        var diagnostics: [Diagnostic] = []
        let documents = texts.flatMap {
            DocumentReader.read($0.bytes, file: $0.file, syntax: $0.syntax, diagnostics: &diagnostics)
        }
        if diagnostics.hasErrors { throw AdminProblem(refused: diagnostics) }
        guard documents.count == 1, let document = documents.first else {
            throw GatewayError(
                .usage, "expected one object, found \(documents.count)", hint: "POST /v1/apply takes several")
        }
        diagnostics = mismatches(document, key) + MaskedInput.diagnostics(documents)
        if diagnostics.hasErrors { throw AdminProblem(refused: diagnostics) }
        return try await replace(key, texts, call)
    }

    func patch(_ call: AdminCall) async throws -> AdminResponse {
        let key = try key(call)
        let known = ["application/merge-patch+json", "application/json", ""]
        guard known.contains(call.request.mediaType) else {
            throw AdminProblem(
                GatewayError(
                    .usage, "a patch cannot be \(call.request.mediaType)", hint: "send application/merge-patch+json"),
                status: 415, fields: [("accept-patch", "application/merge-patch+json")])
        }
        let patch = try call.json()
        let snapshot = await store.snapshot
        guard let object = snapshot.set[key], let entry = snapshot.entries[key] else { throw missing(key, snapshot) }
        var merged = MergePatch.apply(patch, to: object.document)
        // Nothing may change between reading and writing: the version read must still be there.
        if var metadata = merged["metadata"] {
            metadata["resourceVersion"] = patch["metadata"]?["resourceVersion"] ?? .text(entry.resourceVersion)
            merged["metadata"] = metadata
        }
        let diagnostics = mismatches(merged, key) + MaskedInput.diagnostics([merged])
        if diagnostics.hasErrors { throw AdminProblem(refused: diagnostics) }
        let bytes = Array(JSONPrinter.print(merged, pretty: true).utf8)
        return try await replace(
            key, [ConfigurationLoad.Text(bytes: bytes, file: call.label, syntax: .json)], call)
    }

    private func replace(
        _ key: ObjectKey, _ texts: [ConfigurationLoad.Text], _ call: AdminCall
    ) async throws -> AdminResponse {
        let before = await store.snapshot
        let precondition = try call.precondition()
        let isDryRun = try call.isDryRun()
        let outcome = try await conditional(call) { () async throws -> StoreOutcome in
            try await store.apply(texts, precondition: precondition, dryRun: isDryRun)
        }
        if outcome.isRefused { throw AdminProblem(refused: outcome.diagnostics) }
        let isNew = before.set[key] == nil
        return Self.answer(
            outcome, given: [key], isDryRun: isDryRun, status: isNew && outcome.isApplied ? 201 : 200,
            fields: await tag(key))
    }

    func delete(_ call: AdminCall) async throws -> AdminResponse {
        let key = try key(call)
        let precondition = try call.precondition()
        let isDryRun = try call.isDryRun()
        let outcome = try await conditional(call) { () async throws -> StoreOutcome in
            try await store.delete(key, precondition: precondition, dryRun: isDryRun)
        }
        if outcome.isRefused { throw AdminProblem(refused: outcome.diagnostics) }
        return Self.answer(outcome, isDryRun: isDryRun)
    }

    /// A version that does not fit is 412 where a header asked for it, and 409 where the object did.
    private func conditional(
        _ call: AdminCall, _ change: () async throws -> StoreOutcome
    ) async throws -> StoreOutcome {
        do {
            return try await change()
        } catch let error as GatewayError where error.code == .conflict {
            let asked = call.request.field("if-match") ?? call.request.field("if-none-match")
            throw AdminProblem(error, status: asked == nil ? 409 : 412)
        }
    }

    private func tag(_ key: ObjectKey) async -> [(name: String, value: String)] {
        await store.snapshot.entries[key].map { [("etag", "\"\($0.resourceVersion)\"")] } ?? []
    }

    // MARK: Names

    func kind(_ call: AdminCall) throws(GatewayError) -> ObjectKind {
        guard let kind = ObjectKind(word: call["kind"]) else {
            throw notFound(call.request.path)
        }
        return kind
    }

    /// The object a path names.
    func key(_ call: AdminCall) throws(GatewayError) -> ObjectKey {
        let kind = try kind(call)
        let isLong = call.parameters["namespace"] != nil
        guard kind.isNamespaced == isLong else {
            throw GatewayError(
                .notFound, "no path \(call.request.path)",
                hint: isLong
                    ? "a \(kind.rawValue) has no namespace: /v1/\(kind.plural)/\(call["name"])"
                    : "did you mean \"/v1/\(kind.plural)/\(ObjectMeta.defaultNamespace)/\(call["name"])\"?")
        }
        return ObjectKey(
            kind, namespace: call.parameters["namespace"] ?? ObjectMeta.defaultNamespace, name: call["name"])
    }

    private func missing(_ key: ObjectKey, _ snapshot: StoreSnapshot) -> GatewayError {
        let names = snapshot.set.objects.filter { $0.key.kind == key.kind && $0.key.namespace == key.namespace }
            .map(\.metadata.name)
        return GatewayError(.notFound, "no \(key)", hint: NearestName.hint(key.name, among: names, word: "there is"))
    }

    /// What in the body is another object than the path says.
    private func mismatches(_ document: ConfigNode, _ key: ObjectKey) -> [Diagnostic] {
        var found: [Diagnostic] = []
        func compare(_ path: ConfigPath, _ wanted: String, _ assumed: String?) {
            let node = document.node(at: path)
            guard let written = node?.string ?? assumed, written != wanted else { return }
            found.append(
                Diagnostic(
                    .invalidValue, at: document.position(at: path), path: path.description,
                    "\(path) is \"\(written)\", the path says \"\(wanted)\"", hint: "make them the same"))
        }
        compare(.root["kind"], key.kind, nil)
        compare(.root["metadata"]["name"], key.name, nil)
        if !key.namespace.isEmpty {
            compare(.root["metadata"]["namespace"], key.namespace, ObjectMeta.defaultNamespace)
        }
        return found
    }
}
