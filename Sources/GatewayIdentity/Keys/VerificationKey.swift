import Crypto
import CryptoExtras
import GatewayWire

/// A public key that checks signatures, with what its publisher says of its use.
package struct VerificationKey: Sendable {
    enum Material: Sendable {
        case p256(P256.Signing.PublicKey)
        case p384(P384.Signing.PublicKey)
        case p521(P521.Signing.PublicKey)
        case ed25519(Curve25519.Signing.PublicKey)
        case rsa(_RSA.Signing.PublicKey)
    }

    /// `kid`; a token names its key by it.
    package let id: String?
    /// The only algorithm it may be used with, if its publisher says one (RFC 7517 section 4.4).
    package let algorithm: SignatureAlgorithm?
    /// RFC 7638, base64url of SHA-256.
    package let thumbprint: String
    private let material: Material

    init(id: String?, algorithm: SignatureAlgorithm?, material: Material, thumbprint: String) {
        self.id = id
        self.algorithm = algorithm
        self.material = material
        self.thumbprint = thumbprint
    }

    /// Whether the key is of the kind the algorithm needs: what keeps an RSA key from being taken for anything else.
    package func fits(_ wanted: SignatureAlgorithm) -> Bool {
        if let algorithm, algorithm != wanted { return false }
        switch (material, wanted) {
        case (.p256, .es256), (.p384, .es384), (.p521, .es512), (.ed25519, .edDSA): return true
        case (.rsa, .rs256), (.rsa, .rs384), (.rsa, .rs512), (.rsa, .ps256), (.rsa, .ps384), (.rsa, .ps512): return true
        default: return false
        }
    }

    /// Whether `signature` (RFC 7518 section 3) is of `message` by this key.
    package func verifies(_ signature: [UInt8], of message: [UInt8], _ algorithm: SignatureAlgorithm) -> Bool {
        guard fits(algorithm), algorithm.signatureBytes.map({ $0 == signature.count }) ?? true else { return false }
        switch material {
        case .p256(let key):
            guard let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(parsed, for: message)
        case .p384(let key):
            guard let parsed = try? P384.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(parsed, for: message)
        case .p521(let key):
            guard let parsed = try? P521.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(parsed, for: message)
        case .ed25519(let key): return key.isValidSignature(signature, for: message)
        case .rsa(let key): return VerificationKey.verifies(signature, of: message, algorithm, key)
        }
    }

    private static func verifies(
        _ signature: [UInt8], of message: [UInt8], _ algorithm: SignatureAlgorithm, _ key: _RSA.Signing.PublicKey
    ) -> Bool {
        let parsed = _RSA.Signing.RSASignature(rawRepresentation: signature)
        return switch algorithm {
        case .rs256: key.isValidSignature(parsed, for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5)
        case .rs384: key.isValidSignature(parsed, for: SHA384.hash(data: message), padding: .insecurePKCS1v1_5)
        case .rs512: key.isValidSignature(parsed, for: SHA512.hash(data: message), padding: .insecurePKCS1v1_5)
        case .ps256: key.isValidSignature(parsed, for: SHA256.hash(data: message), padding: .PSS)
        case .ps384: key.isValidSignature(parsed, for: SHA384.hash(data: message), padding: .PSS)
        case .ps512: key.isValidSignature(parsed, for: SHA512.hash(data: message), padding: .PSS)
        default: false
        }
    }
}
