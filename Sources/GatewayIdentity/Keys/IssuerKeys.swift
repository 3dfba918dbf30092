package import GatewayModel
import Synchronization

/// The keys of one issuer as they are now: given once, or fetched, kept, and fetched again. Looking one up never waits;
/// whoever needs a key that is not there yet is told to wait, and is called back once.
package final class IssuerKeys: Sendable {
    package enum Lookup: Sendable {
        case keys([VerificationKey])
        /// A refresh is under way that may bring it: `whenRefreshed`, then ask again.
        case wait
        case refused(GatewayError)
    }

    /// How fetched keys are kept.
    package struct Settings: Sendable, Hashable {
        /// Bounds of what `Cache-Control` may ask for.
        package var freshSecondsMin = 60
        package var freshSecondsMax = 3_600
        /// Between two fetches that an unknown key asked for.
        package var coolDownSeconds = 10
        /// How long known keys serve while the issuer does not answer.
        package var staleSecondsMax = 86_400
        package var waitersMax = 1_024

        package init() {}
    }

    private struct State {
        var keys = VerificationKeySet()
        var fetchedSeconds: Int?
        var freshUntilSeconds = Int.min
        var attemptedSeconds: Int?
        var failure: GatewayError?
        var isRefreshing = false
        var waiters: [@Sendable () -> Void] = []
    }

    /// Names the issuer in errors.
    package let issuer: String
    private let settings: Settings
    private let fetch: (@Sendable () async throws -> FetchedKeys)?
    private let budget: KeyFetchBudget
    /// A clock that nobody sets: leases must not end, or never end, because somebody corrected the time.
    private let uptimeSeconds: @Sendable () -> Int
    private let state = Mutex(State())
    private let listeners = Mutex<[@Sendable () -> Void]>([])

    /// Keys that do not change.
    package init(issuer: String, fixed keys: VerificationKeySet) {
        self.issuer = issuer
        settings = Settings()
        fetch = nil
        budget = KeyFetchBudget()
        uptimeSeconds = { 0 }
        state.withLock { $0.keys = keys }
    }

    /// Keys that `fetch` brings.
    package init(
        issuer: String, settings: Settings = Settings(), budget: KeyFetchBudget,
        uptimeSeconds: @escaping @Sendable () -> Int, fetch: @escaping @Sendable () async throws -> FetchedKeys
    ) {
        self.issuer = issuer
        self.settings = settings
        self.budget = budget
        self.uptimeSeconds = uptimeSeconds
        self.fetch = fetch
    }

    /// Gives others in place of fixed keys: our own, when they rotate.
    package func replace(_ keys: VerificationKeySet) {
        let isChanged = state.withLock { state in
            defer { state.keys = keys }
            return !state.keys.isSame(as: keys)
        }
        if isChanged { for listener in listeners.withLock({ $0 }) { listener() } }
    }

    /// Called when keys have gone or come: what was checked with the old ones is to be forgotten.
    package func onChange(_ listener: @escaping @Sendable () -> Void) { listeners.withLock { $0.append(listener) } }

    // MARK: Looking up

    package func lookUp(id: String?, _ algorithm: SignatureAlgorithm) -> Lookup {
        let now = uptimeSeconds()
        let (answer, starts) = state.withLock { state -> (Lookup, Bool) in
            let found = state.keys.candidates(id: id, algorithm)
            guard fetch != nil else { return (found.isEmpty ? .refused(unknown(id)) : .keys(found), false) }
            if !found.isEmpty { return known(found, &state, now) }
            if state.isRefreshing { return (.wait, false) }
            let isCool = state.attemptedSeconds.map { now - $0 >= settings.coolDownSeconds } ?? true
            guard isCool, budget.take(nowSeconds: now) else {
                return (.refused(state.keys.isEmpty ? unavailable(state) : unknown(id)), false)
            }
            begin(&state, now)
            return (.wait, true)
        }
        if starts { startFetch() }
        return answer
    }

    /// A known key, fresh or not.
    private func known(_ found: [VerificationKey], _ state: inout State, _ now: Int) -> (Lookup, Bool) {
        guard now >= state.freshUntilSeconds else { return (.keys(found), false) }
        let isCool = state.attemptedSeconds.map { now - $0 >= settings.coolDownSeconds } ?? true
        let starts = !state.isRefreshing && isCool
        if starts { begin(&state, now) }
        // An issuer that just does not answer is not waited for: its keys go on serving for a while.
        guard state.failure != nil || !state.isRefreshing else { return (.wait, starts) }
        guard let fetched = state.fetchedSeconds, now - fetched < settings.staleSecondsMax else {
            return (.refused(unavailable(state)), starts)
        }
        return (.keys(found), starts)
    }

    /// Calls back when the refresh under way is over, at once when there is none. False when too many wait already.
    package func whenRefreshed(_ body: @escaping @Sendable () -> Void) -> Bool {
        let outcome = state.withLock { state -> Bool? in
            guard state.isRefreshing else { return nil }
            guard state.waiters.count < settings.waitersMax else { return false }
            state.waiters.append(body)
            return true
        }
        if outcome == nil { body() }
        return outcome ?? true
    }

    private func unknown(_ id: String?) -> GatewayError {
        let shown = id.map { JSONWebToken.shown($0) } ?? "none"
        return JSONWebToken.refusal(
            "is signed with a key that is not its issuer's: kid \(shown)",
            hint: "the issuer \(issuer) does not publish it")
    }

    private func unavailable(_ state: State) -> GatewayError {
        GatewayError(
            .identityUnavailable, "the keys of the issuer cannot be had now: \(issuer)",
            hint: "try again later", cause: state.failure?.message)
    }

    // MARK: Fetching

    private func begin(_ state: inout State, _ now: Int) {
        state.isRefreshing = true
        state.attemptedSeconds = now
    }

    private func startFetch() { Task { await self.fetchOnce() } }

    /// Fetches now if nobody does, and waits for the end of it.
    package func refresh() async {
        guard fetch != nil else { return }
        let now = uptimeSeconds()
        let starts = state.withLock { state -> Bool in
            guard !state.isRefreshing else { return false }
            begin(&state, now)
            return true
        }
        if starts { await fetchOnce() }
    }

    private func fetchOnce() async {
        guard let fetch else { return }
        let result: Result<FetchedKeys, GatewayError>
        do { result = .success(try await fetch()) } catch let error as GatewayError {
            result = .failure(error)
        } catch {
            result = .failure(GatewayError(.identityUnavailable, "the keys were not fetched: \(issuer)"))
        }
        let now = uptimeSeconds()
        let (waiters, isChanged) = state.withLock { state -> ([@Sendable () -> Void], Bool) in
            var isChanged = false
            switch result {
            case .success(let fetched):
                isChanged = !state.keys.isSame(as: fetched.keys)
                state.keys = fetched.keys
                state.fetchedSeconds = now
                let asked = fetched.freshSeconds ?? settings.freshSecondsMax
                state.freshUntilSeconds =
                    now + min(max(asked, settings.freshSecondsMin), settings.freshSecondsMax)
                state.failure = nil
            case .failure(let error): state.failure = error
            }
            state.isRefreshing = false
            defer { state.waiters = [] }
            return (state.waiters, isChanged)
        }
        if isChanged { for listener in listeners.withLock({ $0 }) { listener() } }
        for waiter in waiters { waiter() }
    }

    /// Keeps the keys fresh until the task is cancelled, so that requests hardly ever wait. `pause` takes seconds.
    package func keepFresh(pause: @Sendable (Int) async throws -> Void) async {
        guard fetch != nil else { return }
        while !Task.isCancelled {
            let now = uptimeSeconds()
            let wait = state.withLock { state -> Int in
                if state.fetchedSeconds == nil, state.attemptedSeconds == nil { return 0 }
                // Being fetched for somebody who could not wait for this, or not to be had.
                guard state.fetchedSeconds != nil, state.failure == nil else { return settings.coolDownSeconds }
                return max(1, (state.freshUntilSeconds - now) * 4 / 5)
            }
            do { if wait > 0 { try await pause(wait) } } catch { return }
            await refresh()
        }
    }

    // MARK: For whoever looks

    /// How many keys there are, and why there are no newer ones.
    package var status: (keyCount: Int, failure: GatewayError?) {
        state.withLock { ($0.keys.keys.count, $0.failure) }
    }
}

/// Keys as their publisher gave them out.
package struct FetchedKeys: Sendable {
    package var keys: VerificationKeySet
    /// As `Cache-Control` or a hint of the document says.
    package var freshSeconds: Int?

    package init(keys: VerificationKeySet, freshSeconds: Int? = nil) {
        self.keys = keys
        self.freshSeconds = freshSeconds
    }
}
