import GatewayModel

/// `max_budget` and `budget_duration`, of the proxy and of each of its users.
extension LiteLLMImport {
    struct Spending {
        var position: SourcePosition?
        var dollars: Money?
        /// Without one it is never used again.
        var window = BudgetWindow.total

        func object(_ name: String, scope: BudgetScope) -> ConfigNode? {
            guard let dollars else { return nil }
            let limit: [(String, ConfigNode)] = [
                ("unit", .text("usd")), ("max", .text(dollars.description)), ("window", .text(window.description)),
            ]
            return ImportedObject.make(
                "BudgetPolicy", name,
                [("scope", .text(scope.rawValue)), ("limits", .list([.object(limit)]))])
        }
    }

    var budgets: [ConfigNode] {
        [budget.object("everyone", scope: .everyone), userBudget.object("each-user", scope: .user)].compactMap(\.self)
    }

    mutating func readBudget(_ node: ConfigNode, _ name: String, _ spending: WritableKeyPath<Self, Spending>) {
        guard let text = Self.number(node), let dollars = Money(dollars: text), dollars > .zero else {
            return reportValue(node, name)
        }
        self[keyPath: spending].dollars = dollars
        self[keyPath: spending].position = node.position
    }

    /// `30s`, `30m`, `30h`, `30d`, `1w` as here; `1mo` is thirty days.
    mutating func readWindow(_ node: ConfigNode, _ name: String, _ spending: WritableKeyPath<Self, Spending>) {
        let text = node.string ?? Self.number(node).map { "\($0)s" } ?? ""
        if let window = BudgetWindow(text), window != .total {
            self[keyPath: spending].window = window
        } else if text.hasSuffix("mo"), let count = Int(text.dropLast(2)), (1...100).contains(count),
            let window = BudgetWindow("\(count * 30)d")
        {
            self[keyPath: spending].window = window
            note(
                .unsupportedValue, at: node.position, "\(name) \(text) becomes \(window)",
                hint: "windows are as long as each other, and months are not")
        } else {
            reportValue(node, name)
        }
    }

    /// What has no price costs nothing there.
    mutating func reportBudgets() {
        guard let position = budget.position ?? userBudget.position else { return }
        let unpriced = models.filter { $0.targets.contains { $0["price"] == nil } }.map(\.name)
        guard !unpriced.isEmpty else { return }
        note(
            .unsupportedValue, at: position,
            "under a budget models without a price are refused: "
                + unpriced.joined(separator: ", "),
            hint: "import with --prices, add price, or set unknownPrice: charge in the catalogue")
    }

    private static func number(_ node: ConfigNode) -> String? {
        switch node.value {
        case .number(let text), .string(let text): text
        default: nil
        }
    }
}
