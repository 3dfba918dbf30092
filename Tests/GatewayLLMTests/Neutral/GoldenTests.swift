import GatewayModel
import GatewayWire
import Testing

@testable import GatewayLLM

@Suite("translations agree with their golden pairs")
struct GoldenTests {
    @Test("a request of Chat Completions for a provider of Messages", arguments: Golden.names("chat-request-"))
    func chatRequest(_ name: String) throws {
        try check(.chatCompletions, name)
    }

    @Test("a request of Messages for a provider of Chat Completions", arguments: Golden.names("messages-request-"))
    func messagesRequest(_ name: String) throws {
        try check(.messages, name)
    }

    @Test("a request of Responses for a provider of Messages", arguments: Golden.names("responses-request-"))
    func responsesRequest(_ name: String) throws {
        try check(.responses, name)
    }

    private func check(_ client: ConversationAPI, _ name: String) throws {
        let input = try Golden.input(name)
        var translator = Golden.translator(
            client, model: input["provider_model"]?.string?.value, outputTokensMax: input["output_tokens_max"]?.int)
        if input["strict"] == true { translator.options.isStrict = true }
        let output: JSONTree
        do {
            let translated = try translator.request(try #require(input["request"]))
            output = ["request": try JSONTree.parse(translated.body), "losses": translated.losses.tree]
        } catch let error as GatewayError {
            output = ["error": .text(error.message), "hint": .text(error.hint ?? "")]
        }
        let difference = try Golden.difference(name, output)
        #expect(difference == nil)
    }

    @Test("a reply of Messages for a client of Chat Completions", arguments: Golden.names("chat-reply-"))
    func chatReply(_ name: String) throws {
        try checkReply(.chatCompletions, name)
    }

    @Test("a reply of Chat Completions for a client of Messages", arguments: Golden.names("messages-reply-"))
    func messagesReply(_ name: String) throws {
        try checkReply(.messages, name)
    }

    @Test("a reply of Messages for a client of Responses", arguments: Golden.names("responses-reply-"))
    func responsesReply(_ name: String) throws {
        try checkReply(.responses, name)
    }

    private func checkReply(_ client: ConversationAPI, _ name: String) throws {
        let input = try Golden.input(name)
        let translator = Golden.translator(client)
        let request = try translator.request(GoldenTests.plain(client))
        let output: JSONTree
        do {
            let reply = try translator.reply(try #require(input["reply"]).bytes.span, to: request)
            output = [
                "reply": try JSONTree.parse(reply.body), "losses": reply.losses.tree,
                "usage": reply.usage.map { .text("\($0)") } ?? .null, "finish": .text(reply.finish.rawValue),
            ]
        } catch let error as GatewayError {
            output = ["error": .text(error.message)]
        }
        let difference = try Golden.difference(name, output)
        #expect(difference == nil)
    }

    @Test("a stream of Messages for a client of Chat Completions", arguments: Golden.names("chat-stream-"))
    func chatStream(_ name: String) throws {
        try checkStream(.chatCompletions, name)
    }

    @Test("a stream of Chat Completions for a client of Messages", arguments: Golden.names("messages-stream-"))
    func messagesStream(_ name: String) throws {
        try checkStream(.messages, name)
    }

    @Test("a stream of Messages for a client of Responses", arguments: Golden.names("responses-stream-"))
    func responsesStream(_ name: String) throws {
        try checkStream(.responses, name)
    }

    private func checkStream(_ client: ConversationAPI, _ name: String) throws {
        let input = try Golden.input(name)
        var run = try StreamRun(client, request: input["request"]?.compactText)
        var failure: GatewayError?
        do {
            for event in input["events"]?.array ?? [] {
                if event == "[DONE]" { try run.receive("[DONE]") } else { try run.receive(event) }
            }
            if run.outcome == .goesOn { try run.stream.end(into: &run.out) }
        } catch let error as GatewayError {
            failure = error
        }
        if case .fault(let fault) = run.outcome { failure = GatewayError(fault.kind.code, fault.message) }
        var output: JSONObject = [
            "events": .array(try run.events), "losses": run.stream.losses.tree,
            "usage": run.stream.usage.map { .text("\($0)") } ?? .null, "complete": .bool(run.stream.isComplete),
            "finish": run.stream.finish.map { .text($0.rawValue) } ?? .null,
        ]
        if let failure { output["error"] = .text(failure.message) }
        let difference = try Golden.difference(name, .object(output))
        #expect(difference == nil)
    }

    static func plain(_ client: ConversationAPI) -> JSONTree {
        switch client {
        case .messages: ["model": "m", "max_tokens": 9, "messages": [["role": "user", "content": "x"]]]
        case .chatCompletions: ["model": "m", "messages": [["role": "user", "content": "x"]]]
        case .responses: ["model": "m", "input": "x"]
        }
    }
}
