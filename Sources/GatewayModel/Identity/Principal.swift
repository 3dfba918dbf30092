/// Who is calling. Built once, in the *identify* phase, and the same type for every kind of traffic.
package struct Principal: Sendable, Equatable, Hashable {
    /// How the identity was proven.
    package enum Proof: String, Sendable {
        case none
        case apiKey
        case clientCertificate
        /// A token that its issuer signed.
        case token
        /// A workload's own document (SPIFFE JWT-SVID).
        case workload
        /// A token that its issuer was asked about (RFC 7662).
        case introspection
    }

    package var proof: Proof {
        @inlinable get { box.fields.proof }
        set { fields.proof = newValue }
    }
    package var tenant: String? {
        @inlinable get { box.fields.tenant }
        set { fields.tenant = newValue }
    }
    package var team: String? {
        @inlinable get { box.fields.team }
        set { fields.team = newValue }
    }
    package var user: String? {
        @inlinable get { box.fields.user }
        set { fields.user = newValue }
    }
    package var agent: String? {
        @inlinable get { box.fields.agent }
        set { fields.agent = newValue }
    }
    /// The piece of work the call belongs to, as the credential says; never what a caller merely claims.
    package var run: String? {
        @inlinable get { box.fields.run }
        set { fields.run = newValue }
    }
    package var groups: [String] {
        @inlinable get { box.fields.groups }
        set { fields.groups = newValue }
    }
    /// Names the credential (a key's id, a certificate's subject), never the secret itself.
    package var credentialID: String? {
        @inlinable get { box.fields.credentialID }
        set { fields.credentialID = newValue }
    }
    /// What the credential itself allows and costs at most; nil for one that leaves it to policies.
    package var grant: KeyGrant? {
        @inlinable get { box.fields.grant }
        set { fields.grant = newValue }
    }
    /// What a token says beyond these names; nil for keys.
    package var detail: PrincipalDetail? {
        @inlinable get { box.fields.detail }
        set { fields.detail = newValue }
    }

    package init(
        proof: Proof, tenant: String? = nil, team: String? = nil, user: String? = nil, agent: String? = nil,
        run: String? = nil, groups: [String] = [], credentialID: String? = nil, grant: KeyGrant? = nil,
        detail: PrincipalDetail? = nil
    ) {
        box = Box(
            Fields(
                proof: proof, tenant: tenant, team: team, user: user, agent: agent, run: run, groups: groups,
                credentialID: credentialID, grant: grant, detail: detail))
    }

    /// A caller who showed no credential.
    package static let anonymous = Principal(proof: .none)

    package struct Fields: Sendable, Hashable {
        package var proof: Proof
        package var tenant: String?
        package var team: String?
        package var user: String?
        package var agent: String?
        package var run: String?
        package var groups: [String]
        package var credentialID: String?
        package var grant: KeyGrant?
        package var detail: PrincipalDetail?
    }

    package final class Box: Sendable {
        package let fields: Fields
        fileprivate init(_ fields: Fields) { self.fields = fields }
    }

    /// One reference: every call copies its principal into facts, records and reservations.
    package private(set) var box: Box
    private var fields: Fields {
        get { box.fields }
        set { box = Box(newValue) }
    }

    package static func == (left: Principal, right: Principal) -> Bool {
        left.box === right.box || left.box.fields == right.box.fields
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(box.fields) }
}
