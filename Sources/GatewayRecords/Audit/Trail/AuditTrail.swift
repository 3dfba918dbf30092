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
    private let policy: Mutex<Policy>
    /// What the rules ask for at most, for who asks at every request: a level, and a bit for plain HTTP.
    private let wanted: Atomic<Int>

    private struct Policy {
        var rules: AuditRules
        /// The configuration that decides now; put into decisions that name none.
        var revision = 0
        var digest = ""
    }

    package init(log: AuditLog?, rules: AuditRules = AuditRules()) {
        self.log = log
        policy = Mutex(Policy(rules: rules))
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
        policy.withLock { $0 = Policy(rules: rules, revision: revision, digest: digest) }
        wanted.store(rules.wanted, ordering: .relaxed)
    }

    /// How much of an event is kept, and how surely.
    package func handling(_ event: AuditEvent) -> AuditRules.Handling {
        log == nil ? AuditRules.Handling(.none, .bestEffort) : policy.withLock { $0 }.rules.handling(event)
    }

    /// The same, and the event made ready for it.
    private func prepare(_ event: inout AuditEvent) -> AuditRules.Handling {
        let policy = policy.withLock { $0 }
        let handling = policy.rules.handling(event)
        guard handling.level != .none else { return handling }
        if event.decision?.digest.isEmpty == true {
            event.decision?.digest = policy.digest
            event.decision?.revision = policy.revision
        }
        AuditTrail.cut(&event, handling.level)
        return handling
    }

    // MARK: Once

    /// Keeps a record of something that was refused or has happened. False when it had to be kept and there is no
    /// room: whoever has not answered yet should answer `auditUnavailable`.
    @discardableResult
    package func record(_ event: consuming AuditEvent) -> Bool {
        guard let log else { return true }
        let submitted = SubmittedEvent(event)
        let handling = submitted.prepare(prepare)
        guard handling.level != .none else { return true }
        let pending = AuditLog.Pending(
            submitted: submitted,
            auditClass: handling.auditClass == .strict ? .standard : handling.auditClass,
            role: .plain, done: nil)
        return log.submit(pending) != .refused
    }

    /// The same, on the disk when it returns, whatever the rules say of the class. Throws `auditUnavailable`.
    package func commit(_ event: consuming AuditEvent) async throws(GatewayError) {
        guard let log else { return }
        let submitted = SubmittedEvent(event)
        guard submitted.prepare(prepare).level != .none else { return }
        let isKept = await withCheckedContinuation { kept in
            let pending = AuditLog.Pending(submitted: submitted, auditClass: .strict, role: .plain) {
                kept.resume(returning: $0)
            }
            guard log.submit(pending) == .accepted else { return kept.resume(returning: false) }
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
        log == nil ? .proceed(.nothing) : intent(SubmittedEvent(event), isStrict: isStrict)
    }

    /// The same of an event that is filled in where it stays.
    package func intent(
        _ kind: AuditKind, timeMilliseconds: Int, _ fill: (inout AuditEvent) -> Void
    ) -> Intent {
        log == nil
            ? .proceed(.nothing)
            : intent(SubmittedEvent(kind, timeMilliseconds: timeMilliseconds, fill), isStrict: false)
    }

    private func intent(_ submitted: SubmittedEvent, isStrict: Bool) -> Intent {
        guard let log else { return .proceed(.nothing) }
        var handling = submitted.prepare { event in
            if event.effect == nil { event.effect = AuditEffect(.pending) }
            return prepare(&event)
        }
        guard handling.level != .none else { return .proceed(.nothing) }
        if isStrict { handling.auditClass = .strict }
        var pending = AuditLog.Pending(
            submitted: submitted, auditClass: handling.auditClass, role: .promising, done: nil)
        guard handling.auditClass == .strict else {
            switch log.submit(pending) {
            case .accepted: return .proceed(AuditTicket(log, submitted, handling))
            // Its outcome may be lost like itself.
            case .dropped: return .proceed(AuditTicket(log, submitted, handling, isPromised: false))
            case .refused: return .refused(AuditTrail.unavailable)
            }
        }
        let promise = AuditPromise()
        pending.done = { promise.fulfil($0) }
        guard log.submit(pending) == .accepted else { return .refused(AuditTrail.unavailable) }
        promise.ticket.withLock { $0 = AuditTicket(log, submitted, handling) }
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
    private let log: AuditLog?
    private let submitted: SubmittedEvent?
    private let handling: AuditRules.Handling
    /// Whether there is room for the outcome: none is kept for an intent that was dropped itself.
    private let isPromised: Bool
    private let isOpen: Atomic<Bool>

    init(_ log: AuditLog?, _ submitted: SubmittedEvent?, _ handling: AuditRules.Handling, isPromised: Bool = true) {
        self.log = log
        self.submitted = submitted
        self.handling = handling
        self.isPromised = isPromised
        isOpen = Atomic(log != nil)
    }

    /// Of what nobody keeps.
    static var nothing: AuditTicket { AuditTicket(nil, nil, AuditRules.Handling(.none, .bestEffort)) }

    /// How much of it is kept; `none` when nothing is.
    package var level: AuditLevel { handling.level }

    deinit { finish(nil) { $0.effect = AuditEffect(.aborted) } }

    /// Tells what came of it, once; later calls do nothing. `change` gets the event of the intent.
    package func outcome(timeMilliseconds: Int, _ change: (inout AuditEvent) -> Void) {
        finish(timeMilliseconds, change)
    }

    private func finish(_ time: Int?, _ change: (inout AuditEvent) -> Void) {
        guard let log, let submitted, isOpen.exchange(false, ordering: .relaxed) else { return }
        func tell(_ event: inout AuditEvent) {
            event.effect = AuditEffect(.done)
            change(&event)
            AuditTrail.cut(&event, level)
        }
        let isWhole =
            isPromised
            && submitted.amend { event in
                tell(&event)
                event.endMilliseconds = time ?? event.timeMilliseconds
            }
        if isWhole { return log.release() }
        var event = submitted.taken
        tell(&event)
        if let time { event.timeMilliseconds = time }
        // What was asked and looked at is in the intent.
        event.request = nil
        event.decision?.facts = []
        let auditClass: AuditClass = handling.auditClass == .bestEffort ? .bestEffort : .standard
        _ = log.submit(
            AuditLog.Pending(
                submitted: SubmittedEvent(event), auditClass: auditClass, role: isPromised ? .outcome : .plain,
                done: nil))
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
