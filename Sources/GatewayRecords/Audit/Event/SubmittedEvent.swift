import Synchronization

/// An event as it was handed in, shared by the queue and by whoever owes its outcome: so many texts are not copied for
/// each of them. Until the log's thread has come to it, the outcome may still be told in it.
@safe
final class SubmittedEvent: Sendable {
    // Safe: who makes it changes it before anybody else has it; later it is changed under the lock, and by nobody any
    // more once it is taken.
    nonisolated(unsafe) private var event: AuditEvent
    private let isTaken = Mutex(false)
    private let told = Atomic(false)

    init(_ event: consuming AuditEvent) { unsafe self.event = event }

    /// Filled in where it lies: an event is hundreds of bytes.
    init(_ kind: AuditKind, timeMilliseconds: Int, _ fill: (inout AuditEvent) -> Void) {
        unsafe event = AuditEvent(kind, timeMilliseconds: timeMilliseconds)
        unsafe fill(&event)
    }

    /// For who has just made it.
    @inline(__always)
    func prepare<Result>(_ body: (inout AuditEvent) -> Result) -> Result { unsafe body(&event) }

    /// Changes it, unless it is taken; false if so.
    func amend(_ change: (inout AuditEvent) -> Void) -> Bool {
        isTaken.withLock { isTaken in
            if !isTaken {
                unsafe change(&event)
                told.store(true, ordering: .relaxed)
            }
            return !isTaken
        }
    }

    /// Whether its outcome was told in it.
    var isTold: Bool { told.load(ordering: .relaxed) }

    /// The log's thread has come to it: it stays as it is. `body` only reads; it gets the event where it lies, because
    /// reading a property of a class copies all of it.
    @inline(__always)
    func take<Result>(_ body: (inout AuditEvent) -> Result) -> Result {
        isTaken.withLock { $0 = true }
        return unsafe body(&event)
    }

    /// A copy of what is taken, or was never in the queue.
    var taken: AuditEvent { unsafe event }
}
