import GatewayModel
import GatewayProxy
import GatewayWire
import Testing

@Suite("a guarded destination is a public address")
struct OutboundGuardTests {
    @Test(arguments: [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "::", "::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "fec0::1",
    ])
    func `others are refused`(text: String) throws {
        let address = try #require(IPAddress(text))
        let reach = try OutboundGuard()
        #expect(!reach.permits(address))
    }

    @Test(arguments: ["1.1.1.1", "172.32.0.1", "8.8.8.8", "2606:4700::1111", "::ffff:1.1.1.1"])
    func `public ones are not`(text: String) throws {
        let address = try #require(IPAddress(text))
        let reach = try OutboundGuard()
        #expect(reach.permits(address))
    }

    @Test func `a block can be opened, and no more than that block`() throws {
        let reach = try OutboundGuard(allowing: ["10.1.0.0/16"])
        let (open, closed) = (try #require(IPAddress("10.1.2.3")), try #require(IPAddress("10.2.2.3")))
        #expect(reach.permits(open))
        #expect(!reach.permits(closed))
    }

    @Test(arguments: [
        "169.254.169.254", "169.254.170.2", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
        "::a9fe:a9fe", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "fe80::1", "0.0.0.0", "::",
        "224.0.0.1", "255.255.255.255", "ff02::1",
    ])
    func `what is no host's is not open to servers of tokens`(text: String) throws {
        #expect(!OutboundGuard.hosts.permits(try #require(IPAddress(text))))
    }

    @Test(arguments: [
        "127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "100.64.0.1", "fd12::1", "1.1.1.1", "2606:4700::1",
    ])
    func `machines of one's own are`(text: String) throws {
        #expect(OutboundGuard.hosts.permits(try #require(IPAddress(text))))
    }
}

@Suite("an outbound URL is read in one way only")
struct OutboundURLTests {
    @Test(arguments: [
        ("http://a.example", "a.example", 80, "/", "a.example"),
        ("HTTPS://A.example:8443/x?y=1#z", "a.example", 8443, "/x?y=1", "a.example:8443"),
        ("https://a?b", "a", 443, "/?b", "a"),
        ("http://[::1]:9/", "::1", 9, "/", "[::1]:9"),
        ("http://127.0.0.1:80/", "127.0.0.1", 80, "/", "127.0.0.1"),
    ])
    func `its parts`(text: String, host: String, port: Int, target: String, authority: String) throws {
        let url = try OutboundURL(text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.target == target)
        #expect(url.authority == authority)
    }

    @Test(arguments: [
        "", "http:", "http://", "ftp://a", "//a", "http://a:0", "http://a:65536", "http://a:+1", "http://a:",
        "http://u:p@a", "http://a\\b", "http://a b", "http://[::1", "http://[a]", "http://[::1]x", "http://a\n",
        "http://é", "http://a_b",
    ])
    func `anything doubtful is refused`(text: String) {
        #expect(throws: GatewayError.self) { try OutboundURL(text) }
    }
}
