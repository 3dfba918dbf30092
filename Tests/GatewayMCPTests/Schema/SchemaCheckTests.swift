import GatewayWire
import Testing

@testable import GatewayMCP

@Suite("values are checked against schemas, at a bounded cost")
struct SchemaCheckTests {
    private static func mismatch(_ value: String, _ schema: String) throws -> SchemaCheck.Mismatch? {
        let (value, schema) = (try JSONTree.parse(Array(value.utf8)), try JSONTree.parse(Array(schema.utf8)))
        do throws(SchemaCheck.Mismatch) {
            try SchemaCheck.check(value, against: schema)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        (#"{"a":1}"#, #"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}"#),
        (#"1.0"#, #"{"type":"integer"}"#), (#"null"#, #"{"type":["string","null"]}"#), (#"3"#, "true"),
        (#"{"x-1":"a"}"#, #"{"patternProperties":{"^x-":{"type":"string"}},"additionalProperties":false}"#),
        (#"[1,"a",true]"#, #"{"prefixItems":[{"type":"integer"},{"type":"string"}]}"#),
        (#"{"n":{"n":{}}}"#, ##"{"type":"object","properties":{"n":{"$ref":"#"}},"additionalProperties":false}"##),
        (#""b""#, ##"{"$ref":"#/$defs/k","$defs":{"k":{"enum":["a","b"]}}}"##),
        (#"0.3"#, #"{"multipleOf":0.1}"#), (#"112022.93"#, #"{"multipleOf":0.01}"#),
        (#"60000000000"#, #"{"multipleOf":100}"#), (#""\u00e4bc""#, #"{"maxLength":3,"pattern":"bc$"}"#),
        (#"{"kind":"a","v":1}"#, #"{"if":{"properties":{"kind":{"const":"a"}}},"then":{"required":["v"]}}"#),
        (#"1.0"#, #"{"const":1}"#), (#"{"b":1,"a":2}"#, #"{"const":{"a":2,"b":1}}"#),
        (#""x""#, #"{"format":"date","unheardOf":1}"#), (#"[1,2]"#, #"{"uniqueItems":true,"contains":{"const":2}}"#),
    ])
    func `what fits is let through`(_ value: String, _ schema: String) throws {
        #expect(try Self.mismatch(value, schema) == nil)
    }

    @Test(arguments: [
        (#"{"a":"1"}"#, #"{"properties":{"a":{"type":"integer"}}}"#, "/a"), (#"{}"#, #"{"required":["a"]}"#, "/a"),
        (#"{"b":1}"#, #"{"properties":{"a":true},"additionalProperties":false}"#, "/b"),
        (#"60000000001"#, #"{"multipleOf":100}"#, ""), (#"11202293.935"#, #"{"multipleOf":0.01}"#, ""),
        (#"1.5"#, #"{"type":"integer"}"#, ""), (#"[1,2,1]"#, #"{"uniqueItems":true}"#, ""),
        (#"[1,"a"]"#, #"{"items":{"type":"integer"}}"#, "/1"), (#""abc""#, #"{"maxLength":2}"#, ""),
        (#""abc""#, #"{"pattern":"^b"}"#, ""), (#"5"#, #"{"exclusiveMaximum":5}"#, ""),
        (#"5"#, #"{"oneOf":[{"type":"integer"},{"minimum":0}]}"#, ""), (#"5"#, #"{"anyOf":[{"type":"string"}]}"#, ""),
        (#"5"#, #"{"not":{"type":"integer"}}"#, ""), (#"5"#, "false", ""),
        (#"{"a":1}"#, #"{"dependentRequired":{"a":["b"]}}"#, "/b"),
        (#"5"#, #"{"$ref":"https://example.com/schema.json"}"#, ""), (#"5"#, ##"{"$ref":"#/$defs/none"}"##, ""),
    ])
    func `what does not fit is told with its place`(_ value: String, _ schema: String, _ place: String) throws {
        #expect(try Self.mismatch(value, schema)?.place == place)
    }

    /// Whether it fits is then not known, whatever else was found.
    @Test(arguments: [
        (#"5"#, #"{"$ref":"https://example.com/schema.json"}"#, true), (#"5"#, ##"{"$ref":"#/$defs/none"}"##, true),
        (#"5"#, ##"{"anyOf":[{"$ref":"#/$defs/none"},{"type":"string"}]}"##, true),
        (#"5"#, #"{"type":"string"}"#, false), (#"5"#, ##"{"$ref":"#"}"##, false),
    ])
    func `what of a schema is not understood is told from what does not fit`(
        _ value: String, _ schema: String, _ isLost: Bool
    ) throws {
        let found = try #require(try Self.mismatch(value, schema))
        #expect((found.schemaProblem != nil) == isLost)
    }

    /// Section 6, schema DoS: what grows without bound ends as too costly.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            ##"{"$ref":"#"}"##, ##"{"anyOf":[{"$ref":"#"},{"$ref":"#"},{"$ref":"#"}]}"##,
            ##"{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"not":{"not":{"$ref":"#"}}}}}"##,
        ])
    func `cycles and branches that multiply end`(_ schema: String) throws {
        #expect(try Self.mismatch("1", schema) != nil)
    }

    @Test(.timeLimit(.minutes(1))) func `branches within branches end`() throws {
        let levels = (0..<30).map { level in
            let next = ##"{"$ref":"#/$defs/a\##(level + 1)"}"##
            return ##""a\##(level)":{"anyOf":[\##(next),\##(next)]}"##
        }
        let schema = ##"{"$ref":"#/$defs/a0","$defs":{\##(levels.joined(separator: ",")),"a30":{"type":"string"}}}"##
        #expect(try Self.mismatch("1", schema)?.message == "the schema is too costly to check")
    }

    @Test func `a pattern that would backtrack is matched in one pass`() throws {
        let text = String(repeating: "a", count: 50_000) + "!"
        #expect(try Self.mismatch("\"\(text)\"", #"{"pattern":"^(a+)+$"}"#) != nil)
    }

    /// Each would look at thousands of times what it was given.
    private static let hostile: [(String, String)] = {
        let many = (0..<400).map { "\($0)" }.joined(separator: ",")
        let texts = (0..<100).map { "\"\(String(repeating: "a", count: 4_000))\($0)\"" }.joined(separator: ",")
        let all = Array(repeating: "{\"uniqueItems\":true}", count: 400).joined(separator: ",")
        let patterns = (0..<1_000).map { "\"a{\($0 % 200)}b\($0)\":true" }.joined(separator: ",")
        let members = (0..<400).map { "\"m\($0)\":1" }.joined(separator: ",")
        let long = "\"\(String(repeating: "a", count: 300_000))\""
        let counts = Array(repeating: "{\"minLength\":1}", count: 100).joined(separator: ",")
        return [
            ("[\(many),1]", "{\"enum\":[\(Array(repeating: "[\(many),2]", count: 400).joined(separator: ","))]}"),
            ("[\(texts)]", "{\"allOf\":[\(all)]}"), ("{\(members)}", "{\"patternProperties\":{\(patterns)}}"),
            (long, "{\"allOf\":[\(counts)]}"),
            ("{\(members)}", "{\"required\":[\(Array(repeating: "\"m399\"", count: 60_000).joined(separator: ","))]}"),
        ]
    }()

    @Test("no value and schema together cost more than the bounds", arguments: 0..<5)
    func cost(_ index: Int) throws {
        let (value, schema) = Self.hostile[index]
        #expect(try Self.mismatch(value, schema)?.message == "the schema is too costly to check")
    }

    @Test("a large element that differs at once costs nothing")
    func early() throws {
        let values = Array(repeating: "[]", count: 10_000).joined(separator: ",")
        let value = "[\((0..<20_000).map { "\($0)" }.joined(separator: ","))]"
        let found = try Self.mismatch(value, "{\"enum\":[\(values)]}")
        #expect(found?.message.hasPrefix("is none of the allowed values") == true)
    }
}
