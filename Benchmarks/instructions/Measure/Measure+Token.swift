import GatewayIdentity
import GatewayModel
import GatewayWire

/// A token that was checked before: hashed, found, and looked at for revocations, as each request does it.
extension Measure {
    private static let now = 1_800_000_000

    private static func authority(_ key: SigningKey, _ revocations: RevocationList) -> TokenAuthority? {
        let published: JSONTree = ["keys": [.object(key.publishedMembers)]]
        guard let keys = try? VerificationKeySet.parse(published.bytes) else { return nil }
        let issuer = "https://login.example"
        return TokenAuthority(
            name: "default/login", rules: TokenRules(issuer: issuer, audiences: ["sluice"]),
            keys: IssuerKeys(issuer: issuer, fixed: keys), revocations: revocations
        ) { token throws(GatewayError) in try StandardClaims.principal(token) }
    }

    /// Some 500 bytes, as issuers write them.
    private static func token(_ key: SigningKey) -> [UInt8] {
        let claims: JSONObject = [
            "iss": "https://login.example", "sub": "ann@example.com", "aud": "sluice", "exp": .integer(now + 600),
            "iat": .integer(now), "jti": "2f1c8c1e-8a0b-4d2f-9f6a-3b1d5e7c9a00", "scope": "models tools",
            "groups": ["engineering", "search", "everyone"], "act": ["sub": "planner"],
        ]
        let token = try? key.sign(claims, header: ["typ": "at+jwt", "kid": .text(key.thumbprint)])
        return Array((token ?? "").utf8)
    }

    static func tokenWarm(_ rounds: Int) -> Int {
        let key = SigningKey(.p256)
        let revocations = RevocationList()
        guard let authority = authority(key, revocations) else { return 0 }
        // Somebody else's token is revoked: then every look is a whole one.
        _ = revocations.add(
            [RevocationList.Entry(kind: .run, value: "other", beforeSeconds: now, untilSeconds: now + 9_999)],
            nowSeconds: now)
        let bytes = token(key)
        var sum = 0
        // The first is the cold one, and counted among none when two runs are compared.
        for _ in 0...rounds {
            let digest = TokenDigest(bytes.span)
            guard case .accepted(let principal) = authority.find(bytes.span, digest: digest, nowSeconds: now) else {
                preconditionFailure("the token of the measurement is refused")
            }
            sum &+= principal.groups.count
        }
        return sum
    }
}
