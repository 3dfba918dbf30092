import Foundation
import GatewayModel
import GatewayWire
import Synchronization
import Testing

@testable import GatewayRecords

@Suite("The audit log goes on where it ended, whatever ended it")
struct AuditJournalTests {
    @Test("records are canonical, numbered, and tied to the one before")
    func records() throws {
        let test = try AuditTestFolder()
        try test.fill(20)
        let entries = test.entries
        #expect(entries.count == 20)
        var previous: String?
        for (number, entry) in entries.enumerated() {
            let tree = try #require(entry.tree)
            let canonical = try CanonicalJSON.bytes(tree)
            #expect(canonical == entry.text)
            #expect(tree["metadata"]?["sequence"]?.int == number)
            let attestation = try #require(tree["attestation_list"]?.array?.first)
            #expect(attestation["prev_event"]?["fingerprint"]?["value"]?.string?.value == previous)
            previous = attestation["fingerprint"]?["value"]?.string?.value
            var bare = try #require(tree.object)
            bare["attestation_list"] = nil
            let hashed = try CanonicalJSON.bytes(.object(bare))
            #expect(TreeHash.of(hashed.span).hex == previous)
        }
    }

    @Test("a log that is opened again goes on, over segments too")
    func again() throws {
        let test = try AuditTestFolder()
        var settings = AuditJournal.Settings()
        settings.segmentBytesMax = 20_000
        for _ in 0..<4 { try test.fill(150, settings: settings) }
        #expect(test.entries.map(\.index) == Array(0..<600))
        #expect(AuditReader(test.folder).segments.count > 5)
        var tree = AuditTree()
        for entry in test.entries { tree.append(entry.leafHash) }
        let note = try #require(test.folder.note())
        let verifier = try #require(test.folder.verifier)
        #expect(Checkpoint(note: note, by: verifier)?.root == tree.root)
        let journal = try test.journal()
        #expect(journal.findings.isEmpty)
        #expect(journal.tree.root == tree.root)
    }

    @Test("a torn tail is cut off, at whatever byte it was torn")
    func torn() throws {
        let test = try AuditTestFolder()
        try test.fill(10)
        var journal = try test.journal()
        let encoder = test.encoder(journal)
        let path = AuditSegment.path(1, in: test.folder.segments)
        let whole = try #require(AuditFiles.read(path)).count
        try journal.write([SubmittedEvent(AuditTestFolder.event(10))], encoder, nowMilliseconds: 0)
        journal.shut()
        let bytes = try #require(AuditFiles.read(path))
        for length in stride(from: whole + 1, to: bytes.count, by: 61) {
            try Data(bytes[..<length]).write(to: URL(filePath: path))
            var opened = try test.journal()
            #expect(opened.count == 10)
            #expect(opened.findings == [.torn(bytes: length - whole)])
            #expect(AuditFiles.size(path) == whole)
            opened.shut()
        }
        try Data(bytes[..<whole] + [UInt8](repeating: 0, count: 4_096)).write(to: URL(filePath: path))
        let opened = try test.journal()
        #expect(opened.findings == [.torn(bytes: 4_096)])
    }

    @Test("what a failing disk has lost is written again before anything more, and nothing begins on such a disk")
    func failingDisk() throws {
        let test = try AuditTestFolder()
        try test.fill(3)
        let disk = TestDisk()
        func open() throws -> AuditJournal {
            try AuditJournal(
                test.folder, nowMilliseconds: 0, isDiskFailing: { disk.isFailing.load(ordering: .relaxed) })
        }
        var journal = try open()
        let encoder = test.encoder(journal)
        let path = AuditSegment.path(1, in: test.folder.segments)
        let synced = try #require(AuditFiles.read(path))
        try journal.write([SubmittedEvent(AuditTestFolder.event(3))], encoder, nowMilliseconds: 0)
        disk.isFailing.store(true, ordering: .relaxed)
        #expect(throws: AuditFiles.Failure.self) { try journal.sync() }
        // What the system does with pages that could not be written: it lets them go, and is content.
        let written = AuditFiles.size(path)
        try Data(synced + [UInt8](repeating: 0, count: written - synced.count)).write(to: URL(filePath: path))
        let more = [SubmittedEvent(AuditTestFolder.event(4))]
        #expect(throws: AuditFiles.Failure.self) { try journal.write(more, encoder, nowMilliseconds: 0) }
        disk.isFailing.store(false, ordering: .relaxed)
        try journal.write(more, encoder, nowMilliseconds: 0)
        try journal.sync()
        journal.shut()
        #expect(test.entries.map(\.index) == Array(0..<5))
        disk.isFailing.store(true, ordering: .relaxed)
        #expect(throws: GatewayError.self) { _ = try open() }
        disk.isFailing.store(false, ordering: .relaxed)
        #expect(try open().findings.isEmpty)
    }

    @Test("a log that is shorter than its checkpoint is set aside, and the new one says so")
    func shortened() throws {
        let test = try AuditTestFolder()
        try test.fill(10)
        let path = AuditSegment.path(1, in: test.folder.segments)
        let bytes = try #require(AuditFiles.read(path))
        try Data(bytes[..<(bytes.count - 10)]).write(to: URL(filePath: path))
        let journal = try test.journal()
        #expect(journal.count == 0)
        let found = try #require(journal.findings.first)
        #expect("\(found)".contains("it ends after 9 records"))
        #expect(FileManager.default.fileExists(atPath: test.folder.path + ".broken-1790000000000"))
    }

    @Test("a log with damage in its midst is set aside byte for byte, told, and never by who only reads")
    func damaged() throws {
        let test = try AuditTestFolder()
        try test.fill(10)
        let path = AuditSegment.path(1, in: test.folder.segments)
        var bytes = try #require(AuditFiles.read(path))
        bytes[bytes.count / 2] ^= 1
        try Data(bytes).write(to: URL(filePath: path))
        #expect(throws: GatewayError.self) { try AuditLog(test.folder, mayStartAnew: false) }
        #expect(AuditFiles.read(path) == bytes)
        #expect(test.folder.brokenLogs.isEmpty)
        var journal = try test.journal()
        #expect(journal.count == 0)
        let (folder, why) = try #require(journal.findings.first?.setAside)
        #expect(why.contains("segment 1 is damaged, at byte"))
        #expect(test.folder.brokenLogs == [folder])
        #expect(AuditFiles.read(folder + "/log/000000000001.log") == bytes)
        let encoder = test.encoder(journal)
        try journal.write([SubmittedEvent(AuditTestFolder.event(1))], encoder, nowMilliseconds: 1)
        try journal.sync()
        try journal.publish(nowMilliseconds: 2)
        journal.shut()
        let report = try AuditLogVerification.run(test.folder)
        #expect(report.faults.map(\.kind) == [.setAside])
        #expect(!report.isProven)
        try FileManager.default.removeItem(atPath: folder)
        #expect(try AuditLogVerification.run(test.folder).isProven)
    }

    @Test("a segment that was being begun when the process ended is begun again")
    func halfHead() throws {
        let test = try AuditTestFolder()
        try test.fill(10)
        let path = AuditSegment.path(2, in: test.folder.segments)
        try Data(Array("sluicea3".utf8) + [1, 2, 3]).write(to: URL(filePath: path))
        let journal = try test.journal()
        #expect(journal.count == 10)
        #expect(journal.findings.isEmpty)
    }

    @Test("a record whose text was changed is damage, however its checksum was made anew")
    func editedBody() throws {
        let test = try AuditTestFolder()
        try test.fill(10)
        let path = AuditSegment.path(1, in: test.folder.segments)
        var bytes = try #require(AuditFiles.read(path))
        let (_, start) = try #require(AuditSegment.decode(bytes, sequence: 1))
        var ranges: [Range<Int>] = []
        _ = AuditSegment.scan(bytes, from: start, sequence: 1) { range in
            ranges.append(range)
            return true
        }
        let range = try #require(ranges.dropFirst(4).first)
        let name = try #require(bytes[range].firstRange(of: Array("\"ada\"".utf8)))
        bytes.replaceSubrange(name, with: Array("\"eve\"".utf8))
        // As somebody would who knows how checksums are made: of both hashes as they are now.
        let all = Array(bytes[range].dropFirst(AuditSegment.saltBytes))
        let places = Attestation.places(in: all.span)
        let (list, member) = try #require(places)
        let bare = Array(all[..<member.lowerBound]) + all[member.upperBound...]
        let fingerprint = TreeHash.of(bare.span)
        let leaf = TreeHash.leaf(Array(bytes[range].prefix(AuditSegment.saltBytes)) + all[list])
        let check = leaf.prefix ^ fingerprint.prefix ^ UInt32(truncatingIfNeeded: 0x9E37_79B9_7F4A_7C15 as UInt64 >> 32)
        for index in 0..<4 {
            bytes[range.lowerBound - 4 + index] = UInt8(truncatingIfNeeded: check >> UInt32(index * 8))
        }
        try Data(bytes).write(to: URL(filePath: path))
        #expect(test.entries.count < 10)
        #expect(try AuditLogVerification.run(test.folder).faults.map(\.kind) == [.edited])
        let (_, why) = try #require(try test.journal().findings.first?.setAside)
        #expect(why.contains("record 4 in segment 1 is damaged"))
    }

    @Test("a segment that another version has written, or whose head is damaged, is set aside and never removed")
    func strangeHead() throws {
        for place in 0..<42 {
            let test = try AuditTestFolder()
            try test.fill(10)
            let path = AuditSegment.path(1, in: test.folder.segments)
            var bytes = try #require(AuditFiles.read(path))
            bytes[place] ^= 1 << UInt8(place % 8)
            try Data(bytes).write(to: URL(filePath: path))
            let journal = try test.journal()
            let (folder, why) = try #require(journal.findings.first?.setAside)
            #expect(why.contains("head of segment 1"))
            #expect(AuditFiles.read(folder + "/log/000000000001.log") == bytes)
        }
    }

    @Test("a head that a crash cut anywhere is begun again; what is longer than a head is kept")
    func cutHead() throws {
        let test = try AuditTestFolder()
        try test.fill(10)
        var journal = try test.journal()
        let head = AuditSegment.encode(
            AuditSegment.Head(sequence: 2, createdMilliseconds: 1, tree: journal.tree, previous: journal.previous))
        journal.shut()
        let path = AuditSegment.path(2, in: test.folder.segments)
        for count in [0, 1, 8, 16, 17, head.count - 1] {
            try Data(head.prefix(count)).write(to: URL(filePath: path))
            var journal = try test.journal()
            #expect(journal.count == 10 && journal.findings.isEmpty, "\(count) bytes of a head")
            #expect(AuditFiles.read(path) == nil)
            journal.shut()
        }
        try Data(Array(repeating: 0, count: head.count + 1)).write(to: URL(filePath: path))
        #expect(throws: GatewayError.self) { try AuditJournal(test.folder, nowMilliseconds: 1, mayStartAnew: false) }
        #expect(AuditFiles.read(path)?.count == head.count + 1)
    }

    @Test("a segment whose head cannot be read is told, the oldest too")
    func unreadableHead() throws {
        let test = try AuditTestFolder()
        try test.fill(10)
        let path = AuditSegment.path(1, in: test.folder.segments)
        var bytes = try #require(AuditFiles.read(path))
        bytes[20] ^= 1
        try Data(bytes).write(to: URL(filePath: path))
        let report = try AuditLogVerification.run(test.folder)
        #expect(!report.isProven)
        #expect(report.faults.contains { $0.kind == .unreadable && $0.message.contains("segment 1") })
    }

    @Test("a record is never longer than a log takes, whatever its lists and texts hold")
    func longest() throws {
        let test = try AuditTestFolder()
        let text = String(repeating: "\u{1}", count: 4_000)
        var event = AuditTestFolder.event(1)
        event.principal = Principal(
            proof: .token, tenant: text, team: text, user: text, agent: text, run: text,
            groups: Array(repeating: text, count: 500), credentialID: text,
            detail: PrincipalDetail(scopes: Array(repeating: text, count: 5_000)))
        event.details = (0..<2_000).map { AuditFact("\($0)", text) }
        event.decision?.facts = event.details
        (event.message, event.resource, event.source) = (text, text, text)
        let digest = String(repeating: "a", count: 64)
        event.decision?.digest = digest
        event.request = AuditBody(Array(repeating: 0x22, count: 16_000))
        event.response = event.request
        var journal = try test.journal()
        try journal.write([SubmittedEvent(event)], test.encoder(journal), nowMilliseconds: 1)
        try journal.sync()
        try journal.publish(nowMilliseconds: 2)
        journal.shut()
        let entry = try #require(test.entries.first)
        #expect(entry.text.count <= AuditEncoder.recordBytesMax)
        #expect(entry.tree?["unmapped"]?["details"]?["shortened"] == .bool(true))
        #expect(entry.tree?["actor"]?["user"]?["uid"]?.string?.value.count == 96)
        #expect(entry.tree?["policy"]?["uid"]?.string?.value == digest)
        let body = entry.tree?["unmapped"]?["request_body"]
        #expect(body?["shortened"] == .bool(true) && body?["sha256"]?.string?.value.count == 64 && body?["text"] == nil)
        #expect(try AuditLogVerification.run(test.folder).isProven)
    }

    @Test("an outcome is told in its intent until the log has come to it, and not in one that is written")
    func amended() throws {
        let test = try AuditTestFolder()
        var journal = try test.journal()
        let submitted = (1...3).map { SubmittedEvent(AuditTestFolder.event($0)) }
        #expect(submitted[0].amend { $0.endMilliseconds = 7 })
        try journal.write(submitted, test.encoder(journal), nowMilliseconds: 1)
        for event in submitted { #expect(!event.amend { $0.endMilliseconds = 8 }) }
        // What a full disk gave back says the same when it is written again.
        try journal.write(submitted, test.encoder(journal), nowMilliseconds: 2)
        journal.shut()
        #expect(test.entries.map { $0.tree?["end_time"] } == [7, nil, nil, 7, nil, nil])
    }

    @Test("one process writes a log, and the next one once it is done")
    func locked() throws {
        let test = try AuditTestFolder()
        var journal = try test.journal()
        #expect(throws: GatewayError.self) { _ = try test.journal() }
        journal.shut()
        journal = try test.journal()
        journal.shut()
    }
}
