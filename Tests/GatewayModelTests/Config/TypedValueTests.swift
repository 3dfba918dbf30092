import Testing

@testable import GatewayModel

@Suite("Typed values read what their format allows and nothing else")
struct TypedValueTests {
    @Test(arguments: [
        ("0s", 0), ("500ms", 500), ("1s", 1_000), ("1h30m", 5_400_000), ("1m30s500ms", 90_500),
        ("99999h", 359_996_400_000), ("1s1s", 2_000),
    ])
    func durations(_ text: String, _ milliseconds: Int) {
        #expect(ConfigDuration(text)?.milliseconds == milliseconds)
    }

    @Test(arguments: ["", "1", "s", "1d", "-1s", "1.5s", "100000s", "1 s", "1h1m1s1ms1h", "1S"])
    func notDurations(_ text: String) {
        #expect(ConfigDuration(text) == nil)
    }

    @Test(arguments: [0, 1, 999, 1_000, 61_001, 5_400_000, 3_600_000])
    func durationsRoundTrip(_ milliseconds: Int) {
        let text = ConfigDuration(milliseconds: milliseconds).description
        #expect(ConfigDuration(text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        ("0", UInt64(0)), ("65536", 65_536), ("64Ki", 65_536), ("10Mi", 10_485_760), ("2G", 2_000_000_000),
        ("3k", 3_000), ("1Ti", 1 << 40),
    ])
    func quantities(_ text: String, _ bytes: UInt64) {
        #expect(ByteQuantity(text)?.bytes == bytes)
        #expect(ByteQuantity(ByteQuantity(bytes: bytes).description)?.bytes == bytes)
    }

    @Test(arguments: ["", "Mi", "1.5Mi", "-1", "10mi", "1 Mi", "99999999999Ti", "1e3"])
    func notQuantities(_ text: String) {
        #expect(ByteQuantity(text) == nil)
    }

    @Test(arguments: ["a", "example.com", "*.example.com", "a-b.c1"])
    func hostnames(_ text: String) {
        #expect(Hostname(text)?.text == text)
    }

    @Test(arguments: ["", "Example.com", "a..b", "*", "a.*.b", "-a.b", "a.b.", "10.0.0.1", "a_b", "a:80", "*.*.a"])
    func notHostnames(_ text: String) {
        #expect(Hostname(text) == nil)
    }

    @Test(arguments: [
        ("*.example.com", "a.example.com", true), ("*.example.com", "a.b.example.com", true),
        ("*.example.com", "example.com", false), ("*.example.com", "aexample.com", false),
        ("example.com", "example.com", true), ("example.com", "a.example.com", false),
    ])
    func coverage(_ name: String, _ host: String, _ covered: Bool) {
        #expect(Hostname(name)?.covers(host) == covered)
    }

    @Test(arguments: [
        ("*.a.com", "b.a.com", "b.a.com"), ("b.a.com", "*.a.com", "b.a.com"), ("*.a.com", "*.b.a.com", "*.b.a.com"),
        ("*.b.a.com", "*.a.com", "*.b.a.com"), ("a.com", "a.com", "a.com"), ("*.a.com", "a.com", ""),
        ("*.a.com", "*.b.com", ""), ("*.ba.com", "*.a.com", ""),
    ])
    func intersections(_ left: String, _ right: String, _ common: String) throws {
        let one = try #require(Hostname(left))
        let other = try #require(Hostname(right))
        #expect(one.intersection(other)?.text ?? "" == common)
    }

    @Test(
        arguments: [
            ("10.0.0.0/8", [10, 1, 2, 3], true), ("10.0.0.0/8", [11, 1, 2, 3], false),
            ("10.1.2.3", [10, 1, 2, 3], true), ("10.1.2.3", [10, 1, 2, 4], false), ("0.0.0.0/0", [9, 9, 9, 9], true),
            ("10.1.2.128/25", [10, 1, 2, 127], false), ("10.1.2.128/25", [10, 1, 2, 200], true),
            ("10.0.0.0/8", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 2, 3], true),
            ("2001:db8::/32", [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], true),
            ("2001:db8::/32", [0x20, 1, 0xD, 0xB9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], false),
            ("::1", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], true), ("::/0", [1, 2, 3, 4], false),
            ("1::", [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], true),
            ("::ffff:1.2.3.4", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4], true),
        ] as [(String, [UInt8], Bool)])
    func ranges(_ text: String, _ address: [UInt8], _ inside: Bool) throws {
        let range = try #require(CIDR(text))
        #expect(range.contains(address) == inside)
    }

    @Test(arguments: [
        "", "10.0.0", "10.0.0.256", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "01.2.3.4", "::1/129", "1::2::3", ":1",
        "1:", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", "g::", "::+1", ":::", "10.0.0.0/-1", "1:2:3:4:5:6:7::8",
    ])
    func notRanges(_ text: String) {
        #expect(CIDR(text) == nil)
    }

    @Test(
        arguments: [
            ("", []), ("QQ==", [65]), ("QUI=", [65, 66]), ("QUJD", [65, 66, 67]), ("QU\nJD", [65, 66, 67]),
            ("/+8=", [255, 239]),
        ] as [(String, [UInt8])])
    func base64(_ text: String, _ bytes: [UInt8]) {
        #expect(Base64Bytes(text)?.bytes == bytes)
    }

    @Test(arguments: ["Q", "QQ=", "Q=Q=", "QUI", "Q_==", "===="])
    func notBase64(_ text: String) {
        #expect(Base64Bytes(text) == nil)
    }

    @Test(arguments: [
        ("client.ip", RequestFact.clientIP), ("request.header.X-User", .requestHeader("x-user")),
        ("principal.user", .principalUser), ("request.query.q", .requestQuery("q")),
    ])
    func facts(_ text: String, _ fact: RequestFact) {
        #expect(RequestFact(text) == fact)
        #expect(RequestFact(fact.description) == fact)
    }

    @Test(arguments: ["", "client", "request.header.", "request.header.a b", "principal.password"])
    func notFacts(_ text: String) {
        #expect(RequestFact(text) == nil)
    }
}
