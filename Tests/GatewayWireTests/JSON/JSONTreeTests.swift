import Foundation
import Testing

@testable import GatewayWire

@Suite("a JSON tree loses nothing")
struct JSONTreeTests {
    static func parse(_ text: String) throws(JSONTreeError) -> JSONTree { try JSONTree.parse(Array(text.utf8)) }

    @Test(
        "what is parsed is written back as it was, spaces aside",
        arguments: [
            "null", "true", "false", "0", "-0", "1.0", "1.00", "1e400", "123456789012345678901234567890", "0.1E-7",
            #""""#, #""a\/b""#, #""\u00e9é𝄞""#, #""\ud800""#, #""\udc00\ud800x""#, #""\ud834\udd1e""#, "[]", "{}",
            #"{"b":1,"a":[2,{"c":null}],"":""}"#, #"[[[["deep"]]]]"#, #"{"k\n":1,"k":2}"#,
        ])
    func roundTrip(_ text: String) throws {
        #expect(String(decoding: try JSONTreeTests.parse(text).bytes, as: UTF8.self) == text)
        #expect(
            String(decoding: try JSONTreeTests.parse(" \n\(text)\t\r ").bytes, as: UTF8.self) == text)
    }

    @Test("a string means what its escapes say")
    func values() throws {
        let text = try #require(try JSONTreeTests.parse(#""\"\\\/\b\f\n\r\t\u00e9\ud834\udd1e\ud800x""#).string)
        #expect(text.value == "\"\\/\u{8}\u{C}\n\r\té𝄞\u{FFFD}x")
        #expect(!text.isPlain && JSONText("plain é").isPlain)
        #expect(JSONText("a\"b\n").escaped == #"a\"b\n"#)
        #expect(JSONText("a\"b\n").value == "a\"b\n")
        #expect(try JSONTreeTests.parse(#"{"mod\u0065l":1}"#)["model"] == 1)
        #expect(JSONText("\u{212A}").isExactly("K") == false)
        #expect("\u{212B}" == "A\u{30A}" && !JSONText("\u{212B}").isExactly("A\u{30A}"), "of three bytes both")
        #expect(JSONText(asWritten: #"\u0061"#).isExactly("a"))
        #expect(!JSONText(asWritten: #"\u0061"#).isExactly(#"\u0061"#), "written so, it means another name")
        #expect(JSONText(asWritten: #"a\\b"#).isExactly(#"a\b"#))
        #expect(
            (JSONText(asWritten: #"\ud834"#) + JSONText(asWritten: #"\udd1e"#)).value == "𝄞",
            "a pair cut in two comes together")
    }

    @Test(
        "no name occurs twice, however it is written",
        arguments: [
            #"{"a":1,"a":2}"#, #"{"model":1,"mod\u0065l":2}"#, #"[{"x":{"y":1,"y":1}}]"#,
            "{" + (0..<40).map { "\"k\($0)\":0" }.joined(separator: ",") + ",\"k3\":1}",
            "{" + (0..<40).map { "\"k\($0)\":0" }.joined(separator: ",") + ",\"k39\":1}",
        ])
    func duplicates(_ text: String) throws {
        let error = #expect(throws: JSONTreeError.self) { try JSONTreeTests.parse(text) }
        guard case .duplicateName = error?.reason else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("names that only look alike are two names")
    func equivalents() throws {
        let tree = try JSONTreeTests.parse("{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(tree.object?.members.count == 2)
        #expect(tree["e\u{301}"] == 2)
    }

    @Test(
        arguments: [
            ("", .unexpectedEnd, 0), ("[1,", .unexpectedEnd, 3), ("[1,]", .unexpectedByte, 3),
            ("{\"a\"}", .unexpectedByte, 4), ("{a:1}", .unexpectedByte, 1), ("01", .trailingBytes, 1),
            ("1.", .badNumber, 2), ("-", .badNumber, 1), ("tru", .badLiteral, 0), ("\"a", .unexpectedEnd, 2),
            ("\"\\x\"", .badEscape, 1), ("\"\\u12\"", .unexpectedEnd, 1), ("\"a\nb\"", .badString, 2),
            ("\u{FEFF}1", .unexpectedByte, 0), ("1 2", .trailingBytes, 2),
        ] as [(String, JSONTreeError.Reason, Int)])
    func errors(_ text: String, _ reason: JSONTreeError.Reason, _ offset: Int) {
        #expect(throws: JSONTreeError(reason: reason, offset: offset)) { try JSONTreeTests.parse(text) }
    }

    @Test("bytes that are not UTF-8 are refused, in values and in names")
    func utf8() {
        for bytes in [[0x22, 0xFF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC3, 0x22]] as [[UInt8]] {
            #expect(throws: JSONTreeError(reason: .badUTF8, offset: 1)) { try JSONTree.parse(bytes) }
        }
    }

    @Test("depth and number of values are bounded")
    func bounds() throws {
        func nested(_ count: Int) -> [UInt8] {
            [UInt8](repeating: 0x5B, count: count) + [UInt8](repeating: 0x5D, count: count)
        }
        _ = try JSONTree.parse(nested(128))
        #expect(throws: JSONTreeError(reason: .tooDeep, offset: 128)) { try JSONTree.parse(nested(129)) }
        #expect(throws: JSONTreeError.self) { try JSONTree.parse(nested(200_000)) }
        let many = Array(("[" + String(repeating: "1,", count: 9) + "1]").utf8)
        _ = try JSONTree.parse(many.span, valuesMax: 11)
        #expect(throws: JSONTreeError(reason: .tooManyValues, offset: 19)) {
            try JSONTree.parse(many.span, valuesMax: 10)
        }
    }

    @Test("members are set in place, appended and removed")
    func editing() {
        var object: JSONObject = ["a": 1, "b": 2, "a": 3]
        #expect(JSONTree.object(object).compactText == #"{"a":3,"b":2}"#)
        object["b"] = "x"
        object["c"] = [true, nil ?? .null]
        object["a"] = nil
        object["z"] = nil
        #expect(JSONTree.object(object).compactText == #"{"b":"x","c":[true,null]}"#)
    }

    @Test("the JSON test suite agrees, file by file")
    func suite() throws {
        let files = try FileManager.default.contentsOfDirectory(at: JSONTests.folder, includingPropertiesForKeys: nil)
        var count = 0
        for file in files where file.pathExtension == "json" {
            let input = [UInt8](try Data(contentsOf: file))
            let isDuplicate = file.lastPathComponent.contains("duplicated_key")
            let tree = try? JSONTree.parse(input.span)
            let isValid = (try? JSONScanner.validate(input.span)) != nil && !isDuplicate
            #expect((tree != nil) == isValid, "\(file.lastPathComponent)")
            #expect(JSONScanner.isPlainTree(input.span) == isValid, "\(file.lastPathComponent)")
            if let tree { #expect(try JSONTree.parse(tree.bytes) == tree) }
            count += 1
        }
        #expect(count > 300)
    }

    @Test(
        "a name that comes twice is seen without a tree, however deep and however it is written",
        arguments: [
            (#"{"a":1,"b":{"a":[{"a":2},{"a":3}]},"c":{"a":{}}}"#, true), (#"{"a":{"b":1,"b":2}}"#, false),
            (#"[[{"long name of it":1,"x":2,"long name of it":3}]]"#, false), (#"{"a":[{}],"\u0061":1}"#, false),
            (#"{"a":{"x":1},"b":{"x":1}}"#, true), (#"{"a":{"b":1}"#, false), ("[1,2] ", true), ("[1] 2", false),
        ])
    func plainTrees(_ text: String, _ isPlain: Bool) {
        #expect(JSONScanner.isPlainTree(Array(text.utf8).span) == isPlain)
        let outline = try? JSONOutline(comparingNames: Array("{\"it\":\(text)}".utf8).span)
        #expect((outline?.isPlainTree ?? false) == isPlain)
        #expect(((try? JSONTree.parse(Array(text.utf8))) != nil) == isPlain)
    }

    @Test("an object of many members is not looked at so cheaply")
    func manyMembers() throws {
        for (count, isPlain) in [(64, true), (65, false)] {
            let text = "{" + (0..<count).map { "\"\($0)\":\($0)" }.joined(separator: ",") + "}"
            #expect(JSONScanner.isPlainTree(Array(text.utf8).span) == isPlain)
            let outline = try JSONOutline(comparingNames: Array(text.utf8).span)
            #expect(outline.isPlainTree == isPlain)
        }
    }

    @Test("names are the same by their bytes, and of several alike the last value counts")
    func names() throws {
        let long = String(repeating: "é", count: 40)
        for (text, isSame) in [("K", true), ("\u{212A}", false), ("k", false), ("KK", false), ("", false)] {
            #expect(JSONText(text).isExactly("K") == isSame)
        }
        #expect(JSONText(long).isExactly(long) && !JSONText(long).isExactly(long + "e"))
        #expect(!JSONText("e\u{301}" + long).isExactly("é" + long))
        let escaped = try JSONTree.parse(Array("{\"\\u004b\":1}".utf8))
        #expect(escaped["K"]?.int == 1)
        let members = [("a", 1), ("b", 2), ("a", 3)].map { JSONObject.Member(name: JSONText($0), value: .integer($1)) }
        #expect(JSONTree.object(JSONObject(members)).compactText == #"{"a":3,"b":2}"#)
    }
}
