import ArgumentParser
import GatewayModel

/// `-f PATH…`, or plain paths.
struct FileOptions: ParsableArguments {
    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: "File or folder with configuration, - for standard input; may be repeated.", completion: .file())
    var files: [String] = []

    @Argument(help: "More files or folders.", completion: .file())
    var paths: [String] = []

    var all: [String] { files + paths }

    func required() throws(GatewayError) -> [String] {
        if all.isEmpty { throw GatewayError(.usage, "no file is named", hint: "add -f PATH, or - for standard input") }
        return all
    }
}
