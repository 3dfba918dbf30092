import Foundation
import GatewayModel
import Testing

@testable import GatewayRecords

@Suite("Tiles of a log are there when the records they are made of are not read any more")
struct AuditTileTests {
    private static let settings = {
        var settings = AuditJournal.Settings()
        settings.segmentBytesMax = 420_000
        return settings
    }()

    private static func write(
        _ journal: inout AuditJournal, _ encoder: AuditEncoder, until isDone: (AuditJournal) -> Bool
    ) throws {
        while !isDone(journal) {
            try journal.write(
                [SubmittedEvent(AuditTestFolder.event(journal.count))], encoder, nowMilliseconds: 1_790_000_000_000)
        }
    }

    @Test("a segment does not end before its tiles are in their files and on the disk")
    func ended() throws {
        let test = try AuditTestFolder()
        var journal = try test.journal(Self.settings)
        let encoder = test.encoder(journal)
        // In the place of the first tile.
        let tile = test.folder.path + "/tile/0/000"
        try FileManager.default.createDirectory(atPath: tile + "/x", withIntermediateDirectories: true)
        #expect(throws: AuditFiles.Failure.self) {
            try Self.write(&journal, encoder) { $0.count == 2_000 }
        }
        // It goes on for as long again: records are worth more than the length of their segment.
        let length = AuditFiles.size(AuditSegment.path(1, in: test.folder.segments))
        #expect(journal.current == 1 && length > 2 * Self.settings.segmentBytesMax)
        #expect(AuditSegment.sequences(in: test.folder.segments) == [1])
        try FileManager.default.removeItem(atPath: tile)
        try Self.write(&journal, encoder) { $0.current == 2 }
        #expect(AuditFiles.size(tile) == 8_192)
        #expect(journal.tiles.unsynced.isEmpty)
        try Self.write(&journal, encoder) { $0.count == 600 }
        try journal.sync()
        // As after a power cut: no checkpoint, and what was not brought to the disk is lost.
        journal.shut()
        journal = try test.journal(Self.settings)
        try journal.publish(nowMilliseconds: 1_790_000_000_000)
        #expect(journal.tiles.unsynced.isEmpty)
        journal.shut()
        var tiles = AuditTiles(test.folder, size: 600)
        #expect(test.entries.allSatisfy { tiles.leaf($0.index) == $0.leafHash })
        #expect(try AuditLogVerification.run(test.folder).isProven)
    }

    @Test("a tile that somebody took away before it was on the disk is put there again")
    func gone() throws {
        let test = try AuditTestFolder()
        var tree = AuditTree()
        var tiles = AuditTileFiles(test.folder)
        for index in 0..<256 {
            let entry = AuditEntry(index: index, leaf: [UInt8](repeating: 1, count: 64)[...])
            tree.append(entry.leafHash) { tiles.add($0) }
        }
        let path = test.folder.path + "/tile/0/000"
        #expect(tiles.save() && AuditFiles.size(path) == 8_192 && tiles.unsynced.count == 1)
        try FileManager.default.removeItem(atPath: test.folder.path + "/tile")
        #expect(tiles.sync() && AuditFiles.size(path) == 8_192 && tiles.unsynced.isEmpty)
    }

    @Test("a log without a record has no checkpoint, and nothing is wrong with it")
    func empty() throws {
        let test = try AuditTestFolder()
        var settings = AuditLog.Settings()
        settings.checkpointMilliseconds = 1
        let log = try AuditLog(test.folder, settings: settings)
        #expect(log.close())
        #expect(test.folder.note() == nil && test.folder.notes().isEmpty)
        #expect(try AuditLogVerification.run(test.folder).faults == [])
        try test.fill(1)
        #expect(try AuditLogVerification.run(test.folder).isProven)
    }
}
