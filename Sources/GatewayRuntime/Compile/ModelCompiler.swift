import GatewayLLM
import GatewayModel
import GatewayPolicy

/// Turns catalogues and access policies into the tables that the room of models serves by.
final class ModelCompiler {
    private let index: ObjectIndex
    private let grants: ReferenceGrantIndex
    private let providers: ProviderCompiler
    private let access: AccessTable
    private let budgets: ModelBudgets
    /// By `namespace/name` of the catalogue.
    private var models: [String: [CompiledModel]] = [:]
    private(set) var statuses: [ObjectStatus] = []
    /// Every catalogue's models.
    private(set) var whole = ModelTable.empty

    init(index: ObjectIndex, grants: ReferenceGrantIndex, providers: ProviderCompiler) {
        self.index = index
        self.grants = grants
        self.providers = providers
        access = AccessTable(index.accessPolicies.map { AccessRule(name: $0.metadata.qualifiedName, $0.spec) })
        budgets = ModelBudgets(index.budgetPolicies.map { ($0.metadata.qualifiedName, $0.spec) })
        for catalog in index.modelCatalogs {
            models[catalog.metadata.qualifiedName] = catalog.spec.models.map { compile($0, of: catalog) }
            statuses.append(status(catalog))
        }
        whole = table(of: index.modelCatalogs.map(\.metadata.qualifiedName))
    }

    /// Whether there is anything to serve.
    var isEmpty: Bool { index.modelCatalogs.isEmpty }

    /// The table of a route that leads to these catalogues; a name that two have belongs to the first.
    func table(of catalogs: [String]) -> ModelTable {
        ModelTable(
            models: catalogs.flatMap { models[$0] ?? [] }, providers: providers.all, access: access, budgets: budgets)
    }

    /// The catalogue a rule of a route names.
    func catalog(_ reference: HTTPBackendRef, from route: ObjectMeta) throws(ReferenceProblem) -> String {
        let namespace = reference.namespace ?? route.namespace
        let name = "\(namespace)/\(reference.name)"
        let source = ObjectKey(.httpRoute, namespace: route.namespace, name: route.name)
        let target = ObjectKey(.modelCatalog, namespace: namespace, name: reference.name)
        guard grants.permits(from: source, to: target) else {
            throw ReferenceProblem("RefNotPermitted", "no ReferenceGrant permits the catalogue: \(name)")
        }
        guard models[name] != nil else {
            throw ReferenceProblem("BackendNotFound", "the catalogue does not exist: ModelCatalog \(name)")
        }
        return name
    }

    private func compile(_ model: CatalogModel, of catalog: ModelCatalog) -> CompiledModel {
        let key = ObjectKey(.modelCatalog, namespace: catalog.metadata.namespace, name: catalog.metadata.name)
        let unknownPrice =
            catalog.spec.unknownPrice == .charge ? catalog.spec.unknownPriceRate.map { PriceTable($0) } : nil
        let targets = model.targets.compactMap { target -> CompiledTarget? in
            let namespace = target.namespace ?? catalog.metadata.namespace
            let name = ObjectKey(.modelProvider, namespace: namespace, name: target.provider)
            // What does not resolve was told by the analysis; the other targets serve.
            guard grants.permits(from: key, to: name),
                let provider = providers.known["\(namespace)/\(target.provider)"]
            else { return nil }
            return CompiledTarget(target, of: model, provider: provider, unknownPrice: unknownPrice)
        }
        return CompiledModel(model, catalog: catalog.metadata.qualifiedName, targets: targets)
    }

    private func status(_ catalog: ModelCatalog) -> ObjectStatus {
        let key = ObjectKey(.modelCatalog, namespace: catalog.metadata.namespace, name: catalog.metadata.name)
        var status = ObjectStatus(key: key, generation: catalog.metadata.generation)
        let own = models[catalog.metadata.qualifiedName] ?? []
        let unserved = own.filter { model in model.targets.allSatisfy { $0.provider.refusal != nil } }.map(\.name)
        status.conditions = [
            StatusCondition("Accepted", true, "Accepted", ""),
            StatusCondition(
                "Ready", unserved.isEmpty, unserved.isEmpty ? "Ready" : "NoUsableTarget",
                unserved.isEmpty ? "" : "no target can serve: \(unserved.joined(separator: ", "))"),
        ]
        return status
    }
}
