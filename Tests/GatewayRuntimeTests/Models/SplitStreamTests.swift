import Foundation
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

@Suite("a stream comes out the same wherever the network cuts it", .timeLimit(.minutes(1)))
struct SplitStreamTests {
    /// Replays recorded answers of a provider, each in two pieces: cut one byte further on each time.
    private final class Replay: Sendable {
        private let openai: [UInt8]
        private let anthropic: [UInt8]
        private let number = Mutex(0)

        init(openai: [UInt8], anthropic: [UInt8]) { (self.openai, self.anthropic) = (openai, anthropic) }

        func rewind() { number.withLock { $0 = 0 } }

        var cutCount: Int { max(openai.count, anthropic.count) + 1 }

        func answer(_ peer: ScriptedBackend.Peer, _ request: String) -> Bool {
            guard request.hasSuffix("}") else { return false }
            let stream = request.hasPrefix("POST /v1/messages") ? anthropic : openai
            let cut = number.withLock { number in
                number += 1
                return (number - 1) % (stream.count + 1)
            }
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: \(stream.count)\r\n\r\n"
            peer.channel.writeAndFlush(ByteBuffer(bytes: Array(head.utf8) + stream[..<cut]), promise: nil)
            peer.channel.eventLoop.assumeIsolated().scheduleTask(in: .microseconds(300)) {
                peer.channel.writeAndFlush(ByteBuffer(bytes: stream[cut...]), promise: nil)
            }
            return true
        }
    }

    @Test(arguments: [
        ("openai", "/v1/chat/completions"), ("openai", "/v1/messages"), ("anthropic", "/v1/chat/completions"),
        ("anthropic", "/v1/messages"),
    ])
    func `every cut gives the same bytes and the same usage`(dialect: String, path: String) async throws {
        let replay = try await Self.record()
        let backend = try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event else { return true }
            return replay.answer(peer, text)
        }
        var options = ModelStand.Options()
        options.more = ModelStand.model("replayed", dialect: dialect, port: backend.port)
        try await ModelStand.run(options) { stand in
            let key = try stand.key()
            let isMessages = path == "/v1/messages"
            let body = ModelStand.question("replayed", "", true, isMessages ? ",\"max_tokens\":9" : "")
            let expected = Self.plain(try await stand.call(key, path, body).text)
            #expect(expected.contains(isMessages ? "message_stop" : "[DONE]"), "\(expected)")
            replay.rewind()
            let texts = Box<Set<String>>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0...replay.cutCount / 8 {
                            let text = Self.plain(try await stand.call(key, path, body).text)
                            texts.update { _ = $0.insert(text) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(texts.value == [expected])
            #expect(Set(try stand.rows().map(\.usage)).count == 1)
            #expect(try stand.rows().allSatisfy { !$0.flags.contains(.estimated) && $0.outcome == .completed })
        }
        await backend.stop()
    }

    /// A translated chunk says when it was made.
    private static func plain(_ text: String) -> String {
        text.replacing(/"created":\d+/, with: "\"created\":0")
    }

    /// What the mock says to the gateway, short.
    private static func record() async throws -> Replay {
        let provider = try await MockModelServer.start()
        func stream(_ path: String, _ model: String, _ more: String) async throws -> [UInt8] {
            try await WorkbenchClient(version: .http1).call(
                "POST", "http://127.0.0.1:\(provider.port)\(path)",
                headers: [Header("x-api-key", "any"), Header("anthropic-version", "2023-06-01")],
                body: .bytes(Array(ModelStand.question(model, "say=h\u{E9}!", true, more).utf8))
            ).body
        }
        let openai = try await stream(
            "/v1/chat/completions", "gpt-5", ",\"stream_options\":{\"include_usage\":true}")
        let anthropic = try await stream("/v1/messages", "claude-sonnet-4-5", ",\"max_tokens\":9")
        await provider.stop()
        return Replay(openai: openai, anthropic: anthropic)
    }
}
