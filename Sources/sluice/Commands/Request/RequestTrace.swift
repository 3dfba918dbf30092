import ArgumentParser
import Foundation
import GatewayControl
import GatewayModel

/// `sluice trace`.
struct RequestTrace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Follow one request through the phases: sluice trace -- curl URL …",
        discussion: """
            Runs the command with a header x-sluice-trace added after 'curl'; other commands find it in \
            SLUICE_TRACE. The phases are shown on standard error, or with -o json on standard output in place of \
            the command's.
            """)

    @Argument(parsing: .postTerminator, help: "The command, after --.")
    var command: [String] = []

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard let program = command.first else {
            throw GatewayError(.usage, "no command is given", hint: "sluice trace -- curl http://127.0.0.1:8080/")
        }
        // A gateway that is not there is found before a request is sent.
        _ = try await state.client.get("/v1/health")
        let token = (0..<4).map { _ in String(UInt32.random(in: .min ... .max), radix: 16) }.joined(separator: "-")
        var words = command
        if program.split(separator: "/").last == "curl" {
            words.insert(contentsOf: ["-H", "x-sluice-trace: \(token)"], at: 1)
        }
        let status = try Self.run(words, token: token, isQuiet: output.output != .table)
        let trace = try await fetch(token)
        if output.output == .table {
            Terminal.error(Self.table(trace))
        } else {
            output.show(trace)
        }
        if status != 0 { throw ExitStatus.findings.code }
    }

    private static func run(_ words: [String], token: String, isQuiet: Bool) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.environment = ProcessInfo.processInfo.environment.merging(["SLUICE_TRACE": token]) { $1 }
        if isQuiet { process.standardOutput = FileHandle.nullDevice }
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// A trace is posted when its request has settled, which may be an instant after the client has its answer.
    private func fetch(_ token: String) async throws -> ConfigNode {
        for attempt in 0..<10 {
            do {
                return try await state.client.get("/v1/traces/\(token)").node
            } catch let refusal as Refusal where refusal.error.code == .notFound && attempt < 9 {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        throw GatewayError(.notFound, "the request left no trace", hint: "did it go to this gateway?")
    }

    static func table(_ trace: ConfigNode) -> String {
        func micros(_ node: ConfigNode?) -> String {
            guard let nanoseconds = node.flatMap({ Int(NodeTable.cell($0)) }) else { return "" }
            return "\(nanoseconds / 1_000).\(nanoseconds % 1_000 / 100)"
        }
        var table = TextTable(["PHASE", "START µs", "TOOK µs", "DECIDED"])
        for phase in trace["phases"]?.elements ?? [] {
            table.add([
                phase["name"]?.string ?? "", micros(phase["start_ns"]), micros(phase["duration_ns"]),
                phase["note"]?.string ?? "",
            ])
        }
        return table.text
    }
}
