package import GatewayModel
import Synchronization

/// A credential that is fetched, kept and fetched again. Looking it up never waits: whoever needs it before it is there
/// is told to wait, and is called back once. However many ask, one fetch is under way.
package final class LiveCredential: Sendable {
    package enum Lookup: Sendable {
        case ready(UpstreamCredential)
        /// A fetch is under way: `whenFetched`, then ask again.
        case waiting
        /// There is none, and it is too early to ask for one again.
        case failed(GatewayError)
    }

    package struct Settings: Sendable, Hashable {
        /// One fetch with all its steps.
        package var timeoutMilliseconds = 10_000
        /// After the first failure; it doubles with each further one.
        package var backoffMilliseconds = 1_000
        package var backoffMillisecondsMax = 60_000
        /// Between an upstream's refusal of a credential and the fetch of that credential: less proves nothing.
        package var rejectionMilliseconds = 10_000
        package var waitersMax = 4_096

        package init() {}
    }

    /// For whoever looks.
    package struct Status: Sendable {
        package var isReady = false
        package var failure: GatewayError?
        package var expiresInMilliseconds: Int?
        package var fetches = 0
        package var failures = 0
    }

    private struct State {
        var credential: UpstreamCredential?
        var expires = Int.max
        var refresh = Int.min
        var fetched = Int.min
        var retry = Int.min
        var failuresInRow = 0
        var failure: GatewayError?
        var isFetching = false
        var isRejected = false
        var waiters: [@Sendable () -> Void] = []
        var fetches = 0
        var failures = 0
    }

    /// `namespace/name` of its CredentialSource.
    package let name: String
    private let settings: Settings
    private let uptimeMilliseconds: @Sendable () -> Int
    /// Told whether the last one was refused by the upstream: the same again would be, too.
    private let fetch: @Sendable (_ isRejected: Bool) async throws -> FetchedCredential
    /// Told when fetching begins to fail, and (nil) when it works again.
    private let report: @Sendable (GatewayError?) -> Void
    private let state = Mutex(State())

    package init(
        name: String, settings: Settings = Settings(), uptimeMilliseconds: @escaping @Sendable () -> Int,
        report: @escaping @Sendable (GatewayError?) -> Void = { _ in },
        fetch: @escaping @Sendable (_ isRejected: Bool) async throws -> FetchedCredential
    ) {
        self.name = name
        self.settings = settings
        self.uptimeMilliseconds = uptimeMilliseconds
        self.report = report
        self.fetch = fetch
    }

    // MARK: Looking up

    package func lookUp() -> Lookup {
        let now = uptimeMilliseconds()
        let (answer, starts) = state.withLock { state -> (Lookup, Bool) in
            if let credential = state.credential, now < state.expires {
                let starts = now >= state.refresh && now >= state.retry && !state.isFetching
                if starts { state.isFetching = true }
                return (.ready(credential), starts)
            }
            state.credential = nil
            if state.isFetching { return (.waiting, false) }
            if now < state.retry, let failure = state.failure { return (.failed(failure), false) }
            state.isFetching = true
            return (.waiting, true)
        }
        if starts { Task { await self.fetchOnce() } }
        return answer
    }

    /// Calls back when the fetch under way is over, at once when there is none. False when too many wait already.
    package func whenFetched(_ body: @escaping @Sendable () -> Void) -> Bool {
        let outcome = state.withLock { state -> Bool? in
            guard state.isFetching else { return nil }
            guard state.waiters.count < settings.waitersMax else { return false }
            state.waiters.append(body)
            return true
        }
        if outcome == nil { body() }
        return outcome ?? true
    }

    /// The upstream does not take it: it is not used again, unless it has only just been fetched.
    package func reject() {
        let now = uptimeMilliseconds()
        state.withLock { state in
            guard state.credential != nil, now - state.fetched >= settings.rejectionMilliseconds else { return }
            state.expires = min(state.expires, now)
            state.isRejected = true
        }
    }

    package var status: Status {
        let now = uptimeMilliseconds()
        return state.withLock { state in
            let isReady = state.credential != nil && now < state.expires
            return Status(
                isReady: isReady, failure: state.failure,
                expiresInMilliseconds: isReady && state.expires != .max ? state.expires - now : nil,
                fetches: state.fetches, failures: state.failures)
        }
    }

    // MARK: Fetching

    /// Fetches now if nobody does.
    package func refresh() async {
        let starts = state.withLock { state -> Bool in
            defer { state.isFetching = true }
            return !state.isFetching
        }
        if starts { await fetchOnce() }
    }

    private func fetchOnce() async {
        let started = uptimeMilliseconds()
        let result: Result<FetchedCredential, GatewayError>
        do {
            let fetched = try await bounded()
            if let life = fetched.lifeMilliseconds, life <= 0 {
                throw GatewayError(.credentialUnavailable, "what was given out has expired already")
            }
            result = .success(fetched)
        } catch let error as GatewayError {
            result = .failure(error)
        } catch {
            result = .failure(GatewayError(.credentialUnavailable, "the fetch was broken off"))
        }
        let now = uptimeMilliseconds()
        let (waiters, news) = state.withLock { state -> ([@Sendable () -> Void], GatewayError??) in
            let before = state.failure
            state.fetches += 1
            switch result {
            case .success(let fetched): LiveCredential.keep(fetched, &state, started: started, now: now)
            case .failure(let error): fail(error, &state, now: now)
            }
            state.isFetching = false
            defer { state.waiters = [] }
            let isNews = (before == nil) != (state.failure == nil)
            return (state.waiters, isNews ? .some(state.failure) : nil)
        }
        if let news { report(news) }
        for waiter in waiters { waiter() }
    }

    private static func keep(_ fetched: FetchedCredential, _ state: inout State, started: Int, now: Int) {
        state.credential = fetched.credential
        state.fetched = now
        (state.failure, state.failuresInRow, state.retry) = (nil, 0, Int.min)
        state.isRejected = false
        let life = fetched.lifeMilliseconds
        // What ends while a request travels is refused at its end.
        state.expires = life.map { started + $0 - min($0 / 10, 5_000) } ?? .max
        let eightTenths = life.map { $0 / 10 * 8 }
        let due = [fetched.refreshMilliseconds, eightTenths].compactMap(\.self).min()
        state.refresh = due.map { started + max($0, 1) } ?? .max
    }

    private func fail(_ error: GatewayError, _ state: inout State, now: Int) {
        state.failures += 1
        state.failure = error
        let doubled = settings.backoffMilliseconds << min(state.failuresInRow, 16)
        state.failuresInRow += 1
        state.retry = now + min(doubled, settings.backoffMillisecondsMax)
    }

    /// With an end to all its steps together.
    private func bounded() async throws -> FetchedCredential {
        let (fetch, milliseconds) = (fetch, settings.timeoutMilliseconds)
        let isRejected = state.withLock { $0.isRejected }
        return try await withThrowingTaskGroup(of: FetchedCredential.self) { group in
            group.addTask { try await fetch(isRejected) }
            group.addTask {
                try await Task.sleep(for: .milliseconds(milliseconds))
                throw GatewayError(.credentialUnavailable, "it did not come within \(milliseconds) ms")
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    /// Keeps it fresh until the task is cancelled, so that requests hardly ever wait. `pause` takes milliseconds.
    package func keepFresh(pause: @Sendable (Int) async throws -> Void) async {
        while !Task.isCancelled {
            let now = uptimeMilliseconds()
            let wait = state.withLock { state -> Int in
                let due = state.credential != nil && now < state.expires ? max(state.refresh, state.retry) : state.retry
                // Looked at again even where nothing is due: an upstream may refuse it at any time.
                return due <= now ? 0 : min(due &- now, 60_000)
            }
            if wait > 0 {
                do { try await pause(wait) } catch { return }
                continue
            }
            await refresh()
            // Somebody else may be fetching.
            do { try await pause(100) } catch { return }
        }
    }
}
