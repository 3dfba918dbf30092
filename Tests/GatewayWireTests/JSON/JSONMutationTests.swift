import Foundation
import Testing

@testable import GatewayWire

/// The fuzzer of the outline and the splice, run with the codec's: `MutationTests` tells how.
@Suite("Mutated JSON never traps, and an outline agrees with the scanner")
struct JSONMutationTests {
    static let seeds: [[UInt8]] = [
        """
        {"model":"gpt-5","stream":true,"stream_options":{"include_usage":false},
        "messages":[{"role":"user","content":"h\\u00e9llo \\n\\"x\\""}]}
        """,
        """
        { "usage" : {"prompt_tokens": 12, "completion_tokens":3e0,"d":{"cached_tokens":-1.5}} ,
        "choices":[] ,"x":null,"y":[true,false,[{}]]}
        """,
        "{\"a\":\"\(String(repeating: "速い茶色", count: 20))\",\"\\u0061b\":\"\(String(repeating: "abc ", count: 30))\"}",
        "{\"data\":\"\(String(repeating: "QUJD/+", count: 200))\"}", "{}", "{\"\":0}",
    ].map { Array($0.utf8) }

    static let pieces: [[UInt8]] =
        [
            "\"", "\\", "{", "}", "[", "]", ",", ":", "\\u", "\\ud834", "\\udd1e", "\n", "\0", "null", "tru", "1e", "-",
            "0",
            "\"model\":1,", "{\"a\":", "[[[[", "\u{7F}", "é", " ",
        ].map { Array($0.utf8) } + [[0xC3], [0xE0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90], [0xFF]]

    static func mutate(_ seed: [UInt8], _ random: inout MutationTests.Generator) -> [UInt8] {
        var input = MutationTests.mutate(seed, &random)
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            let piece = pieces[Int.random(in: 0..<pieces.count, using: &random)]
            input.insert(contentsOf: piece, at: Int.random(in: 0...input.count, using: &random))
        }
        return input
    }

    @Test(.timeLimit(.minutes(60)))
    func mutations() throws {
        var random = MutationTests.Generator(state: MutationTests.setting("SLUICE_FUZZ_SEED", 20_261_125))
        var accepted = 0
        for _ in 0..<MutationTests.setting("SLUICE_FUZZ_ITERATIONS", 15_000) {
            let seed = Self.seeds[Int.random(in: 0..<Self.seeds.count, using: &random)]
            let input = Int.random(in: 0..<4, using: &random) == 0 ? seed : Self.mutate(seed, &random)
            let isText = (try? JSONScanner.validate(input.span)) != nil
            if isText { #expect(Self.isReadElsewhere(input), "\(input)") }
            guard let outline = Self.outline(input, isText) else { continue }
            accepted += 1
            try Self.checkSplice(input, outline)
        }
        #expect(accepted > 0)
    }

    /// The outline, if there is one; only of what the scanner takes, and then of each object.
    private static func outline(_ input: [UInt8], _ isText: Bool) -> JSONOutline? {
        do throws(JSONScanError) {
            let outline = try JSONOutline(input.span)
            #expect(isText, "\(input)")
            for member in outline.members {
                #expect((try? JSONScanner.validate(input.span.extracting(member.value))) != nil, "\(input)")
            }
            return outline
        } catch {
            #expect(!isText || error == .notAnObject || error == .duplicateName, "\(error) \(input)")
            return nil
        }
    }

    /// Foundation's reader is laxer than the RFC in places, so it must at least take what the scanner takes.
    private static func isReadElsewhere(_ input: [UInt8]) -> Bool {
        // It refuses lone surrogates and numbers beyond a Double, which the grammar allows.
        if input.contains(0x5C) || input.contains(0x65) || input.contains(0x45) { return true }
        return (try? JSONSerialization.jsonObject(with: Data(input), options: .fragmentsAllowed)) != nil
    }

    private static func checkSplice(_ input: [UInt8], _ outline: JSONOutline) throws {
        var splice = JSONSplice()
        let name = Array("other".utf8)
        splice.set("model", toText: name.span, in: outline, of: input.span)
        let output = splice.applied(to: input.span)
        let edited = try JSONOutline(output.span)
        #expect(edited.string("model", in: output.span) == "other", "\(input)")
        let had = outline.index(of: "model", in: input.span) != nil
        #expect(edited.members.count == outline.members.count + (had ? 0 : 1), "\(input)")
        for (before, after) in zip(outline.members, edited.members) {
            #expect(input[before.name] == output[after.name], "\(input)")
            if !JSONString.isEqual(input.span, before.name, before.nameHasEscape, "model") {
                #expect(input[before.value] == output[after.value], "\(input)")
            }
        }
        _ = outline.members.map { JSONString.decoded(input.span, $0.text) }
    }
}
