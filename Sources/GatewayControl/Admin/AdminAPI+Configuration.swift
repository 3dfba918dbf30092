import Foundation
import GatewayModel

/// The configuration as a whole: several objects at once, revisions, what is compiled.
extension AdminAPI {
    func apply(_ call: AdminCall) async throws -> AdminResponse {
        let texts = try call.texts()
        let isDryRun = try call.isDryRun()
        let given = try decoded(texts).objects.map(\.key)
        guard !given.isEmpty else { throw GatewayError(.usage, "the body has no object") }
        let outcome = try await store.apply(texts, dryRun: isDryRun)
        if outcome.isRefused { throw AdminProblem(refused: outcome.diagnostics) }
        return Self.answer(outcome, given: given, isDryRun: isDryRun)
    }

    func check(_ call: AdminCall) async throws -> AdminResponse {
        var diagnostics: [Diagnostic] = []
        let given = objects(try call.texts(), &diagnostics)
        if !diagnostics.hasErrors {
            diagnostics += await store.findings(overlaid(given, on: await store.snapshot.set))
        }
        return .json(
            .object([
                ("ok", .flag(!diagnostics.hasErrors)), ("diagnostics", .list(diagnostics.map(\.node))),
            ]))
    }

    func diff(_ call: AdminCall) async throws -> AdminResponse {
        let given = try decoded(try call.texts())
        let current = await store.snapshot.set
        let isWhole = try call.query.flag("prune")
        let changes = ObjectDiff.between(current, isWhole ? given : overlaid(given, on: current))
        return .json(.object([("changes", .list(changes.map(\.node)))]))
    }

    func diffRevisions(_ call: AdminCall) async throws -> AdminResponse {
        let current = await store.snapshot
        func set(_ name: String, default revision: Int) async throws -> ObjectSet {
            let number = try call.query.number(name) ?? revision
            guard let set = await store.set(at: number) else {
                throw GatewayError(.notFound, "no revision \(number)", hint: "GET /v1/history lists them")
            }
            return set
        }
        let changes = ObjectDiff.between(
            try await set("from", default: current.revision - 1), try await set("to", default: current.revision))
        return .json(.object([("changes", .list(changes.map(\.node)))]))
    }

    func history() async -> AdminResponse {
        let current = await store.snapshot.revision
        let revisions = await store.revisions()
        return .json(
            .object([("revision", .integer(current)), ("items", .list(revisions.map(\.node)))]))
    }

    func revision(_ call: AdminCall) async throws -> AdminResponse {
        let number = try call.revision()
        guard let set = await store.set(at: number) else {
            let there = await store.revisions().map { String($0.revision) }.prefix(16).joined(separator: ", ")
            throw GatewayError(
                .notFound, "no revision \(number)", hint: there.isEmpty ? "there is no history" : "there is: \(there)")
        }
        let summary = await store.revisions().first { $0.revision == number }
        let head = summary?.node ?? .object([("revision", .integer(number))])
        let items = set.objects.map { Masking.masked($0.document) }
        return .json(.object((head.fields ?? []).map { ($0.key, $0.value) } + [("items", .list(items))]))
    }

    func rollback(_ call: AdminCall) async throws -> AdminResponse {
        let isDryRun = try call.isDryRun()
        let outcome = try await store.rollback(to: try call.revision(), dryRun: isDryRun)
        if outcome.isRefused { throw AdminProblem(refused: outcome.diagnostics) }
        return Self.answer(outcome, isDryRun: isDryRun)
    }

    func reload() async throws -> AdminResponse {
        guard let reload = services.reload else {
            throw GatewayError(.notFound, "this gateway has no files to reload")
        }
        let outcome = await reload()
        if outcome.isRefused { throw AdminProblem(refused: outcome.diagnostics) }
        return Self.answer(outcome, isDryRun: false)
    }

    func kinds() -> AdminResponse {
        .json(
            .object([
                (
                    "items",
                    .list(
                        ObjectKind.allCases.map {
                            .object([
                                ("kind", .text($0.rawValue)), ("name", .text($0.plural)),
                                ("apiVersion", .text($0.apiVersion)), ("namespaced", .flag($0.isNamespaced)),
                                ("schema", .text("/v1/kinds/\($0.plural)")),
                            ])
                        })
                )
            ]))
    }

    func schema(_ call: AdminCall) throws -> AdminResponse {
        guard let kind = ObjectKind(word: call["kind"]) else {
            let names = ObjectKind.allCases.map(\.plural)
            throw GatewayError(
                .notFound, "no kind \"\(call["kind"])\"", hint: NearestName.hint(call["kind"], among: names))
        }
        return .json(kind.jsonSchema, type: "application/schema+json")
    }

    // MARK: Inside

    /// What became of a change, for its caller and for the audit log.
    static func answer(
        _ outcome: StoreOutcome, given: [ObjectKey] = [], isDryRun: Bool, status: Int = 200,
        fields: [(name: String, value: String)] = []
    ) -> AdminResponse {
        var answer = AdminResponse.json(
            report(outcome, given: given, isDryRun: isDryRun), status: status, fields: fields)
        answer.changes = outcome.changes.map { change in "\(change.result) \(change.key)" }
        return answer
    }

    /// The same, object by object.
    private static func report(_ outcome: StoreOutcome, given: [ObjectKey], isDryRun: Bool) -> ConfigNode {
        var objects = outcome.changes.map(\.node)
        let changed = Set(outcome.changes.map(\.key))
        objects += given.filter { !changed.contains($0) }.sorted().map { $0.node(result: "unchanged") }
        return .object([
            ("revision", .integer(outcome.revision)), ("applied", .flag(outcome.isApplied)),
            ("dryRun", .flag(isDryRun)), ("objects", .list(objects)),
            ("diagnostics", .list(outcome.diagnostics.map(\.node))),
        ])
    }

    private func objects(_ texts: [ConfigurationLoad.Text], _ diagnostics: inout [Diagnostic]) -> ObjectSet {
        let documents = texts.flatMap {
            DocumentReader.read($0.bytes, file: $0.file, syntax: $0.syntax, diagnostics: &diagnostics)
        }
        diagnostics += MaskedInput.diagnostics(documents)
        return ObjectSet(DecodedObjects(documents, diagnostics: &diagnostics).objects, diagnostics: &diagnostics)
    }

    /// The objects of a body; throws what is wrong with it.
    func decoded(_ texts: [ConfigurationLoad.Text]) throws -> ObjectSet {
        var diagnostics: [Diagnostic] = []
        let set = objects(texts, &diagnostics)
        if diagnostics.hasErrors { throw AdminProblem(refused: diagnostics) }
        return set
    }

    private func overlaid(_ given: ObjectSet, on current: ObjectSet) -> ObjectSet {
        ObjectSet(unique: current.objects.filter { given[$0.key] == nil } + given.objects)
    }
}

extension ObjectKey {
    func node(result: String) -> ConfigNode {
        .object([
            ("kind", .text(kind)), ("namespace", .text(namespace)), ("name", .text(name)), ("result", .text(result)),
        ])
    }
}

extension ObjectChange {
    /// `created`, `configured` or `deleted`, as kubectl says it.
    var result: String {
        switch kind {
        case .added: "created"
        case .modified: "configured"
        case .deleted: "deleted"
        }
    }

    /// The same with the fields that differ.
    var node: ConfigNode {
        var node = key.node(result: result)
        if !fields.isEmpty { node["fields"] = .list(fields.map { .text($0.description) }) }
        return node
    }
}

extension RevisionSummary {
    var node: ConfigNode {
        let time = Date(timeIntervalSince1970: Double(time)).formatted(.iso8601)
        return .object([
            ("revision", .integer(revision)), ("time", .text(time)), ("cause", .text(cause.description)),
            ("objects", .integer(objectCount)), ("changes", .list(changes.map { .text($0) })),
        ])
    }
}
