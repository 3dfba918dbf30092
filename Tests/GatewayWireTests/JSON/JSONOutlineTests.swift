import Foundation
import Testing

@testable import GatewayWire

@Suite("An outline finds the members of an object in one strict pass")
struct JSONOutlineTests {
    static func outline(_ text: String, depthMax: Int = 128) throws -> (outline: JSONOutline, input: [UInt8]) {
        let input = Array(text.utf8)
        return (try JSONOutline(input.span, depthMax: depthMax), input)
    }

    static func text(_ input: [UInt8], _ range: Range<Int>) -> String {
        String(decoding: input[range], as: UTF8.self)
    }

    @Test func `names, values and kinds are where they are`() throws {
        let (outline, input) = try Self.outline(
            " { \"model\" : \"gpt\\u002d5\",\"n\":-12e3 ,\"a\":[1,{\"x\":[]}],\"o\":{ },"
                + "\"t\":true,\"f\":false,\"z\":null} \n"
        )
        #expect(outline.members.map { Self.text(input, $0.name) } == ["model", "n", "a", "o", "t", "f", "z"])
        #expect(
            outline.members.map { Self.text(input, $0.value) } == [
                "\"gpt\\u002d5\"", "-12e3", "[1,{\"x\":[]}]", "{ }", "true", "false", "null",
            ])
        #expect(
            outline.members.map(\.kind) == [.escapedString, .number, .array, .object, .true, .false, .null])
        #expect(outline.extent == 1..<(input.count - 2))
        #expect(outline.string("model", in: input.span) == "gpt-5")
        #expect(outline.string("model", in: input.span, bytesMax: 2) == "gp")
        #expect(outline.bool("t", in: input.span) == true)
        #expect(outline.bool("f", in: input.span) == false)
        #expect(outline.bool("z", in: input.span) == nil)
        #expect(outline.string("n", in: input.span) == nil)
        #expect(outline.index(of: "t", in: input.span) == 4)
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("12", 12), ("-7", -7), ("9223372036854775807", Int.max),
            ("-9223372036854775808", .min),
            ("9223372036854775808", nil), ("1.0", nil), ("1e2", nil), ("\"1\"", nil), ("true", nil),
        ] as [(String, Int?)])
    func `an integer is one that is written as one and fits`(text: String, expected: Int?) throws {
        let (outline, input) = try Self.outline("{\"a\":\(text)}")
        #expect(outline.integer("a", in: input.span) == expected)
    }

    @Test(arguments: [
        "{\"model\":1,\"model\":2}", "{\"model\":1,\"a\":2,\"mod\\u0065l\":2}", "{\"\":1,\"\":2}",
        "{\"a longer name\":1,\"a longer name\":2}", "{\"a longer nam\\u0065\":1,\"a longer name\":2}",
        "{\"\\u0000\":1,\"\\u0000\":2}", "{\"\\ud834\\udd1e\":1,\"\u{1D11E}\":2}",
    ])
    func `a name that comes twice is refused, however it is escaped`(text: String) {
        #expect(throws: JSONScanError.duplicateName) { try Self.outline(text) }
    }

    @Test(arguments: [
        "{\"\":1,\"\\u0000\":2,\"\\u0000\\u0000\":3}", "{\"model\":1,\"models\":2,\"Model\":3}",
        "{\"a longer name\":1,\"a longer name \":2,\"a longer namE\":3}", "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
        "{}", "{\"a\":{\"b\":1,\"b\":2}}",
    ])
    func `other names are not taken for the same`(text: String) throws {
        _ = try Self.outline(text)
    }

    @Test(
        arguments: [
            ("[1]", .notAnObject), ("\"a\"", .notAnObject), ("nul", .badLiteral), ("", .unexpectedEnd),
            ("  ", .unexpectedEnd),
            ("{", .unexpectedEnd), ("{\"a\"", .unexpectedEnd), ("{\"a\":", .unexpectedEnd),
            ("{\"a\":1", .unexpectedEnd),
            ("{\"a\":1,}", .unexpectedByte), ("{,}", .unexpectedByte), ("{\"a\" 1}", .unexpectedByte),
            ("{a:1}", .unexpectedByte), ("{\"a\":1}}", .trailingBytes), ("{\"a\":1}{}", .trailingBytes),
            ("{\"a\":01}", .unexpectedByte), ("{\"a\":\"\n\"}", .badString), ("{\"a\":\"\\x\"}", .badEscape),
            ("{\"a\":[1}", .unexpectedByte), ("{\"a\":{\"b\":1]}", .unexpectedByte), ("{\"a\":[1,]}", .unexpectedByte),
            ("\u{FEFF}{}", .unexpectedByte),
        ] as [(String, JSONScanError)])
    func `what is no object is refused for the right reason`(text: String, error: JSONScanError) {
        #expect(throws: error) { try Self.outline(text) }
    }

    @Test func `depth and the number of members are bounded`() throws {
        func nested(_ count: Int) -> String {
            "{\"a\":" + String(repeating: "[", count: count) + String(repeating: "]", count: count) + "}"
        }
        _ = try Self.outline(nested(127))
        #expect(throws: JSONScanError.tooDeep) { try Self.outline(nested(128)) }
        func wide(_ count: Int) -> String {
            "{" + (0..<count).map { "\"\($0)\":0" }.joined(separator: ",") + "}"
        }
        #expect(try Self.outline(wide(512)).outline.members.count == 512)
        #expect(throws: JSONScanError.tooManyMembers) { try Self.outline(wide(513)) }
    }

    @Test func `a nested object and an array are outlined in place`() throws {
        let (outline, input) = try Self.outline("{\"u\":{\"a\":7,\"d\":{\"c\":3}},\"l\":[1, \"x\" ,{}]}")
        var inner = JSONOutline()
        let usage = outline.member("u", in: input.span)
        try inner.read(input.span, range: #require(usage).value)
        #expect(inner.integer("a", in: input.span) == 7)
        let details = inner.member("d", in: input.span)
        try inner.read(input.span, range: #require(details).value)
        #expect(inner.integer("c", in: input.span) == 3)
        let member = outline.member("l", in: input.span)
        let list = try #require(member)
        try inner.readElements(input.span, range: list.value)
        #expect(inner.members.map { Self.text(input, $0.value) } == ["1", "\"x\"", "{}"])
        #expect(throws: JSONScanError.notAnObject) { try inner.read(input.span, range: list.value) }
        #expect(inner.members.isEmpty)
    }

    @Test(arguments: [
        ("{\"url\":\"data:image/png;base64,@\"}", 1), ("{\"a\":[{\"source\":{\"data\":\"@\"}}]}", 1),
        ("{\"image_url\":\"@\",\"b\":{\"file_data\":\"@\"}}", 2), ("{\"text\":\"@\"}", 0), ("{\"data\":\"a b@\"}", 0),
        ("{\"data\":[\"@\"]}", 0), ("{\"url\":\"https://a/?@\"}", 0), ("{\"data\":\"@\\/\"}", 1),
        ("{\"data\":\"@\\n\"}", 1), ("{\"data\":\"@!\"}", 0),
    ])
    func `long base64 where files stand is measured apart`(text: String, blobs: Int) throws {
        let blob = String(repeating: "AZaz09+/", count: 160)
        let written = text.replacingOccurrences(of: "@", with: blob)
        let (outline, input) = try Self.outline(written)
        #expect(outline.measure.blobs == blobs)
        #expect((outline.measure.blobBytes >= blob.utf8.count * blobs) == true)
        #expect((outline.measure.blobBytes > 0) == (blobs > 0))
        let strings = try JSONSerialization.jsonObject(with: Data(input)) as? [String: Any]
        #expect(strings != nil && outline.measure.stringBytes > blob.utf8.count)
        let short = text.replacingOccurrences(of: "@", with: "AZaz09+/")
        #expect(try Self.outline(short).outline.measure.blobs == 0)
    }

    @Test func `names that begin and end alike are told apart, and a name twice is not`() throws {
        let names = (1...40).map { String(repeating: "a", count: $0) }
        let all = names.map { "\"\($0)\":\($0.utf8.count)" }
        let (outline, input) = try Self.outline("{\(all.joined(separator: ","))}")
        #expect(outline.members.count == 40)
        #expect(outline.integer("aaaaaaa", in: input.span) == 7)
        #expect(outline.integer("aaaaaaaaa", in: input.span) == 9)
        #expect(outline.integer("aaaaaaaaaaaaaaaa", in: input.span) == 16)
        #expect(outline.integer("aaaaaaaaaaaaaaaaa", in: input.span) == 17)
        #expect(outline.member("aaaaaaaaaaaaaab", in: input.span) == nil)
        // These had the same mark once.
        let two = "{\"aaaaaaaXC\u{4E4}5\u{1F20}!\":1,\"aaaaaaaXO\u{FD1A}6\u{63F}\":2}"
        #expect(try Self.outline(two).outline.members.count == 2)
        for name in names {
            let escaped = "\\u0061" + name.dropFirst()
            #expect(throws: JSONScanError.duplicateName) { try Self.outline("{\"\(name)\":1,\"\(escaped)\":2}") }
        }
    }

    @Test func `string bytes are those between quotes`() throws {
        #expect(try Self.outline("{\"ab\":\"c\\n\",\"d\":[\"éa\",1]}").outline.measure.stringBytes == 9)
    }

    @Test func `a stop is found at every place of a long string`() {
        for stop in ["\\\"", "\u{1}", "\u{1F}", "\n", "é", "\u{20AC}", "\u{1D11E}", "\u{80}", "\u{7F}"] {
            let isValid = !["\u{1}", "\u{1F}", "\n"].contains(stop)
            for count in 0..<150 {
                let plain = String(repeating: "x", count: count)
                let text = "{\"a\":\"\(plain)\(stop)\(plain)\"}"
                #expect(((try? Self.outline(text)) != nil) == isValid, "\(stop) at \(count)")
            }
        }
    }

    @Test("the JSON test suite agrees, file by file, for each text as a member")
    func suite() throws {
        let files = try FileManager.default.contentsOfDirectory(at: JSONTests.folder, includingPropertiesForKeys: nil)
        var (accepted, refused) = (0, 0)
        for file in files where file.pathExtension == "json" {
            let input = [UInt8](try Data(contentsOf: file))
            let wrapped = Array("{\"a\": ".utf8) + input + Array(" }".utf8)
            let name = file.lastPathComponent
            let isValid = (try? JSONOutline(wrapped.span)) != nil
            if name.hasPrefix("y_") {
                #expect(isValid, "\(name)")
                accepted += 1
            } else if name.hasPrefix("n_") {
                #expect(!isValid, "\(name)")
                refused += 1
            }
        }
        #expect(accepted > 90 && refused > 180)
    }
}
