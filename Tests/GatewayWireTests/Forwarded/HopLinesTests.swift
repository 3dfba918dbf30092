import Testing

@testable import GatewayWire

@Suite("The lines added to each request of a connection are made once")
struct HopLinesTests {
    static let trace = TraceContext(
        traceHigh: 0x0123_4567_89AB_CDEF, traceLow: 0xFEDC_BA98_7654_3210, span: 0x00FF_00FF_00FF_00FF, flags: 1)
    static let names = HopLines.Names(trace: trace, requestID: (1, .max))

    @Test(
        "they say what the fields written one by one say",
        arguments: [("9.9.9.9", false, 8080), ("2001:db8::1", true, 443), ("::ffff:1.2.3.4", false, 65535)]
            as [(String, Bool, UInt16)])
    func same(address: String, isTLS: Bool, port: UInt16) throws {
        let peer = try #require(IPAddress(address))
        var slow = try ForwardedTests.head("A: b\r\n")
        ForwardedFields(trust: ForwardedTests.trust(0)).rewrite(&slow, peer: peer, isTLS: isTLS, localPort: port)
        var fast = try ForwardedTests.head("A: b\r\n")
        HopLines(peer: peer, isTLS: isTLS, localPort: port).append(to: &fast, HopLinesTests.names)
        let own: Set = [
            "traceparent: 00-0123456789abcdeffedcba9876543210-00ff00ff00ff00ff-01",
            "x-request-id: 0000000000000001ffffffffffffffff",
        ]
        #expect(Set(fast.fields.lines) == Set(slow.fields.lines).union(own))
        #expect(fast.fields.entries.allSatisfy { $0.known == FieldName.known(fast.fields.copy($0.name).span) })
        var one: [UInt8] = []
        HTTP1Serializer.append(request: fast, framing: .none, to: &one)
        let text = String(decoding: one, as: UTF8.self)
        #expect(Set(text.split(separator: "\r\n").dropFirst(2).map(String.init)) == Set(fast.fields.lines))
    }

    @Test("a request without a host has no such line")
    func noHost() throws {
        var head = try Read.head("GET / HTTP/1.0\r\n\r\n")
        let peer = try #require(IPAddress("9.9.9.9"))
        HopLines(peer: peer, isTLS: false, localPort: 80).append(to: &head, HopLinesTests.names)
        #expect(!head.fields.contains(.xForwardedHost))
        #expect(head.fields.value(named: "x-forwarded-port") == "80")
        #expect(head.fields.entries.count == 5)
    }

    @Test("every name they have is among those a head must not have")
    func names() throws {
        var head = try ForwardedTests.head("")
        let peer = try #require(IPAddress("9.9.9.9"))
        HopLines(peer: peer, isTLS: false, localPort: 80).append(to: &head, HopLinesTests.names)
        #expect(head.fields.names & ~HopLines.names == 0)
    }
}
