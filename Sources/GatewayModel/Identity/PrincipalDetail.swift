/// What a token says of its caller beyond the names every policy knows. One object for all requests of a token, so
/// that a principal carries it for the price of a reference.
package final class PrincipalDetail: Sendable {
    /// Who vouches for the caller: an issuer, a trust domain.
    package let issuer: String?
    /// In a token of the gateway's own, who vouched for the subject it was made from, and for whoever acts by it; nil
    /// for the gateway itself. A name of somebody else's does not become one of ours on the way.
    package let origin: String?
    package let actingOrigin: String?
    /// One of several copies of the agent.
    package let instance: String?
    package let session: String?
    package let sandbox: String?
    package let scopes: [String]
    /// Whom the token is for.
    package let audiences: [String]
    /// Who acts for the user, the current actor first; at most `delegationMax`.
    package let delegation: [Delegate]
    /// What the caller's authority goes back to: an approval, a login, a run.
    package let grantID: String?
    /// Ids of the credentials this one was made from, its subject's and its actors', the nearest first; at most
    /// `parentsMax`, enough for a chain of `delegationMax` whose actors have made their tokens too.
    package let parents: [String]
    /// Seconds since 1970; nil where the credential does not say.
    package let issuedSeconds: Int?
    package let expiresSeconds: Int?
    /// Whoever shows the token must also hold this.
    package let confirmation: Confirmation?
    /// How each name was proven, in the order of `Principal`.
    package let proven: [ProvenName]

    package static let delegationMax = 8
    package static let parentsMax = 4 * delegationMax

    package init(
        issuer: String? = nil, origin: String? = nil, actingOrigin: String? = nil, instance: String? = nil,
        session: String? = nil, sandbox: String? = nil, scopes: [String] = [], audiences: [String] = [],
        delegation: [Delegate] = [], grantID: String? = nil, parents: [String] = [], issuedSeconds: Int? = nil,
        expiresSeconds: Int? = nil,
        confirmation: Confirmation? = nil, proven: [ProvenName] = []
    ) {
        self.issuer = issuer
        self.origin = origin
        self.actingOrigin = actingOrigin
        self.instance = instance
        self.session = session
        self.sandbox = sandbox
        self.scopes = scopes
        self.audiences = audiences
        self.delegation = delegation
        self.grantID = grantID
        self.parents = parents
        self.issuedSeconds = issuedSeconds
        self.expiresSeconds = expiresSeconds
        self.confirmation = confirmation
        self.proven = proven
    }
}

extension Principal {
    /// What its authority goes back to, for whatever counts or names credentials: of a token that the gateway made
    /// from another or from a key, the first of these; otherwise its own credential. Without it a key's holder would
    /// be somebody else with each token.
    package var originCredentialID: String? {
        guard let detail, !detail.parents.isEmpty else { return credentialID }
        return detail.grantID ?? credentialID
    }
}

/// One party of a chain of delegation.
package struct Delegate: Sendable, Hashable {
    package var subject: String
    package var issuer: String?

    package init(subject: String, issuer: String? = nil) {
        self.subject = subject
        self.issuer = issuer
    }
}

/// A key that the holder of a token must prove to have (RFC 7800).
package enum Confirmation: Sendable, Hashable {
    /// The thumbprint (RFC 7638) of the key that signs DPoP proofs (RFC 9449 section 6.1).
    case proofKey(String)
    /// SHA-256 of the client certificate, base64url (RFC 8705 section 3.1).
    case certificate(String)
}

/// What one name of a principal stands on.
package struct ProvenName: Sendable, Hashable {
    /// `user`, `agent`, `tenant`, …
    package var name: String
    /// Such as `token of https://login.example`.
    package var by: String

    package init(_ name: String, by: String) {
        self.name = name
        self.by = by
    }
}

extension PrincipalDetail: Hashable {
    package static func == (left: PrincipalDetail, right: PrincipalDetail) -> Bool {
        if left === right { return true }
        return left.issuer == right.issuer && left.origin == right.origin && left.actingOrigin == right.actingOrigin
            && left.instance == right.instance && left.session == right.session
            && left.sandbox == right.sandbox && left.scopes == right.scopes && left.audiences == right.audiences
            && left.delegation == right.delegation
            && left.grantID == right.grantID && left.parents == right.parents
            && left.issuedSeconds == right.issuedSeconds
            && left.expiresSeconds == right.expiresSeconds && left.confirmation == right.confirmation
            && left.proven == right.proven
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(issuer)
        hasher.combine(session)
        hasher.combine(sandbox)
        hasher.combine(delegation)
        hasher.combine(grantID)
    }
}

extension Principal {
    package var issuer: String? { detail?.issuer }
    package var instance: String? { detail?.instance }
    package var session: String? { detail?.session }
    package var sandbox: String? { detail?.sandbox }
    package var scopes: [String] { detail?.scopes ?? [] }
    /// Who acts for the user, the current actor first.
    package var delegation: [Delegate] { detail?.delegation ?? [] }
}
