import Foundation
import GatewayModel
import GatewayState
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

@Suite("an attempt is judged by itself, and what its provider says of its account stays here", .timeLimit(.minutes(1)))
struct AttemptMendTests {
    /// When requests came.
    final class Arrivals: Sendable {
        private let all = Mutex<[ContinuousClock.Instant]>([])

        /// How many there are with this one.
        func add() -> Int {
            all.withLock { all in
                all.append(ContinuousClock.now)
                return all.count
            }
        }

        var gap: Duration? { all.withLock { $0.count == 2 ? $0[0].duration(to: $0[1]) : nil } }
    }

    private static let first = "{\"error\":{\"message\":\"later\",\"type\":\"server_error\"}}"

    private static func event(_ text: String, _ finish: String = "null") -> String {
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\(text)\"},"
            + "\"finish_reason\":\(finish)}]}\n\n"
    }

    private static func head(_ status: String, _ fields: String) -> String { "HTTP/1.1 \(status)\r\n\(fields)\r\n" }

    private static func json(_ status: String, _ body: String, _ fields: String = "") -> String {
        head(status, "content-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\(fields)") + body
    }

    /// A model at one provider that answers the first request and the next ones so.
    private static func run(
        _ more: String = "", answer: @escaping @Sendable (ScriptedBackend.Peer, Int) -> Void,
        _ test: (ModelStand, Arrivals) async throws -> Void
    ) async throws {
        let arrivals = Arrivals()
        let scripted = try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event, text.hasSuffix("}") else { return false }
            answer(peer, arrivals.add())
            return true
        }
        var options = ModelStand.Options()
        options.more = ModelStand.model("odd", dialect: "openai", port: scripted.port, more)
        try await ModelStand.run(options) { try await test($0, arrivals) }
        await scripted.stop()
    }

    private static let stream = head("200 OK", "content-type: text/event-stream\r\nconnection: close\r\n")

    /// Nothing here has to be quick: the answer that counts comes no sooner than after a while.
    @Test func `the first token of an attempt that failed is not the next one's`() async throws {
        let pause = 400
        try await Self.run { peer, number in
            guard number > 1 else { return peer.send(Self.json("200 OK", Self.first)) }
            peer.channel.eventLoop.scheduleTask(in: .milliseconds(Int64(pause))) {
                peer.send(Self.stream + Self.event("a", "\"stop\"") + "data: [DONE]\n\n")
                peer.close()
            }
        } _: { stand, _ in
            let answer = try await stand.call(
                try stand.key(), "/v1/chat/completions", ModelStand.question("odd", "", true))
            #expect(answer.text.hasSuffix("[DONE]\n\n") && !answer.text.contains("error"), "\(answer.text)")
            let row = try #require(try stand.rows().last)
            // The worker's clock is that of its last event.
            let first = try #require(row.firstTokenMilliseconds)
            #expect(row.attempts == 2 && first >= pause - 50, "\(first)")
        }
    }

    /// It would be waited for until the suite's end if what came of the first attempt were taken for its own.
    @Test func `a stream after an attempt that failed is waited for like any other`() async throws {
        try await Self.run(", timeouts: {firstToken: 300ms, idle: 10m}, retry: {attemptsMax: 2}") { peer, number in
            peer.send(number > 1 ? Self.stream : Self.json("200 OK", Self.first))
        } _: { stand, _ in
            let answer = try await stand.call(
                try stand.key(), "/v1/chat/completions", ModelStand.question("odd", "", true))
            #expect(answer.status == 504, "\(answer.text)")
            #expect(try stand.rows().map(\.outcome) == [.timedOut])
        }
    }

    @Test func `an only provider is not asked again before it wants to be`() async throws {
        let body = "{\"id\":\"c\",\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}"
        try await Self.run { peer, number in
            let limited = "{\"error\":{\"message\":\"slowly\",\"type\":\"rate_limit_error\"}}"
            peer.send(
                number > 1
                    ? Self.json("200 OK", body) : Self.json("429 Too Many Requests", limited, "retry-after: 1\r\n"))
        } _: { stand, arrivals in
            let answer = try await stand.call(try stand.key(), "/v1/chat/completions", ModelStand.question("odd"))
            #expect(answer.status == 200, "\(answer.text)")
            let gap = try #require(arrivals.gap)
            #expect(gap > .milliseconds(990), "\(gap)")
        }
    }

    @Test(arguments: ["/v1/chat/completions", "/v1/completions"])
    func `an error within a stream names nothing of the account`(_ path: String) async throws {
        let words = "Rate limit reached in organization org-abcdef1234 on tokens per min"
        let error = "data: {\"error\":{\"message\":\"\(words)\",\"type\":\"tokens\"}}\n\n"
        try await Self.run { peer, _ in
            peer.send(Self.head("200 OK", "content-type: text/event-stream\r\nconnection: close\r\n"))
            peer.send(Self.event("hello") + error + "data: [DONE]\n\n")
            peer.close()
        } _: { stand, _ in
            let question = path == "/v1/completions" ? "{\"model\":\"odd\",\"prompt\":\"x\",\"stream\":true}" : nil
            let answer = try await stand.call(
                try stand.key(), path, question ?? ModelStand.question("odd", "", true))
            #expect(!answer.text.contains("org-abcdef"), "\(answer.text)")
            #expect(answer.text.hasPrefix(Self.event("hello")), "\(answer.text)")
            let told = answer.text.dropFirst(Self.event("hello").count)
            #expect(told.hasPrefix("data: {\"error\":") && told.contains("rate_limit"), "\(answer.text)")
            #expect(!answer.text.contains("[DONE]"))
            #expect(try stand.rows().map(\.outcome) == [.failed])
        }
    }

    @Test func `of two bounds on output the larger one counts`() async throws {
        var options = ModelStand.Options()
        options.model = "context: {outputTokensMax: 64}"
        try await ModelStand.run(options) { stand in
            let key = try stand.key()
            for bounds in [(1, 100_000), (100_000, 1)] {
                let answer = try await stand.call(
                    key, "/v1/chat/completions",
                    ModelStand.question(
                        "chat", "", false, ",\"max_completion_tokens\":\(bounds.0),\"max_tokens\":\(bounds.1)"))
                #expect(answer.status == 400 && answer.text.contains("100000"), "\(answer.text)")
            }
            #expect(stand.provider.ledger.entries.isEmpty)
        }
    }
}
