/// What a managed key may do beyond naming its caller. One object for all requests of the key, so that a principal
/// carries it for the price of a reference.
package final class KeyGrant: Sendable {
    /// Models the key may use; empty for all that policies allow. Never more than they allow.
    package let models: [NamePattern]
    /// The key's own limits, counted for this key alone beside every BudgetPolicy.
    package let limits: [BudgetLimit]

    package init(models: [NamePattern] = [], limits: [BudgetLimit] = []) {
        self.models = models
        self.limits = limits
    }

    /// Whether the key's own list lets a model through.
    package func allows(model: String) -> Bool { models.isEmpty || models.contains { $0.matches(model) } }
}

extension KeyGrant: Hashable {
    package static func == (left: KeyGrant, right: KeyGrant) -> Bool {
        left === right || (left.models == right.models && left.limits == right.limits)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(models)
        hasher.combine(limits)
    }
}
