import Foundation
import GatewayModel
import GatewayWire
import Testing

@testable import GatewayRecords

@Suite("A log outlives a hundred kills", .timeLimit(.minutes(2)))
struct AuditKillTests {
    /// The program is built beside the tests.
    private static var program: URL {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "auditwriter")
    }

    @Test("what was acknowledged is there after each, and all of it verifies")
    func kills() throws {
        let test = try AuditTestFolder()
        var acknowledged: Set<String> = []
        var random = IdentifierSource(seed: (1, 2, 3, 4))
        for life in 0..<100 {
            acknowledged.formUnion(try killed(test.folder.path, life, after: Int(random.next() % 9)))
        }
        #expect(acknowledged.count > 200)
        let report = try AuditLogVerification.run(test.folder)
        #expect(report.faults == [])
        var found: Set<String> = []
        for entry in test.entries {
            guard let id = entry.tree?["metadata"]?["correlation_uid"]?.string?.value else { continue }
            found.insert(id)
        }
        #expect(acknowledged.subtracting(found).isEmpty)
        // It opens once more, and goes on.
        var journal = try test.journal()
        #expect(journal.count == report.records)
        journal.shut()
    }

    /// Starts the writer, kills it after it has acknowledged so many records, and returns those.
    private func killed(_ folder: String, _ life: Int, after count: Int) throws -> Set<String> {
        let process = Process()
        process.executableURL = Self.program
        process.arguments = [folder, String(life)]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        var bytes: [UInt8] = []
        while bytes.count(where: { $0 == 0x0A }) < count {
            let part = pipe.fileHandleForReading.availableData
            guard !part.isEmpty else { break }
            bytes += part
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        bytes += (try pipe.fileHandleForReading.readToEnd()) ?? Data()
        var ids: Set<String> = []
        // The last line may be half of one.
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .dropLast()
        {
            let words = line.split(separator: " ").compactMap { UInt64($0) }
            guard words.count == 2 else { continue }
            ids.insert(GatewayRecords.JSONText.hex(words[0]) + GatewayRecords.JSONText.hex(words[1]))
        }
        return ids
    }
}
