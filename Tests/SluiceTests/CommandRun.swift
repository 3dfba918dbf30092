import Foundation

@testable import sluice

/// A command line, run in this process.
struct CommandRun {
    var status: Int32
    var out: String
    var error: String

    static func of(_ words: String...) async -> CommandRun { await of(words) }

    static func of(_ words: [String]) async -> CommandRun {
        let capture = Terminal.Capture()
        let status = await Terminal.$capture.withValue(capture) { await Invocation.run(words) }
        return CommandRun(status: status, out: capture.out, error: capture.error)
    }
}

/// A folder that is gone after the test.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/sluice-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }
}

/// The tree these tests stand in.
enum Package {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func path(_ name: String) -> String { root.appending(path: name).path }
}
