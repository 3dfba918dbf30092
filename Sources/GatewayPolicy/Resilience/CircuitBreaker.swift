/// Bounds what an upstream is given at once, and stops giving it anything for a while after repeated failures.
/// A value of one owner (one loop, or under its owner's lock); the clock is passed in.
package struct CircuitBreaker: Sendable, Equatable {
    package struct Settings: Sendable, Equatable {
        /// 0 means no bound.
        package var connectionsMax = 0
        package var pendingMax = 0
        package var requestsMax = 0
        /// Failures in a row that open the circuit; 0 means never.
        package var failuresMax = 0
        package var openMilliseconds = 5_000
        /// Trial requests at once, and successes needed to close, when half open.
        package var trialsMax = 1

        package init() {}
    }

    package enum State: Sendable, Equatable {
        case closed
        case open(untilNanoseconds: UInt64)
        case halfOpen
    }

    /// What may happen to a request.
    package enum Admission: Sendable, Equatable {
        case admitted
        /// Admitted to find out whether the upstream is well again.
        case trial
        case refused(Refusal)
    }

    package enum Refusal: String, Sendable {
        case connections = "too many connections"
        case pending = "too many pending requests"
        case requests = "too many requests at once"
        case open = "the circuit is open"
    }

    package var settings: Settings
    package private(set) var state: State = .closed
    package private(set) var connections = 0
    package private(set) var pending = 0
    package private(set) var requests = 0
    private var failuresInRow = 0
    private var trials = 0
    private var trialSuccesses = 0

    package init(_ settings: Settings = Settings()) { self.settings = settings }

    /// Asks for one request. Each `admitted` or `trial` must be followed by one `finished` or `abandoned`.
    package mutating func admit(nowNanoseconds: UInt64) -> Admission {
        if settings.requestsMax > 0, requests >= settings.requestsMax { return .refused(.requests) }
        if case .open(let until) = state {
            guard nowNanoseconds >= until else { return .refused(.open) }
            state = .halfOpen
            trials = 0
            trialSuccesses = 0
        }
        if state == .halfOpen {
            guard trials < settings.trialsMax else { return .refused(.open) }
            trials += 1
            requests += 1
            return .trial
        }
        requests += 1
        return .admitted
    }

    /// A request ended with an answer that counts.
    package mutating func finished(_ admission: Admission, isFailure: Bool, nowNanoseconds: UInt64) {
        guard release(admission) else { return }
        switch state {
        case .closed:
            failuresInRow = isFailure ? failuresInRow + 1 : 0
            if settings.failuresMax > 0, failuresInRow >= settings.failuresMax { open(nowNanoseconds) }
        case .halfOpen where admission == .trial:
            if isFailure { return open(nowNanoseconds) }
            trialSuccesses += 1
            if trialSuccesses >= settings.trialsMax {
                state = .closed
                failuresInRow = 0
            }
        case .halfOpen, .open:
            // A request from before the circuit opened says nothing about now.
            break
        }
    }

    /// A request ended without saying anything about the upstream, such as when the client left.
    package mutating func abandoned(_ admission: Admission) { _ = release(admission) }

    /// Asks to open one connection; `connectionClosed` gives it back.
    package mutating func openConnection() -> Bool {
        if settings.connectionsMax > 0, connections >= settings.connectionsMax { return false }
        connections += 1
        return true
    }

    package mutating func connectionClosed() { connections = max(0, connections - 1) }

    /// Asks to wait for a connection; `leavePending` gives the place back.
    package mutating func enterPending() -> Bool {
        if settings.pendingMax > 0, pending >= settings.pendingMax { return false }
        pending += 1
        return true
    }

    package mutating func leavePending() { pending = max(0, pending - 1) }

    private mutating func release(_ admission: Admission) -> Bool {
        if case .refused = admission { return false }
        requests = max(0, requests - 1)
        if admission == .trial, state == .halfOpen { trials = max(0, trials - 1) }
        return true
    }

    private mutating func open(_ now: UInt64) {
        state = .open(untilNanoseconds: now &+ UInt64(max(0, settings.openMilliseconds)) * 1_000_000)
        failuresInRow = 0
        trials = 0
        trialSuccesses = 0
    }
}
