import Foundation
import GatewayModel
import Testing

@Suite("pages say what the tree has")
struct PageTests {
    @Test func `every error code is documented and nothing else is`() throws {
        let rows = PageRules.errorRows(try Tree.text("Documentation/Errors.md"))
        #expect(rows.map(\.code) == ErrorCode.allCases.map(\.rawValue))
        #expect(rows.map(\.name) == ErrorCode.allCases.map { "\($0)" })
        #expect(rows.map(\.status) == ErrorCode.allCases.map(\.httpStatus))
        for row in rows {
            #expect(row.meaning.count > 10 && row.action.count > 10, "\(row.code) says too little")
        }
    }

    @Test func `every error code is said somewhere, and only those are named`() throws {
        let sources = try Tree.written().filter {
            $0.isSwift && $0.path.hasPrefix("Sources/") && $0.name != "ErrorCode.swift"
        }
        let text = sources.map { $0.lines.joined(separator: "\n") }.joined(separator: "\n")
        let said = PageRules.said(text)
        #expect(ErrorCode.allCases.filter { !said.contains("\($0)") } == [])
        let named = Set(text.matches(of: /SL-\d{4}/).map { String($0.0) })
        #expect(named.subtracting(ErrorCode.allCases.map(\.rawValue)) == [])
    }

    @Test func `a code is said where it is handed on, not where it is asked for or somebody else's`() {
        let text =
            "case .a, .b: x.c\nif y == z.d { e() }\nError(\n    .f, 1)\n"
            + "case 1: .g\ncode = no ? .h : .i\nk.map(.j)"
        #expect(PageRules.said(text) == ["f", "g", "h", "i", "j"])
    }

    @Test func `a row of the error page is read whole`() {
        let row = PageRules.ErrorRow(code: "SL-4001", name: "noRoute", status: 404, meaning: "a b", action: "c")
        #expect(PageRules.errorRows("| SL-4001 | `noRoute` | 404 | a b | c |\n| code | name | - | a | b |") == [row])
        #expect(PageRules.errorRows("| SL-1001 | `syntax` | - | a | b |").first?.status == 0)
        #expect(PageRules.errorRows("| SL-1001 | `syntax` | - | a |").isEmpty)
    }

    @Test func `error codes stay in the range of their kind`() {
        for code in ErrorCode.allCases {
            #expect(code.rawValue.wholeMatch(of: /SL-[1-6]\d{3}/) != nil)
        }
        #expect(Set(ErrorCode.allCases.map(\.rawValue)).count == ErrorCode.allCases.count)
    }

    @Test(arguments: ["README.md", "Documentation/Architecture/README.md", "Documentation/Architecture/Performance.md"])
    func `commands of a page are in the Makefile`(page: String) throws {
        let targets = PageRules.targets(try Tree.text("Makefile"))
        for command in PageRules.makeCommands(try Tree.text(page)) {
            #expect(targets.contains(command), "\(page) says make \(command)")
        }
    }

    @Test func `the README names its two commands`() throws {
        let commands = PageRules.makeCommands(try Tree.text("README.md"))
        #expect(commands.contains("run") && commands.contains("test"))
        #expect(PageRules.makeCommands("make no\n```sh\n$ make run\nmake a b  # c\n```\nmake no") == ["run", "a", "b"])
        #expect(PageRules.targets("a b: c\nX := d\n\tmake e\nf:\n") == ["a", "b", "f"])
    }

    @Test func `links lead to files`() throws {
        for file in try Tree.written() where file.path.hasSuffix(".md") {
            let folder = URL(filePath: file.path, relativeTo: Tree.root).deletingLastPathComponent()
            for link in PageRules.links(file.lines.joined(separator: "\n")) {
                let target = URL(filePath: link, relativeTo: folder)
                #expect(FileManager.default.fileExists(atPath: target.path), "\(file.path) links to \(link)")
            }
        }
        #expect(PageRules.links("[a](b.md#c) [d](https://e) [f](#g)") == ["b.md"])
    }

    @Test func `paths that a page names are there`() throws {
        for file in try Tree.written() where file.path.hasSuffix(".md") {
            for path in PageRules.paths(file.lines.joined(separator: "\n")) {
                let target = Tree.root.appending(path: path)
                #expect(FileManager.default.fileExists(atPath: target.path), "\(file.path) names \(path)")
            }
        }
        #expect(PageRules.paths("`Sources/A/B.swift` `a/b` `Tests/C`") == ["Sources/A/B.swift", "Tests/C"])
    }

    @Test func `the changelog has its shape`() throws {
        #expect(PageRules.changelog(try Tree.text("CHANGELOG.md")).isEmpty)
    }

    @Test(arguments: [
        "# Changes\n## Unreleased\n", "# Changelog\n", "# Changelog\n## soon\n",
        "# Changelog\n## Unreleased\n### New\n",
        "# Changelog\n## Unreleased\n### Added\n- lower case.\n", "# Changelog\n## Unreleased\n- No stop\n",
        "# Changelog\n## Unreleased\n- Two\n  lines\n",
    ])
    func `a changelog out of shape is found`(text: String) {
        #expect(PageRules.changelog(text).count == 1)
    }

    @Test func `each example has a page, a configuration and a scenario`() throws {
        var examples: [String: [String: Int]] = [:]
        for entry in try Tree.entries() where entry.path.hasPrefix("examples/") {
            let parts = entry.path.split(separator: "/").map(String.init)
            guard parts.count == 3 else { continue }
            examples[parts[1], default: [:]][parts[2]] = TextFile(path: "", text: try Tree.text(entry.path)).lines.count
        }
        #expect(examples.keys.contains("quickstart"))
        for (name, files) in examples { #expect(PageRules.example(name, files: files).isEmpty) }
        #expect(PageRules.example("a", files: ["README.md": 41, "gateway.yaml": 1]).count == 2)
    }
}
