import Foundation
import GatewayPolicy
import Testing

@Suite("A hostile expression or input costs no more than its limits")
struct CELLimitTests {
    private let variables = PolicyVariables()

    /// Every way to nest, as deep as asked.
    private static func nested(_ depth: Int) -> [String] {
        func wrap(_ open: String, _ middle: String, _ close: String) -> String {
            String(repeating: open, count: depth) + middle + String(repeating: close, count: depth)
        }
        return [
            wrap("(", "1", ")"), wrap("[", "1", "]"), wrap("{1:", "1", "}"), wrap("-(", "1", ")"),
            wrap("!(", "true", ")"),
            wrap("size([", "1", "])"), wrap("1", " + 1", ""), "1" + wrap(" + 1", "", ""), "{}" + wrap(".a", "", ""),
            "[]" + wrap("[0]", "", ""), wrap("true ? ", "1", " : 2"), "true" + wrap(" ? 1 : true", " ? 1 : 2", ""),
            wrap("[1].map(x, ", "x", ")"), wrap("cel.bind(x, 1, ", "x", ")"), wrap("dyn([1]).exists(x, ", "true", ")"),
            wrap("optional.of(1).optMap(x, ", "x", ")"), wrap("[?optional.of(", "1", ")]"),
            wrap("'a'.replace('a', ", "'b'", ")"),
            wrap("true && (false || ", "true", ")"), "'a'" + wrap(".trim()", "", ""), wrap("a.b(", "1", ")"),
        ]
    }

    @Test("what nests too deep is refused, and what just fits needs little stack", .timeLimit(.minutes(1)))
    func depth() {
        for source in CELLimitTests.nested(5_000) {
            let kind = variables.error(source)?.kind
            #expect(
                kind == .tooLarge || kind == .syntax || kind == .wrongType || kind == .unknownName,
                "\(source.prefix(40))")
        }
        let done = DispatchSemaphore(value: 0)
        var unchecked = variables
        unchecked.environment.isChecked = false
        let (checked, loose) = (variables, unchecked)
        let thread = Thread {
            for depth in [30, 49, 60, 95, 99, 150] {
                for source in CELLimitTests.nested(depth) {
                    _ = checked.error(source)
                    _ = loose.error(source)
                }
            }
            done.signal()
        }
        // Without optimisation; a release needs a quarter of it.
        thread.stackSize = 2 << 20
        thread.start()
        done.wait()
    }

    @Test("the text and the number of parts are bounded")
    func size() {
        let limits = CELLimits()
        let long = "'" + String(repeating: "x", count: limits.sourceBytesMax) + "'"
        #expect(variables.error(long)?.kind == .tooLarge)
        let many = "[" + String(repeating: "1,", count: limits.nodesMax) + "1]"
        #expect(variables.error(many)?.kind == .tooLarge)
        #expect(variables.error("true" + String(repeating: " || true", count: 3_000)) == nil)
    }

    @Test(
        "work without end stops at the cost limit", .timeLimit(.minutes(5)),
        arguments: [
            "LIST.all(a, LIST.all(b, LIST.all(c, LIST.all(d, LIST.all(e, a + b + c + d + e >= 0)))))",
            "LIST.map(a, LIST.map(b, LIST.map(c, LIST.map(d, LIST.map(e, 'x'))))).size() > 0",
            // An absorbed failure must not absorb this one.
            "LIST.exists(a, LIST.exists(b, LIST.exists(c, LIST.exists(d, LIST.exists(e, 1 / 0 == 1))))) || true",
            // Twice as long each time, shared or not.
            "cel.bind(a, TEXT, cel.bind(b, a+a+a+a+a+a+a+a, cel.bind(c, b+b+b+b+b+b+b+b, cel.bind(d, c+c+c+c+c+c+c+c, "
                + "cel.bind(e, d+d+d+d+d+d+d+d, (e+e+e+e+e+e+e+e).size() > 0)))))",
            "cel.bind(a, [TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT], cel.bind(b, [a,a,a,a,a,a,a,a], "
                + "cel.bind(c, [b,b,b,b,b,b,b,b], cel.bind(d, [c,c,c,c,c,c,c,c], cel.bind(e, [d,d,d,d,d,d,d,d], "
                + "cel.bind(f, [e,e,e,e,e,e,e,e], '%s'.format([[f, f, f, f]]) == '' || [f] == [f]))))))",
            "LIST.exists(a, LIST.exists(b, LIST.exists(c, LIST.exists(d, TEXT.matches('(a|b|' + TEXT + '){20}x')))))",
            "LIST.all(a, LIST.all(b, LIST.all(c, TEXT.replace('', TEXT).replace('a', TEXT).size() > 0)))",
            "LIST.all(a, LIST.all(b, LIST.all(c, LIST.all(d, '%.100f'.format([1.0e-300 * double(a)]) != ''))))",
        ])
    func cost(_ template: String) {
        let list = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, request.inputTokens]"
        let source = template.replacing("LIST", with: list).replacing(
            "TEXT", with: "(request.model + 'aaaaaaaaaaaaaaaaaa')")
        #expect(variables.error(source)?.kind == .costExceeded)
    }
}
