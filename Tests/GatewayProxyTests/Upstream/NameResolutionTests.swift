import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import Testing

@testable import GatewayProxy

@Suite("Names are resolved again and again, beside the requests")
struct NameResolutionTests {
    /// Answers a test decides, and a count of questions.
    final class Script: Sendable {
        enum Answer: Sendable { case addresses([String]), failure, silence }
        private let state: Mutex<(answer: Answer, asked: [String])>

        init(_ answer: Answer) { state = Mutex((answer, [])) }

        var asked: [String] { state.withLock { $0.asked } }
        func answer(_ answer: Answer) { state.withLock { $0.answer = answer } }

        var lookup: NameLookup {
            NameLookup { host, eventLoop in
                let answer = self.state.withLock { state in
                    state.asked.append(host)
                    return state.answer
                }
                switch answer {
                case .silence:
                    let promise = eventLoop.makePromise(of: [SocketAddress].self)
                    // An answer that comes when nobody waits for it any more.
                    eventLoop.scheduleTask(in: .hours(1)) { promise.fail(LookupFailure(reason: "too late")) }
                    return promise.futureResult
                case .failure: return eventLoop.makeFailedFuture(LookupFailure(reason: "no such name"))
                case .addresses(let texts):
                    return eventLoop.makeCompletedFuture {
                        try texts.map { try SocketAddress(ipAddress: $0, port: 0) }
                    }
                }
            }
        }
    }

    static let spec = EndpointSpec(host: "app.test", port: 8080)

    @Test("An answer makes endpoints; an address that stays is the same endpoint; a rotated answer changes nothing")
    func answers() throws {
        let script = Script(.addresses(["10.0.0.1", "10.0.0.2"]))
        let log = EventLog()
        let fixture = UpstreamFixture(lookup: script.lookup, onEvent: { log.append($0) })
        let backend = UpstreamFixture.backend(specs: [Self.spec])
        fixture.directory.update(for: UpstreamFixture.snapshot([backend]))
        #expect(fixture.hosts(backend) == ["10.0.0.1:8080", "10.0.0.2:8080"])
        let set = fixture.directory.endpoints(of: backend)
        #expect(set.endpoints[0].host == "app.test")
        #expect(!set.endpoints[0].isLiteralAddress)

        script.answer(.addresses(["10.0.0.2", "10.0.0.1"]))
        fixture.loop.advanceTime(by: .seconds(5))
        #expect(fixture.directory.endpoints(of: backend) === set)

        script.answer(.addresses(["10.0.0.2", "10.0.0.3"]))
        fixture.loop.advanceTime(by: .seconds(5))
        let after = fixture.directory.endpoints(of: backend)
        #expect(fixture.hosts(backend) == ["10.0.0.2:8080", "10.0.0.3:8080"])
        #expect(after.endpoints[0] === set.endpoints[1])
        // The newcomer warms up; whoever was there does not.
        #expect(after.endpoints[1].warmSinceNanoseconds > 0)
        #expect(after.endpoints[0].warmSinceNanoseconds == 0)
        #expect(log.all.count == 2)
    }

    @Test("After a failure the last good answer stays, and questions become rarer")
    func failures() {
        let script = Script(.addresses(["10.0.0.1"]))
        let fixture = UpstreamFixture(lookup: script.lookup)
        let backend = UpstreamFixture.backend(specs: [Self.spec])
        fixture.directory.update(for: UpstreamFixture.snapshot([backend]))
        script.answer(.failure)
        fixture.loop.advanceTime(by: .seconds(120))
        #expect(fixture.hosts(backend) == ["10.0.0.1:8080"])
        // 5, then 1, 2, 4, 8, 16, 32, 60 seconds at most, a quarter less at least.
        #expect((7...10).contains(script.asked.count))
        script.answer(.addresses([]))
        fixture.loop.advanceTime(by: .seconds(120))
        #expect(fixture.hosts(backend) == ["10.0.0.1:8080"])
        script.answer(.addresses(["10.0.0.7"]))
        fixture.loop.advanceTime(by: .seconds(61))
        #expect(fixture.hosts(backend) == ["10.0.0.7:8080"])
    }

    @Test("All backends of a name share one look-up, and the look-ups end with the last of them")
    func sharing() {
        let script = Script(.addresses(["10.0.0.1"]))
        let fixture = UpstreamFixture(lookup: script.lookup)
        let first = UpstreamFixture.backend(specs: [Self.spec], name: "first")
        let second = UpstreamFixture.backend(specs: [EndpointSpec(host: "app.test", port: 9)], name: "second")
        fixture.directory.update(for: UpstreamFixture.snapshot([first, second]))
        #expect(script.asked == ["app.test"])
        #expect(fixture.hosts(second) == ["10.0.0.1:9"])
        fixture.directory.update(for: UpstreamFixture.snapshot([second]))
        fixture.loop.advanceTime(by: .seconds(5))
        let asked = script.asked.count
        #expect(asked >= 2)
        fixture.directory.update(for: UpstreamFixture.snapshot([]))
        fixture.loop.advanceTime(by: .seconds(60))
        #expect(script.asked.count == asked)
    }

    @Test("Requests may wait for the first answer, and the wait ends with a good or a bad one")
    func firstAnswer() {
        for answer in [Script.Answer.failure, .silence] {
            let script = Script(answer)
            let fixture = UpstreamFixture(lookup: script.lookup)
            let backend = UpstreamFixture.backend(specs: [Self.spec])
            let resumed = Atomic<Int>(0)
            _ = fixture.directory.whenResolved(backend, on: fixture.loop) { resumed.add(1, ordering: .relaxed) }
            fixture.loop.advanceTime(by: .nanoseconds(NameBook.firstAnswerNanosecondsMax))
            #expect(resumed.load(ordering: .relaxed) == 1)
            #expect(!fixture.directory.isResolving(backend))
            #expect(fixture.hosts(backend).isEmpty)
        }
    }

    @Test("A backend that is dropped lets its waiting requests go")
    func droppedWhileResolving() {
        let script = Script(.silence)
        let fixture = UpstreamFixture(lookup: script.lookup)
        let backend = UpstreamFixture.backend(specs: [Self.spec])
        let resumed = Atomic<Int>(0)
        fixture.directory.update(for: UpstreamFixture.snapshot([backend]))
        #expect(fixture.directory.isResolving(backend))
        _ = fixture.directory.whenResolved(backend, on: fixture.loop) { resumed.add(1, ordering: .relaxed) }
        fixture.loop.run()
        #expect(resumed.load(ordering: .relaxed) == 0)
        fixture.directory.update(for: UpstreamFixture.snapshot([]))
        fixture.loop.run()
        #expect(resumed.load(ordering: .relaxed) == 1)
    }

    @Test(
        "Delays",
        arguments: [(0, 3_750, 5_000), (1, 750, 1_000), (3, 3_000, 4_000), (7, 45_000, 60_000), (40, 45_000, 60_000)])
    func delays(_ failures: Int, _ least: UInt64, _ most: UInt64) {
        var refresh = NameRefresh()
        for _ in 0..<failures { refresh.failed() }
        var random = FixedRandom(seed: 23)
        for word in [0, UInt64.max] + (0..<200).map({ _ in random.next() }) {
            #expect((least...most).contains(refresh.delay(random: word) / 1_000_000))
        }
        #expect(refresh.delay(random: 0) == most * 1_000_000)
        refresh.succeeded()
        #expect(refresh.delay(random: 0) == NameRefresh.intervalNanoseconds)
    }

    @Test("The system knows localhost, off the loop", .timeLimit(.minutes(1)))
    func system() async throws {
        let addresses = try await NameLookup.system.addresses("localhost", MultiThreadedEventLoopGroup.singleton.any())
            .get()
        #expect(addresses.contains { $0.ipAddress == "127.0.0.1" || $0.ipAddress == "::1" })
        #expect(throws: LookupFailure.self) { try NameLookup.resolve("no such host.invalid") }
    }
}
