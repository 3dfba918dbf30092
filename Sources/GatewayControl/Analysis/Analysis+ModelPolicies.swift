import GatewayModel
import GatewayPolicy

/// Who may use models, and how much of them.
extension Analysis {
    mutating func check(_ policy: ModelAccessPolicy, _ object: GatewayObject) {
        checkNames(policy.spec.models, object)
        check(condition: policy.spec.when, at: ConfigPath.spec["when"], object)
    }

    /// An expression that is none, or asks what is not known of a model's request.
    mutating func check(condition text: String?, at path: ConfigPath, _ object: GatewayObject) {
        guard let text else { return }
        do throws(CELError) { _ = try ModelCondition(text) } catch {
            let hint = error.hint ?? "known are: \(ModelFacts.variables.map(\.name).joined(separator: ", "))"
            report(
                .invalidValue, object, path, "\(error.message), at \(error.line):\(error.column) of the expression",
                hint: hint, reason: "Invalid")
        }
    }

    mutating func check(_ policy: BudgetPolicy, _ object: GatewayObject) {
        let names = policy.spec.models ?? []
        checkNames(names, object)
        guard let limit = policy.spec.limits.firstIndex(where: { $0.unit == .usd }), !policy.spec.shadow else { return }
        let unpriced = set.modelCatalogs.flatMap { catalog in
            catalog.spec.models.filter { model in
                let isRefused = (policy.spec.onUnknownPrice ?? catalog.spec.unknownPrice) == .refuse
                let isCovered = names.isEmpty || names.contains { $0.contains("*") || $0 == model.name }
                return isRefused && isCovered && model.price == nil && model.targets.contains { $0.price == nil }
            }.map(\.name)
        }
        if let first = unpriced.first {
            let others = unpriced.count > 1 ? " and \(unpriced.count - 1) more" : ""
            warn(
                .missingField, object, ConfigPath.spec["limits"][limit],
                "a limit of usd refuses every request for \"\(first)\"\(others): no price is known",
                hint: "add price to the model, or unknownPrice: charge with a rate to its catalogue")
        }
        let hasRate = set.modelCatalogs.allSatisfy { $0.spec.unknownPrice == .charge }
        if policy.spec.onUnknownPrice == .charge, !hasRate {
            warn(
                .missingField, object, ConfigPath.spec["onUnknownPrice"],
                "onUnknownPrice: charge without a rate in every catalogue",
                hint: "add unknownPrice: charge and unknownPriceRate to the catalogue; until then it refuses")
        }
    }

    /// A pattern may wait for models to come; a plain name that no catalogue has was hardly meant.
    private mutating func checkNames(_ names: [String], _ object: GatewayObject) {
        guard !set.modelCatalogs.isEmpty else { return }
        for (index, name) in names.enumerated() where !name.contains("*") && !offered.contains(name) {
            warn(
                .danglingReference, object, ConfigPath.spec["models"][index], "no model \"\(name)\"",
                hint: NearestName.hint(name, among: offered.names, word: "there is"))
        }
    }
}

/// The names that can be asked for, over all catalogues.
struct OfferedModels: Sendable {
    /// Without patterns.
    private(set) var names: [String] = []
    private var exact: Set<String> = []
    private var patterns: [String] = []

    init(_ catalogs: [ModelCatalog]) {
        for model in catalogs.flatMap(\.spec.models) {
            for name in [model.name] + model.aliases {
                if name.contains("*") {
                    patterns.append(name)
                } else if exact.insert(name).inserted {
                    names.append(name)
                }
            }
        }
    }

    func contains(_ name: String) -> Bool {
        exact.contains(name) || patterns.contains { NamePattern($0).matches(name) }
    }
}
