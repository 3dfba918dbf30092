import Foundation
import GatewayModel
import GatewayState
import GatewayWorkbench
import Synchronization
import Testing

@Suite("what a provider says of itself stays here, and what it is asked is what its API has", .timeLimit(.minutes(1)))
struct ProviderWordTests {
    /// The requests a provider got, as far as their first line and body say.
    final class Asked: Sendable {
        private let all = Mutex<[String]>([])
        func add(_ text: String) -> Int {
            all.withLock { all in
                all.append(text)
                return all.count
            }
        }
        var targets: [String] { all.withLock { $0.map { String($0.split(separator: " ").dropFirst().first ?? "") } } }
    }

    /// A model `odd` at one provider that answers every request so, by its number and text.
    private static func run(
        dialect: String = "openai", _ more: String = "", provider: String = "",
        answer: @escaping @Sendable (Int, String) -> String,
        _ test: (ModelStand, Asked) async throws -> Void
    ) async throws {
        let asked = Asked()
        let scripted = try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event, text.hasSuffix("}") || text.hasPrefix("GET") else { return false }
            peer.send(answer(asked.add(text), text))
            peer.finishSending()
            return true
        }
        var options = ModelStand.Options()
        let fields = provider.isEmpty ? dialect : "\(dialect), \(provider)"
        options.more = ModelStand.model("odd", dialect: fields, port: scripted.port, more)
        try await ModelStand.run(options) { try await test($0, asked) }
        await scripted.stop()
    }

    private static func answer(_ type: String, _ body: String) -> String {
        "HTTP/1.1 200 OK\r\ncontent-type: \(type)\r\ncontent-length: \(body.utf8.count)\r\nconnection: close\r\n\r\n"
            + body
    }

    private static func events(_ events: [String]) -> String {
        answer("text/event-stream", events.map { "data: \($0)\n\n" }.joined())
    }

    // MARK: Errors within streams

    private static let secret = "org-abcdef1234"
    private static let delta = #"{"type":"response.output_text.delta","item_id":"i","delta":"hello"}"#
    private static func failed(_ code: String) -> String {
        #"{"type":"response.failed","sequence_number":7,"response":{"id":"resp_1","object":"response","#
            + #""status":"failed","error":{"code":"\#(code)","message":"Rate limit of \#(secret) reached"},"#
            + #""output":[],"usage":null}}"#
    }
    private static let error = #"{"type":"error","code":"server_error","message":"no \#(secret)","param":null}"#
    private static let bare = #"{"error":{"type":"server_error","message":"no \#(secret)"}}"#

    /// The events of an answer with none of the provider's words.
    private static func told(_ stand: ModelStand) async throws -> [String] {
        let answer = try await stand.call(
            try stand.key(), "/v1/responses", #"{"model":"odd","input":"x","stream":true}"#)
        #expect(!answer.text.contains("org-abcdef"), "\(answer.text)")
        return answer.text.components(separatedBy: "\n\n").filter { !$0.isEmpty }
    }

    @Test(
        "a response that failed is told so in the gateway's words, and as a response",
        arguments: [
            ([failed("rate_limit_exceeded")], "rate_limit_exceeded"),
            ([failed("insufficient_quota")], "server_error"),
            ([failed("rate_limit_exceeded"), error, bare, "not json \(secret)"], "rate_limit_exceeded"),
        ])
    func responseFailed(_ end: [String], _ code: String) async throws {
        try await Self.run { _, _ in
            Self.events([Self.delta] + end)
        } _: { stand, _ in
            let told = try await Self.told(stand)
            #expect(told.count == 2 && told[1].contains(#""type":"response.failed","sequence_number":7"#))
            #expect(told[1].contains(#""error":{"code":"\#(code)","message":"the provider"#), "\(told)")
            #expect(told[1].contains(#""status":"failed""#) && told[1].contains(#""output":[]"#))
            #expect(try stand.rows().map(\.outcome) == [.failed])
        }
    }

    @Test(
        "an error of a response, however it is written, is told once and in the gateway's words",
        arguments: [[error], [bare], [error, failed("server_error")], [bare, error]])
    func responseError(_ end: [String]) async throws {
        try await Self.run { _, _ in
            Self.events([Self.delta] + end)
        } _: { stand, _ in
            let told = try await Self.told(stand)
            #expect(told.count == 2 && told.last?.contains(#""type":"error""#) == true, "\(told)")
            #expect(try stand.rows().map(\.outcome) == [.failed])
        }
    }

    @Test("an error of Messages that is not called one by its type is one")
    func messagesError() async throws {
        let start = #"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}"#
        let text = #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}"#
        try await Self.run(dialect: "anthropic") { _, _ in
            Self.events([start, text, Self.bare])
        } _: { stand, _ in
            let answer = try await stand.call(
                try stand.key(), "/v1/messages", ModelStand.question("odd", "", true, ",\"max_tokens\":9"))
            #expect(!answer.text.contains("org-abcdef"), "\(answer.text)")
            #expect(answer.text.contains("event: error"), "\(answer.text)")
        }
    }

    @Test("an event whose data is written in several lines stays one")
    func severalLines() async throws {
        let delta = Self.delta.replacing(",", with: ",\ndata: ")
        let done = #"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#
        try await Self.run { _, _ in
            Self.events([delta, done])
        } _: { stand, _ in
            let answer = try await stand.call(
                try stand.key(), "/v1/responses", #"{"model":"odd","input":"x","stream":true}"#)
            let lines = answer.text.split(separator: "\n")
            #expect(lines.allSatisfy { $0.hasPrefix("data: ") } && lines.count == 4, "\(answer.text)")
        }
    }

    // MARK: A stream without an answer

    private static let text = #"{"id":"c","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}"#

    @Test(
        "a stream that says nothing but its end is no answer, and another is asked for",
        arguments: ["/v1/chat/completions", "/v1/messages"], [["[DONE]"], [#"{"choices":[]}"#, "[DONE]"]])
    func nothing(_ path: String, _ end: [String]) async throws {
        let question = ModelStand.question("odd", "", true, ",\"max_tokens\":9")
        try await Self.run { number, _ in
            Self.events(number == 1 ? end : [Self.text, "[DONE]"])
        } _: { stand, asked in
            let answer = try await stand.call(try stand.key(), path, question)
            #expect(answer.status == 200 && answer.text.contains("hi"), "\(answer.text)")
            #expect(asked.targets.count == 2)
            let row = try #require(try stand.rows().last)
            #expect(row.outcome == .completed && row.attempts == 2)
        }
        try await Self.run(", retry: {attemptsMax: 1}") { _, _ in
            Self.events(end)
        } _: { stand, _ in
            let answer = try await stand.call(try stand.key(), path, question)
            #expect(answer.status == 502, "\(answer.text)")
            #expect(try stand.rows().map(\.outcome) == [.failed])
        }
    }

    // MARK: A stored response that failed

    @Test("that a stored response failed is an answer to who asks for it, in the gateway's words")
    func storedFailure() async throws {
        let made = #"{"id":"resp_1","object":"response","status":"queued","model":"m","output":[]}"#
        let error = #"{"code":"invalid_api_key","message":"no \#(Self.secret)"}"#
        let failed = made.replacing("queued", with: "failed").replacing(
            "\"output\"", with: "\"error\":\(error),\"output\"")
        let event = #"{"type":"response.failed","response":\#(failed)}"#
        try await Self.run { _, text in
            if text.hasPrefix("POST") { return Self.answer("application/json", made) }
            return text.hasPrefix("GET /v1/responses/resp_1?stream")
                ? Self.events([event]) : Self.answer("application/json", failed)
        } _: { stand, asked in
            let key = try stand.key()
            let answer = try await stand.call(key, "/v1/responses", #"{"model":"odd","input":"x","background":true}"#)
            let json = try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any]
            let name = try #require(json?["id"] as? String)
            for query in ["", "?stream=true", ""] {
                let told = try await stand.call(key, "/v1/responses/\(name)\(query)", [], method: "GET")
                #expect(told.status == 200 && !told.text.contains("org-abcdef"), "\(told.text)")
                #expect(told.text.contains(#""status":"failed""#) && told.text.contains(name), "\(told.text)")
                #expect(told.text.contains(#""message":"the provider refused"#) && !told.text.contains("event: error"))
            }
            #expect(asked.targets.count == 4)
        }
    }

    // MARK: Queries

    @Test("a provider gets the query that the operator gave it, and what its API has of the caller's behind it")
    func operatorQuery() async throws {
        try await Self.run(provider: "query: {b: x.1, api-version: 2024-10-21-preview}") { _, _ in
            Self.answer("application/json", Self.response)
        } _: { stand, asked in
            let key = try stand.key()
            let made = try await stand.call(key, "/v1/responses?api-version=1", #"{"model":"odd","input":"x"}"#)
            let json = try JSONSerialization.jsonObject(with: Data(made.text.utf8)) as? [String: Any]
            let name = try #require(json?["id"] as? String)
            _ = try await stand.call(key, "/v1/responses/\(name)?include=c", [], method: "GET")
            let query = "?api-version=2024-10-21-preview&b=x.1"
            #expect(asked.targets == ["/v1/responses\(query)", "/v1/responses/resp_1\(query)&include=c"])
        }
    }

    private static let response = #"{"id":"resp_1","object":"response","status":"completed","model":"m","output":[]}"#

    @Test("of a query a provider sees what its API has at that path, and no credential")
    func queries() async throws {
        let cases = [
            (
                "", "?stream=false&starting_after=4&key=sk-1&include_obfuscation=false",
                "?stream=false&starting_after=4&include_obfuscation=false"
            ),
            ("", "?include%5B%5D=a.b&include=c&access_token=x&api-version=1&%6Bey=2", "?include%5B%5D=a.b&include=c"),
            ("", "?api_key=x", ""), ("", "?limit=3;key=sk-1", ""),
            ("/input_items", "?limit=2&order=asc&after=msg_1&key=x&stream=true", "?limit=2&order=asc&after=msg_1"),
        ]
        try await Self.run { _, _ in
            Self.answer("application/json", Self.response)
        } _: { stand, asked in
            let key = try stand.key()
            let made = try await stand.call(key, "/v1/responses?api-version=1", #"{"model":"odd","input":"x"}"#)
            let id = try #require(try JSONSerialization.jsonObject(with: Data(made.text.utf8)) as? [String: Any])["id"]
            let name = try #require(id as? String)
            for (path, query, _) in cases {
                let answer = try await stand.call(key, "/v1/responses/\(name)\(path)\(query)", [], method: "GET")
                #expect(answer.status == 200, "\(query): \(answer.text)")
            }
            let wanted = cases.map { "/v1/responses/resp_1\($0.0)\($0.2)" }
            #expect(asked.targets == ["/v1/responses"] + wanted)
        }
    }

    @Test(
        "calls that a model answers have no query but Anthropic's mark of a beta",
        arguments: [
            ("openai", "/v1/chat/completions?api-version=2&key=x&beta=true", "/v1/chat/completions"),
            ("anthropic", "/v1/messages?beta=true", "/v1/messages?beta=true"),
            ("anthropic", "/v1/messages?key=x&beta=true&beta=1", "/v1/messages?beta=true"),
            ("anthropic", "/v1/messages/count_tokens?beta=true&x=y", "/v1/messages/count_tokens?beta=true"),
            ("openai", "/v1/messages?beta=true", "/v1/chat/completions"),
        ])
    func models(_ dialect: String, _ path: String, _ target: String) async throws {
        try await Self.run(dialect: dialect) { _, _ in
            Self.answer("application/json", "{\"input_tokens\":1}")
        } _: { stand, asked in
            _ = try await stand.call(try stand.key(), path, ModelStand.question("odd", "", false, ",\"max_tokens\":9"))
            #expect(asked.targets.first == target)
        }
    }
}
