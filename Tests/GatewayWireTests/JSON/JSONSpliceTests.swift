import Testing

@testable import GatewayWire

@Suite("A splice changes what it is told to and no other byte")
struct JSONSpliceTests {
    static func splice(_ text: String, _ body: (inout JSONSplice, JSONOutline, Span<UInt8>) -> Void) throws -> String {
        let input = Array(text.utf8)
        let outline = try JSONOutline(input.span)
        var splice = JSONSplice()
        body(&splice, outline, input.span)
        let output = splice.applied(to: input.span)
        #expect(output.count == splice.count(from: input.count))
        try JSONScanner.validate(output.span)
        return String(decoding: output, as: UTF8.self)
    }

    @Test(arguments: [
        ("{\"model\":\"a\"}", "{\"model\":\"b\\\"\"}"),
        (
            "{ \"x\" : 123456789012345678901234567890 , \"model\" : \"a\" , \"y\" : 1.0 }\n",
            "{ \"x\" : 123456789012345678901234567890 , \"model\" : \"b\\\"\" , \"y\" : 1.0 }\n"
        ),
        ("{\"mod\\u0065l\":null,\"y\":{}}", "{\"mod\\u0065l\":\"b\\\"\",\"y\":{}}"),
        ("{}", "{\"model\":\"b\\\"\"}"), ("{ }", "{\"model\":\"b\\\"\" }"),
        ("{\"a\":1 }", "{\"a\":1,\"model\":\"b\\\"\" }"),
    ])
    func `a member is replaced or put last`(before: String, after: String) throws {
        let name = Array("b\"".utf8)
        #expect(try Self.splice(before) { $0.set("model", toText: name.span, in: $1, of: $2) } == after)
    }

    @Test func `several edits in any order`() throws {
        let text = "{\"a\":1,\"b\":2,\"c\":3}"
        let result = try Self.splice(text) { splice, outline, input in
            splice.set("c", to: Array("[]".utf8), in: outline, of: input)
            splice.insert("d", Array("4".utf8), in: outline)
            splice.insert("e", Array("5".utf8), in: outline)
            splice.set("a", to: Array("{}".utf8), in: outline, of: input)
        }
        #expect(result == "{\"a\":{},\"b\":2,\"c\":[],\"d\":4,\"e\":5}")
        let empty = try Self.splice("{}") { splice, outline, _ in
            splice.insert("d", Array("4".utf8), in: outline)
            splice.insert("e", Array("5".utf8), in: outline)
        }
        #expect(empty == "{\"d\":4,\"e\":5}")
        #expect(try Self.splice(text) { _, _, _ in } == text)
    }

    @Test(arguments: [
        ([], "{ \"a\" : 1, \"b\":2 ,\"c\":3 }"), ([0], "{ \"b\":2 ,\"c\":3 }"), ([1], "{ \"a\" : 1 ,\"c\":3 }"),
        ([2], "{ \"a\" : 1, \"b\":2 }"), ([0, 1], "{ \"c\":3 }"), ([1, 2], "{ \"a\" : 1 }"), ([0, 2], "{ \"b\":2 }"),
        ([0, 1, 2], "{  }"),
    ])
    func `members are taken out with their commas`(removed: [Int], after: String) throws {
        let text = "{ \"a\" : 1, \"b\":2 ,\"c\":3 }"
        let result = try Self.splice(text) { splice, outline, _ in splice.remove(from: outline) { removed.contains($0) }
        }
        #expect(result == after)
    }

    @Test func `an object inside another is edited by its own outline`() throws {
        let text = "{\"stream_options\":{\"x\":1},\"y\":2}"
        let result = try Self.splice(text) { splice, outline, input in
            var inner = JSONOutline()
            guard let options = outline.member("stream_options", in: input) else { return }
            try? inner.read(input, range: options.value)
            splice.set("include_usage", to: Array("true".utf8), in: inner, of: input)
        }
        #expect(result == "{\"stream_options\":{\"x\":1,\"include_usage\":true},\"y\":2}")
    }
}
