import Foundation
import GatewayPolicy
import Testing

/// Where CEL's own cases are, when they are.
enum ConformanceCases {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("../shared/data/cel-spec/tests/simple/testdata")
        .standardized
    static let areThere = FileManager.default.fileExists(atPath: folder.path)
}

@Suite(
    "CEL gives what its specification's own cases ask",
    .enabled(if: ConformanceCases.areThere, "no cel-spec in ../shared/data"))
struct CELConformanceTests {
    struct Expected: CustomTestStringConvertible, Sendable {
        var file: String
        var passed: Int
        /// Cases that need protocol buffer messages, which a gateway's policies have none of.
        var skipped: Int

        init(_ file: String, _ passed: Int, skipped: Int = 0) {
            self.file = file
            self.passed = passed
            self.skipped = skipped
        }

        var testDescription: String { "\(file): \(passed) pass, \(skipped) skipped for protocol buffer messages" }
    }

    static let files = [
        Expected("basic", 43), Expected("bindings_ext", 8), Expected("block_ext", 25, skipped: 12),
        Expected("comparisons", 334, skipped: 72),
        Expected("conversions", 109), Expected("encoders_ext", 4), Expected("fields", 60), Expected("fp_math", 30),
        Expected("integer_math", 64), Expected("lists", 39), Expected("logic", 30), Expected("macros", 44),
        Expected("macros2", 46), Expected("math_ext", 199), Expected("namespace", 14), Expected("network_ext", 69),
        Expected("optionals", 59, skipped: 11), Expected("parse", 193, skipped: 26), Expected("plumbing", 5),
        Expected("string", 51),
        Expected("string_ext", 213, skipped: 3), Expected("timestamps", 78),
    ]

    @Test(arguments: files)
    func agrees(_ expected: Expected) throws {
        let path = ConformanceCases.folder.appendingPathComponent(expected.file + ".textproto")
        let suite = try TextProto([UInt8](try Data(contentsOf: path)))
        var passed = 0
        var skipped: [String: Int] = [:]
        for section in suite.messages("section") {
            for test in section.messages("test") {
                do {
                    let each = try ConformanceCase(test, section: section.string("name") ?? "")
                    if let failure = each.failure() {
                        Issue.record("\(expected.file) \(each.name): \(each.expression) \(failure)")
                    } else {
                        passed += 1
                    }
                } catch let unsupported as ConformanceCase.Unsupported {
                    skipped[unsupported.reason, default: 0] += 1
                }
            }
        }
        #expect(passed == expected.passed)
        #expect(skipped == (expected.skipped == 0 ? [:] : [ConformanceCase.messages.reason: expected.skipped]))
    }
}
