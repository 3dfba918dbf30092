import ArgumentParser
import Foundation
import Testing

@testable import sluice

@Suite("The page of the commands is the commands' own help")
struct CommandPageTests {
    /// `Documentation/Commands.md`, as the commands say it.
    static var page: String {
        var text = """
            # Commands

            This page is made of the commands' own help, and a test compares them. To write it again:
            `SLUICE_WRITE_PAGES=1 make test FILTER=CommandPageTests`.

            Commands that ask a running gateway find it by its state folder: `--state DIR` or `SLUICE_STATE`,
            `.sluice` by default. Exit status: 0 done, 1 findings, 2 usage, 3 unreachable, 4 denied. Errors are one
            line on standard error, with a code of [Errors](Errors.md) and what to do. The same can be asked without
            commands: [AdminAPI](AdminAPI.md).

            """
        for group in Sluice.configuration.groupedSubcommands {
            text += "\n## \(group.name)\n"
            for command in group.subcommands { text += section(command, under: "sluice") }
        }
        return text
    }

    private static func section(_ command: any ParsableCommand.Type, under parent: String) -> String {
        let name = "\(parent) \(command.configuration.commandName ?? "")"
        let inner = command.configuration.subcommands
        guard inner.isEmpty else { return inner.map { section($0, under: name) }.joined() }
        let help = Sluice.helpMessage(for: command, columns: 100)
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasSuffix(" ") ? String($0).trimmingCharacters(in: .whitespaces) : String($0) }
            .filter { !$0.contains("Show the version.") && !$0.contains("Show help information.") }
        let usage = lines.drop { !$0.hasPrefix("USAGE: ") }.joined(separator: "\n")
        var text = "\n### \(name)\n\n\(command.configuration.abstract)\n"
        let aliases = command.configuration.aliases.map { "`\(parent) \($0)`" }
        if !aliases.isEmpty { text += "\nAlso \(aliases.joined(separator: ", ")).\n" }
        let discussion = command.configuration.discussion
        if !discussion.isEmpty { text += "\n\(discussion)\n" }
        return text + "\n```\n\(usage.trimmingCharacters(in: .whitespacesAndNewlines))\n```\n"
    }

    @Test func `the page is up to date`() throws {
        let path = Package.path("Documentation/Commands.md")
        if ProcessInfo.processInfo.environment["SLUICE_WRITE_PAGES"] != nil {
            try Data(Self.page.utf8).write(to: URL(filePath: path))
        }
        let written = try String(contentsOfFile: path, encoding: .utf8)
        let difference = LineDiff(from: written, to: Self.page).text(file: "Commands.md")
        #expect(written == Self.page, "SLUICE_WRITE_PAGES=1 writes it:\n\(difference)")
    }

    @Test func `every command is in a group, with a summary and a help for each option`() {
        let commands = Sluice.configuration.subcommands
        #expect(commands.count >= 22)
        for command in commands {
            #expect(!command.configuration.abstract.isEmpty, "\(command)")
            #expect(command.configuration.abstract.hasSuffix(".") || command.configuration.abstract.contains("…"))
        }
        #expect(Self.page.contains("### sluice attack http"))
        #expect(Self.page.contains("--upstream-mock"))
    }

    @Test func `every command of the pages is one`() throws {
        let configurations = Sluice.configuration.subcommands.map { $0.configuration }
        let commands = Set(configurations.flatMap { $0.aliases + [$0.commandName ?? ""] } + ["help"])
        let folder = Package.root
        var pages = ["README.md", "CHANGELOG.md"]
        for name in ["Documentation", "examples"] {
            let files = FileManager.default.enumerator(atPath: folder.appending(path: name).path)
            while let file = files?.nextObject() as? String {
                if file.hasSuffix(".md") { pages.append("\(name)/\(file)") }
            }
        }
        var found = 0
        for page in pages {
            let text = try String(contentsOf: folder.appending(path: page), encoding: .utf8)
            for match in text.matches(of: /(?:^|`|\$ )sluice ([a-z]+)/.anchorsMatchLineEndings()) {
                found += 1
                #expect(commands.contains(String(match.1)), "\(page) says sluice \(match.1)")
            }
        }
        #expect(found > 5)
    }
}
