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

    package var proof: Proof
    package var tenant: String?
    package var team: String?
    package var user: String?
    package var agent: String?
    /// The piece of work the call belongs to, as the credential says; never what a caller merely claims.
    package var run: String?
    package var groups: [String]
    /// Names the credential (a key's id, a certificate's subject), never the secret itself.
    package var credentialID: String?
    /// What the credential itself allows and costs at most; nil for one that leaves it to policies.
    package var grant: KeyGrant?
    /// What a token says beyond these names; nil for keys.
    package var detail: PrincipalDetail?

    package init(
        proof: Proof, tenant: String? = nil, team: String? = nil, user: String? = nil, agent: String? = nil,
        run: String? = nil, groups: [String] = [], credentialID: String? = nil, grant: KeyGrant? = nil,
        detail: PrincipalDetail? = nil
    ) {
        self.proof = proof
        self.tenant = tenant
        self.team = team
        self.user = user
        self.agent = agent
        self.run = run
        self.groups = groups
        self.credentialID = credentialID
        self.grant = grant
        self.detail = detail
    }

    /// A caller who showed no credential.
    package static let anonymous = Principal(proof: .none)
}
