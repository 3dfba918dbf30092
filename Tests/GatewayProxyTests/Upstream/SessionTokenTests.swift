import GatewayModel
import GatewayWire
import Testing

@testable import GatewayProxy

@Suite("A session's token names an endpoint without saying which")
struct SessionTokenTests {
    private let key = SessionKey(Secret("key"))
    private var tag: [UInt8] { key.tag(backend: "b", host: "h", address: "a") }

    private func read(_ token: [UInt8], timeout: Int = 0, now: UInt64 = 1_000) -> [UInt8]? {
        SessionToken.tag(of: token[...], timeoutSeconds: timeout, nowSeconds: now, key: key)
    }

    @Test("Without a timeout the token is the tag")
    func plain() {
        let token = SessionToken.make(tag: tag, timeoutSeconds: 0, nowSeconds: 1_000, key: key)
        #expect(token == tag)
        #expect(read(token) == tag)
    }

    @Test("With an absolute timeout the token says when it began, and nobody can change that")
    func stamped() {
        let token = SessionToken.make(tag: tag, timeoutSeconds: 60, nowSeconds: 1_000, key: key)
        #expect(read(token, timeout: 60, now: 1_000) == tag)
        #expect(read(token, timeout: 60, now: 1_059) == tag)
        #expect(read(token, timeout: 60, now: 1_060) == nil)
        #expect(read(token, timeout: 60, now: 900) == nil)
        for index in token.indices {
            var forged = token
            forged[index] = forged[index] == 0x31 ? 0x32 : 0x31
            guard forged != token else { continue }
            #expect(read(forged, timeout: 60) == nil)
        }
        // A session from before the timeout was configured begins anew.
        #expect(read(tag, timeout: 60) == nil)
        #expect(read(token, timeout: 0) == nil)
    }

    @Test(
        "Anything else is no session",
        arguments: [
            "", ".", "..", "x", "10.0.0.1:80", String(repeating: "a", count: 31), String(repeating: "a", count: 400),
        ])
    func malformed(_ text: String) {
        #expect(read(Array(text.utf8)) == nil)
        #expect(read(Array(text.utf8), timeout: 60) == nil)
        #expect(read(tag + Array("..".utf8), timeout: 60) == nil)
        #expect(read(tag + Array(".999999999999999.".utf8), timeout: 60) == nil)
    }

    @Test("The cookie")
    func cookie() {
        func text(_ lifetime: Int, _ secure: Bool) -> String {
            String(
                decoding: SessionToken.cookie(
                    name: Array("s".utf8), token: Array("t".utf8), lifetimeSeconds: lifetime, isSecure: secure),
                as: UTF8.self)
        }
        #expect(text(0, false) == "s=t; Path=/; HttpOnly; SameSite=Lax")
        #expect(text(3600, true) == "s=t; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=3600")
    }

    @Test(
        "Cookies are found by their whole name",
        arguments: [
            ("a=1", "a", "1"), ("b=2; a=1", "a", "1"), ("b=2;a=1;c=3", "a", "1"), ("aa=2; a=1", "a", "1"),
            ("a=", "a", ""), ("a=1; a=2", "a", "1"), ("a=x=y", "a", "x=y"), ("a", "a", nil), ("b=a=1", "a", nil),
            ("", "a", nil), ("A=1", "a", nil),
        ])
    func cookies(_ field: String, _ name: String, _ value: String?) {
        var fields = FieldBlock()
        fields.append("x", "a=9")
        fields.append("cookie", field)
        #expect(fields.cookie(Array(name.utf8)).map { fields.text($0) } == value)
    }

    @Test(
        "Query parameters too",
        arguments: [
            ("q=1&r=2", "r", "2"), ("q=1&r", "r", nil), ("rr=1&r=%20", "r", "%20"), ("r=", "r", ""), ("", "r", nil),
        ])
    func parameters(_ query: String, _ name: String, _ value: String?) {
        var fields = FieldBlock()
        let slice = fields.store(Array(query.utf8))
        #expect(fields.parameter(Array(name.utf8), in: slice).map { fields.text($0) } == value)
    }

    @Test("A cookie is looked for in every cookie field")
    func severalFields() {
        var fields = FieldBlock()
        fields.append("cookie", "b=1")
        fields.append("cookie", "a=2")
        #expect(fields.cookie(Array("a".utf8)).map { fields.text($0) } == "2")
    }
}
