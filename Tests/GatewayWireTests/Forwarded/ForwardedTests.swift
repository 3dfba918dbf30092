import Testing

@testable import GatewayWire

@Suite("Only trusted hops say where a request came from")
struct ForwardedTests {
    static func head(_ lines: String) throws -> RequestHead {
        try Read.head("GET / HTTP/1.1\r\nHost: Example.com\r\n\(lines)\r\n")
    }

    static func trust(
        _ hops: Int, _ networks: [String] = [], _ source: ForwardedTrust.Source = .xForwardedFor
    ) -> ForwardedTrust {
        ForwardedTrust(hops: hops, networks: CIDRSet(networks.compactMap { CIDR($0) }), source: source)
    }

    static let clients: [(String, ForwardedTrust, String)] = [
        ("", trust(0), "9.9.9.9"), ("X-Forwarded-For: 1.1.1.1\r\n", trust(0), "9.9.9.9"), ("", trust(2), "9.9.9.9"),
        ("X-Forwarded-For: 1.1.1.1\r\n", trust(1), "1.1.1.1"),
        ("X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n", trust(1), "2.2.2.2"),
        ("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n", trust(1), "2.2.2.2"),
        ("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n", trust(2), "1.1.1.1"),
        ("X-Forwarded-For: 1.1.1.1\r\n", trust(5), "1.1.1.1"),
        ("X-Forwarded-For: 1.1.1.1, junk\r\n", trust(2), "9.9.9.9"),
        ("X-Forwarded-For: junk, 2.2.2.2\r\n", trust(2), "2.2.2.2"),
        ("X-Forwarded-For: , 1.1.1.1 ,\r\n", trust(1), "1.1.1.1"),
        ("X-Forwarded-For: 1.1.1.1, 9.9.9.8\r\n", trust(0, ["9.0.0.0/8"]), "1.1.1.1"),
        ("X-Forwarded-For: 8.8.8.8, 1.1.1.1, 9.9.9.8\r\n", trust(0, ["9.0.0.0/8"]), "1.1.1.1"),
        ("X-Forwarded-For: 9.1.1.1\r\n", trust(0, ["9.0.0.0/8"]), "9.1.1.1"),
        ("X-Forwarded-For: 1.1.1.1\r\n", trust(0, ["8.0.0.0/8"]), "9.9.9.9"),
        ("X-Forwarded-For: 1.1.1.1:80\r\n", trust(1), "1.1.1.1"),
        ("X-Forwarded-For: [2001:db8::1]:80\r\n", trust(1), "2001:db8::1"),
        ("X-Forwarded-For: 2001:DB8::1\r\n", trust(1), "2001:db8::1"),
        ("X-Forwarded-For: ::ffff:1.2.3.4\r\n", trust(1), "1.2.3.4"),
        ("Forwarded: for=1.1.1.1\r\n", trust(1), "9.9.9.9"),
        ("X-Forwarded-For: 1.1.1.1\r\n", trust(1, [], .forwarded), "9.9.9.9"),
        (
            "Forwarded: proto=http; For=\"[2001:db8::1]:4711\";by=x, for=unknown\r\n", trust(2, [], .forwarded),
            "9.9.9.9"
        ),
        ("Forwarded: for=1.1.1.1, by=x;for=\"2.2.2.2:80\"\r\n", trust(1, [], .forwarded), "2.2.2.2"),
        ("Forwarded: for=1.1.1.1, for=2.2.2.2\r\n", trust(2, [], .forwarded), "1.1.1.1"),
    ]

    @Test(arguments: clients.indices)
    func client(_ index: Int) throws {
        let (lines, trust, expected) = ForwardedTests.clients[index]
        let peer = try #require(IPAddress("::ffff:9.9.9.9"))
        #expect(trust.client(peer: peer, fields: try ForwardedTests.head(lines).fields).text == expected, "\(lines)")
    }

    @Test("an untrusted peer's fields are replaced")
    func untrusted() throws {
        var head = try ForwardedTests.head(
            "X-Forwarded-For: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\n"
                + "X-Real-IP: 1.1.1.1\r\nA: b\r\nX-Forwarded-Proto: https\r\n"
                + "X-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\n")
        let peer = try #require(IPAddress("9.9.9.9"))
        ForwardedFields(trust: ForwardedTests.trust(0)).rewrite(&head, peer: peer, isTLS: false, localPort: 8080)
        #expect(
            head.fields.lines == [
                "a: b", "x-forwarded-for: 9.9.9.9", "x-forwarded-proto: http", "x-forwarded-host: example.com",
                "x-forwarded-port: 8080",
            ])
    }

    @Test("a trusted peer's lists grow, and its facts stay")
    func trusted() throws {
        var head = try ForwardedTests.head(
            "X-Forwarded-For: 1.1.1.1\r\nA: b\r\n"
                + "X-Forwarded-For: 2.2.2.2\r\nForwarded: for=1.1.1.1\r\nX-Forwarded-Proto: https\r\n"
        )
        let peer = try #require(IPAddress("2001:db8::9"))
        ForwardedFields(trust: ForwardedTests.trust(1)).rewrite(&head, peer: peer, isTLS: false, localPort: 80)
        #expect(
            head.fields.lines == [
                "a: b", "x-forwarded-proto: https", "x-forwarded-for: 1.1.1.1, 2.2.2.2, 2001:db8::9",
                "forwarded: for=1.1.1.1, for=\"[2001:db8::9]\";host=\"example.com\";proto=http",
                "x-forwarded-host: example.com", "x-forwarded-port: 80",
            ])
    }

    @Test("Forwarded is written when asked for")
    func forwarded() throws {
        var head = try ForwardedTests.head("")
        let peer = try #require(IPAddress("9.9.9.9"))
        ForwardedFields(trust: ForwardedTests.trust(0), writesForwarded: true)
            .rewrite(&head, peer: peer, isTLS: true, localPort: 443)
        #expect(head.fields.value(named: "forwarded") == "for=9.9.9.9;host=\"example.com\";proto=https")
    }
}
