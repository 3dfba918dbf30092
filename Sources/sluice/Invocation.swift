import ArgumentParser
import GatewayControl
import GatewayModel

/// How a command ends.
enum ExitStatus: Int32 {
    case ok = 0
    /// Something was found: errors in a file, a failed check, a refused change.
    case findings = 1
    case usage = 2
    case unreachable = 3
    case denied = 4

    init(_ code: ErrorCode) {
        self =
            switch code {
            case .usage: .usage
            case .unreachable: .unreachable
            case .denied, .unauthenticated, .forbidden: .denied
            default: .findings
            }
    }
}

/// A gateway's refusal with what it found.
struct Refusal: Error {
    var error: GatewayError
    var diagnostics: [ConfigNode]
}

/// One command line, from its words to its exit status.
enum Invocation {
    static func run(_ words: [String]) async -> Int32 {
        do {
            var command = try Sluice.parseAsRoot(words)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return ExitStatus.ok.rawValue
        } catch let status as ExitCode {
            return status.rawValue
        } catch let refusal as Refusal {
            for diagnostic in refusal.diagnostics { Terminal.error(Findings.line(diagnostic)) }
            return report(refusal.error)
        } catch let error as GatewayError {
            return report(error)
        } catch {
            return reportParsing(error, words)
        }
    }

    private static func report(_ error: GatewayError) -> Int32 {
        var line = "sluice: \(error.code.rawValue) \(error.message)"
        if let hint = error.hint { line += " (\(hint))" }
        Terminal.error(line)
        return ExitStatus(error.code).rawValue
    }

    /// Help and version are asked for; everything else is a usage error.
    private static func reportParsing(_ error: any Error, _ words: [String]) -> Int32 {
        let status = Sluice.exitCode(for: error)
        if status.isSuccess {
            Terminal.out(Sluice.fullMessage(for: error))
            return ExitStatus.ok.rawValue
        }
        guard status == .validationFailure else {
            return report(GatewayError(.internalFault, "the command failed: \(error)"))
        }
        let commands = Sluice.configuration.subcommands.flatMap { command in
            [command.configuration.commandName].compactMap { $0 } + command.configuration.aliases
        }
        if let word = words.first, !word.hasPrefix("-"), word != "help", !commands.contains(word) {
            let hint = NearestName.of(word, among: commands).map { "did you mean \"\($0)\"?" }
            return report(GatewayError(.usage, "unknown command \"\(word)\"", hint: hint ?? "see 'sluice help'"))
        }
        let help = Sluice.fullMessage(for: error).split(separator: "\n").last { $0.contains("See '") }
        let hint = help.flatMap { $0.split(separator: "'").dropFirst().first }.map { "see '\($0)'" }
        let message = Sluice.message(for: error).split(separator: "\n").first.map(String.init) ?? "wrong command line"
        return report(GatewayError(.usage, lowercased(message), hint: hint))
    }

    private static func lowercased(_ message: String) -> String {
        let text = message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message
        let trimmed = text.hasSuffix(".") ? String(text.dropLast()) : text
        return trimmed.prefix(1).lowercased() + trimmed.dropFirst()
    }
}

extension ExitStatus {
    /// To end a command with this status and no further word.
    var code: ExitCode { ExitCode(rawValue) }
}
