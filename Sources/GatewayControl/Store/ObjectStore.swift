import Foundation
package import GatewayModel

/// The desired state: what the files say, with what the admin API laid over it. Every accepted change is a revision in
/// the history; a refused one changes nothing.
package actor ObjectStore {
    package private(set) var snapshot: StoreSnapshot
    private let history: RevisionHistory?
    private let mode: AnalysisMode
    private let limits: Limits
    private let now: @Sendable () -> Int
    /// Compiles a set before it may serve; its errors refuse the change.
    private var provision: @Sendable (ObjectSet) -> [Diagnostic]
    private var claims: Claims?
    private var listeners: [Int: AsyncStream<StoreChange>.Continuation] = [:]
    private var listenerCount = 0
    /// What the files said last, in this life, had objects in it.
    private var filesHaveObjects = false

    /// With a state folder, the newest revision there is taken up again: it is the last good configuration until the
    /// files are read.
    package init(
        stateFolder: String?, mode: AnalysisMode = .strict, limits: Limits = .standard, historyCountMax: Int = 50,
        now: @escaping @Sendable () -> Int = { Int(Date().timeIntervalSince1970) },
        provision: @escaping @Sendable (ObjectSet) -> [Diagnostic] = { _ in [] }
    ) throws(GatewayError) {
        self.mode = mode
        self.limits = limits
        self.now = now
        self.provision = provision
        if let stateFolder {
            history = try RevisionHistory(stateFolder: stateFolder, countMax: historyCountMax, limits: limits)
        } else {
            history = nil
        }
        let newest = history?.newest()
        let highest = max(newest?.revision ?? 0, history?.revisions().last ?? 0)
        snapshot = StoreSnapshot(
            revision: highest, set: ObjectSet(unique: newest?.items.map(\.object) ?? []),
            entries: Dictionary(
                (newest?.items ?? []).map { ($0.object.key, $0.entry) }, uniquingKeysWith: { first, _ in first }),
            diagnostics: [], refusedFiles: [])
    }

    package func setProvision(_ provision: @escaping @Sendable (ObjectSet) -> [Diagnostic]) {
        self.provision = provision
    }

    /// What a set needs of the machine, such as ports. It is taken before a change is accepted, so that nothing is
    /// written down as serving that cannot serve.
    package struct Claims: Sendable {
        /// Takes what the set needs and keeps it for serving the set; the errors say what could not be had.
        package var take: @Sendable (ObjectSet) -> [Diagnostic]
        /// Gives back what was taken for a set that will not serve.
        package var release: @Sendable () -> Void

        package init(
            take: @escaping @Sendable (ObjectSet) -> [Diagnostic], release: @escaping @Sendable () -> Void
        ) {
            self.take = take
            self.release = release
        }
    }

    package func setClaims(_ claims: Claims) { self.claims = claims }

    // MARK: - Changes

    /// Takes what the files say now. After errors the last good state stays, and the snapshot says why.
    @discardableResult
    package func replaceFiles(_ load: ConfigurationLoad) -> StoreOutcome {
        guard load.isUsable else { return refuseFiles(load.diagnostics) }
        // Far more often a file that somebody is about to write than a wish to serve nothing.
        if load.set.objects.isEmpty, filesHaveObjects { return refuseFiles([emptiness(of: load)]) }
        let overlay = snapshot.set.objects.filter { snapshot.entries[$0.key]?.origin == .overlay }
        var diagnostics = load.diagnostics
        let set: ObjectSet
        if overlay.isEmpty {
            set = load.set
        } else {
            var combined: [Diagnostic] = []
            set = ObjectSet(load.set.objects + overlay, diagnostics: &combined)
            // The whole is judged anew; what was ignored in the files stays said.
            diagnostics = diagnostics.filter { $0.code == .unknownKind } + combined
            diagnostics += Analysis(set, mode: mode).diagnostics()
        }
        let fromFiles = Set(load.set.objects.map(\.key))
        let outcome = commit(
            set, cause: .files, diagnostics: diagnostics, dryRun: false,
            origin: { fromFiles.contains($0.key) ? .file($0.position.file) : .overlay })
        switch outcome {
        case .success(let outcome):
            if outcome.isRefused { return refuseFiles(outcome.diagnostics) }
            snapshot.refusedFiles = []
            filesHaveObjects = !load.set.objects.isEmpty
            return outcome
        case .failure(let error):
            let place = SourcePosition(file: load.files.first ?? "-", line: 1, column: 1)
            return refuseFiles([Diagnostic(error.code, at: place, error.message, hint: error.hint)])
        }
    }

    /// Creates or replaces objects, all or none. Objects from files are refused: the file is their owner.
    package func apply(
        _ texts: [ConfigurationLoad.Text], precondition: Precondition = .none, dryRun: Bool = false
    ) throws(GatewayError) -> StoreOutcome {
        var diagnostics: [Diagnostic] = []
        let documents = texts.flatMap {
            DocumentReader.read($0.bytes, file: $0.file, syntax: $0.syntax, limits: limits, diagnostics: &diagnostics)
        }
        let decoded = DecodedObjects(documents, diagnostics: &diagnostics)
        let given = ObjectSet(decoded.objects, diagnostics: &diagnostics)
        if diagnostics.hasErrors { return refusal(diagnostics) }
        for object in given.objects {
            try checkWritable(object.key)
            try check(precondition, object.key)
            // A version inside the object asks the same as If-Match does, as in Kubernetes.
            if let version = object.metadata.resourceVersion, !version.isEmpty {
                try check(Precondition(ifMatch: [version]), object.key)
            }
        }
        let kept = snapshot.set.objects.filter { given[$0.key] == nil }
        let set = ObjectSet(unique: kept + given.objects)
        diagnostics += Analysis(set, mode: mode).diagnostics()
        return try commit(set, cause: .apply, diagnostics: diagnostics, dryRun: dryRun) { object in
            given[object.key] == nil ? self.snapshot.entries[object.key]?.origin ?? .overlay : .overlay
        }.get()
    }

    /// Removes an object that did not come from a file.
    package func delete(
        _ key: ObjectKey, precondition: Precondition = .none, dryRun: Bool = false
    ) throws(GatewayError) -> StoreOutcome {
        guard snapshot.set[key] != nil else {
            throw GatewayError(.notFound, "no \(key)", hint: Self.near(key, in: snapshot.set))
        }
        try checkWritable(key)
        try check(precondition, key)
        let set = ObjectSet(unique: snapshot.set.objects.filter { $0.key != key })
        let diagnostics = Analysis(set, mode: mode).diagnostics()
        return try commit(set, cause: .delete, diagnostics: diagnostics, dryRun: dryRun) {
            self.snapshot.entries[$0.key]?.origin ?? .overlay
        }.get()
    }

    /// Serves an earlier revision again, as a new one. What came from files comes back as it was then, until the files
    /// change the next time.
    package func rollback(to revision: Int, dryRun: Bool = false) throws(GatewayError) -> StoreOutcome {
        guard let record = history?.record(revision) else {
            let there = history?.revisions().map(String.init).suffix(16).joined(separator: ", ") ?? ""
            throw GatewayError(
                .notFound, "no revision \(revision)", hint: there.isEmpty ? "there is no history" : "there is: \(there)"
            )
        }
        let set = ObjectSet(unique: record.items.map(\.object))
        let origins = Dictionary(record.items.map { ($0.object.key, $0.entry.origin) }, uniquingKeysWith: { a, _ in a })
        let diagnostics = Analysis(set, mode: mode).diagnostics()
        return try commit(set, cause: .rollback(to: revision), diagnostics: diagnostics, dryRun: dryRun) {
            origins[$0.key] ?? .overlay
        }.get()
    }

    // MARK: - Reading

    /// What would be said about a set if it were to serve.
    package func findings(_ set: ObjectSet) -> [Diagnostic] {
        let findings = Analysis(set, mode: mode).diagnostics()
        return (findings.hasErrors ? findings : findings + provision(set)).sorted(by: Diagnostic.inOrder)
    }

    /// The revisions that can be rolled back to, newest first.
    package func revisions() -> [RevisionSummary] {
        guard let history else { return [] }
        return history.revisions().reversed().compactMap { history.record($0)?.summary }
    }

    /// The objects of an earlier revision.
    package func set(at revision: Int) -> ObjectSet? {
        if revision == snapshot.revision { return snapshot.set }
        return history?.record(revision).map { ObjectSet(unique: $0.items.map(\.object)) }
    }

    /// Every accepted change from now on. A reader that falls far behind misses the oldest ones; each carries the
    /// whole state.
    package func changes() -> AsyncStream<StoreChange> {
        listenerCount += 1
        let number = listenerCount
        let (stream, continuation) = AsyncStream.makeStream(
            of: StoreChange.self, bufferingPolicy: .bufferingNewest(64))
        continuation.onTermination = { [weak self] _ in
            Task { await self?.removeListener(number) }
        }
        listeners[number] = continuation
        return stream
    }

    private func removeListener(_ number: Int) { listeners[number] = nil }

    // MARK: - Inside

    private func refusal(_ diagnostics: [Diagnostic]) -> StoreOutcome {
        StoreOutcome(
            isApplied: false, revision: snapshot.revision, changes: [],
            diagnostics: diagnostics.sorted(by: Diagnostic.inOrder))
    }

    private func refuseFiles(_ diagnostics: [Diagnostic]) -> StoreOutcome {
        snapshot.refusedFiles = diagnostics
        return refusal(diagnostics)
    }

    private func emptiness(of load: ConfigurationLoad) -> Diagnostic {
        Diagnostic(
            .emptyConfiguration, at: SourcePosition(file: load.files.first ?? "-", line: 1, column: 1),
            "the files had objects and have none any more",
            hint: "write them again; to serve nothing, or objects of the admin API alone, start the gateway anew")
    }

    private func checkWritable(_ key: ObjectKey) throws(GatewayError) {
        guard case .file(let path)? = snapshot.entries[key]?.origin else { return }
        throw GatewayError(
            .readOnlyObject, "\(key) comes from a file and cannot be changed here", hint: "edit \(path)")
    }

    private func check(_ precondition: Precondition, _ key: ObjectKey) throws(GatewayError) {
        let current = snapshot.entries[key]?.resourceVersion
        if precondition.ifNoneMatch, current != nil {
            throw GatewayError(
                .conflict, "there is already a \(key)", hint: "read it, and send its version in If-Match")
        }
        guard let wanted = precondition.ifMatch else { return }
        guard let current else {
            throw GatewayError(.conflict, "no \(key)", hint: "leave If-Match and resourceVersion out to create it")
        }
        guard wanted.contains("*") || wanted.contains(current) else {
            throw GatewayError(
                .conflict, "\(key) has changed: it is at version \(current), not \(wanted.joined(separator: ", "))",
                hint: "read it again and repeat the change")
        }
    }

    private static func near(_ key: ObjectKey, in set: ObjectSet) -> String? {
        let names = set.objects.filter { $0.key.kind == key.kind && $0.key.namespace == key.namespace }
            .map(\.metadata.name)
        return NearestName.hint(key.name, among: names, word: "there is")
    }

    /// The one way to a new state: judge, compile, claim, write down, then switch.
    private func commit(
        _ set: ObjectSet, cause: ChangeCause, diagnostics: [Diagnostic], dryRun: Bool,
        origin: (GatewayObject) -> StoredEntry.Origin
    ) -> Result<StoreOutcome, GatewayError> {
        var diagnostics = diagnostics
        if !diagnostics.hasErrors { diagnostics += provision(set) }
        diagnostics.sort(by: Diagnostic.inOrder)
        if diagnostics.hasErrors { return .success(refusal(diagnostics)) }
        if let claims {
            diagnostics += claims.take(set)
            if diagnostics.hasErrors { return .success(refusal(diagnostics)) }
            // Only to find out.
            if dryRun { claims.release() }
        }
        let changes = ObjectDiff.between(snapshot.set, set)
        let origins = Dictionary(uniqueKeysWithValues: set.objects.map { ($0.key, origin($0)) })
        let movedOnly = changes.isEmpty
        if dryRun || (movedOnly && snapshot.entries.mapValues(\.origin) == origins) {
            if !dryRun {
                // The same objects, perhaps at other places in their files.
                snapshot.set = set
                snapshot.diagnostics = diagnostics
            }
            return .success(
                StoreOutcome(
                    isApplied: false, revision: snapshot.revision, changes: changes, diagnostics: diagnostics))
        }
        let revision = snapshot.revision + 1
        let changed = Set(changes.map(\.key))
        var entries: [ObjectKey: StoredEntry] = [:]
        for (key, origin) in origins {
            let version = changed.contains(key) ? nil : snapshot.entries[key]?.resourceVersion
            entries[key] = StoredEntry(resourceVersion: version ?? String(revision), origin: origin)
        }
        let record = RevisionRecord(
            revision: revision, time: now(), cause: cause, changes: changes,
            items: set.objects.compactMap { object in
                entries[object.key].map { RevisionRecord.Item(object: object, entry: $0) }
            })
        do {
            try history?.append(record)
        } catch {
            claims?.release()
            return .failure(error)
        }
        snapshot = StoreSnapshot(
            revision: revision, set: set, entries: entries, diagnostics: diagnostics,
            refusedFiles: snapshot.refusedFiles)
        let change = StoreChange(snapshot: snapshot, cause: cause, changes: changes)
        for listener in listeners.values { listener.yield(change) }
        return .success(
            StoreOutcome(isApplied: true, revision: revision, changes: changes, diagnostics: diagnostics))
    }
}
