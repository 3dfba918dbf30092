import Testing

@testable import GatewayWire

@Suite("Addresses and blocks")
struct AddressTests {
    @Test(arguments: [
        ("1.2.3.4", "1.2.3.4"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"),
        ("::1", "::1"), ("1::", "1::"), ("FE80::1", "fe80::1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"), ("::ffff:102:304", "::ffff:1.2.3.4"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("64:ff9b::1.2.3.4", "64:ff9b::102:304"), ("0:0:0:0:0:0:0:0", "::"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("abcd::ef01", "abcd::ef01"), ("0:1::", "0:1::"),
    ])
    func addresses(_ text: String, _ canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.text == canonical)
        #expect(IPAddress(canonical) == address)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1.2.3.0x4", ":", ":1",
        "1:", "1:2", ":::", "1:::2", "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "g::", "::1%eth0",
        "[::1]", "::1.2.3", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:5", "1:2:3:4:5:6:7:", "1::2:3:4:5:6:7:8",
    ])
    func notAddresses(_ text: String) { #expect(IPAddress(text) == nil) }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/8", "::ffff:10.1.1.1", true),
        ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "::1", false), ("1.2.3.4", "1.2.3.4", true),
        ("1.2.3.4", "1.2.3.5", false),
        ("192.168.1.128/25", "192.168.1.127", false), ("192.168.1.128/25", "192.168.1.128", true),
        ("::/0", "1::", true),
        ("fc00::/7", "fdff::1", true), ("fc00::/7", "fe00::", false),
        ("2001:db8::/65", "2001:db8::7fff:ffff:ffff:ffff", true),
        ("2001:db8::/65", "2001:db8::8000:0:0:0", false), ("::1", "::1", true), ("::1", "::2", false),
        ("::/0", "1.1.1.1", false),
    ])
    func blocks(_ block: String, _ address: String, _ isInside: Bool) throws {
        let cidr = try #require(CIDR(block))
        let address = try #require(IPAddress(address))
        #expect(cidr.contains(address) == isInside)
        #expect(CIDRSet([cidr]).contains(address) == isInside)
    }

    @Test(arguments: [
        "10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "/8", "a/8", "1::1/64",
        "10.0.0.0/0x8",
    ])
    func notBlocks(_ text: String) { #expect(CIDR(text) == nil) }

    @Test("a set of blocks answers as its blocks do")
    func sets() throws {
        let texts = [
            "10.0.0.0/8", "10.1.0.0/16", "1.2.3.4", "1.2.3.5", "192.168.0.0/16", "::1", "fc00::/7", "172.16.0.0/12",
            "fd00::/8",
        ]
        let blocks = try texts.map { try #require(CIDR($0)) }
        let set = CIDRSet(blocks)
        #expect(!CIDRSet().contains(IPAddress(v4: 1)))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var address = IPAddress(v4: random.next())
            if Bool.random() {
                address = IPAddress(
                    v6High: UInt64.random(in: 0xFB...0xFF) << 56 | random.next() >> 8, low: random.next())
            }
            if Bool.random() { address = blocks[Int.random(in: 0..<blocks.count)].first }
            #expect(set.contains(address) == blocks.contains { $0.contains(address) }, "\(address.text)")
        }
        #expect(CIDRSet([try #require(CIDR("::ffff:10.0.0.0/104"))]).contains(IPAddress(v4: 0x0A01_0203)))
    }
}
