package import GatewayModel
import Glibc
import Synchronization

/// The log of one gateway: a bounded queue that loops and tasks fill, and one thread that writes it, brings it to the
/// disk and signs checkpoints. Nobody who hands a record over waits for the disk, unless it asks to be told.
///
/// `close()` must be called once; until then the thread keeps the log alive.
package final class AuditLog: Sendable {
    package struct Settings: Sendable {
        /// Records that wait, and room promised to outcomes, at most.
        package var queueRecordsMax = 65_536
        package var batchRecordsMax = 256
        /// How long the thread lets records gather when nobody waits for the disk: waking it for each of them would
        /// cost more than writing them.
        package var lingerMilliseconds = 20
        /// How long a record may be in the system's memory only when nobody waits for the disk. Both together are how
        /// long it may be in memory.
        package var syncMilliseconds = 30
        package var checkpointMilliseconds = 1_000
        /// How long after a failure the disk is tried again.
        package var retryMilliseconds = 200
        package var segmentBytesMax = 32 << 20
        package var segmentMilliseconds = 86_400_000
        /// Names the gateway in its records.
        package var gateway = "sluice"
        package var wallMilliseconds: @Sendable () -> Int = { AuditClock.wallMilliseconds }
        /// Tests stand in for a full disk, and for one that fails.
        package var isDiskFull: @Sendable () -> Bool = { false }
        package var isDiskFailing: @Sendable () -> Bool = { false }

        package init() {}
    }

    /// What became of a record.
    package enum Submission: Sendable, Equatable {
        case accepted
        /// There is no room, or the disk is full and the record was to wait for it.
        case refused
        /// It is counted as lost.
        case dropped
    }

    /// A record on its way.
    struct Pending: Sendable {
        enum Role: Sendable {
            /// Something is about to happen, or was refused: whoever asks for it can still be told no.
            case plain
            /// The same, and the outcome will find room, whatever comes in between.
            case promising
            /// Takes the room that was promised.
            case outcome
        }

        var submitted: SubmittedEvent
        var auditClass: AuditClass
        var role: Role
        /// Called by the thread: true once the record is on the disk, false when it is not kept.
        var done: (@Sendable (Bool) -> Void)?

        /// Somebody waits for the disk.
        var isUrgent: Bool { done != nil || auditClass == .strict }
        /// Its outcome may still be told in it.
        var mayWait: Bool { role == .promising && !isUrgent && !submitted.isTold }
        /// While the disk is full it is given back rather than kept.
        var failsClosed: Bool { auditClass == .strict && role != .outcome }
    }

    struct State {
        var queue: [Pending] = []
        /// Intents that the thread has left for its next round: their calls may be over by then.
        var left: [Pending] = []
        /// Records that the thread has taken and not written yet.
        var inHand = 0
        var dropped = 0
        var failure: String?
        var isClosing = false
        var isUrgent = false
        /// The thread comes by itself when records have gathered: who puts in the first of them need not wake it.
        var isComing = false
        var redactor = AuditRedactor()
        var retention: AuditRetention?
        var holds: [String] = []

        /// Records that are not written.
        var count: Int { queue.count + left.count + inHand }
    }

    package let folder: AuditFolder
    package let settings: Settings
    package let verifier: NoteVerifier
    /// Where an earlier log was set aside when this one was opened, and why.
    package let setAside: (folder: String, why: String)?
    /// How far those are who get every record.
    package let sinks = AuditSinkBoard()
    let state = Mutex(State())
    /// Outcomes that must find room. More are promised under the lock of `state` only.
    let promised = Atomic<Int>(0)
    private let wake: DescriptorPair
    private let finished: DescriptorPair
    private let total = Atomic<Int>(0)
    private let durable = Atomic<Int>(0)
    private let failures = Atomic<Int>(0)
    private let lost = Atomic<Int>(0)

    /// Opens the log of a folder, made if need be, and starts its thread. Without `mayStartAnew` a log that cannot be
    /// gone on with is an error, and stays as it is.
    package init(
        _ folder: AuditFolder, settings: Settings = Settings(), redactor: AuditRedactor = AuditRedactor(),
        mayStartAnew: Bool = true
    ) throws(GatewayError) {
        self.folder = folder
        self.settings = settings
        wake = try DescriptorPair()
        finished = try DescriptorPair()
        var journalSettings = AuditJournal.Settings()
        journalSettings.segmentBytesMax = settings.segmentBytesMax
        journalSettings.segmentMilliseconds = settings.segmentMilliseconds
        let journal = try AuditJournal(
            folder, settings: journalSettings, nowMilliseconds: settings.wallMilliseconds(),
            mayStartAnew: mayStartAnew, isDiskFull: settings.isDiskFull, isDiskFailing: settings.isDiskFailing)
        setAside = journal.findings.lazy.compactMap(\.setAside).first
        verifier = journal.signer.verifier
        total.store(journal.count, ordering: .relaxed)
        durable.store(journal.count, ordering: .relaxed)
        state.withLock { $0.redactor = redactor }
        try WriterThread.start { [self] in
            var writer = AuditWriter(journal, self)
            writer.run()
        }
    }

    // MARK: Handing over

    /// Takes a record; never waits. `done` is called later, by the log's thread, and only when the record is accepted.
    func submit(_ pending: Pending) -> Submission {
        let limit = settings.queueRecordsMax
        let isUrgent = pending.isUrgent
        let (submission, mustWake) = state.withLock { state -> (Submission, Bool) in
            if pending.role == .outcome {
                release()
            } else {
                let isFull = state.count + promised.load(ordering: .relaxed) >= limit
                if pending.auditClass == .bestEffort, isFull || state.failure != nil {
                    state.dropped += 1
                    return (.dropped, false)
                }
                if isFull || state.isClosing || pending.failsClosed && state.failure != nil { return (.refused, false) }
                if pending.role == .promising { promised.wrappingAdd(1, ordering: .relaxed) }
            }
            state.queue.append(pending)
            // Nobody needs to wake who has been woken; who lingers is woken once more when somebody waits.
            let mustWake =
                state.queue.count == 1 && !state.isComing || isUrgent && !state.isUrgent
                || state.queue.count == settings.batchRecordsMax
            if isUrgent { state.isUrgent = true }
            return (.accepted, mustWake)
        }
        if submission == .dropped { lost.wrappingAdd(1, ordering: .relaxed) }
        if mustWake { wake.signal() }
        return submission
    }

    /// Gives up room that was promised to an outcome.
    func release() { promised.wrappingSubtract(1, ordering: .relaxed) }

    /// What records must not show from now on, and how long they are kept.
    package func apply(redactor: AuditRedactor, retention: AuditRetention?, heldBy sinks: [String]) {
        state.withLock { state in
            state.redactor = redactor
            state.retention = retention
            state.holds = sinks
        }
    }

    // MARK: Standing

    /// Records in the log, and how many of them are on the disk.
    package var recordCount: Int { total.load(ordering: .relaxed) }
    package var durableCount: Int { durable.load(ordering: .acquiring) }
    package var droppedRecords: Int { lost.load(ordering: .relaxed) }
    package var writeFailures: Int { failures.load(ordering: .relaxed) }
    /// Why the log cannot be written, if so.
    package var failure: String? { state.withLock { $0.failure } }
    package var queuedRecords: Int { state.withLock { $0.count } }

    func note(total count: Int, durable synced: Int?) {
        total.store(count, ordering: .relaxed)
        if let synced { durable.store(synced, ordering: .releasing) }
    }

    func note(failure: String?) {
        state.withLock { $0.failure = failure }
        if failure != nil { failures.wrappingAdd(1, ordering: .relaxed) }
    }

    // MARK: The thread's side

    /// Waits for the first record; false if others came just before.
    func wait(timeoutMilliseconds: Int32) -> Bool {
        guard !state.withLock({ $0.isComing }) else { return false }
        wake.await(timeoutMilliseconds: timeoutMilliseconds)
        return true
    }

    /// Lets records gather, until somebody waits.
    func linger(milliseconds: Int) {
        let isUrgent = state.withLock { state in
            state.isUrgent || state.isClosing || state.queue.count >= settings.batchRecordsMax
        }
        if !isUrgent { wake.await(timeoutMilliseconds: Int32(clamping: max(0, milliseconds))) }
    }

    /// What the thread has taken.
    struct Taken {
        var batch: [Pending]
        var redactor: AuditRedactor
        var dropped: Int
        var isClosing: Bool
        /// Whether something was left for the next round.
        var hasLeft: Bool
    }

    /// All that waits, or what has no outcome to wait for; the next round takes the rest. `written` says how much of it
    /// need not be thought of any more.
    func take(leavingOpen: Bool) -> Taken {
        state.withLock { state in
            var batch = state.left
            state.left = []
            if leavingOpen, !state.isClosing, state.failure == nil {
                batch.reserveCapacity(batch.count + state.queue.count)
                for pending in state.queue {
                    if pending.mayWait { state.left.append(pending) } else { batch.append(pending) }
                }
            } else {
                batch += state.queue
            }
            state.queue.removeAll(keepingCapacity: true)
            state.inHand = batch.count
            state.isUrgent = false
            state.isComing = !batch.isEmpty || !state.left.isEmpty
            defer { state.dropped = 0 }
            return Taken(
                batch: batch, redactor: state.redactor, dropped: state.dropped, isClosing: state.isClosing,
                hasLeft: !state.left.isEmpty)
        }
    }

    func written(_ count: Int) { state.withLock { $0.inHand = max(0, $0.inHand - count) } }

    /// Puts back what could not be written, before everything else.
    func giveBack(_ batch: [Pending], dropped: Int) {
        state.withLock { state in
            state.isComing = false
            state.queue = batch + state.left + state.queue
            state.left = []
            state.inHand = 0
            state.dropped += dropped
        }
    }

    func noteFinished() { finished.signal() }

    /// Writes what is queued, signs a last checkpoint and ends the thread. Waits at most `timeoutMilliseconds`; false
    /// if that passed. Call it off the loops.
    @discardableResult
    package func close(timeoutMilliseconds: Int32 = 10_000) -> Bool {
        state.withLock { $0.isClosing = true }
        wake.signal()
        return finished.wait(timeoutMilliseconds: timeoutMilliseconds)
    }
}

/// Time, as the log reads it.
package enum AuditClock {
    package static var wallMilliseconds: Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int(time.tv_sec) * 1_000 + Int(time.tv_nsec) / 1_000_000
    }

    /// A clock that is never set.
    static var monotonicMilliseconds: Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int(time.tv_sec) * 1_000 + Int(time.tv_nsec) / 1_000_000
    }
}
