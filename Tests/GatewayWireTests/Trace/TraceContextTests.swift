import Testing

@testable import GatewayWire

@Suite("Trace context is read strictly and passed on")
struct TraceContextTests {
    static let example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    static func parse(_ text: String) -> TraceContext? {
        let input = bytes(text)
        return TraceContext(traceparent: input.span)
    }

    static func isState(_ text: String) -> Bool {
        let input = bytes(text)
        return TraceState.isValid(input.span)
    }

    @Test func roundTrip() throws {
        let context = try #require(TraceContextTests.parse(TraceContextTests.example))
        #expect(
            context.traceHigh == 0x0AF7_6519_16CD_43DD && context.span == 0xB7AD_6B71_6920_3331 && context.isSampled)
        var out: [UInt8] = []
        context.append(to: &out)
        #expect(String(decoding: out, as: UTF8.self) == TraceContextTests.example)
    }

    static let rest = "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    static let readable = ["cc\(rest)", "cc\(rest)-more", "00\(rest)"]
    static let unreadable = [
        "cc\(rest)more", "00\(rest)-more", "ff\(rest)", "0g\(rest)", "", "00\(rest.uppercased())",
        "00\(rest.dropLast())",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ]

    @Test(arguments: readable)
    func reads(_ text: String) { #expect(TraceContextTests.parse(text) != nil) }

    @Test(arguments: unreadable)
    func refuses(_ text: String) { #expect(TraceContextTests.parse(text) == nil) }

    static let states = ["a=1", "a=1,b=2", "a=1 , b=2", "a=1,,b=2", "0a@sys=x y", "a_-*/=1"]
    static let badStates = [
        "", ",", "a", "=1", "a=", "A=1", "a=1=2", "a@=1", "@a=1", "a@b@c=1", "a=\u{E9}", "a@1b=1",
        String(repeating: "a=1,", count: 33), "a=\(String(repeating: "b", count: 600))",
    ]

    @Test(arguments: states)
    func state(_ text: String) { #expect(TraceContextTests.isState(text)) }

    @Test(arguments: badStates)
    func badState(_ text: String) { #expect(!TraceContextTests.isState(text)) }
}
