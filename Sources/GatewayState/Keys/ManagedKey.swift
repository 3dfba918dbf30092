package import GatewayModel

/// A key that this gateway made. The secret itself is known to nobody but its holder: only its SHA-256 is kept.
package struct ManagedKey: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        case active
        /// Refused until it is unblocked.
        case blocked
        /// Refused for ever.
        case revoked
    }

    package var id: String
    /// The first characters of the secret, to tell keys apart.
    package var hint: String
    package var tenant: String?
    package var team: String?
    package var user: String?
    package var agent: String?
    package var run: String?
    package var groups: [String] = []
    /// Patterns of models it may use; empty for all that policies allow.
    package var models: [String] = []
    package var limits: [BudgetLimit] = []
    package var createdSeconds: Int
    /// Nil for a key without an end.
    package var expiresSeconds: Int?
    package var state: State = .active
    /// When it was last rotated, blocked, unblocked or revoked.
    package var changedSeconds: Int
    package var lastUsedSeconds: Int?
    package var digest: [UInt8] = []
    /// The secret before the last rotation, for as long as it is still good.
    package var earlierDigest: [UInt8]?
    package var earlierUntilSeconds: Int?

    package init(id: String, hint: String, createdSeconds: Int) {
        self.id = id
        self.hint = hint
        self.createdSeconds = createdSeconds
        changedSeconds = createdSeconds
    }

    /// Who calls with it.
    package var principal: Principal {
        let isPlain = models.isEmpty && limits.isEmpty
        return Principal(
            proof: .apiKey, tenant: tenant, team: team, user: user, agent: agent, run: run, groups: groups,
            credentialID: id,
            grant: isPlain ? nil : KeyGrant(models: models.map { NamePattern($0) }, limits: limits),
            detail: expiresSeconds.map { PrincipalDetail(expiresSeconds: $0) })
    }

    /// What ends with the key: everything that was made from it, and under a revoked one what is still under way. A
    /// blocked key may come back, so it is not revoked itself. Nil for a key in order, and once all that was made from
    /// it has expired anyway.
    package func revocation(nowSeconds now: Int) -> Revocation? {
        let until = changedSeconds + ManagedKey.madeSecondsMax
        guard state != .active, now < until else { return nil }
        let isForGood = state == .revoked
        return Revocation(
            kind: isForGood ? .token : .grant, value: id, beforeSeconds: isForGood ? .max : changedSeconds,
            untilSeconds: until)
    }

    /// Longer than a token lives that is made from a key.
    private static let madeSecondsMax = 2 * 86_400

    // MARK: What may be in one

    private static let nameBytesMax = 256
    private static let listMax = 100

    /// Throws `invalidValue` for what no key may say.
    package func check() throws(GatewayError) {
        let names = [("tenant", tenant), ("team", team), ("user", user), ("agent", agent), ("run", run)]
        for (field, name) in names { if let name { try ManagedKey.check(name, field) } }
        for group in groups { try ManagedKey.check(group, "group") }
        for model in models { try ManagedKey.check(model, "model") }
        for (field, count) in [("groups", groups.count), ("models", models.count), ("budgets", limits.count)]
        where count > ManagedKey.listMax {
            throw GatewayError(.tooLarge, "a key has at most \(ManagedKey.listMax) \(field)")
        }
        for limit in limits
        where limits.count(where: { $0.unit == limit.unit && $0.window == limit.window }) > 1 {
            throw GatewayError(.invalidValue, "two budgets for one unit and window: \(limit)")
        }
    }

    private static func check(_ name: String, _ field: String) throws(GatewayError) {
        guard !name.isEmpty else { throw GatewayError(.invalidValue, "the \(field) of a key is empty") }
        guard name.utf8.count <= nameBytesMax else {
            throw GatewayError(.tooLarge, "the \(field) of a key is longer than \(nameBytesMax) bytes")
        }
        guard name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != 0x2C }) else {
            throw GatewayError(.invalidValue, "the \(field) of a key has a comma or a control character")
        }
    }
}
