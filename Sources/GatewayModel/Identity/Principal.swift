/// Who is calling. Built once, in the *identify* phase, and the same type for every kind of traffic.
package struct Principal: Sendable, Equatable, Hashable {
    /// How the identity was proven.
    package enum Proof: String, Sendable {
        case none
        case apiKey
        case clientCertificate
    }

    package var proof: Proof
    package var tenant: String?
    package var user: String?
    package var agent: String?
    package var groups: [String]
    /// Names the credential (a key's id, a certificate's subject), never the secret itself.
    package var credentialID: String?

    package init(
        proof: Proof, tenant: String? = nil, user: String? = nil, agent: String? = nil, groups: [String] = [],
        credentialID: String? = nil
    ) {
        self.proof = proof
        self.tenant = tenant
        self.user = user
        self.agent = agent
        self.groups = groups
        self.credentialID = credentialID
    }

    /// A caller who showed no credential.
    package static let anonymous = Principal(proof: .none)
}
