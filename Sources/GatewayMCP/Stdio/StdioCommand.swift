package import GatewayModel

/// A server of tools that is a process of this machine: what is run, and within which bounds. There is no shell: the
/// words are handed over as they are, and nothing of them comes from a caller.
package struct StdioCommand: Sendable, Hashable {
    /// How many processes there are.
    package enum Scope: String, Sendable, Hashable {
        /// One for everybody; what it remembers, all share.
        case server
        /// One for each session.
        case session
    }

    /// A path, or a name that is looked for in `searchPath`; then its arguments.
    package var words: [String]
    /// All that it gets to see: nothing is inherited.
    package var environment: [(name: String, value: String)]
    /// nil: where the gateway runs.
    package var directory: String?
    package var scope = Scope.session
    /// A longer line ends the process.
    package var lineBytesMax = 16 << 20
    /// The last of its standard error that is kept for a person to read.
    package var errorBytesMax = 64 << 10
    package var processesMax = 64
    /// How long it may take to end by itself once it is told to.
    package var graceMilliseconds = 2_000
    package static let searchPath = ["/usr/local/bin", "/usr/bin", "/bin"]

    package init(words: [String], environment: [(name: String, value: String)] = [], directory: String? = nil) {
        (self.words, self.environment, self.directory) = (words, environment, directory)
    }

    package static func == (left: StdioCommand, right: StdioCommand) -> Bool {
        left.words == right.words && left.directory == right.directory && left.scope == right.scope
            && left.processesMax == right.processesMax && left.environment.elementsEqual(right.environment) { $0 == $1 }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words)
        hasher.combine(directory)
        hasher.combine(scope)
    }

    /// Variables that change what code a process runs.
    private static let dangerous = [
        "LD_", "DYLD_", "GCONV_PATH", "BASH_ENV", "ENV", "IFS", "PYTHONSTARTUP", "NODE_OPTIONS",
    ]

    /// Why it must not be run; nil: nothing speaks against it.
    package var problem: GatewayError? {
        guard let first = words.first, !first.isEmpty else {
            return GatewayError(.missingField, "the command has no words")
        }
        guard words.count <= 256, words.allSatisfy({ $0.utf8.count <= 64 << 10 && !$0.utf8.contains(0) }) else {
            return GatewayError(.invalidValue, "the command has words that none may have")
        }
        guard !first.contains("/") || first.hasPrefix("/"), !first.hasPrefix("-") else {
            return GatewayError(
                .invalidValue, "the command is a relative path: \(first.prefix(100))",
                hint: "write the whole path, or a name that is in \(Self.searchPath.joined(separator: ", "))")
        }
        for (name, value) in environment {
            let isName = name.utf8.first.map { !(0x30...0x39).contains($0) } ?? false
            guard isName, !name.utf8.contains(where: { $0 == 0x3D || $0 < 0x21 || $0 > 0x7E }), !value.utf8.contains(0)
            else { return GatewayError(.invalidValue, "there is no such variable: \(name.prefix(64))") }
            let isDangerous = Self.dangerous.contains { $0.hasSuffix("_") ? name.hasPrefix($0) : name == $0 }
            guard !isDangerous else {
                return GatewayError(
                    .invalidValue, "a variable that decides which code is run: \(name)",
                    hint: "start a program that sets it itself")
            }
        }
        return nil
    }
}
