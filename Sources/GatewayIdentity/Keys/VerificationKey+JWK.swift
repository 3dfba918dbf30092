import Crypto
import CryptoExtras
import GatewayWire

extension VerificationKey {
    /// Why a JWK is no key of ours.
    enum JWKProblem: Error, Equatable {
        /// Another kind of key, or for another use; the others of its set are not touched by it.
        case unusable
        case malformed(String)
    }

    static let idBytesMax = 256

    /// A JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037). `use` is what the set is for: `sig`, or `jwt-svid`.
    init(jwk: JSONObject, use: String = "sig") throws(JWKProblem) {
        if let own = jwk["use"] {
            guard own.string?.value == use else { throw .unusable }
        }
        if let operations = jwk["key_ops"] {
            guard let list = operations.array else { throw .malformed("key_ops is not a list") }
            guard list.contains(where: { $0.string?.value == "verify" }) else { throw .unusable }
        }
        // A private key in public is nobody's any more.
        guard jwk["d"] == nil else { throw .malformed("a private key is published") }
        var id: String?
        if let kid = jwk["kid"] {
            guard let text = kid.string?.value, text.utf8.count <= VerificationKey.idBytesMax else {
                throw .malformed("kid is not a short string")
            }
            id = text
        }
        var algorithm: SignatureAlgorithm?
        if let alg = jwk["alg"] {
            guard let known = alg.string.flatMap({ SignatureAlgorithm(rawValue: $0.value) }) else { throw .unusable }
            algorithm = known
        }
        let (material, members) = try VerificationKey.material(jwk)
        self.init(
            id: id, algorithm: algorithm, material: material, thumbprint: VerificationKey.thumbprint(members))
    }

    private static func material(_ jwk: JSONObject) throws(JWKProblem) -> (Material, [(String, String)]) {
        switch jwk["kty"]?.string?.value {
        case "EC": return try curve(jwk)
        case "OKP":
            guard jwk["crv"]?.string?.value == "Ed25519" else { throw .unusable }
            let x = try member("x", jwk)
            guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: x.bytes) else {
                throw .malformed("x is no Ed25519 key")
            }
            return (.ed25519(key), [("crv", "Ed25519"), ("kty", "OKP"), ("x", x.text)])
        case "RSA":
            let (n, e) = (try member("n", jwk), try member("e", jwk))
            // BoringSSL bounds both; a huge modulus would cost a second of work for each token.
            guard n.bytes.count <= 1_024, e.bytes.count <= 8,
                let key = try? _RSA.Signing.PublicKey(n: n.bytes, e: e.bytes), key.keySizeInBits >= 2_048
            else { throw .malformed("no RSA key of 2048 to 8192 bits") }
            return (.rsa(key), [("e", e.text), ("kty", "RSA"), ("n", n.text)])
        case nil: throw .malformed("kty is missing")
        default: throw .unusable
        }
    }

    private static func curve(_ jwk: JSONObject) throws(JWKProblem) -> (Material, [(String, String)]) {
        guard let name = jwk["crv"]?.string?.value else { throw .malformed("crv is missing") }
        let (x, y) = (try member("x", jwk), try member("y", jwk))
        let point = x.bytes + y.bytes
        let material: Material?
        switch (name, x.bytes.count, y.bytes.count) {
        case ("P-256", 32, 32): material = (try? P256.Signing.PublicKey(rawRepresentation: point)).map { .p256($0) }
        case ("P-384", 48, 48): material = (try? P384.Signing.PublicKey(rawRepresentation: point)).map { .p384($0) }
        case ("P-521", 66, 66): material = (try? P521.Signing.PublicKey(rawRepresentation: point)).map { .p521($0) }
        case ("P-256", _, _), ("P-384", _, _), ("P-521", _, _): material = nil
        default: throw .unusable
        }
        // A point that is not on its curve would give its maker away the signer's key.
        guard let material else { throw .malformed("not a point of \(name)") }
        return (material, [("crv", name), ("kty", "EC"), ("x", x.text), ("y", y.text)])
    }

    private static func member(
        _ name: String, _ jwk: JSONObject
    ) throws(JWKProblem) -> (text: String, bytes: [UInt8]) {
        guard let text = jwk[name]?.string?.value, let bytes = Base64URL.decode(text), !bytes.isEmpty else {
            throw .malformed("\(name) is not base64url")
        }
        return (text, bytes)
    }

    /// RFC 7638: the required members in the order of their names.
    private static func thumbprint(_ members: [(String, String)]) -> String {
        let text = "{" + members.map { "\"\($0.0)\":\"\($0.1)\"" }.joined(separator: ",") + "}"
        return Base64URL.encode(SHA256.hash(data: Array(text.utf8)))
    }
}
