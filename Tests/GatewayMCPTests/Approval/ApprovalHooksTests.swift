import GatewayModel
import GatewayWire
import Synchronization
import Testing

@testable import GatewayMCP

@Suite("who is told of calls that wait is told until they know", .timeLimit(.minutes(1)))
struct ApprovalHooksTests {
    private static func hook(_ secret: String) throws -> ApprovalHook {
        try ApprovalHook(policy: "default/p", url: "https://hooks.example/a", secret: Secret(secret))
    }

    /// The example of the specification.
    @Test func `messages are signed as Standard Webhooks has it`() throws {
        let hook = try Self.hook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        let signature = hook.signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, Array("{\"test\": 2432232314}".utf8))
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        #expect(throws: GatewayError.self) { try Self.hook("whsec_???") }
        #expect(try Self.hook("any text").signature("a", 1, []) != hook.signature("a", 1, []))
    }

    private final class Log: Sendable {
        let requests = Mutex<[OutboundRequest]>([])
        let pauses = Mutex<[Int]>([])
        let problems = Mutex<[String]>([])
    }

    /// Delivers one message to a receiver that answers with these statuses, one after another; 0 is none.
    private func deliver(
        _ statuses: [Int], now: Int = 1_000, expires: Int = 2_000,
        isOpen: @escaping @Sendable (Int) -> Bool = { _ in true }
    ) async throws -> Log {
        let (hooks, log) = (ApprovalHooks(), Log())
        let (done, finish) = AsyncStream.makeStream(of: Void.self)
        let http = OutboundHTTP { request in
            let number = log.requests.withLock { requests in
                requests.append(request)
                return requests.count
            }
            let status = statuses[min(number, statuses.count) - 1]
            guard status > 0 else { throw GatewayError(.unreachable, "nobody is there") }
            if (200..<300).contains(status) { finish.finish() }
            return OutboundResponse(status: status, fields: [], body: [])
        }
        hooks.tell(
            ApprovalHooks.Notice(
                hook: try Self.hook("s"), id: "apr_1", body: Array("{}".utf8), expiresSeconds: expires))
        let task = Task {
            await hooks.run(
                over: http, nowSeconds: { now + log.pauses.withLock { $0.reduce(0, +) } },
                isOpen: { _ in
                    let isOpen = isOpen(log.requests.withLock { $0.count })
                    if !isOpen { finish.finish() }
                    return isOpen
                },
                pause: { seconds in log.pauses.withLock { $0.append(seconds) } },
                failed: { problem in
                    log.problems.withLock { $0.append(problem) }
                    finish.finish()
                })
        }
        for await _ in done {}
        task.cancel()
        await task.value
        return log
    }

    @Test func `again, ever later, under one id`() async throws {
        let log = try await deliver([0, 503, 429, 204])
        let ids = log.requests.withLock { $0.map { $0.fields.first { $0.name == "webhook-id" }?.value } }
        #expect(ids == ["msg_apr_1", "msg_apr_1", "msg_apr_1", "msg_apr_1"])
        #expect(log.pauses.withLock { $0 } == [1, 2, 4])
        let times = log.requests.withLock { $0.map { $0.fields.first { $0.name == "webhook-timestamp" }?.value } }
        #expect(times == ["1000", "1001", "1003", "1007"])
        #expect(log.problems.withLock { $0 }.isEmpty)
        // Where a name leads is judged when it is dialled.
        #expect(log.requests.withLock { $0.allSatisfy { $0.reach == .guarded(allowing: []) } })
    }

    @Test(arguments: [301, 400, 401, 404, 410])
    func `not where it would only be refused again, and never elsewhere`(_ status: Int) async throws {
        let log = try await deliver([status])
        #expect(log.requests.withLock { $0.count } == 1)
        #expect(log.problems.withLock { $0.first ?? "" }.contains("status \(status)"))
    }

    @Test func `until it expires`() async throws {
        let log = try await deliver([500], expires: 1_100)
        #expect(log.pauses.withLock { $0.reduce(0, +) } >= 100)
        #expect(log.problems.withLock { $0.count } == 1)
        #expect(log.pauses.withLock { $0.allSatisfy { $0 <= ApprovalHooks.pauseSecondsMax } })
    }

    @Test func `not once it is decided`() async throws {
        let log = try await deliver([500], isOpen: { $0 < 2 })
        #expect(log.requests.withLock { $0.count } == 2)
        #expect(log.problems.withLock { $0 }.isEmpty)
    }

    @Test func `whoever asks never waits, and what finds no place is counted`() throws {
        let hooks = ApprovalHooks()
        let hook = try Self.hook("s")
        for number in 0..<(ApprovalHooks.waitingMax + 5) {
            hooks.tell(ApprovalHooks.Notice(hook: hook, id: "\(number)", body: [], expiresSeconds: 0))
        }
        #expect(hooks.droppedCount == 5)
    }
}
