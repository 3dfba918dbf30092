import ArgumentParser
import Foundation
import GatewayControl
import GatewayModel
import GatewayRecords

/// `sluice audit export`.
struct AuditExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write records with what proves them, for 'sluice audit verify' anywhere.",
        discussion: """
            Without a selection the bundle holds every record under the newest checkpoint, and proves that none is \
            missing; with one, each record brings its own proof.
            """)

    @OptionGroup var selection: AuditSelection

    @OptionGroup var kept: KeptCheckpoints

    @Option(help: "The file to write; standard output by default.")
    var to: String?

    @OptionGroup var state: StateOptions

    func run() async throws {
        let query = try selection.query() + kept.query()
        let sink = try BundleFile(to)
        try await AuditClient(folder: state.folder).lines("/v1/audit/export", query: query) { sink.write($0) }
        try sink.close()
    }
}

/// `sluice audit prove`.
struct AuditProve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove", abstract: "Write one record with its proof.")

    @Argument(help: "The number of the record.")
    var index: Int

    @OptionGroup var kept: KeptCheckpoints

    @Option(help: "The file to write; standard output by default.")
    var to: String?

    @OptionGroup var state: StateOptions

    func run() async throws {
        let query = try kept.query()
        let sink = try BundleFile(to)
        try await AuditClient(folder: state.folder).lines("/v1/audit/proof/\(index)", query: query) { sink.write($0) }
        try sink.close()
    }
}

/// What the reader of a bundle holds it against.
struct KeptCheckpoints: ParsableArguments {
    @Option(help: "A checkpoint that you kept: the bundle proves that the log grew from it. May be repeated.")
    var checkpoint: [String] = []

    func query() throws -> [(String, String)] {
        guard !checkpoint.isEmpty else { return [] }
        let sizes = try checkpoint.map { path in
            let note = try AuditVerify.read(path)
            guard let checkpoint = Checkpoint(text: note) else {
                throw GatewayError(
                    .unreadableFile, "no checkpoint of a log: \(path)", hint: "it is audit/checkpoint of a state folder"
                )
            }
            return String(checkpoint.size)
        }
        return [("from", sizes.joined(separator: ","))]
    }
}

/// `sluice audit verify`.
struct AuditVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check a bundle, or the log of a state folder, without a gateway.",
        discussion: """
            Finds and locates every record that was edited, left out, moved or cut off, and checkpoints that fork or \
            are not signed. Exit status 1 when something is found. Bring the public key (--key) and checkpoints that \
            you kept from before (--checkpoint): without them the log's own word is taken for who it is.
            """)

    @Argument(help: "A bundle; the log in the state folder by default.")
    var file: String?

    @Option(help: "The public key you trust, or a file with it; the bundle's own by default.")
    var key: String?

    @Option(help: "A checkpoint that you kept; may be repeated.")
    var checkpoint: [String] = []

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let key = try self.key.map(Self.verifier)
        let notes = try checkpoint.map { try Self.read($0) }
        let report =
            if let file { try Self.verify(file, key, notes) } else {
                try AuditLogVerification.run(AuditFolder(stateFolder: state.folder), key: key, notes: notes)
            }
        output.show(Self.node(report)) { Self.text(report, isKeyGiven: key != nil) }
        if !report.isProven { throw ExitStatus.findings.code }
    }

    private static func verify(_ file: String, _ key: NoteVerifier?, _ notes: [String]) throws -> AuditReport {
        var verification = AuditBundleVerification(key: key, notes: notes)
        let isFolder = try? URL(filePath: file).resourceValues(forKeys: [.isDirectoryKey]).isDirectory
        guard isFolder != true else {
            throw GatewayError(
                .unreadableFile, "a folder is no bundle: \(file)",
                hint: "say --state \(file) if it is a state folder, or name a file of 'sluice audit export'")
        }
        guard let input = FileHandle(forReadingAtPath: file) else {
            throw GatewayError(.unreadableFile, "cannot read \(file)")
        }
        defer { try? input.close() }
        var rest: [UInt8] = []
        while let part = try part(of: input, file), !part.isEmpty {
            rest += part
            var start = rest.startIndex
            while let end = rest[start...].firstIndex(of: 0x0A) {
                try verification.add(Array(rest[start..<end]))
                start = end + 1
            }
            rest.removeSubrange(..<start)
            guard rest.count <= AuditBundleVerification.lineBytesMax else {
                throw GatewayError(.tooLarge, "a line of \(file) is larger than any record")
            }
        }
        try verification.add(rest)
        return try verification.finish()
    }

    private static func part(of input: FileHandle, _ file: String) throws(GatewayError) -> Data? {
        do { return try input.read(upToCount: 1 << 20) } catch {
            throw GatewayError(.unreadableFile, "cannot read \(file)", cause: error.localizedDescription)
        }
    }

    private static func verifier(_ text: String) throws -> NoteVerifier {
        let line = FileManager.default.fileExists(atPath: text) ? try read(text) : text
        guard let verifier = NoteVerifier(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw GatewayError(
                .usage, "not a public key of a log: \(text.prefix(80))",
                hint: "it is in audit/verifier of the state folder, NAME+ID+KEY")
        }
        return verifier
    }

    fileprivate static func read(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20 else {
            throw GatewayError(.unreadableFile, "cannot read \(path)")
        }
        return String(decoding: data, as: UTF8.self)
    }

    private static func node(_ report: AuditReport) -> ConfigNode {
        .object([
            ("proven", .flag(report.isProven)), ("origin", .text(report.origin)), ("key", .text(report.key)),
            ("first", .integer(report.first)), ("records", .integer(report.records)),
            ("signed", .integer(report.signed)), ("checkpoints", .integer(report.checkpoints)),
            (
                "faults",
                .list(
                    report.faults.map {
                        .object([
                            ("kind", .text($0.kind.rawValue)), ("first", .integer($0.records.lowerBound)),
                            ("end", .integer($0.records.upperBound)), ("message", .text($0.message)),
                        ])
                    })
            ),
        ])
    }

    private static func text(_ report: AuditReport, isKeyGiven: Bool) -> String {
        var text = report.faults.map { "\($0.kind.rawValue): \($0.message)\n" }.joined()
        let verdict = report.isProven ? "proven" : report.faults.isEmpty ? "nothing is signed yet" : "NOT proven"
        text += "\(verdict): \(report.records) records of \(report.origin), \(report.signed) under its newest "
        text += "checkpoint, \(report.checkpoints) checkpoints hold\n"
        if !isKeyGiven { text += "key: \(report.key) (its own word; compare it with the one you were given)\n" }
        return text
    }
}

/// Where a bundle goes.
final class BundleFile {
    private let handle: FileHandle
    private var failure: (any Error)?
    private var last = ""

    init(_ path: String?) throws {
        guard let path else {
            handle = .standardOutput
            return
        }
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let file = FileHandle(forWritingAtPath: path)
        else { throw GatewayError(.unreadableFile, "cannot write \(path)") }
        handle = file
    }

    func write(_ line: String) {
        guard failure == nil else { return }
        last = line
        do { try handle.write(contentsOf: Array("\(line)\n".utf8)) } catch { failure = error }
    }

    func close() throws {
        if let failure { throw GatewayError(.unreadableFile, "cannot write the bundle", cause: "\(failure)") }
        if handle !== FileHandle.standardOutput { try handle.close() }
        guard last.hasPrefix(#"{"end":"#) else {
            throw GatewayError(.unreachable, "the bundle broke off before its end", hint: "make it anew")
        }
    }
}
