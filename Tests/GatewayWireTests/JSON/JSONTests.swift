import Foundation
import Testing

@testable import GatewayWire

@Suite("JSON is written and checked by the letter of RFC 8259")
struct JSONTests {
    static func write(_ body: (inout [UInt8]) -> Void) -> String {
        var out: [UInt8] = []
        body(&out)
        return String(decoding: out, as: UTF8.self)
    }

    @Test(
        arguments: [
            (Array("plain".utf8), "\"plain\""), ([], "\"\""), (Array("a\"b\\c/".utf8), "\"a\\\"b\\\\c/\""),
            ([0x00, 0x1F, 0x08, 0x09, 0x0A, 0x0C, 0x0D, 0x7F], "\"\\u0000\\u001f\\b\\t\\n\\f\\r\u{7F}\""),
            (Array("é𝄞".utf8), "\"é𝄞\""), ([0x61, 0xFF, 0x62], "\"a\u{FFFD}b\""), ([0xC3], "\"\u{FFFD}\""),
            ([0xC0, 0x80], "\"\u{FFFD}\u{FFFD}\""), ([0xED, 0xA0, 0x80], "\"\u{FFFD}\u{FFFD}\u{FFFD}\""),
        ] as [([UInt8], String)])
    func strings(_ input: [UInt8], _ expected: String) throws {
        let text = JSONTests.write { JSONWriter.append(string: input.span, to: &$0) }
        #expect(text == expected)
        try JSONScanner.validate(Array(text.utf8).span)
    }

    @Test func numbers() {
        #expect(JSONTests.write { JSONWriter.append(UInt64.max, to: &$0) } == "18446744073709551615")
        #expect(JSONTests.write { JSONWriter.append(Int64.min, to: &$0) } == "-9223372036854775808")
        #expect(JSONTests.write { JSONWriter.append(fixed: 1234, decimals: 3, to: &$0) } == "1.234")
        #expect(JSONTests.write { JSONWriter.append(fixed: -5, decimals: 3, to: &$0) } == "-0.005")
        #expect(JSONTests.write { JSONWriter.append(fixed: 7, decimals: 0, to: &$0) } == "7")
        #expect(JSONTests.write { JSONWriter.append(true, to: &$0) } == "true")
        #expect(JSONTests.write { JSONWriter.appendNull(to: &$0) } == "null")
    }

    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("../shared/data/json-test-suite/test_parsing").standardized

    @Test("the JSON test suite agrees, file by file")
    func suite() throws {
        let files = try FileManager.default.contentsOfDirectory(at: JSONTests.folder, includingPropertiesForKeys: nil)
        var (accepted, refused) = (0, 0)
        for file in files where file.pathExtension == "json" {
            let name = file.lastPathComponent
            let input = [UInt8](try Data(contentsOf: file))
            let isValid = (try? JSONScanner.validate(input.span)) != nil
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

    @Test("depth is bounded")
    func depth() throws {
        func nested(_ count: Int) -> [UInt8] {
            [UInt8](repeating: 0x5B, count: count) + [UInt8](repeating: 0x5D, count: count)
        }
        try JSONScanner.validate(nested(128).span)
        #expect(throws: JSONScanError.tooDeep) { try JSONScanner.validate(nested(129).span) }
        try JSONScanner.validate(nested(512).span, depthMax: 9999)
        #expect(throws: JSONScanError.tooDeep) { try JSONScanner.validate(nested(513).span, depthMax: 9999) }
    }
}
