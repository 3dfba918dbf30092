import CLinux
import Foundation
import GatewayModel

/// The end of the journal that is written to. A record is in the page cache when `append` returns, so that it outlives
/// the process; the store's thread brings it to the disk. When a segment cannot be written, the next one begins in
/// memory, and is written as soon as there is room again.
struct Journal {
    private let folder: String
    private let settings: LedgerSettings
    /// The segment that takes the next record.
    private(set) var sequence: Int
    private var file: JournalFile?
    /// A file for the segment after this one: made beforehand, because calls wait for the lock.
    private var spare: JournalFile?
    /// Bytes in ended segments that are not folded yet.
    private(set) var unfolded: [Int: Int] = [:]
    /// Files of ended segments.
    private var ended: [JournalFile] = []
    /// What the segment holds while there is no file for it.
    private var held: [UInt8] = []
    /// Whether something has been left out because `held` was full.
    private(set) var hasGap = false
    private(set) var failureCount = 0
    private(set) var failure: String?
    private var isUnsynced = false
    private var isShut = false
    /// Tests stand in for a full disk.
    var isDiskFull = false

    init(folder: String, settings: LedgerSettings, firstSequence: Int) {
        self.folder = folder
        self.settings = settings
        sequence = firstSequence
        held = JournalSegment.head(firstSequence)
        failure = "not open"
    }

    var isFailed: Bool { failure != nil }
    var seed: UInt64 { JournalSegment.seed(sequence) }
    /// Bytes of the segment that takes the next record.
    var currentBytes: Int { isFailed ? held.count : length }
    /// Bytes of the segment in its file.
    private var length: Int { file?.count ?? 0 }
    var unfoldedBytes: Int { unfolded.values.reduce(0, +) }
    /// Whether the segment holds a record.
    var hasRecords: Bool { (isFailed ? held.count : length) > JournalSegment.headBytes }

    /// Writes whole records; false when they could not be, and are not in any segment.
    mutating func append(_ records: borrowing RecordWriter) -> Bool {
        guard !isFailed else { return false }
        guard !isDiskFull, let file, records.withBytes({ file.append($0) }) else {
            fail()
            return false
        }
        isUnsynced = true
        return true
    }

    /// Ends a segment that is full. Records are made for one segment, so this comes before they are.
    mutating func makeRoom() { if length > settings.segmentBytesMax { end() } }

    /// Keeps whole records for the segment while it has no file; false when there are too many.
    mutating func hold(_ records: borrowing RecordWriter) -> Bool {
        guard !hasGap, held.count + records.count <= settings.heldBytesMax else {
            hasGap = true
            return false
        }
        held += records.bytes
        return true
    }

    /// Ends the segment, so that it can be folded, and begins the next one.
    mutating func end() {
        guard !isFailed, hasRecords else { return }
        endFile()
        begin()
        if unfoldedBytes > settings.journalBytesMax {
            failureCount += 1
            failure = "the journal is longer than \(settings.journalBytesMax) bytes"
        } else {
            recover()
        }
    }

    /// Tries to write the segment that begins in memory.
    mutating func recover() {
        guard isFailed, !isShut, !isDiskFull, unfoldedBytes <= settings.journalBytesMax else { return }
        let path = JournalSegment.path(sequence, in: folder)
        guard let made = takeSpare(path) ?? JournalFile(segment: path) else { return problem("cannot create \(path)") }
        guard made.append(held.span) else {
            problem("cannot write \(path)")
            unsafe unlink(path)
            return
        }
        file = made
        held = []
        failure = nil
        hasGap = false
        isUnsynced = true
    }

    /// Where a spare file is made; nil while there is one.
    var sparePath: String? { spare == nil && !isShut ? "\(folder)/spare" : nil }

    mutating func give(_ spare: JournalFile) { if !isShut { self.spare = spare } }

    private mutating func takeSpare(_ path: String) -> JournalFile? {
        guard let file = spare else { return nil }
        spare = nil
        // Never in place of a segment.
        return unsafe renameat2(AT_FDCWD, "\(folder)/spare", AT_FDCWD, path, 1) == 0 ? file : nil
    }

    /// Files of ended segments, for who closes and folds them.
    mutating func takeEnded() -> [JournalFile] {
        defer { ended = [] }
        return ended
    }

    /// Takes nothing more.
    mutating func shut() {
        isShut = true
        if spare != nil { unsafe unlink("\(folder)/spare") }
        spare = nil
        guard !isFailed else { return }
        if !hasRecords { unsafe unlink(JournalSegment.path(sequence, in: folder)) }
        file?.close()
        file = nil
        failure = "closed"
    }

    mutating func folded(_ sequence: Int) { unfolded[sequence] = nil }

    /// A copy of the descriptor to bring to the disk, if there is something to bring.
    mutating func unsynced() -> Int32? {
        guard isUnsynced, !isFailed, let file else { return nil }
        let copy = fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return nil }
        isUnsynced = false
        return copy
    }

    /// The disk did not take what was written.
    mutating func syncFailed() { fail() }

    /// The file is for who syncs, closes and folds it.
    private mutating func endFile() {
        guard let file else { return }
        unfolded[sequence] = file.count
        ended.append(file)
    }

    private mutating func begin() {
        sequence += 1
        file = nil
        held = JournalSegment.head(sequence)
        failure = "not open"
    }

    /// Ends the segment and goes on in memory.
    private mutating func fail() {
        guard !isFailed else { return }
        problem("cannot write the journal in \(folder)")
        let reason = failure
        endFile()
        begin()
        failure = reason
    }

    private mutating func problem(_ message: String) {
        failureCount += 1
        failure = unsafe "\(message): \(isDiskFull ? "no space" : String(cString: strerror(errno)))"
    }
}
