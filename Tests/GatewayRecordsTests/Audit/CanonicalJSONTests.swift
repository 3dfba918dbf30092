import GatewayWire
import Testing

@testable import GatewayRecords

@Suite("Canonical JSON is what RFC 8785 says")
struct CanonicalJSONTests {
    /// Appendix B, and numbers around the places where the notation changes.
    @Test(
        "numbers are written as ECMAScript writes them",
        arguments: [
            ("0.0", "0"), ("-0.0", "0"), ("5e-324", "5e-324"), ("-5e-324", "-5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"), ("9007199254740992", "9007199254740992"),
            ("-9007199254740992", "-9007199254740992"), ("295147905179352830000", "295147905179352830000"),
            ("9.999999999999997e22", "9.999999999999997e+22"), ("1e23", "1e+23"),
            ("1.0000000000000001e23", "1.0000000000000001e+23"), ("999999999999999700000", "999999999999999700000"),
            ("999999999999999900000", "999999999999999900000"), ("1e21", "1e+21"),
            ("9.999999999999997e-7", "9.999999999999997e-7"),
            ("0.000001", "0.000001"), ("333333333.3333332", "333333333.3333332"),
            ("333333333.33333325", "333333333.33333325"),
            ("333333333.3333334", "333333333.3333334"), ("333333333.33333343", "333333333.33333343"),
            ("-0.0000033333333333333333", "-0.0000033333333333333333"), ("1424953923781206.2", "1424953923781206.2"),
            ("4.5", "4.5"), ("2e-3", "0.002"), ("1e-27", "1e-27"), ("123456", "123456"), ("0.1", "0.1"), ("100", "100"),
        ])
    func numbers(value: String, text: String) { #expect(Double(value).map(CanonicalJSON.text) == text) }

    @Test("the example of section 3.2.3 is sorted by UTF-16 code units")
    func sorting() throws {
        let source =
            #"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","#
            + #""\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","#
            + #""\u00f6":"Latin Small Letter O With Diaeresis"}"#
        let text = String(decoding: try CanonicalJSON.bytes(JSONTree.parse(Array(source.utf8))), as: UTF8.self)
        let order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"]
        let places = order.map { word in text.utf8.count - (text.range(from: word)) }
        #expect(places == places.sorted())
    }

    @Test("the example of section 3.2.2")
    func example() throws {
        let source = #"""
            { "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }
            """#
        let expected =
            #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]"#
            + #","string":"€$\u000f\nA'B\"\\\\\"/"}"#
        let bytes = try CanonicalJSON.bytes(JSONTree.parse(Array(source.utf8)))
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test(
        "what has no canonical form is refused",
        arguments: [#"["\ud800"]"#, #"["\udc00\ud800"]"#, "[1e400]"])
    func refused(source: String) throws {
        let tree = try JSONTree.parse(Array(source.utf8))
        #expect(throws: CanonicalJSON.Problem.self) { try CanonicalJSON.bytes(tree) }
    }

    @Test("a canonical text is its own canonical text")
    func idempotent() throws {
        let source = #"{"b":[1,2.5,"x\ty"],"a":{"é":null,"z":false}}"#
        let once = try CanonicalJSON.bytes(JSONTree.parse(Array(source.utf8)))
        #expect(try CanonicalJSON.bytes(JSONTree.parse(once)) == once)
    }

    @Test("base64 is read back, and only as it would be written", arguments: 0..<40)
    func base64(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        #expect(Base64Text.decode(Base64Text.encode(bytes)) == bytes)
        #expect(Base64Text.decode("Zh==") == nil)
        #expect(Base64Text.decode("Zg") == nil)
        #expect(Base64Text.decode("Z===") == nil)
    }
}

extension String {
    /// How many bytes are from `word` to the end.
    fileprivate func range(from word: String) -> Int {
        let (all, part) = (Array(utf8), Array(word.utf8))
        for index in all.indices where all[index...].starts(with: part) { return all.count - index }
        return 0
    }
}
