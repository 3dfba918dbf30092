/// How a token may be signed: public keys only. A shared secret (`HS256`) would let everyone who can check a token make
/// one, and `none` would let everyone (RFC 8725 sections 2.1, 3.1, 3.2).
package enum SignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"

    /// Bytes of a signature; nil where the key decides.
    var signatureBytes: Int? {
        switch self {
        case .es256, .edDSA: 64
        case .es384: 96
        case .es512: 132
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: nil
        }
    }

    /// What an issuer may use when nobody says otherwise.
    package static let usual: [SignatureAlgorithm] = [.es256, .es384, .edDSA, .rs256, .ps256]
    /// What proofs of possession may use (RFC 9449 section 4.2).
    package static let proof: [SignatureAlgorithm] = [.es256, .es384, .edDSA]
}
