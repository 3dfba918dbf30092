import GatewayModel
import Synchronization

/// The log's thread: takes batches, writes them, and brings them to the disk as soon as anybody waits for that.
struct AuditWriter {
    private var journal: AuditJournal
    private let log: AuditLog
    private var encoder: AuditEncoder
    /// Written, and to be told once they are on the disk.
    private var waiting: [@Sendable (Bool) -> Void] = []
    private var syncAt: Int?
    /// Records were given back and are still to be written.
    private var isWriteFailing = false
    private var publishAt = 0
    private var cleanAt = 0
    /// Before that nothing of what is to be taken was put in.
    private var gatheredSince = 0
    private var hasLeft = false
    /// Nor was what the last round has left before that.
    private var leftSince = 0
    /// By which records age.
    private let age: AuditAge
    private var pendingNotes: [AuditEvent] = []

    init(_ journal: AuditJournal, _ log: AuditLog) {
        self.journal = journal
        self.log = log
        encoder = AuditWriter.encoder(journal, log, AuditRedactor())
        age = AuditAge(wall: log.settings.wallMilliseconds(), monotonic: AuditClock.monotonicMilliseconds)
        pendingNotes = journal.findings.map { $0.event(log.settings.wallMilliseconds()) }
    }

    private static func encoder(
        _ journal: AuditJournal, _ log: AuditLog, _ redactor: AuditRedactor
    ) -> AuditEncoder {
        AuditEncoder(
            chainUID: journal.signer.verifier.name, gateway: log.settings.gateway, redaction: redactor)
    }

    mutating func run() {
        var isClosing = false
        while true {
            if !isClosing { gather() }
            let taken = take()
            isClosing = taken.isClosing
            encoder.redaction = taken.redactor
            let isWritten = write(taken.batch, dropped: taken.dropped, isClosing: isClosing)
            publishIfDue(isClosing: isClosing)
            clean()
            if isClosing, taken.batch.isEmpty || !isWritten { break }
        }
        journal.shut()
        log.noteFinished()
    }

    private mutating func gather() {
        if pendingNotes.isEmpty, log.wait(timeoutMilliseconds: nextWait()) {
            gatheredSince = AuditClock.monotonicMilliseconds
        }
        let linger = log.settings.lingerMilliseconds
        // What was left the last time was put in by then.
        let passed = hasLeft ? AuditClock.monotonicMilliseconds - leftSince : 0
        // A disk that takes nothing is not asked for each record.
        let due = log.failure == nil ? syncAt : nil
        let rest = due.map { $0 - AuditClock.monotonicMilliseconds } ?? linger
        log.linger(milliseconds: min(linger - passed, rest))
    }

    /// A round that is over early, because many records came, leaves the calls under way to the next one: none waits
    /// longer than records gather.
    private mutating func take() -> AuditLog.Taken {
        let now = AuditClock.monotonicMilliseconds
        let isEarly = now - gatheredSince < log.settings.lingerMilliseconds
        let taken = log.take(leavingOpen: isEarly)
        hasLeft = taken.hasLeft
        leftSince = gatheredSince
        gatheredSince = now
        return taken
    }

    private func nextWait() -> Int32 {
        // What was given back does not wake anybody.
        if log.failure != nil || log.queuedRecords > 0 { return Int32(log.settings.retryMilliseconds) }
        let now = AuditClock.monotonicMilliseconds
        var next = now + 60_000
        if let syncAt { next = min(next, syncAt) }
        if journal.publishedCount != journal.count { next = min(next, publishAt) }
        return Int32(clamping: max(0, next - now))
    }

    /// False while the log cannot be written; what must not be lost then waits in the queue.
    private mutating func write(_ all: [AuditLog.Pending], dropped: Int, isClosing: Bool) -> Bool {
        var rest = all[...]
        var dropped = dropped
        repeat {
            let batch = rest.prefix(log.settings.batchRecordsMax)
            guard write(batch, dropped: dropped) else {
                for pending in rest where pending.failsClosed { pending.done?(false) }
                log.giveBack(rest.filter { !$0.failsClosed }, dropped: dropped)
                return false
            }
            dropped = 0
            log.written(batch.count)
            rest = rest.dropFirst(batch.count)
            syncIfDue(isClosing: isClosing)
        } while !rest.isEmpty
        return true
    }

    private mutating func write(_ batch: ArraySlice<AuditLog.Pending>, dropped: Int) -> Bool {
        let wall = log.settings.wallMilliseconds()
        var notes = pendingNotes.map { SubmittedEvent($0) }
        if dropped > 0 { notes.append(SubmittedEvent(AuditWriter.lostEvent(dropped, wall))) }
        guard !batch.isEmpty || !notes.isEmpty else { return log.failure == nil || probe() }
        do throws(AuditFiles.Failure) {
            try journal.write(notes + batch.map(\.submitted), encoder, nowMilliseconds: wall)
        } catch {
            fail("\(error)")
            isWriteFailing = true
            return false
        }
        isWriteFailing = false
        pendingNotes = []
        waiting += batch.compactMap(\.done)
        log.note(total: journal.count, durable: nil)
        let isUrgent = batch.contains { $0.isUrgent }
        let due = AuditClock.monotonicMilliseconds + (isUrgent ? 0 : log.settings.syncMilliseconds)
        syncAt = min(syncAt ?? due, due)
        return true
    }

    /// Whether the disk takes something again, when there is nothing else to write.
    private mutating func probe() -> Bool {
        do throws(AuditFiles.Failure) {
            let event = AuditWriter.resumedEvent(log.settings.wallMilliseconds())
            try journal.write(
                [SubmittedEvent(event)], encoder, nowMilliseconds: log.settings.wallMilliseconds())
        } catch {
            return false
        }
        isWriteFailing = false
        syncAt = 0
        return true
    }

    private mutating func syncIfDue(isClosing: Bool) {
        guard let due = syncAt, isClosing || AuditClock.monotonicMilliseconds >= due else { return }
        do throws(AuditFiles.Failure) {
            try journal.sync()
        } catch {
            fail("\(error)")
            for done in waiting { done(false) }
            waiting.removeAll()
            return
        }
        syncAt = nil
        // That what was written is on the disk does not say that more can be.
        if log.failure != nil, !isWriteFailing { log.note(failure: nil) }
        log.note(total: journal.count, durable: journal.count)
        for done in waiting { done(true) }
        waiting.removeAll(keepingCapacity: true)
    }

    private func fail(_ why: String) { log.note(failure: why) }

    private mutating func publishIfDue(isClosing: Bool) {
        let now = AuditClock.monotonicMilliseconds
        guard isClosing || now >= publishAt, journal.publishedCount != journal.count else { return }
        if journal.isUnsynced {
            // A checkpoint never speaks of what a crash could take back.
            syncAt = 0
            syncIfDue(isClosing: true)
            guard !journal.isUnsynced else {
                publishAt = now + log.settings.checkpointMilliseconds
                return
            }
        }
        do throws(GatewayError) {
            try journal.publish(nowMilliseconds: log.settings.wallMilliseconds())
        } catch {
            log.note(failure: "\(error)")
        }
        publishAt = now + log.settings.checkpointMilliseconds
    }

    /// Removes segments that are older, or together larger, than records are to be kept.
    private mutating func clean() {
        let now = AuditClock.monotonicMilliseconds
        guard now >= cleanAt else { return }
        cleanAt = now + 60_000
        let (retention, holds) = log.state.withLock { ($0.retention, $0.holds) }
        guard let retention else { return }
        let wall = log.settings.wallMilliseconds()
        let removed = AuditCleaning(folder: log.folder, current: journal.current)
            .run(retention, heldBy: holds, nowMilliseconds: age.now(wall: wall, monotonic: now))
        if let removed { pendingNotes.append(removed.event(wall)) }
    }

    // MARK: What the log says of itself

    private static func lostEvent(_ count: Int, _ time: Int) -> AuditEvent {
        var event = AuditEvent(.finding, timeMilliseconds: time)
        event.operation = "audit.dropped"
        event.message = "records of class bestEffort were dropped"
        event.details = [AuditFact("dropped", count)]
        return event
    }

    private static func resumedEvent(_ time: Int) -> AuditEvent {
        var event = AuditEvent(.finding, timeMilliseconds: time)
        event.operation = "audit.resumed"
        event.message = "the log can be written again"
        return event
    }
}

extension AuditJournal.Finding {
    fileprivate func event(_ time: Int) -> AuditEvent {
        var event = AuditEvent(.finding, timeMilliseconds: time)
        switch self {
        case .torn(let bytes):
            event.operation = "audit.gap"
            event.message = "the last record was not whole after a crash, and was never acknowledged"
            event.details = [AuditFact("bytes", bytes)]
        case .broken(let folder, let why):
            event.operation = "audit.broken"
            event.message = "the log before this one was set aside: \(why)"
            event.details = [AuditFact("folder", folder)]
        }
        return event
    }
}
