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
        let found = ids(test)
        #expect(acknowledged.subtracting(found).isEmpty)
        // Calls were cut off between their intent and what others wrote after it.
        #expect(test.states.contains("pending"))
        // It opens once more, and goes on.
        var journal = try test.journal()
        #expect(journal.count == report.records)
        journal.shut()
    }

    @Test("a write that a full disk ends in its midst leaves whole records, and the log goes on by itself")
    func fills() throws {
        for bytesMax in stride(from: 20_000, to: 21_500, by: 100) {
            let test = try AuditTestFolder()
            let acknowledged = try written(test.folder.path, "1", String(bytesMax))
            let report = try AuditLogVerification.run(test.folder)
            #expect(report.isProven, "\(bytesMax): \(report.faults)")
            let found = ids(test)
            #expect(acknowledged.count > 50 && acknowledged.subtracting(found).isEmpty)
            // What came when there was no room is not there, and no half of it.
            #expect(AuditFiles.size(AuditSegment.path(1, in: test.folder.segments)) > bytesMax)
            var journal = try test.journal()
            #expect(journal.findings.isEmpty)
            journal.shut()
        }
    }

    private func ids(_ test: AuditTestFolder) -> Set<String> {
        Set(test.entries.compactMap { $0.tree?["metadata"]?["correlation_uid"]?.string?.value })
    }

    /// Lets the writer come to its end, and returns what it says is on the disk.
    private func written(_ arguments: String...) throws -> Set<String> {
        let process = Process()
        process.executableURL = Self.program
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return told(Array(bytes))
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
        return told(bytes)
    }

    private func told(_ bytes: [UInt8]) -> Set<String> {
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
