import Crypto
package import GatewayModel
package import GatewayWire

/// A private key that signs tokens: Ed25519 or P-256, which are small, fast and leave nothing to choose.
package struct SigningKey: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case ed25519 = "EdDSA"
        case p256 = "ES256"
    }

    private enum Material: Sendable {
        case ed25519(Curve25519.Signing.PrivateKey)
        case p256(P256.Signing.PrivateKey)
    }

    package let kind: Kind
    private let material: Material

    package init(_ kind: Kind) {
        self.kind = kind
        switch kind {
        case .ed25519: material = .ed25519(Curve25519.Signing.PrivateKey())
        case .p256: material = .p256(P256.Signing.PrivateKey())
        }
    }

    /// The key of these 32 bytes, as `secret` gives them out.
    package init(_ kind: Kind, secret: Secret) throws(GatewayError) {
        self.kind = kind
        let bytes = secret.reveal { $0 }
        do {
            switch kind {
            case .ed25519: material = .ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: bytes))
            case .p256: material = .p256(try P256.Signing.PrivateKey(rawRepresentation: bytes))
            }
        } catch {
            throw GatewayError(.invalidValue, "not a private key of \(kind.rawValue)")
        }
    }

    package var secret: Secret {
        switch material {
        case .ed25519(let key): Secret(Array(key.rawRepresentation))
        case .p256(let key): Secret(Array(key.rawRepresentation))
        }
    }

    package var algorithm: SignatureAlgorithm { kind == .ed25519 ? .edDSA : .es256 }

    /// Also the key's name: whoever has the key can tell that it is the one.
    package var thumbprint: String { publicKey.thumbprint }

    package var publicKey: VerificationKey {
        let jwk = publicMembers
        guard let key = try? VerificationKey(jwk: jwk) else { preconditionFailure("a key of ours is a key") }
        return key
    }

    /// The public part as a JWK, without a name.
    package var publicMembers: JSONObject {
        switch material {
        case .ed25519(let key):
            return ["kty": "OKP", "crv": "Ed25519", "x": .text(Base64URL.encode(key.publicKey.rawRepresentation))]
        case .p256(let key):
            let point = Array(key.publicKey.rawRepresentation)
            return [
                "kty": "EC", "crv": "P-256", "x": .text(Base64URL.encode(point[..<32])),
                "y": .text(Base64URL.encode(point[32...])),
            ]
        }
    }

    /// The public part as others look it up.
    package var publishedMembers: JSONObject {
        var jwk = publicMembers
        jwk["kid"] = .text(thumbprint)
        jwk["use"] = "sig"
        jwk["alg"] = .text(kind.rawValue)
        return jwk
    }

    /// A signed token in its compact form. `header` has `typ` and what else is to be in it beside `alg`.
    package func sign(_ claims: JSONObject, header: JSONObject) throws(GatewayError) -> String {
        var whole: JSONObject = ["alg": .text(kind.rawValue)]
        for member in header.members { whole[member.name.value] = member.value }
        let signed =
            Base64URL.encode(JSONTree.object(whole).bytes) + "." + Base64URL.encode(JSONTree.object(claims).bytes)
        do {
            let signature: [UInt8] =
                switch material {
                case .ed25519(let key): Array(try key.signature(for: Array(signed.utf8)))
                case .p256(let key): Array(try key.signature(for: Array(signed.utf8)).rawRepresentation)
                }
            return signed + "." + Base64URL.encode(signature)
        } catch {
            throw GatewayError(.internalFault, "a token cannot be signed", cause: "\(error)")
        }
    }
}
