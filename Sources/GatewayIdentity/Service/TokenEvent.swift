import Crypto
package import GatewayModel

/// What the token service is about to do, or has refused, for whoever keeps a log of it. Tokens are named by the hash
/// of their id, never shown.
package struct TokenEvent: Sendable {
    package enum Act: Sendable {
        /// A token is about to be signed.
        case issue
        /// A token, or everything of a run, agent, user, grant or session, is about to be believed no more.
        case revoke
        /// The caller gets nothing.
        case refuse
    }

    /// Told once what came of what was announced: nil for done.
    package typealias Settle = @Sendable (GatewayError?) -> Void

    package var act = Act.refuse
    /// By which way, such as `token.exchange` or `token.introspect`.
    package var operation: String
    /// Whom the token is of; of a refusal, as far as it was known.
    package var principal = Principal.anonymous
    /// Who asked for it, where that was proven.
    package var client: Principal?
    /// Who is to act for the subject.
    package var actor: Principal?
    /// Hashes of ids: of the token itself, and of what it is made from.
    package var tokenHash = ""
    package var subjectHash = ""
    package var actorHash = ""
    package var audiences: [String] = []
    package var expiresSeconds: Int?
    /// What is revoked.
    package var revocation: Revocation?
    /// Why not, in the words of OAuth and in plain ones.
    package var error = ""
    package var reason = ""
    /// The client's address, and the request's id.
    package var source = ""
    package var requestID: (UInt64, UInt64) = (0, 0)

    package init(_ operation: String, source: String = "", requestID: (UInt64, UInt64) = (0, 0)) {
        self.operation = operation
        self.source = source
        self.requestID = requestID
    }

    /// The token that is about to be signed.
    package mutating func issues(_ grant: TokenGrant) {
        act = .issue
        principal = grant.principal
        tokenHash = TokenEvent.hash(grant.id)
        audiences = grant.audiences
        expiresSeconds = grant.expiresSeconds
    }

    package mutating func revokes(_ entry: Revocation) {
        act = .revoke
        revocation = entry
        if entry.kind == .token { tokenHash = TokenEvent.hash(entry.value) }
    }

    mutating func refuses(_ error: String, _ reason: String) {
        act = .refuse
        self.error = error
        self.reason = reason
    }

    mutating func sees(subject: Principal) {
        principal = subject
        subjectHash = subject.credentialID.map(TokenEvent.hash) ?? ""
    }

    mutating func sees(actor: Principal?) {
        self.actor = actor
        actorHash = actor?.credentialID.map(TokenEvent.hash) ?? ""
    }

    /// SHA-256 of a token's id, hexadecimal: who has the id finds the record, and the record does not give it away.
    package static func hash(_ id: String) -> String {
        SHA256.hash(data: Array(id.utf8)).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }
}
