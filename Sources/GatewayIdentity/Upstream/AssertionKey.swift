import Crypto
import CryptoExtras
package import GatewayModel
package import GatewayWire

/// A private key of the operator's that signs JWTs to others: ES256, ES384 or RS256, as its kind asks.
package struct AssertionKey: Sendable {
    private enum Material: Sendable {
        case p256(P256.Signing.PrivateKey)
        case p384(P384.Signing.PrivateKey)
        case rsa(_RSA.Signing.PrivateKey)
    }

    private let material: Material

    /// Reads PKCS #8, SEC 1 or PKCS #1 in PEM. Errors do not quote it.
    package init(pem: Secret) throws(GatewayError) {
        let text = pem.reveal { String(decoding: $0, as: UTF8.self) }
        if let key = try? P256.Signing.PrivateKey(pemRepresentation: text) {
            material = .p256(key)
        } else if let key = try? P384.Signing.PrivateKey(pemRepresentation: text) {
            material = .p384(key)
        } else if let key = try? _RSA.Signing.PrivateKey(pemRepresentation: text), key.keySizeInBits >= 2_048 {
            material = .rsa(key)
        } else {
            throw GatewayError(
                .missingCredential, "the private key cannot be read",
                hint: "give it in PEM: P-256, P-384 or RSA of at least 2048 bits, without a passphrase")
        }
    }

    package var algorithm: SignatureAlgorithm {
        switch material {
        case .p256: .es256
        case .p384: .es384
        case .rsa: .rs256
        }
    }

    /// A signed JWT in its compact form.
    package func sign(_ claims: JSONObject, id: String?) throws(GatewayError) -> String {
        var header: JSONObject = ["alg": .text(algorithm.rawValue), "typ": "JWT"]
        if let id { header["kid"] = .text(id) }
        let signed =
            Base64URL.encode(JSONTree.object(header).bytes) + "." + Base64URL.encode(JSONTree.object(claims).bytes)
        let message = Array(signed.utf8)
        do {
            let signature: [UInt8] =
                switch material {
                case .p256(let key): Array(try key.signature(for: message).rawRepresentation)
                case .p384(let key): Array(try key.signature(for: message).rawRepresentation)
                case .rsa(let key):
                    // RS256 (RFC 7518 section 3.3) is what servers ask for; it only signs here.
                    Array(try key.signature(for: message, padding: .insecurePKCS1v1_5).rawRepresentation)
                }
            return signed + "." + Base64URL.encode(signature)
        } catch {
            throw GatewayError(.internalFault, "an assertion cannot be signed")
        }
    }
}
