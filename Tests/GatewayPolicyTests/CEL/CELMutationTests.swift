import Foundation
import GatewayPolicy
import Testing

/// Damaged expressions: none may trap, and none may cost more than its limits. `SLUICE_FUZZ_ITERATIONS` and
/// `SLUICE_FUZZ_SEED` steer it, as Fuzz/README.md says.
@Suite("No expression, however damaged, traps")
struct CELMutationTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    private static let seeds = [
        "principal.groups.exists(g, g == 'x') && request.model.startsWith('gpt-')",
        "request.headers[?'x'].orValue('é').substring(0, 2) + string(now) + string(request.inputTokens * 2)",
        "[1, 2u, 3.5, 'a', b'\\x00\\377', null, {1: [2], 'k': {}}, type(1)].map(x, dyn(x) == 1 ? x : {'a': x})",
        "math.greatest(1, 2u, 3.0) / -9223372036854775808 % 7 + math.bitShiftLeft(1, 63) - math.abs(-1)",
        "duration('1h30m1.5s') + timestamp('2009-02-13T23:31:30.123456789+11:00').getHours('Asia/Kathmandu')",
        "'%s %d %.3f %e %x %X %b %o %%'.format(['a', 1, 2.5, 1e300, 'ff', b'ff', true, 8])",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') || ip('2001:db8::68').isLoopback() || isIP('::1')",
        "{?'a': optional.of(1), 'b': [?optional.none()]}.transformMap(k, v, k + 'x').?a.optMap(v, v).hasValue()",
        "'tacocat'.replace('a', 'é', -1).split('c').join('-').lastIndexOf('o', 3) == -1 ? r'''\\''' : \"\"\"a\n\"\"\"",
        "cel.bind(x, 'a+', cel.block([x, cel.index(0)], cel.index(1).matches(x + '(b|c){2,3}$')))",
        "[0, 1].transformList(i, v, i > 0, v / i).existsOne(a, b, a == b) // why\n || has(principal.user)",
        "size(base64.decode(strings.quote('\\u00e9').lowerAscii().reverse().trim().charAt(0))) in [1, 2, 3, 4, 5, 6]",
    ]

    private static let words = [
        "'", "\"", "(", ")", "[", "]", "{", "}", "?", ":", ".", ",", "&&", "||", "!", "-", "0", "9", "u", "e", "\\",
        "\\x", "`",
        "in", "null", "request", "true", "size(", ".map(x,", "9223372036854775807", "1e400", "-", "é", "\u{1F431}",
        "//", "\n",
        "optional.of(", "dyn(", "%s", "{1,1000}", "== ", "< ", "+ ", "/ 0", "\0",
    ]

    @Test(.timeLimit(.minutes(5)))
    func mutations() {
        let settings = ProcessInfo.processInfo.environment
        let count = settings["SLUICE_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 6_000
        var generator = Generator(state: settings["SLUICE_FUZZ_SEED"].flatMap { UInt64($0) } ?? 20_261_125)
        var checked = PolicyVariables()
        checked.environment.limits.costMax = 2_000
        var unchecked = checked
        unchecked.environment.isChecked = false
        var compiled = 0
        for _ in 0..<count {
            let source = CELMutationTests.mutate(&generator)
            if checked.error(source) == nil { compiled += 1 }
            _ = unchecked.error(source)
        }
        // Otherwise the damage is so great that only the parser is tried.
        #expect(compiled > count / 50)
    }

    private static func mutate(_ generator: inout Generator) -> String {
        var bytes = Array((seeds.randomElement(using: &generator) ?? "").utf8)
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            let position = Int.random(in: 0...bytes.count, using: &generator)
            let end = min(bytes.count, position + Int.random(in: 0...6, using: &generator))
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes.removeSubrange(position..<end)
            case 1: bytes.insert(contentsOf: bytes[position..<end], at: position)
            case 2: if position < bytes.count { bytes[position] = UInt8.random(in: 0...255, using: &generator) }
            case 3: bytes.insert(contentsOf: (words.randomElement(using: &generator) ?? "").utf8, at: position)
            case 4:
                let other = Array((seeds.randomElement(using: &generator) ?? "").utf8)
                let start = Int.random(in: 0...other.count, using: &generator)
                bytes.replaceSubrange(position..<end, with: other[start...].prefix(30))
            default:
                let numbers: [Int64] = [0, 1, -1, .max, .min, 255, 64]
                let number = numbers.randomElement(using: &generator) ?? 0
                bytes.replaceSubrange(position..<end, with: String(number).utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
