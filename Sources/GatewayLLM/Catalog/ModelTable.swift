package import GatewayModel
package import GatewayPolicy

/// The models of one route, with who may use them. Immutable; a request keeps the one it began with.
package final class ModelTable: Sendable {
    /// What a name that was asked for comes to: of a model with one name made once, because every call hands it on.
    package final class Match: Sendable {
        package let model: CompiledModel
        /// Where it is in the table's `models`.
        package let index: Int
        /// The name that policies and budgets count by: the catalogue's for an alias, the one asked for otherwise.
        package let name: [UInt8]
        /// The same as text.
        package let text: String

        fileprivate init(_ model: CompiledModel, at index: Int) {
            self.model = model
            self.index = index
            name = model.nameBytes
            text = model.name
        }

        fileprivate init(_ model: CompiledModel, at index: Int, _ name: [UInt8]) {
            self.model = model
            self.index = index
            self.name = name
            text = String(decoding: name, as: UTF8.self)
        }
    }

    /// A longer name is no model's.
    package static let nameBytesMax = 256

    /// Catalogue by catalogue, as written.
    package let models: [CompiledModel]
    /// Each by its own name.
    private let named: [Match]
    package let providers: [CompiledProvider]
    package let access: AccessTable
    package let budgets: ModelBudgets
    /// Whether a condition of a policy or a target asks for the request's fields, or the time.
    package let readsHeaders, readsTime: Bool
    private let exact: [[UInt8]: Int]
    /// The pattern that says most goes first.
    private let patterns: [(pattern: NamePattern, model: Int)]

    package init(
        models: [CompiledModel], providers: [CompiledProvider], access: AccessTable, budgets: ModelBudgets = .none
    ) {
        self.models = models
        named = models.enumerated().map { Match($1, at: $0) }
        self.providers = providers
        self.access = access
        self.budgets = budgets
        let conditions = models.flatMap { model in model.targets.compactMap(\.when) }
        readsHeaders = access.readsHeaders || conditions.contains(where: \.readsHeaders)
        readsTime = access.readsTime || conditions.contains(where: \.readsTime)
        var exact: [[UInt8]: Int] = [:]
        var patterns: [(pattern: NamePattern, model: Int)] = []
        for (index, model) in models.enumerated() {
            if model.isPattern {
                patterns.append((NamePattern(model.name), index))
            } else if exact[model.nameBytes] == nil {
                exact[model.nameBytes] = index
            }
            for alias in model.aliases where exact[Array(alias.utf8)] == nil { exact[Array(alias.utf8)] = index }
        }
        self.exact = exact
        self.patterns = patterns.sorted { left, right in
            left.pattern.literalCount != right.pattern.literalCount
                ? left.pattern.literalCount > right.pattern.literalCount : left.model < right.model
        }
    }

    package static let empty = ModelTable(models: [], providers: [], access: .empty)

    /// The model callers mean by a name; nil for none, and for one that only serves as a fallback.
    package func find(_ name: [UInt8]) -> Match? {
        guard let match = findAny(name), !match.model.isInternal else { return nil }
        return match
    }

    /// The models that serve in place of another, in order.
    package func fallbacks(of model: CompiledModel) -> [Match] { model.fallback.compactMap { findAny($0) } }

    /// What `GET /v1/models` shows before policy has its say: nothing internal, and of a pattern the names that its
    /// providers list.
    package var listed: [Match] {
        var names: Set<[UInt8]> = []
        return named.filter { !$0.model.isInternal }.flatMap { match in
            let model = match.model
            guard model.isPattern else { return [match] }
            return model.targets.flatMap { target in
                target.names.compactMap { name in
                    let found = find(name)
                    return found?.model === model && target.upstreamName(for: name) != nil ? found : nil
                }
            }
        }.filter { names.insert($0.name).inserted }
    }

    private func findAny(_ name: [UInt8]) -> Match? {
        guard !name.isEmpty, name.count <= ModelTable.nameBytesMax else { return nil }
        if let index = exact[name] {
            return models[index].isPattern ? Match(models[index], at: index, name) : named[index]
        }
        for entry in patterns where entry.pattern.matches(name.span) {
            return Match(models[entry.model], at: entry.model, name)
        }
        return nil
    }

    /// The nearest name that could have been meant, among those a caller may see.
    package func nearest(_ name: [UInt8], for principal: Principal) -> String? {
        guard name.count <= ModelTable.nameBytesMax else { return nil }
        let names = listed.lazy.filter { self.access.lists(principal, name: $0.name) }.map(\.text)
        return NearestName.of(String(decoding: name, as: UTF8.self), among: names)
    }
}
