/// Something that is not believed any more although it has not expired.
package struct Revocation: Sendable, Hashable {
    /// What it is about.
    package enum Kind: String, Sendable, CaseIterable {
        case token, run, agent, user, grant, session
    }

    package var kind: Kind
    package var value: String
    /// Whose run, agent or user; nil for every tenant's.
    package var tenant: String?
    /// What was issued at this second or before is revoked; seconds since 1970.
    package var beforeSeconds: Int
    /// From then on nothing it is about can be alive, and it may be forgotten.
    package var untilSeconds: Int

    package init(kind: Kind, value: String, tenant: String? = nil, beforeSeconds: Int, untilSeconds: Int) {
        self.kind = kind
        self.value = value
        self.tenant = tenant
        self.beforeSeconds = beforeSeconds
        self.untilSeconds = untilSeconds
    }
}
