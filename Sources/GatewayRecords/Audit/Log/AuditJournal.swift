import GatewayModel
import GatewayWire
import Glibc

/// The end of the log that is written to: one segment, the tree over every record there ever was, and its signer. Used
/// by one thread.
struct AuditJournal: Sendable {
    struct Settings: Sendable {
        var segmentBytesMax = 32 << 20
        var segmentMilliseconds = 86_400_000
        var historyMilliseconds = 60_000
    }

    /// What was found when the log was opened, to be told in the log itself.
    enum Finding: Sendable, Equatable {
        /// The last bytes were no whole record.
        case torn(bytes: Int)
        /// The log does not go as far as its own signed checkpoint; it was set aside under this name.
        case broken(folder: String, why: String)

        var setAside: (folder: String, why: String)? {
            if case .broken(let folder, let why) = self { (folder, why) } else { nil }
        }
    }

    let folder: AuditFolder
    let signer: NoteSigner
    private let settings: Settings
    private(set) var tree = AuditTree()
    private(set) var previous: PreviousRecord?
    private(set) var findings: [Finding] = []
    private var sequence = 0
    private var descriptor: Int32 = -1
    /// Held as long as the journal is open.
    private var lock: Int32 = -1
    private var length = 0
    private var headBytes = 0
    /// Behind the last whole record, when the log was opened.
    private var tornBytes = 0
    private var createdMilliseconds = 0
    /// How long the segment is to be before its end is tried again.
    private var turnAgainLength = 0
    private(set) var isUnsynced = false
    /// What is behind the last thing that the disk is known to have.
    private var unsynced: [UInt8] = []
    /// The disk refused what was written; the system may have forgotten it since, and would say nothing of it again.
    private var mustWriteAgain = false
    /// Records of the newest checkpoint; one over none would say nothing.
    private(set) var publishedCount = 0
    private var rememberedMilliseconds = Int.min
    private(set) var tiles: AuditTileFiles
    private var leaves: [TreeHash] = []
    private var pool: [UInt8] = []
    /// How much memory stays for the next records, however many there were once.
    private static let keptBytesMax = 1 << 20
    /// Tests stand in for a full disk, and for one that fails.
    let isDiskFull: @Sendable () -> Bool
    let isDiskFailing: @Sendable () -> Bool

    // MARK: Opening

    /// Takes the log up where it ends, or begins one. One that cannot be gone on with is set aside as it is; where it
    /// may not be (`mayStartAnew`), that is thrown and nothing is touched.
    init(
        _ folder: AuditFolder, settings: Settings = Settings(), nowMilliseconds: Int, mayStartAnew: Bool = true,
        isDiskFull: @escaping @Sendable () -> Bool = { false },
        isDiskFailing: @escaping @Sendable () -> Bool = { false }
    ) throws(GatewayError) {
        self.folder = folder
        self.settings = settings
        self.isDiskFull = isDiskFull
        self.isDiskFailing = isDiskFailing
        tiles = AuditTileFiles(folder)
        lock = try folder.lock()
        do throws(GatewayError) { signer = try folder.signer() } catch {
            AuditFolder.unlock(lock)
            throw error
        }
        let why: String?
        do throws(AuditFiles.Failure) { why = try recover() } catch {
            shut()
            throw error.error
        }
        if let why, !mayStartAnew {
            shut()
            throw AuditJournal.damaged(why, folder)
        }
        do throws(AuditFiles.Failure) {
            if let why { try startAnew(why, nowMilliseconds) }
            if descriptor < 0 { try begin(nowMilliseconds) }
            // What a process left that was killed is on the disk before anything is said of it.
            try sync()
        } catch {
            shut()
            throw error.error
        }
    }

    private static func damaged(_ why: String, _ folder: AuditFolder) -> GatewayError {
        GatewayError(
            .unreadableFile, "the audit log in \(folder.path) cannot be gone on with: \(why)",
            hint:
                "'sluice audit verify' says what is wrong; a gateway that starts sets the log aside and begins another")
    }

    /// Reads the newest segment to its end. Says why, when the log cannot be gone on with.
    private mutating func recover() throws(AuditFiles.Failure) -> String? {
        let published = folder.note().flatMap { Checkpoint(note: $0, by: signer.verifier) }
        // The newest segment may have been being begun; then its head is not whole and no record is behind it.
        var begun: (sequence: Int, count: Int)?
        for newest in AuditSegment.sequences(in: folder.segments).reversed() {
            let path = AuditSegment.path(newest, in: folder.segments)
            guard let bytes = AuditFiles.read(path) else { throw AuditFiles.Failure("cannot read \(path)") }
            guard let (head, start) = AuditSegment.decode(bytes, sequence: newest) else {
                guard begun == nil else { return AuditJournal.strange(newest) }
                begun = (newest, bytes.count)
                continue
            }
            sequence = newest
            if let why = try take(path, bytes, head, start) { return why }
            break
        }
        // By what came before it, for its own bytes may be damaged: what is longer than a head may hold records.
        if let begun, begun.count > AuditSegment.headCount(begun.sequence, tree, previous) {
            return AuditJournal.strange(begun.sequence)
        }
        if let why = contradiction(of: published) { return why }
        if let begun { unsafe unlink(AuditSegment.path(begun.sequence, in: folder.segments)) }
        try cutTorn()
        return nil
    }

    private static func strange(_ sequence: Int) -> String {
        "the head of segment \(sequence) is damaged, or of another version of Sluice"
    }

    /// What a signed checkpoint says that the records do not.
    private mutating func contradiction(of published: Checkpoint?) -> String? {
        guard let published else { return nil }
        if tree.count < published.size {
            return "it ends after \(tree.count) records, and a checkpoint is signed over \(published.size)"
        }
        if tree.count == published.size, tree.root != published.root {
            return "its records are not those that a checkpoint is signed over, \(published.size) of them"
        }
        publishedCount = published.size
        return nil
    }

    /// Says why, when there is damage: nothing is touched then.
    private mutating func take(
        _ path: String, _ bytes: [UInt8], _ head: AuditSegment.Head, _ start: Int
    ) throws(AuditFiles.Failure) -> String? {
        tree = head.tree
        previous = head.previous
        createdMilliseconds = head.createdMilliseconds
        var last: Range<Int>?
        let end = AuditSegment.scan(bytes, from: start, sequence: head.sequence) { range in
            tree.append(AuditEntry(index: tree.count, leaf: bytes[range]).leafHash) { tiles.add($0) }
            last = range
            return true
        }
        if case .damaged(let offset) = end {
            return "record \(tree.count) in segment \(head.sequence) is damaged, at byte \(offset)"
        }
        if let last {
            previous = AuditEntry(index: tree.count - 1, leaf: bytes[last]).asPrevious
        }
        descriptor = unsafe open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw AuditFiles.Failure("cannot open \(path)") }
        length = end.offset
        headBytes = start
        tornBytes = bytes.count - length
        isUnsynced = true
        return nil
    }

    /// Cuts off a last record that was never acknowledged.
    private mutating func cutTorn() throws(AuditFiles.Failure) {
        guard tornBytes > 0 else { return }
        findings.append(.torn(bytes: tornBytes))
        guard ftruncate(descriptor, off_t(length)) == 0 else {
            throw AuditFiles.Failure("cannot cut segment \(sequence) in \(folder.segments)")
        }
        tornBytes = 0
    }

    /// Puts a log aside that contradicts what was signed, and begins another under a key of its own.
    private mutating func startAnew(_ why: String, _ now: Int) throws(AuditFiles.Failure) {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        let aside = "\(folder.path).broken-\(now)"
        guard unsafe rename(folder.path, aside) == 0 else {
            throw AuditFiles.Failure("cannot set aside \(folder.path)")
        }
        // The lock went with the folder.
        AuditFolder.unlock(lock)
        lock = -1
        do throws(GatewayError) { lock = try folder.lock() } catch {
            throw AuditFiles.Failure("cannot lock \(folder.path)")
        }
        let seed = signer.seed.reveal { Base64Text.encode($0) }
        // The same key: whoever holds its public half sees one gateway with two logs, and is told why.
        try AuditFiles.replace("\(folder.path)/signer", Array("\(signer.verifier.name)\n\(seed)\n".utf8))
        try AuditFiles.replace("\(folder.path)/verifier", Array("\(signer.verifier.text)\n".utf8))
        tree = AuditTree()
        previous = nil
        tiles = AuditTileFiles(folder)
        publishedCount = 0
        sequence = 0
        findings = [.broken(folder: aside, why: why)]
    }

    // MARK: Writing

    var count: Int { tree.count }

    /// Writes records, all or none; when it returns they outlive the process. `sync` brings them to the disk.
    mutating func write(
        _ events: [SubmittedEvent], _ encoder: AuditEncoder, nowMilliseconds: Int
    ) throws(AuditFiles.Failure) {
        if mustWriteAgain { try sync() }
        try turnIfDue(nowMilliseconds)
        let buffer = encoder.buffer
        buffer.removeAll()
        leaves.removeAll(keepingCapacity: true)
        var last = previous
        var index = tree.count
        for submitted in events {
            fillPool()
            let start = buffer.count
            buffer.appendZeros(AuditSegment.frameBytes)
            buffer.append(pool.span.extracting(last: AuditSegment.saltBytes))
            pool.removeLast(AuditSegment.saltBytes)
            let (hashes, record) = submitted.take { event in
                let uid = RecordUID(milliseconds: event.timeMilliseconds, random: pool.suffix(RecordUID.randomBytes))
                return encoder.append(event, uid: uid, index: index, after: last)
            }
            pool.removeLast(RecordUID.randomBytes)
            AuditSegment.seal(buffer, from: start, hashes, sequence)
            leaves.append(hashes.leaf)
            last = record
            index += 1
        }
        guard !leaves.isEmpty else { return }
        let isWritten = !isDiskFull() && buffer.withBytes(0..<buffer.count) { AuditFiles.write(descriptor, $0) }
        guard isWritten else {
            if isDiskFull() { errno = ENOSPC }
            let failure = AuditFiles.Failure("cannot write the audit log in \(folder.segments)")
            // A part of a record that stays fails its checksum when it is read.
            _ = ftruncate(descriptor, off_t(length))
            throw failure
        }
        length += buffer.count
        buffer.withBytes(0..<buffer.count) { bytes in
            // Safe: copied within the call.
            unsafe bytes.withUnsafeBufferPointer { unsafe unsynced.append(contentsOf: $0) }
        }
        for leaf in leaves { tree.append(leaf) { tiles.add($0) } }
        previous = last
        isUnsynced = true
    }

    mutating func sync() throws(AuditFiles.Failure) {
        guard isUnsynced else { return }
        if mustWriteAgain { try writeAgain() }
        guard !isDiskFailing(), fdatasync(descriptor) == 0 else {
            mustWriteAgain = true
            throw AuditFiles.Failure("cannot bring the audit log to the disk in \(folder.segments)")
        }
        isUnsynced = false
        unsynced.removeAll(keepingCapacity: unsynced.capacity <= AuditJournal.keptBytesMax)
    }

    private mutating func writeAgain() throws(AuditFiles.Failure) {
        // Cut off first: what stays in the system's memory would be taken for written.
        guard !isDiskFull(), ftruncate(descriptor, off_t(length - unsynced.count)) == 0,
            AuditFiles.write(descriptor, unsynced)
        else { throw AuditFiles.Failure("cannot write the end of the audit log again in \(folder.segments)") }
        mustWriteAgain = false
    }

    // MARK: Segments

    /// Ends a segment that is long or old. One whose tiles cannot be brought to the disk goes on, and is tried again
    /// now and then, until it is twice as long: its records are worth more than its length.
    private mutating func turnIfDue(_ now: Int) throws(AuditFiles.Failure) {
        let isLong = length > settings.segmentBytesMax
        guard length > headBytes, length >= turnAgainLength,
            isLong || now - createdMilliseconds > settings.segmentMilliseconds
        else { return }
        try sync()
        do { try turn(now) } catch {
            guard length <= 2 * settings.segmentBytesMax else { throw error }
            turnAgainLength = length + settings.segmentBytesMax / 128
        }
    }

    /// Ends the segment and begins the next one.
    private mutating func turn(_ now: Int) throws(AuditFiles.Failure) {
        guard tiles.save(), tiles.sync() else {
            throw AuditFiles.Failure("cannot bring the tiles of the audit log to the disk in \(folder.path)")
        }
        let ended = descriptor
        do { try begin(now) } catch {
            descriptor = ended
            throw error
        }
        // It is hardly ever read again: its memory is better used for the next one, which is as large.
        posix_fadvise(ended, 0, 0, POSIX_FADV_DONTNEED)
        close(ended)
    }

    private mutating func begin(_ now: Int) throws(AuditFiles.Failure) {
        let number = sequence + 1
        let path = AuditSegment.path(number, in: folder.segments)
        let head = AuditSegment.encode(
            AuditSegment.Head(sequence: number, createdMilliseconds: now, tree: tree, previous: previous))
        let opened = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw AuditFiles.Failure("cannot create \(path)") }
        guard !isDiskFull(), AuditFiles.write(opened, head), fdatasync(opened) == 0 else {
            let failure = AuditFiles.Failure("cannot write \(path)")
            close(opened)
            unsafe unlink(path)
            throw failure
        }
        AuditFiles.syncFolder(folder.segments)
        sequence = number
        descriptor = opened
        length = head.count
        headBytes = head.count
        createdMilliseconds = now
        turnAgainLength = 0
        isUnsynced = false
    }

    /// The number of the segment that is written to.
    var current: Int { sequence }

    mutating func shut() {
        if descriptor >= 0 { close(descriptor) }
        AuditFolder.unlock(lock)
        (descriptor, lock) = (-1, -1)
    }

    // MARK: Checkpoints

    /// Signs what is on the disk, and puts it where others can read it: tiles first, so that a checkpoint never speaks
    /// of what is not there.
    mutating func publish(nowMilliseconds: Int) throws(GatewayError) {
        guard publishedCount != tree.count, !isDiskFull() else { return }
        let note = try Checkpoint(origin: signer.verifier.name, size: tree.count, root: tree.root)
            .signed(by: signer)
        guard tiles.save(), tiles.savePartials(of: tree),
            AuditFiles.put(folder.checkpoint, Array(note.utf8))
        else { return }
        publishedCount = tree.count
        tiles.removeOutdated()
        // Some at a time: all of a segment's at its end would take a slow disk a second or two.
        _ = tiles.sync()
        if nowMilliseconds - settings.historyMilliseconds >= rememberedMilliseconds, folder.remember(note) {
            rememberedMilliseconds = nowMilliseconds
        }
    }

    private mutating func fillPool() {
        if pool.count < 64 { pool += AuditFiles.random(4_096) }
    }
}
