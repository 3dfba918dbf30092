import Foundation
import Testing

@testable import sluice

@Suite("sluice eval shows what an expression gives")
struct ExpressionEvalTests {
    struct Example: CustomTestStringConvertible, Sendable {
        var expression, variables, result: String
        var testDescription: String { expression }
    }

    /// The rows of the page's table of examples.
    static let examples: [Example] = {
        let text = (try? String(contentsOfFile: Package.path("Documentation/Expressions.md"), encoding: .utf8)) ?? ""
        let section = text.components(separatedBy: "## Examples\n").last?.components(separatedBy: "\n## ").first ?? ""
        return section.split(separator: "\n").filter { $0.hasPrefix("| `") }.compactMap { line in
            let cells = line.replacing("\\|", with: "\u{0}").split(separator: "|").map {
                $0.trimmingCharacters(in: [" ", "`"]).replacing("\u{0}", with: "|")
            }
            return cells.count == 3 ? Example(expression: cells[0], variables: cells[1], result: cells[2]) : nil
        }
    }()

    @Test func `the page has its examples`() { #expect(Self.examples.count == 8) }

    @Test(arguments: examples)
    func `an example gives what the page says`(_ example: Example) async {
        let run = await CommandRun.of("eval", "--for", "model", example.expression, "--with", example.variables)
        #expect(run.status == 0, "\(run.error)")
        #expect(run.out == example.result + "\n")
    }

    @Test func `values are shown as JSON`() async {
        let variables = #"{"x": [1, 2.5, "a", null, {"k": true}]}"#
        let run = await CommandRun.of("eval", "x + [b'hi', duration('1m'), 3u]", "--with", variables)
        #expect(run.out == #"[1,2.5,"a",null,{"k":true},"aGk=","60s",3]"# + "\n")
    }

    @Test func `a mistake is shown with its place and what would fit`() async {
        let run = await CommandRun.of("eval", "--for", "model", "true && principal.grops == []")
        #expect(run.status == 1)
        #expect(
            run.error == "sluice: SL-1005 1:19: principal has no field grops (did you mean \"groups\"?)\n",
            "\(run.error)")
        let failed = await CommandRun.of("eval", "1 / x", "--with", #"{"x": 0}"#)
        #expect(failed.status == 1 && failed.error.contains("1:3: division by zero"))
        let bad = await CommandRun.of("eval", "1", "--with", "[1]")
        #expect(bad.status == 2)
    }
}
