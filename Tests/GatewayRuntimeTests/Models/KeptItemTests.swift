import Foundation
import GatewayModel
import GatewayWorkbench
import Testing

@Suite("What an answer consisted of is named by whom it was given to", .timeLimit(.minutes(1)))
struct KeptItemTests {
    /// A provider that gives an answer to every request, and keeps what it was asked.
    private static func run(
        _ type: String, _ answer: String, _ body: (ModelStand, Box<String>) async throws -> Void
    ) async throws {
        let asked = Box("")
        let scripted = try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event, text.hasSuffix("}") else { return false }
            asked.set(text.components(separatedBy: "\r\n\r\n").last ?? "")
            peer.send(
                "HTTP/1.1 200 OK\r\ncontent-type: \(type)\r\ncontent-length: \(answer.utf8.count)\r\n\r\n\(answer)")
            return true
        }
        var options = ModelStand.Options()
        options.more = ModelStand.model("kept", dialect: "openai", port: scripted.port)
        try await ModelStand.run(options) { try await body($0, asked) }
        await scripted.stop()
    }

    private static let items = """
        {"type":"reasoning","id":"rs_1","summary":[]},{"type":"message","id":"msg_1","role":"assistant",\
        "status":"completed","content":[{"type":"output_text","text":"x","annotations":[]}]},\
        {"type":"mcp_call","id":"mcp_1","approval_request_id":"mcpr_1","arguments":"{}","name":"f","server_label":"s"},\
        {"type":"code_interpreter_call","id":"ci_1","container_id":"cntr_1","code":"1","outputs":[]}
        """
    private static let question = "{\"role\":\"user\",\"content\":\"x\"}"
    private static let usage = """
        "usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}
        """
    private static let document = """
        {"id":"resp_1","object":"response","status":"completed","model":"kept","output":[\(items)],\(usage)}
        """
    private static let stream = [
        #"{"type":"response.created","response":{"id":"resp_1","status":"in_progress","output":[]}}"#,
        #"{"type":"response.output_item.added","item":{"type":"reasoning","id":"rs_1","summary":[]}}"#,
        #"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","delta":"x"}"#,
        #"{"type":"response.output_item.added","item":{"type":"message","id":"msg_1","content":[]}}"#,
        #"{"type":"response.output_text.delta","item_id":"msg_1","delta":"x"}"#,
        #"{"type":"response.output_text.delta","item_id":"msg_1","delta":"y"}"#,
        #"{"item":{"type":"code_interpreter_call","id":"ci_1","container_id":"cntr_1"}}"#,
        "{\"type\":\"response.completed\",\"response\":\(document)}",
    ].map { "data: \($0)\n\n" }.joined()

    /// Everything in a text that looks like the id of an item or a sound.
    private static func ids(_ text: String, _ prefix: String) -> [String] {
        text.components(separatedBy: "\"\(prefix)").dropFirst().map { prefix + $0.prefix { $0 != "\"" } }
    }

    private static func ask(
        _ stand: ModelStand, _ key: String, input: String, _ more: String = ""
    ) async throws -> CompletedResponse {
        try await stand.call(key, "/v1/responses", "{\"model\":\"kept\",\"input\":[\(input)]\(more)}")
    }

    @Test("items have one name in all of a stream, and so in a document", arguments: [false, true])
    func marked(isStream: Bool) async throws {
        let (type, text) = isStream ? ("text/event-stream", Self.stream) : ("application/json", Self.document)
        try await Self.run(type, text) { stand, _ in
            let more = isStream ? ",\"stream\":true" : ""
            let answer = try await Self.ask(stand, try stand.key(), input: Self.question, more)
            #expect(answer.status == 200)
            for (prefix, count) in [("rs_1", 3), ("msg_1", 4), ("mcp_1", 1), ("mcpr_1", 1), ("ci_1", 2), ("cntr_1", 2)]
            {
                let ids = Self.ids(answer.text, prefix)
                #expect(ids.count == (isStream ? count : 1), "\(answer.text)")
                #expect(Set(ids).count == 1 && ids.allSatisfy { $0.hasPrefix("\(prefix).") }, "\(ids)")
            }
        }
    }

    @Test("its owner sends items again, names them, and builds upon what only the provider has")
    func owner() async throws {
        try await Self.run("application/json", Self.document) { stand, asked in
            let (alice, bob) = (try stand.key("alice"), try stand.key("bob"))
            let answer = try await Self.ask(stand, alice, input: Self.question)
            let said = try #require(JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
            let output = try JSONSerialization.data(withJSONObject: try #require(said["output"]))
            let again = String(String(decoding: output, as: UTF8.self).dropFirst().dropLast())
            #expect(try await Self.ask(stand, alice, input: again).status == 200)
            #expect(Self.ids(asked.value, "rs_1") == ["rs_1"] && Self.ids(asked.value, "msg_1") == ["msg_1"])
            #expect(Self.ids(asked.value, "mcpr_1") == ["mcpr_1"], "\(asked.value)")
            let message = try #require(Self.ids(answer.text, "msg_1").first)
            let reasoning = try #require(Self.ids(answer.text, "rs_1").first)
            let approval = try #require(Self.ids(answer.text, "mcpr_1").first)
            let looksUp = [
                "{\"type\":\"item_reference\",\"id\":\"\(message)\"}",
                "{\"type\":\"reasoning\",\"id\":\"\(reasoning)\",\"summary\":[]}",
                "{\"type\":\"mcp_approval_response\",\"approval_request_id\":\"\(approval)\",\"approve\":true}",
            ]
            for item in looksUp {
                #expect(try await Self.ask(stand, alice, input: item).status == 200)
                #expect(!asked.value.contains("."), "\(asked.value)")
                asked.set("")
                for (key, item) in [(bob, item), (alice, item.replacing(/\.[a-z0-9]{16}/, with: ""))] {
                    let refused = try await Self.ask(stand, key, input: item)
                    #expect(refused.status == 404 && refused.text.contains("not yours"), "\(refused.text)")
                }
                #expect(asked.value.isEmpty)
            }
        }
    }

    @Test("a container in which code ran is used again by whom it ran for", arguments: [false, true])
    func container(isStream: Bool) async throws {
        let (type, text) = isStream ? ("text/event-stream", Self.stream) : ("application/json", Self.document)
        try await Self.run(type, text) { stand, asked in
            let (alice, bob) = (try stand.key("alice"), try stand.key("bob"))
            let more = isStream ? ",\"stream\":true" : ""
            let answer = try await Self.ask(stand, alice, input: Self.question, more)
            let id = try #require(Self.ids(answer.text, "cntr_1").first)
            func tool(_ id: String) -> String {
                ",\"tools\":[{\"type\":\"code_interpreter\",\"container\":\"\(id)\"}]\(more)"
            }
            #expect(try await Self.ask(stand, alice, input: Self.question, tool(id)).status == 200)
            #expect(Self.ids(asked.value, "cntr_1") == ["cntr_1"])
            for (key, id) in [(bob, id), (alice, "cntr_1")] {
                let refused = try await Self.ask(stand, key, input: Self.question, tool(id))
                #expect(refused.status == 404 && refused.text.contains("not yours"), "\(refused.text)")
            }
        }
    }

    @Test("of whole items that are not the caller's the names do not leave")
    func copies() async throws {
        try await Self.run("application/json", Self.document) { stand, asked in
            let (alice, bob) = (try stand.key("alice"), try stand.key("bob"))
            let first = try await Self.ask(stand, alice, input: Self.question)
            let message = try #require(Self.ids(first.text, "msg_1").first)
            let reasoning = "{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"encrypted_content\":\"e\"}"
            for name in [message, "msg_1"] {
                let copy = "{\"type\":\"message\",\"id\":\"\(name)\",\"role\":\"assistant\",\"content\":\"said\"}"
                #expect(try await Self.ask(stand, bob, input: "\(copy),\(reasoning)").status == 200)
                #expect(asked.value.contains("said") && asked.value.contains("encrypted_content"))
                #expect(!asked.value.contains("msg_") && !asked.value.contains("rs_"), "\(asked.value)")
            }
        }
    }

    @Test("a sound is named by whom it was made for", arguments: [false, true])
    func sound(isStream: Bool) async throws {
        let choice = "{\"index\":0,\"WHAT\":{\"role\":\"assistant\",\"audio\":{\"id\":\"audio_1\",\"data\":\"AA==\"}}"
        let end = ",\"finish_reason\":\"stop\"}]"
        let usage = "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}"
        let whole = "{\"id\":\"c\",\"choices\":[" + choice.replacing("WHAT", with: "message") + end + ",\(usage)}"
        let events =
            "data: {\"id\":\"c\",\"choices\":[" + choice.replacing("WHAT", with: "delta") + end + "}\n\n"
            + "data: {\"id\":\"c\",\"choices\":[],\(usage)}\n\ndata: [DONE]\n\n"
        let (type, text) = isStream ? ("text/event-stream", events) : ("application/json", whole)
        try await Self.run(type, text) { stand, asked in
            let (alice, bob) = (try stand.key("alice"), try stand.key("bob"))
            let audio = ",\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"alloy\",\"format\":\"wav\"}"
            let answer = try await stand.call(
                alice, "/v1/chat/completions", ModelStand.question("kept", "", isStream, audio))
            #expect(answer.status == 200)
            // The usage that the gateway asked for stays behind.
            #expect(!isStream || !answer.text.contains("prompt_tokens") && answer.text.contains("[DONE]"))
            let id = try #require(Self.ids(answer.text, "audio_1").first)
            #expect(id.hasPrefix("audio_1."))
            func again(_ id: String) -> String {
                "{\"model\":\"kept\"\(audio),\"messages\":[{\"role\":\"assistant\",\"audio\":{\"id\":\"\(id)\"}}]"
                    + (isStream ? ",\"stream\":true}" : "}")
            }
            #expect(try await stand.call(alice, "/v1/chat/completions", again(id)).status == 200)
            #expect(Self.ids(asked.value, "audio_1") == ["audio_1"])
            for (key, id) in [(bob, id), (alice, "audio_1")] {
                let refused = try await stand.call(key, "/v1/chat/completions", again(id))
                #expect(refused.status == 404 && refused.text.contains("not yours"), "\(refused.text)")
            }
        }
    }

    @Test("of stored prompts those may be used that the operator lists")
    func prompts() async throws {
        try await ModelStand.run { stand in
            func ask(_ prompt: String) async throws -> CompletedResponse {
                try await stand.call(
                    try stand.key(), "/v1/responses", "{\"model\":\"chat\",\"input\":\"x\",\"prompt\":{\(prompt)}}")
            }
            #expect(try await ask("\"id\":\"pmpt_open1\",\"variables\":{\"id\":\"x\"}").status == 200)
            for prompt in ["\"id\":\"pmpt_other\"", "\"ID\":\"pmpt_other\"", "\"\\u0069d\":\"pmpt_other\""] {
                let refused = try await ask(prompt)
                #expect(refused.status == 403, "\(refused.text)")
                #expect(refused.text.contains("prompts of the ModelProvider"), "\(refused.text)")
            }
            #expect(try await ask("\"id\":\"p\",\"ID\":\"pmpt_other\"").status == 400)
        }
    }

    @Test("of skills those may be used that the operator lists")
    func skills() async throws {
        try await ModelStand.run { stand in
            func ask(_ skills: String) async throws -> CompletedResponse {
                try await stand.call(
                    try stand.key(), "/v1/messages",
                    """
                    {"model":"claude","max_tokens":9,"messages":[{"role":"user","content":"x"}],\
                    "container":{"skills":[\(skills)]}}
                    """)
            }
            let open = "{\"type\":\"custom\",\"skill_id\":\"skill_open1\"}"
            #expect(try await ask("{\"type\":\"anthropic\",\"skill_id\":\"pdf\"},\(open)").status == 200)
            let others = [#""skill_id":"skill_1""#, #""Skill_ID":"xlsx""#, #""skill\u005fid":"skill_1""#]
            for other in others {
                let refused = try await ask("\(open),{\(other)}")
                #expect(refused.status == 403, "\(refused.text)")
                #expect(refused.text.contains("skills of the ModelProvider"), "\(refused.text)")
            }
        }
    }
}
