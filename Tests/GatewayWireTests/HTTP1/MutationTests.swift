import Foundation
import Testing

@testable import GatewayWire

/// The codec fuzzer: seeds from the tables and from `Fuzz/corpus/http1`, mutated by a seeded generator, so that a
/// failure repeats. `SLUICE_FUZZ_ITERATIONS` and `SLUICE_FUZZ_SEED` make it run longer or elsewhere.
@Suite("Mutated messages never trap, and mean the same however they arrive")
struct MutationTests {
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }

    static let pieces: [[UInt8]] = [
        "\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", "%2e", "%2F", "%00", "/../", "//", "?", "#", "@", "\\",
        "chunked", "0\r\n\r\n",
        "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "Connection: close, x\r\n",
        "Upgrade: y\r\n", "[::1]",
        "HTTP/1.0", "ffffffffffffffff", ";a=b", "-1", "\u{FF}", "Expect: 100-continue\r\n", "TE: trailers\r\n", "\r\n ",
    ].map { bytes($0) }

    static let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fuzz/corpus/http1")

    static func seeds() throws -> [[UInt8]] {
        let files = try FileManager.default.contentsOfDirectory(at: corpus, includingPropertiesForKeys: nil)
        let stored = try files.sorted { $0.path < $1.path }.map { [UInt8](try Data(contentsOf: $0)) }
        let tables = RequestParserTests.accepted + Refused.all.map(\.text) + BodyDecoderTests.chunked.map(\.0)
        return stored + tables.map { bytes($0) }.filter { $0.count < 600 }
            + ResponseParserTests.accepted.map { bytes($0.text) }
    }

    static func mutate(_ seed: [UInt8], _ random: inout Generator) -> [UInt8] {
        var input = seed
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let at = Int.random(in: 0...input.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0 where at < input.count: input[at] = UInt8.random(in: 0...255, using: &random)
            case 1 where at < input.count: input.remove(at: at)
            case 2 where at < input.count: input[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 3 where at < input.count:
                let end = min(input.count, at + Int.random(in: 1...20, using: &random))
                let copy = Array(input[at..<end])
                input.insert(contentsOf: copy, at: Int.random(in: 0...input.count, using: &random))
            default: input.insert(contentsOf: pieces[Int.random(in: 0..<pieces.count, using: &random)], at: at)
            }
        }
        return input
    }

    static func setting(_ name: String, _ standard: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? standard
    }

    @Test(.timeLimit(.minutes(60)))
    func mutations() throws {
        let seeds = try MutationTests.seeds()
        var random = Generator(state: MutationTests.setting("SLUICE_FUZZ_SEED", 20_261_123))
        var accepted = 0
        for _ in 0..<MutationTests.setting("SLUICE_FUZZ_ITERATIONS", 15_000) {
            let input = MutationTests.mutate(seeds[Int.random(in: 0..<seeds.count, using: &random)], &random)
            let cut = Int.random(in: 0...input.count, using: &random)
            if try checkRequest(input, cut) { accepted += 1 }
            if case .head = Read.response(input) {
                #expect(Read.response(input, cutAt: [cut]) == Read.response(input), "\(input)")
            }
            let whole = DecodedBody.decode(input, .chunked)
            let split = DecodedBody.decode(input, .chunked, cutAt: [cut])
            if whole.isComplete { #expect(split.ignoringRest == whole.ignoringRest, "\(input)") }
            if split.isComplete { #expect(whole.isComplete, "\(input)") }
        }
        #expect(accepted > 0)
    }

    /// Whether the request is accepted; then it is the same when split, and writing and reading it changes nothing.
    private func checkRequest(_ input: [UInt8], _ cut: Int) throws -> Bool {
        let whole = Read.request(input)
        guard case .head = whole else {
            if case .head = Read.request(input, cutAt: [cut]) { Issue.record("accepted only when split: \(input)") }
            return false
        }
        #expect(Read.request(input, cutAt: [cut]) == whole, "\(input)")
        var parser = HTTP1RequestParser(limits: .standard)
        var first = RequestHead()
        _ = try parser.parse(input.span, into: &first)
        if first.authority.isEmpty { return true }
        var out: [UInt8] = []
        let steering = first.connection.intersection([.close, .upgrade])
        HTTP1Serializer.append(request: first, framing: first.framing, connection: steering, to: &out)
        var second = RequestHead()
        #expect(try parser.parse(out.span, into: &second) == out.count, "\(input)")
        second.version = first.version
        if first.connection.contains(.keepAlive) { second.connection.insert(.keepAlive) }
        #expect(second.summary == first.summary, "\(input)")
        return true
    }
}
