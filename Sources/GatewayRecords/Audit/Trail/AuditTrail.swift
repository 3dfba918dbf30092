package import GatewayModel
import Synchronization

/// Where rooms hand in what must be remembered.
///
/// Something with a side effect is told twice: `intent` before, `outcome` after, and both have the same correlation.
/// What was refused, or is done already, is told once, by `record`.
///
///     var event = AuditEvent(.toolCall, timeMilliseconds: now)
///     event.principal = exchange.principal
///     event.decision = AuditDecision(.allowed)
///     switch trail.intent(event) {
///     case .proceed(let ticket): …; ticket.outcome { $0.effect = AuditEffect(.done, status: 200) }
///     case .wait(let promise): promise.then { ticket in … }  // class strict: on the log's thread, nil for no
///     case .refused(let error): answer error, and do nothing
///     }
///
/// Code that may suspend writes `let ticket = try await trail.begin(event)`.
package final class AuditTrail: Sendable {
    /// Nil keeps nothing: a gateway whose audit is off.
    package let log: AuditLog?
    private let rules: Mutex<AuditRules>
    /// The configuration that decides now; put into decisions that name none.
    private let policy = Mutex(PolicyMark(revision: 0, digest: ""))

    /// What the rules ask for at most, for who asks at every request: a level, and a bit for plain HTTP.
    private let wanted: Atomic<Int>

    private struct PolicyMark {
        var revision: Int
        var digest: String
    }

    package init(log: AuditLog?, rules: AuditRules = AuditRules()) {
        self.log = log
        self.rules = Mutex(rules)
        wanted = Atomic(rules.wanted)
    }

    /// A trail that leads nowhere.
    package static let off = AuditTrail(log: nil)

    package var isOn: Bool { log != nil }
    /// Whether some rule may ask for requests of plain HTTP that were let through.
    package var keepsPlainHTTP: Bool { isOn && wanted.load(ordering: .relaxed) & 8 != 0 }
    /// Whether some rule may ask for what was sent, and for what was answered.
    package var keepsRequests: Bool { isOn && wanted.load(ordering: .relaxed) & 7 >= AuditLevel.request.rank }
    package var keepsResponses: Bool {
        isOn && wanted.load(ordering: .relaxed) & 7 >= AuditLevel.requestResponse.rank
    }

    /// From now on records are kept by these rules, and name this configuration.
    package func apply(_ rules: AuditRules, revision: Int, digest: String) {
        self.rules.withLock { $0 = rules }
        wanted.store(rules.wanted, ordering: .relaxed)
        policy.withLock { $0 = PolicyMark(revision: revision, digest: digest) }
    }

    /// How much of an event is kept, and how surely.
    package func handling(_ event: AuditEvent) -> AuditRules.Handling {
        log == nil ? AuditRules.Handling(.none, .bestEffort) : rules.withLock { $0 }.handling(event)
    }

    // MARK: Once

    /// Keeps a record of something that was refused or has happened. False when it had to be kept and there is no
    /// room: whoever has not answered yet should answer `auditUnavailable`.
    @discardableResult
    package func record(_ event: consuming AuditEvent) -> Bool {
        guard let log else { return true }
        let handling = handling(event)
        guard handling.level != .none else { return true }
        let pending = AuditLog.Pending(
            submitted: prepared(event, handling.level),
            auditClass: handling.auditClass == .strict ? .standard : handling.auditClass,
            role: .plain, done: nil)
        return log.submit(pending) != .refused
    }

    /// The same, on the disk when it returns, whatever the rules say of the class. Throws `auditUnavailable`.
    package func commit(_ event: consuming AuditEvent) async throws(GatewayError) {
        guard let log else { return }
        let handling = handling(event)
        guard handling.level != .none else { return }
        let submitted = prepared(event, handling.level)
        let isKept = await withCheckedContinuation { kept in
            let pending = AuditLog.Pending(submitted: submitted, auditClass: .strict, role: .plain) {
                kept.resume(returning: $0)
            }
            guard case .accepted = log.submit(pending) else { return kept.resume(returning: false) }
        }
        guard isKept else { throw AuditTrail.unavailable }
    }

    // MARK: Before and after

    /// What may be done now.
    package enum Intent {
        case proceed(AuditTicket)
        /// Not before the record is on the disk.
        case wait(AuditPromise)
        /// Not at all: nobody could say later that it was done.
        case refused(GatewayError)
    }

    /// Tells what is about to be done. `isStrict` makes the record strict whatever the rules say: for what mints,
    /// revokes or approves.
    package func intent(_ event: consuming AuditEvent, isStrict: Bool = false) -> Intent {
        guard let log else { return .proceed(.nothing) }
        var handling = handling(event)
        guard handling.level != .none else { return .proceed(.nothing) }
        if isStrict { handling.auditClass = .strict }
        if event.effect == nil { event.effect = AuditEffect(.pending) }
        let submitted = prepared(event, handling.level)
        var pending = AuditLog.Pending(
            submitted: submitted, auditClass: handling.auditClass, role: .promising, done: nil)
        guard handling.auditClass == .strict else {
            switch log.submit(pending) {
            case .accepted(let place): return .proceed(AuditTicket(log, submitted, handling, .queued(place)))
            // Its outcome may be lost like itself.
            case .dropped: return .proceed(AuditTicket(log, submitted, handling, .dropped))
            case .refused: return .refused(AuditTrail.unavailable)
            }
        }
        let promise = AuditPromise()
        pending.done = { promise.fulfil($0) }
        guard case .accepted = log.submit(pending) else { return .refused(AuditTrail.unavailable) }
        promise.ticket.withLock { $0 = AuditTicket(log, submitted, handling, .written) }
        return .wait(promise)
    }

    /// `intent` for code that may suspend. Throws `auditUnavailable`.
    package func begin(_ event: consuming AuditEvent, isStrict: Bool = false) async throws(GatewayError) -> AuditTicket
    {
        switch intent(event, isStrict: isStrict) {
        case .proceed(let ticket): return ticket
        case .refused(let error): throw error
        case .wait(let promise):
            let ticket = await withCheckedContinuation { kept in promise.then { kept.resume(returning: $0) } }
            guard let ticket else { throw AuditTrail.unavailable }
            return ticket
        }
    }

    /// Every refusal because of a log that cannot be written.
    package static var unavailable: GatewayError {
        GatewayError(
            .auditUnavailable, "the request cannot be recorded, and nothing is done that is not",
            hint: "try again later; the operator sees to the space of the state folder")
    }

    private func prepared(_ event: consuming AuditEvent, _ level: AuditLevel) -> SubmittedEvent {
        if event.decision?.digest.isEmpty == true {
            let mark = policy.withLock { $0 }
            event.decision?.digest = mark.digest
            event.decision?.revision = mark.revision
        }
        AuditTrail.cut(&event, level)
        return SubmittedEvent(event)
    }

    /// Takes out what the level does not let in.
    static func cut(_ event: inout AuditEvent, _ level: AuditLevel) {
        if level.rank < AuditLevel.request.rank { event.request?.bytes = [] }
        if level.rank < AuditLevel.requestResponse.rank { event.response?.bytes = [] }
    }
}

/// The promise of an outcome. If nobody keeps it, the log says that the call was aborted.
///
/// A call that ends before the log's thread has taken its intent is one record: nothing of it was written before, and
/// nothing more can be said. It tells when it began, as every intent does, and when it ended.
package final class AuditTicket: Sendable {
    /// What became of the intent.
    enum Standing: Sendable {
        case queued(AuditLog.QueuePlace)
        case written
        /// It was not kept, and there is no room for the outcome either.
        case dropped
    }

    private let log: AuditLog?
    private let submitted: SubmittedEvent?
    private let handling: AuditRules.Handling
    private let standing: Standing
    private let isOpen: Atomic<Bool>

    init(_ log: AuditLog?, _ submitted: SubmittedEvent?, _ handling: AuditRules.Handling, _ standing: Standing) {
        self.log = log
        self.submitted = submitted
        self.handling = handling
        self.standing = standing
        isOpen = Atomic(log != nil)
    }

    /// Of what nobody keeps.
    static var nothing: AuditTicket { AuditTicket(nil, nil, AuditRules.Handling(.none, .bestEffort), .dropped) }

    /// How much of it is kept; `none` when nothing is.
    package var level: AuditLevel { handling.level }

    deinit { finish(nil) { $0.effect = AuditEffect(.aborted) } }

    /// Tells what came of it, once; later calls do nothing. `change` gets the event of the intent.
    package func outcome(timeMilliseconds: Int, _ change: (inout AuditEvent) -> Void) {
        finish(timeMilliseconds, change)
    }

    private func finish(_ time: Int?, _ change: (inout AuditEvent) -> Void) {
        guard let log, let submitted, isOpen.exchange(false, ordering: .relaxed) else { return }
        var event = submitted.event
        event.effect = AuditEffect(.done)
        change(&event)
        AuditTrail.cut(&event, level)
        if case .queued(let place) = standing {
            event.endMilliseconds = time ?? event.timeMilliseconds
            if log.replace(place, with: event) { return }
            event.endMilliseconds = nil
        }
        if let time { event.timeMilliseconds = time }
        // What was asked and looked at is in the intent.
        event.request = nil
        event.decision?.facts = []
        let role: AuditLog.Pending.Role = if case .dropped = standing { .plain } else { .outcome }
        let auditClass: AuditClass = handling.auditClass == .bestEffort ? .bestEffort : .standard
        _ = log.submit(
            AuditLog.Pending(submitted: SubmittedEvent(event), auditClass: auditClass, role: role, done: nil))
    }
}

/// An intent on its way to the disk.
package final class AuditPromise: Sendable {
    private struct State {
        var result: Bool?
        var then: (@Sendable (AuditTicket?) -> Void)?
    }

    private let state = Mutex(State())
    let ticket = Mutex<AuditTicket?>(nil)

    init() {}

    /// Calls `body` once, with nil when the record could not be kept: on the log's thread, or at once.
    package func then(_ body: @escaping @Sendable (AuditTicket?) -> Void) {
        let result = state.withLock { state -> Bool? in
            if state.result == nil { state.then = body }
            return state.result
        }
        if let result { deliver(result, body) }
    }

    func fulfil(_ isKept: Bool) {
        let then = state.withLock { state in
            state.result = isKept
            return state.then.take()
        }
        if let then { deliver(isKept, then) }
    }

    private func deliver(_ isKept: Bool, _ body: (AuditTicket?) -> Void) {
        let ticket = ticket.withLock { $0.take() }
        if !isKept { ticket?.void() }
        body(isKept ? ticket : nil)
    }
}

extension AuditTicket {
    /// Nothing was done, and nothing was promised that still is.
    func void() {
        guard let log, isOpen.exchange(false, ordering: .relaxed) else { return }
        log.release()
    }
}
