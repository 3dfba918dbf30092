import GatewayModel
import GatewayWire
import Testing

@testable import GatewayIdentity

private let alpha = APIKeySet.digestText(of: "alpha-key")
private let beta = APIKeySet.digestText(of: "beta-key")

@Suite("A key file says exactly who may come in")
struct APIKeyFileTests {
    private func parse(_ text: String) throws -> APIKeySet {
        try APIKeyFile.parse(Array(text.utf8), name: "keys.txt")
    }

    @Test("the digest is SHA-256 in hexadecimal")
    func digest() {
        // FIPS 180-2, the test message "abc".
        #expect(
            APIKeySet.digestText(of: "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test("comments, empty lines and fields")
    func fields() throws {
        let keys = try parse(
            """
            # people
            ann \(alpha) user=ann tenant=acme groups=dev,ops expires=2027-01-31T00:00:00Z

            bot\t\(beta.uppercased())  agent=builder\r
            """)
        #expect(keys.count == 2)
        let ann = Principal(
            proof: .apiKey, tenant: "acme", user: "ann", groups: ["dev", "ops"], credentialID: "ann")
        #expect(keys.find("alpha-key", nowSeconds: 1_801_353_599) == .accepted(ann))
        #expect(keys.find("alpha-key", nowSeconds: 1_801_353_600) == .expired(id: "ann"))
        #expect(
            keys.find("beta-key", nowSeconds: 0)
                == .accepted(Principal(proof: .apiKey, agent: "builder", credentialID: "bot")))
        #expect(keys.find("gamma-key", nowSeconds: 0) == .unknown)
        #expect(keys.find("", nowSeconds: 0) == .unknown)
        #expect(keys.find(String(repeating: "x", count: 2_000), nowSeconds: 0) == .unknown)
    }

    @Test(
        "errors name the place",
        arguments: [
            ("ann", ErrorCode.missingField, "keys.txt:1:4"),
            ("ann abc", .invalidValue, "keys.txt:1:5"),
            ("ann \(alpha) usr=x", .unknownField, "keys.txt:1:70"),
            ("ann \(alpha) user", .syntax, "keys.txt:1:70"),
            ("ann \(alpha) user=", .invalidValue, "keys.txt:1:74"),
            ("ann \(alpha) user=a user=b", .duplicateKey, "keys.txt:1:77"),
            ("ann \(alpha) groups=a,,b", .invalidValue, "keys.txt:1:77"),
            ("ann \(alpha) groups=a,a", .invalidValue, "keys.txt:1:77"),
            ("ann \(alpha) expires=2027-02-30T00:00:00Z", .invalidValue, "keys.txt:1:78"),
            ("ann \(alpha)\nann \(beta)", .duplicateKey, "keys.txt:2:1"),
            ("ann \(alpha)\nben \(alpha)", .duplicateKey, "keys.txt:2:1"),
            ("ann \(alpha.dropLast())g", .invalidValue, "keys.txt:1:67"),
            ("ann\u{1} \(alpha)", .syntax, "keys.txt:1:4"),
        ])
    func errors(text: String, code: ErrorCode, place: String) {
        let error = #expect(throws: GatewayError.self) { try parse(text) }
        #expect(error?.code == code)
        #expect(error?.message.contains(place) == true, "\(error?.message ?? "")")
    }

    @Test("a key pasted where its hash belongs is not repeated")
    func noLeak() {
        let error = #expect(throws: GatewayError.self) { try parse("ann sk-very-secret") }
        #expect(error?.description.contains("very-secret") == false)
    }

    @Test("a file that is too large is refused")
    func size() {
        let bytes = [UInt8](repeating: 0x0A, count: APIKeySet.fileBytesMax + 1)
        let error = #expect(throws: GatewayError.self) { try APIKeyFile.parse(bytes, name: "keys.txt") }
        #expect(error?.code == .tooLarge)
    }

    @Test(
        "modes that let others in are warned of",
        arguments: [(0o600, false), (0o640, true), (0o604, true), (0o620, true), (0o400, false)])
    func mode(mode: Int, isWarned: Bool) {
        #expect((APIKeyFile.warning(mode: UInt32(mode), name: "k") != nil) == isWarned)
    }

    @Test(
        "times",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:00:00Z", 951_825_600),
            ("2027-01-31T02:00:00+02:00", 1_801_353_600),
            ("2027-01-31", nil), ("2026-13-01T00:00:00Z", nil), ("2026-01-01T24:00:00Z", nil),
            ("2026-01-01t00:00:00Z", nil),
            ("2026-01-01T00:00:00", nil), ("1900-01-01T00:00:00Z", nil),
        ] as [(String, Int?)])
    func times(text: String, expected: Int?) {
        #expect(Timestamp.seconds(text) == expected)
    }
}

@Suite("The caller's credential is found once and taken out")
struct CredentialScannerTests {
    private func head(_ fields: [(String, String)]) -> RequestHead {
        var head = RequestHead()
        for (name, value) in fields { head.fields.append(name, value) }
        return head
    }

    @Test(
        "where keys are",
        arguments: [
            ([("authorization", "Bearer k1")], "k1", [.authorization]),
            ([("authorization", "bEARER   k1")], "k1", [.authorization]),
            ([("x-api-key", "k1")], "k1", [.xAPIKey]),
            ([("x-goog-api-key", "k1")], "k1", [.xGoogAPIKey]),
            ([("x-api-key", "k1"), ("authorization", "Bearer k1")], "k1", [.xAPIKey, .authorization]),
            ([("authorization", "Basic abc"), ("x-api-key", "k1")], "k1", [.xAPIKey]),
        ] as [([(String, String)], String, CredentialScanner.Sources)])
    func found(fields: [(String, String)], key: String, sources: CredentialScanner.Sources) throws {
        var head = head(fields)
        guard case .found(let slice, let found) = CredentialScanner.scan(head) else {
            Issue.record("not found")
            return
        }
        #expect(head.fields.text(slice) == key)
        #expect(found == sources)
        CredentialScanner.strip(found, from: &head)
        #expect(CredentialScanner.scan(head) == .none)
    }

    @Test(
        "no key",
        arguments: [
            [], [("authorization", "Basic abc")], [("authorization", "Bearer")], [("authorization", "Bearerk1")],
        ])
    func none(fields: [(String, String)]) {
        #expect(CredentialScanner.scan(head(fields)) == .none)
    }

    @Test(
        "keys that disagree are refused",
        arguments: [
            [("authorization", "Bearer k1"), ("x-api-key", "k2")], [("x-api-key", "k1"), ("x-api-key", "k2")],
            [("x-api-key", "k1"), ("x-goog-api-key", "")],
        ])
    func ambiguous(fields: [(String, String)]) throws {
        #expect(CredentialScanner.scan(head(fields)) == .ambiguous)
        let identity = APIKeyIdentity(keys: APIKeySet(), isRequired: false)
        let error = #expect(throws: GatewayError.self) { try identity.identify(head(fields), nowSeconds: 0) }
        #expect(error?.code == .unauthenticated)
    }

    @Test("the scan and the look-up in one step")
    func identify() throws {
        let keys = try APIKeyFile.parse(Array("ann \(alpha) user=ann".utf8), name: "k")
        let identity = APIKeyIdentity(keys: keys)
        let (principal, sources) = try identity.identify(head([("x-api-key", "alpha-key")]), nowSeconds: 0)
        #expect(principal?.user == "ann")
        #expect(sources == [.xAPIKey])
        #expect(throws: GatewayError.self) { try identity.identify(head([("x-api-key", "other")]), nowSeconds: 0) }
        #expect(throws: GatewayError.self) { try identity.identify(head([]), nowSeconds: 0) }
        let optional = APIKeyIdentity(keys: keys, isRequired: false)
        #expect(try optional.identify(head([]), nowSeconds: 0).principal == nil)
        // A wrong key is refused even where none is needed.
        #expect(throws: GatewayError.self) { try optional.identify(head([("x-api-key", "other")]), nowSeconds: 0) }
    }
}

@Suite("A client certificate becomes a principal")
struct ClientCertificateTests {
    @Test("names to members")
    func names() throws {
        let names = ClientCertificateIdentity.Names(
            subject: "CN=builder,OU=ci,OU=dev,O=acme\\, inc", uris: ["spiffe://acme.test/builder"])
        let principal = try ClientCertificateIdentity().principal(names)
        #expect(principal.user == "builder")
        #expect(principal.tenant == "acme, inc")
        #expect(principal.groups == ["ci", "dev"])
        #expect(principal.agent == "spiffe://acme.test/builder")
        #expect(principal.proof == .clientCertificate)
    }

    @Test(
        "what could be read two ways is refused",
        arguments: [
            ClientCertificateIdentity.Names(subject: "CN=a,CN=b"), .init(subject: ""), .init(subject: "CN"),
            .init(subject: "CN=a\"b"), .init(subject: "CN=a,O=x,O=y"), .init(subject: "CN=a\\0a"),
            .init(subject: "CN=a", uris: ["spiffe://a/1", "spiffe://a/2"]),
        ])
    func refused(names: ClientCertificateIdentity.Names) {
        let error = #expect(throws: GatewayError.self) { try ClientCertificateIdentity().principal(names) }
        #expect(error?.code == .unauthenticated)
    }

    @Test("one without a subject that is called like a key or a token of ours is neither")
    func borrowedID() throws {
        for name in ["key_1", "tok_1"] {
            let names = ClientCertificateIdentity.Names(dnsNames: [name])
            let principal = try ClientCertificateIdentity(user: .dns).principal(names)
            #expect(principal.user == name && principal.credentialID == "SAN=\(name)")
        }
        let plain = ClientCertificateIdentity.Names(dnsNames: ["a.test"])
        #expect(try ClientCertificateIdentity(user: .dns).principal(plain).credentialID == "a.test")
    }

    @Test("the source of the user is a choice")
    func sources() throws {
        let names = ClientCertificateIdentity.Names(
            subject: "CN=a", dnsNames: ["a.test"], uris: ["urn:x"], emails: ["a@test"])
        #expect(try ClientCertificateIdentity(user: .dns).principal(names).user == "a.test")
        #expect(try ClientCertificateIdentity(user: .uri).principal(names).user == "urn:x")
        #expect(try ClientCertificateIdentity(user: .email).principal(names).user == "a@test")
    }
}
