import GatewayModel
import GatewayPolicy
import GatewayState

/// Budgets and what is left of them.
extension StateAPI {
    static let budgetNames = ["policy", "scope", "tenant", "value"]

    func budgets(_ call: AdminCall) throws -> AdminResponse {
        .json(.object([("items", .list(try store.budgets(try filter(call)).map(node)))]))
    }

    /// Names at least the policy: nobody starts every budget anew by leaving something out.
    func resetBudgets(_ call: AdminCall) throws -> AdminResponse {
        let filter = try filter(call)
        guard filter.policy != nil else {
            throw GatewayError(.usage, "no policy is named", hint: "add policy=NAMESPACE/NAME, or policy=key")
        }
        return .json(.object([("reset", .integer(try store.resetBudgets(filter)))]))
    }

    private func filter(_ call: AdminCall) throws(GatewayError) -> BudgetFilter {
        var filter = BudgetFilter()
        filter.policy = try call.query["policy"].map { name throws(GatewayError) in try policy(name) }
        filter.tenant = call.query["tenant"]
        filter.value = call.query["value"]
        if let name = call.query["scope"] {
            guard let scope = BudgetScope(rawValue: name) else {
                throw GatewayError(
                    .usage, "unknown scope \"\(name)\"",
                    hint: NearestName.hint(name, among: BudgetScope.allCases.map(\.rawValue)))
            }
            filter.scope = scope
        }
        return filter
    }

    /// The keys' own budgets, those that are configured, and those of which something is still counted.
    private func policy(_ name: String) throws(GatewayError) -> String {
        if name == BudgetAccountKey.keyPolicy || configured?.contains(name) ?? false { return name }
        var known = Set(configured ?? [])
        for line in try store.budgets() { known.insert(line.account.policy) }
        if known.contains(name) { return name }
        let same = known.filter { $0.hasSuffix("/\(name)") }.sorted()
        if same.count == 1 { return same[0] }
        guard same.isEmpty else {
            throw GatewayError(
                .notFound, "several BudgetPolicies are named \"\(name)\"", hint: same.joined(separator: ", "))
        }
        let names = (known.sorted() + [BudgetAccountKey.keyPolicy]).joined(separator: ", ")
        // A folder alone does not say what is configured.
        let what = configured == nil ? "no budget of a policy \"\(name)\" is in use" : "no BudgetPolicy \"\(name)\""
        throw GatewayError(.notFound, what, hint: "known: \(names)")
    }

    /// Amounts are text: dollars as decimals, everything else in whole numbers, none of them rounded by a reader.
    private func node(_ line: BudgetLine) -> ConfigNode {
        func amount(_ value: Int128) -> ConfigNode { .text(BudgetLimit.text(value, of: line.unit)) }
        var pairs: [(String, ConfigNode)] = [
            ("policy", .text(line.account.policy)), ("scope", .text(line.account.scope.rawValue)),
            ("tenant", .text(line.account.tenant)), ("value", .text(line.account.value)),
            ("unit", .text(line.unit.rawValue)), ("window", .text(line.window.description)),
            ("limit", amount(line.limit)), ("spent", amount(line.spent)), ("reserved", amount(line.reserved)),
            ("remaining", amount(line.remaining)), ("debt", amount(line.debt)), ("calls", .integer(line.callCount)),
        ]
        pairs.append(("reset", line.resetMilliseconds.map { .text(Self.text(seconds: $0 / 1_000)) } ?? .text("")))
        return .object(pairs)
    }
}
