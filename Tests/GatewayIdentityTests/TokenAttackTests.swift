import Crypto
import CryptoExtras
import GatewayModel
import GatewayWire
import Testing

@testable import GatewayIdentity

@Suite("A forged, borrowed or stale token lets nobody in")
struct TokenAttackTests {
    private let login = TokenFixture(.p256)

    private func refused(_ token: String, _ authority: TokenAuthority? = nil, now: Int = TokenFixture.now) -> String {
        (authority ?? login.authority()).find(token, now: now).error?.message ?? "accepted"
    }

    private func part(_ object: JSONObject) -> String { Base64URL.encode(JSONTree.object(object).bytes) }

    @Test("a good token of each algorithm is accepted", arguments: SigningKey.Kind.allCases)
    func good(kind: SigningKey.Kind) throws {
        let login = TokenFixture(kind)
        let found = login.authority().find(try login.token()).principal
        #expect(found?.user == "ann")
        #expect(found?.proof == .token)
        #expect(found?.credentialID == "t-1")
        #expect(found?.issuer == TokenFixture.issuer)
    }

    @Test("RSA tokens are checked with the padding their algorithm says", arguments: ["RS256", "PS256"])
    func rsa(name: String) throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let parts = try key.publicKey.getKeyPrimitives()
        let jwk: JSONObject = [
            "kty": "RSA", "kid": "r", "n": .text(Base64URL.encode(parts.modulus)),
            "e": .text(Base64URL.encode(parts.publicExponent)),
        ]
        let keys = VerificationKeySet([try VerificationKey(jwk: jwk)])
        let authority = login.authority(keys: IssuerKeys(issuer: TokenFixture.issuer, fixed: keys))
        let signed = part(["alg": .text(name), "kid": "r", "typ": "at+jwt"]) + "." + part(TokenFixture.claims())
        let digest = SHA256.hash(data: Array(signed.utf8))
        let (good, other): (_RSA.Signing.Padding, _RSA.Signing.Padding) =
            name == "RS256" ? (.insecurePKCS1v1_5, .PSS) : (.PSS, .insecurePKCS1v1_5)
        let signature = try key.signature(for: digest, padding: good).rawRepresentation
        let wrong = try key.signature(for: digest, padding: other).rawRepresentation
        #expect(authority.find(signed + "." + Base64URL.encode(signature)).principal?.user == "ann")
        #expect(refused(signed + "." + Base64URL.encode(wrong), authority).contains("signature"))
    }

    @Test("T01: no algorithm", arguments: ["none", "None", "nOnE", "", "HS256", "RSA-OAEP", "ES256K"])
    func noAlgorithm(name: String) {
        let head = part(["alg": .text(name), "typ": "at+jwt", "kid": .text(login.key.thumbprint)])
        for signature in ["", "AA"] {
            let message = refused(head + "." + part(TokenFixture.claims()) + "." + signature)
            #expect(message.contains("algorithm") || message.contains("signature"), "\(message)")
        }
    }

    @Test("T02: a public key is no shared secret")
    func confusion() throws {
        // What a library that trusts `alg` would check with the public key as the secret.
        let signed =
            part(["alg": "HS256", "typ": "at+jwt", "kid": .text(login.key.thumbprint)]) + "."
            + part(TokenFixture.claims())
        let secret = SymmetricKey(data: JSONTree.object(login.key.publicMembers).bytes)
        let code = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: secret)
        #expect(refused(signed + "." + Base64URL.encode(code)).contains("not accepted: HS256"))
        // Nor is a key of one kind one of another.
        let edDSA = part(["alg": "EdDSA", "typ": "at+jwt", "kid": .text(login.key.thumbprint)])
        let token = edDSA + "." + part(TokenFixture.claims()) + "." + Base64URL.encode([UInt8](repeating: 1, count: 64))
        #expect(refused(token).contains("key that is not its issuer's"))
    }

    @Test("T03: a signature of zeros, or of another length", arguments: [0, 63, 64, 65, 70])
    func zeros(count: Int) throws {
        let good = try login.token()
        let signed = good[..<(good.lastIndex(of: ".") ?? good.endIndex)]
        #expect(refused(signed + "." + Base64URL.encode([UInt8](repeating: 0, count: count))).contains("signature"))
    }

    @Test(
        "T04: a key's name is a name and nothing else",
        arguments: [
            "../../../etc/passwd", "' OR 1=1 --", "file:///dev/null", "\u{0}", String(repeating: "k", count: 300),
        ])
    func keyName(kid: String) throws {
        #expect(refused(try login.token(kid: kid)) != "accepted")
    }

    @Test("T05: a key that the token brings along is not looked at")
    func embedded() throws {
        let thief = SigningKey(.p256)
        let header: JSONObject = [
            "typ": "at+jwt", "jwk": .object(thief.publicMembers), "jku": "https://evil.example/keys",
            "x5u": "https://evil.example/x", "kid": .text(thief.thumbprint),
        ]
        #expect(refused(try thief.sign(TokenFixture.claims(), header: header)).contains("not its issuer's"))
    }

    @Test("T06: the key of another issuer")
    func otherIssuer() throws {
        let other = TokenFixture(.p256)
        // Its own name for the key, and the name of ours.
        for kid in [other.key.thumbprint, login.key.thumbprint] {
            let token = try other.key.sign(TokenFixture.claims(), header: ["typ": "at+jwt", "kid": .text(kid)])
            #expect(refused(token).contains("not its issuer's"))
        }
        let foreign = try login.token { $0["iss"] = "https://login.example/" }
        #expect(login.authority().find(foreign).isNotMine)
    }

    @Test("T07: the audience is a member, and exact")
    func audience() throws {
        let list = try login.token { $0["aud"] = ["other", "sluice"] }
        #expect(login.authority().find(list).principal != nil)
        for audience: JSONTree? in [nil, "sluice2", "sluic", "Sluice", ["a"], [], 7, [7], ["sluice", 7]] {
            let token = try login.token { $0["aud"] = audience }
            #expect(refused(token) != "accepted", "\(audience?.compactText ?? "none")")
        }
    }

    @Test(
        "T08: times, with a minute between clocks",
        arguments: [
            ("exp", 0, true), ("exp", -59, true), ("exp", -60, false), ("exp", -3_600, false),
            ("nbf", 60, true), ("nbf", 61, false), ("iat", 60, true), ("iat", 61, false), ("iat", 600, false),
        ])
    func times(name: String, offset: Int, isGood: Bool) throws {
        let token = try login.token {
            if name == "exp" { $0["iat"] = nil }
            $0[name] = .integer(TokenFixture.now + offset)
        }
        #expect((refused(token) == "accepted") == isGood)
    }

    @Test("T08: a token without an end, or with one that is none", arguments: ["null", "\"x\"", "-1", "1e99", "{}"])
    func noEnd(value: String) throws {
        let tree = try JSONTree.parse(Array(value.utf8))
        #expect(refused(try login.token { $0["exp"] = tree }) != "accepted")
        #expect(refused(try login.token { $0["exp"] = nil }).contains("no end"))
    }

    @Test(
        "T09: an ID token, a grant for another service or a proof is no access token",
        arguments: ["JWT", "id+jwt", "oauth-id-jag+jwt", "dpop+jwt", "txntoken+jwt", "logout+jwt", nil])
    func type(name: String?) throws {
        #expect(refused(try login.token(type: name)).contains("of type"))
    }

    @Test("the type may be written as a media type", arguments: ["at+jwt", "AT+JWT", "application/at+jwt"])
    func typeSpelling(name: String) throws {
        #expect(login.authority().find(try login.token(type: name)).principal != nil)
    }

    @Test("T11: a chain of nine actors is refused, and so is an actor without a name")
    func chain() throws {
        func chain(_ count: Int) -> JSONTree {
            var actor: JSONTree = ["sub": "a0"]
            for index in 1..<count { actor = ["sub": .text("a\(index)"), "act": actor] }
            return actor
        }
        let good = try #require(login.authority().find(try login.token { $0["act"] = chain(8) }).principal)
        #expect(good.agent == "a7")
        #expect(good.delegation.map(\.subject) == (0..<8).reversed().map { "a\($0)" })
        #expect(refused(try login.token { $0["act"] = chain(9) }).contains("more than 8"))
        for actor: JSONTree in ["ann", [:], ["sub": ""], ["sub": 7]] {
            #expect(refused(try login.token { $0["act"] = actor }).contains("actor"))
        }
    }

    @Test("T12: what an actor claims beside its name counts for nothing")
    func innerClaims() throws {
        let token = try login.token {
            $0["act"] = [
                "sub": "builder", "groups": ["admin"], "scope": "everything", "act": ["sub": "root", "admin": true],
            ]
        }
        let found = try #require(login.authority().find(token).principal)
        #expect(found.groups.isEmpty)
        #expect(found.scopes.isEmpty)
    }

    @Test("a header that must be understood and is not", arguments: ["crit", "b64", "zip", "enc"])
    func critical(name: String) throws {
        let value: JSONTree = name == "crit" ? ["exp"] : false
        #expect(refused(try login.token(header: [name: value].object)) != "accepted")
    }

    @Test("a name twice, blanks, padding and rubbish")
    func malformed() throws {
        let good = try login.token()
        let parts = good.split(separator: ".").map(String.init)
        let twice = Base64URL.encode(
            Array("{\"alg\":\"ES256\",\"alg\":\"ES256\",\"kid\":\"\(login.key.thumbprint)\"}".utf8))
        #expect(refused(twice + "." + parts[1] + "." + parts[2]).contains("twice"))
        for token in [
            good + "=", good + ".", " " + good, good.replacing(".", with: ".."), parts[0] + "." + parts[1],
            good + "." + parts[2], "eyJ" + String(repeating: "A", count: 9_000) + ".e.e", parts[0] + ".." + parts[2],
            good.dropLast() + (good.hasSuffix("A") ? "B" : "A"),
        ] {
            #expect(refused(String(token)) != "accepted", "\(token.prefix(40))")
        }
    }

    @Test("T22: a document of another trust domain")
    func trustDomain() throws {
        var rules = TokenRules(issuer: nil, audiences: ["sluice"], types: ["jwt", ""])
        rules.algorithms = [.es256]
        let authority = login.authority(rules, prefix: "spiffe://prod.example/")
        func document(_ subject: String) throws -> String {
            try login.token(type: "JWT") {
                $0["iss"] = nil
                $0["sub"] = .text(subject)
            }
        }
        #expect(authority.find(try document("spiffe://prod.example/ns/ci/sa/builder")).principal != nil)
        for subject in ["spiffe://prod.example.evil/x", "spiffe://test.example/x", "spiffe://prod.exampl", "ann"] {
            #expect(authority.find(try document(subject)).isNotMine)
        }
    }

    @Test("T24: no error repeats the token")
    func noLeak() throws {
        let token = try login.token { $0["aud"] = "other" }
        let error = try #require(login.authority().find(token).error)
        for part in token.split(separator: ".") { #expect(!"\(error)".contains(part)) }
    }

    @Test(
        "a binding that cannot be checked is not taken for none",
        arguments: ["{\"jwk\":{}}", "{}", "\"x\"", "{\"jkt\":\"AA\"}"])
    func binding(value: String) throws {
        let tree = try JSONTree.parse(Array(value.utf8))
        #expect(refused(try login.token { $0["cnf"] = tree }).contains("cnf"))
    }
}

extension [String: JSONTree] {
    fileprivate var object: JSONObject {
        var object = JSONObject()
        for (name, value) in self { object[name] = value }
        return object
    }
}
