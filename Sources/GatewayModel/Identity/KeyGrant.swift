/// What a managed key, or a token of a run, may do beyond naming its caller. One object for all requests of the
/// credential, so that a principal carries it for the price of a reference.
package final class KeyGrant: Sendable {
    /// Models the key may use; empty for all that policies allow. Never more than they allow.
    package let models: [NamePattern]
    /// Tools it may call; empty for all that policies allow.
    package let tools: [NamePattern]
    /// The credential's own limits, counted for it alone beside every BudgetPolicy.
    package let limits: [BudgetLimit]
    /// Whose account the limits are counted on when it is not the credential's own: the run that a token, and every
    /// token made from it, draws on.
    package let account: String?
    /// The same for what is made from a key: the id of the key, whose account it draws on.
    package let keyAccount: String?

    package init(
        models: [NamePattern] = [], tools: [NamePattern] = [], limits: [BudgetLimit] = [], account: String? = nil,
        keyAccount: String? = nil
    ) {
        self.models = models
        self.tools = tools
        self.limits = limits
        self.account = account
        self.keyAccount = keyAccount
    }

    /// Whether the key's own list lets a model through.
    package func allows(model: String) -> Bool { models.isEmpty || models.contains { $0.matches(model) } }

    /// Whether its own list lets a tool through, by the name the gateway offers it under.
    package func allows(tool: String) -> Bool { tools.isEmpty || tools.contains { $0.matches(tool) } }
}

extension KeyGrant: Hashable {
    package static func == (left: KeyGrant, right: KeyGrant) -> Bool {
        left === right
            || (left.models == right.models && left.tools == right.tools && left.limits == right.limits
                && left.account == right.account && left.keyAccount == right.keyAccount)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(models)
        hasher.combine(limits)
    }
}
