import GatewayModel
import Synchronization
import Testing

@testable import GatewayIdentity

@Suite("A credential is fetched once for all who wait, kept, and fetched again in time", .timeLimit(.minutes(1)))
struct LiveCredentialTests {
    /// A source that gives out `key-1`, `key-2`, … and can be held up and broken.
    private final class Source: Sendable {
        struct State {
            var fetches = 0
            /// Of them those that were told so.
            var rejections = 0
            var isDown = false
            var life: Int? = 100_000
            var gate: [CheckedContinuation<Void, Never>]?
        }
        let state = Mutex(State())
        let clock = ManualClock(0)
        let reports = Mutex<[String?]>([])

        func credential(_ adjust: (inout LiveCredential.Settings) -> Void = { _ in }) -> LiveCredential {
            var settings = LiveCredential.Settings()
            adjust(&settings)
            return LiveCredential(
                name: "default/vendor", settings: settings, uptimeMilliseconds: { [clock] in clock.now },
                report: { [self] failure in reports.withLock { $0.append(failure?.message) } },
                fetch: { [self] isRejected in try await fetch(isRejected) })
        }

        private func fetch(_ isRejected: Bool) async throws -> FetchedCredential {
            let number = state.withLock { state in
                state.fetches += 1
                if isRejected { state.rejections += 1 }
                return state.fetches
            }
            if state.withLock({ $0.gate != nil }) {
                await withCheckedContinuation { continuation in
                    let isOpen = state.withLock { state in
                        state.gate?.append(continuation)
                        return state.gate == nil
                    }
                    if isOpen { continuation.resume() }
                }
            }
            let (isDown, life) = state.withLock { ($0.isDown, $0.life) }
            if isDown { throw GatewayError(.credentialUnavailable, "the source is down") }
            return FetchedCredential(.token(Secret("key-\(number)")), lifeMilliseconds: life)
        }

        func hold() { state.withLock { $0.gate = [] } }

        func letGo() {
            let waiting = state.withLock { state in
                defer { state.gate = nil }
                return state.gate ?? []
            }
            for continuation in waiting { continuation.resume() }
        }

        var fetches: Int { state.withLock { $0.fetches } }
    }

    private func text(_ lookup: LiveCredential.Lookup) -> String? {
        guard case .ready(.token(let secret)) = lookup else { return nil }
        return secret.reveal { String(decoding: $0, as: UTF8.self) }
    }

    private func isWaiting(_ lookup: LiveCredential.Lookup) -> Bool {
        if case .waiting = lookup { true } else { false }
    }

    private func failure(_ lookup: LiveCredential.Lookup) -> String? {
        if case .failed(let error) = lookup { error.message } else { nil }
    }

    /// Returns when the fetch under way is over.
    private func settled(_ credential: LiveCredential) async {
        await withCheckedContinuation { continuation in
            if !credential.whenFetched({ continuation.resume() }) { continuation.resume() }
        }
    }

    @Test("a thousand who ask before it is there are one fetch, and all are called back")
    func singleFlight() async {
        let source = Source()
        source.hold()
        let credential = source.credential()
        let called = Atomic<Int>(0)
        for _ in 0..<1_000 {
            #expect(isWaiting(credential.lookUp()))
            #expect(credential.whenFetched { called.add(1, ordering: .relaxed) })
        }
        source.letGo()
        await settled(credential)
        #expect(called.load(ordering: .relaxed) == 1_000)
        #expect(source.fetches == 1)
        #expect(text(credential.lookUp()) == "key-1")
    }

    @Test("no more wait than may")
    func waiters() async {
        let source = Source()
        source.hold()
        let credential = source.credential { $0.waitersMax = 2 }
        #expect(isWaiting(credential.lookUp()))
        #expect(credential.whenFetched {} && credential.whenFetched {})
        #expect(!credential.whenFetched {})
        source.letGo()
    }

    @Test("at four fifths of its life it is fetched again, while the old one serves")
    func refresh() async {
        let source = Source()
        let credential = source.credential()
        await credential.refresh()
        source.clock.advance(79_999)
        #expect(text(credential.lookUp()) == "key-1")
        #expect(source.fetches == 1)
        source.hold()
        source.clock.advance(1)
        for _ in 0..<100 { #expect(text(credential.lookUp()) == "key-1") }
        source.letGo()
        await settled(credential)
        #expect(source.fetches == 2)
        #expect(text(credential.lookUp()) == "key-2")
    }

    @Test("a source that is down is asked less and less; what it gave out serves to its end, and then errors say why")
    func down() async {
        let source = Source()
        let credential = source.credential()
        await credential.refresh()
        source.state.withLock { $0.isDown = true }
        source.clock.advance(80_000)
        await credential.refresh()
        #expect(text(credential.lookUp()) == "key-1")
        #expect(source.fetches == 2)
        // The pauses double: 1 s, 2 s, 4 s.
        for pause in [1_000, 2_000, 4_000] {
            source.clock.advance(pause - 1)
            _ = credential.lookUp()
            await settled(credential)
            let before = source.fetches
            source.clock.advance(1)
            _ = credential.lookUp()
            await settled(credential)
            #expect(source.fetches == before + 1)
        }
        source.clock.advance(20_000)
        #expect(isWaiting(credential.lookUp()))
        await settled(credential)
        #expect(failure(credential.lookUp()) == "the source is down")
        // Told once, however often it failed, and once more when it is back.
        source.state.withLock { $0.isDown = false }
        source.clock.advance(60_000)
        #expect(isWaiting(credential.lookUp()))
        await settled(credential)
        #expect(text(credential.lookUp()) != nil)
        #expect(source.reports.withLock { $0 } == ["the source is down", nil])
    }

    @Test("a credential that the upstream refuses is fetched anew, but not again and again")
    func reject() async {
        let source = Source()
        let credential = source.credential()
        await credential.refresh()
        credential.reject()
        #expect(text(credential.lookUp()) == "key-1")
        source.clock.advance(10_000)
        credential.reject()
        #expect(isWaiting(credential.lookUp()))
        await settled(credential)
        #expect(text(credential.lookUp()) == "key-2")
        #expect(source.state.withLock { $0.rejections } == 1)
        credential.reject()
        #expect(text(credential.lookUp()) == "key-2")
    }

    @Test("what has ended before it came is none; a fetch that does not end is ended")
    func useless() async {
        let source = Source()
        source.state.withLock { $0.life = 0 }
        let credential = source.credential()
        await credential.refresh()
        #expect(failure(credential.lookUp())?.contains("expired") == true)
        var settings = LiveCredential.Settings()
        settings.timeoutMilliseconds = 1
        let slow = LiveCredential(name: "x", settings: settings, uptimeMilliseconds: { 0 }, fetch: Self.never)
        await slow.refresh()
        #expect(failure(slow.lookUp()) == "it did not come within 1 ms")
    }

    @Sendable private static func never(_ isRejected: Bool) async throws -> FetchedCredential {
        try await Task.sleep(for: .seconds(3_600))
        throw CancellationError()
    }

    @Test("kept fresh without anybody asking: the task fetches when it is due, and only then")
    func keptFresh() async {
        let source = Source()
        let credential = source.credential()
        let pauses = Mutex<[Int]>([])
        await credential.keepFresh { milliseconds in
            let count = pauses.withLock { pauses in
                pauses.append(milliseconds)
                return pauses.count
            }
            source.clock.advance(milliseconds)
            if count == 8 { throw CancellationError() }
        }
        // It looks at least once a minute, and fetches at 0 s, and at 80 s of each 100.
        #expect(source.fetches == 3)
        #expect(pauses.withLock { $0.allSatisfy { $0 <= 60_000 } })
    }
}
