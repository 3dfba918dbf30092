import GatewayModel
import GatewayWire
import Testing

@testable import GatewayLLM

@Suite("a translated stream keeps the client's protocol whatever the provider does")
struct StreamTests {
    static let start =
        #"{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":3,"output_tokens":1}}}"#
    static let text = #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#
    static let delta = #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#

    @Test("before the first content nothing is written, so that another provider can be asked")
    func lifecycleIsHeld() throws {
        var chat = try StreamRun(.chatCompletions)
        for event in [StreamTests.start, #"{"type":"ping"}"#, StreamTests.text] { try chat.receive(event) }
        #expect(chat.out.isEmpty && !chat.stream.hasContent && chat.stream.usage?.input == 3)
        #expect(chat.stream.id == "msg_1")
        try chat.receive(#"{"type":"error","error":{"type":"overloaded_error","message":"later"}}"#)
        guard case .fault(let fault) = chat.outcome else {
            Issue.record("no fault")
            return
        }
        #expect(fault.kind == .overloaded && chat.out.isEmpty)

        var messages = try StreamRun(.messages)
        try messages.receive(#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#)
        #expect(messages.out.isEmpty && !messages.stream.hasContent)
        try messages.receive(#"{"id":"c","choices":[{"index":0,"delta":{"content":"x"}}]}"#)
        #expect(messages.stream.hasContent)
    }

    @Test("a stream cut off has no end: no [DONE] and no message_stop", arguments: ConversationAPI.allCases)
    func cutOff(_ client: ConversationAPI) throws {
        var run = try StreamRun(client)
        if client == .messages {
            try run.receive(#"{"choices":[{"index":0,"delta":{"content":"x"}}]}"#)
        } else {
            for event in [StreamTests.start, StreamTests.text, StreamTests.delta] { try run.receive(event) }
        }
        let error = #expect(throws: GatewayError.self) { try run.stream.end(into: &run.out) }
        #expect(error?.code == .upstreamReset)
        let text = String(decoding: run.out, as: UTF8.self)
        #expect(!text.contains("[DONE]") && !text.contains("message_stop") && !run.stream.isComplete)
    }

    @Test("events that are no events end in an error, not in a trap", arguments: ConversationAPI.allCases)
    func malformed(_ client: ConversationAPI) throws {
        let hostile = [
            "{", "[]", "null", "5", #""x""#, "{}", #"{"type":"content_block_delta","index":-1,"delta":{}}"#,
            #"{"type":"content_block_start","index":99999999999999999999,"content_block":{"type":"text"}}"#,
            #"{"type":"content_block_stop"}"#, #"{"type":"message_delta"}"#, #"{"type":"message_start"}"#,
            #"{"choices":{}}"#, #"{"choices":[]}"#, #"{"choices":[5]}"#, #"{"choices":[{"delta":5}]}"#,
            #"{"choices":[{"delta":{"tool_calls":[{"index":-5}]}}]}"#,
            #"{"choices":[{"delta":{"tool_calls":[{"index":1e9,"id":"a"}]}}]}"#,
            #"{"choices":[{"delta":{"tool_calls":[{}]},"finish_reason":"stop"}]}"#,
            #"{"usage":{"prompt_tokens":-1}}"#, #"{"usage":{"prompt_tokens":9223372036854775807}}"#,
            #"{"error":5}"#, #"{"error":{"message":5}}"#,
        ]
        for event in hostile {
            var run = try StreamRun(client)
            do {
                try run.receive(event)
                try run.stream.end(into: &run.out)
            } catch let error as GatewayError {
                #expect(error.code == .upstreamProtocolError || error.code == .upstreamReset, "\(event)")
            }
        }
    }

    @Test("arguments cut off on their way to null are no call without any", arguments: ["n", " nu", "nul"])
    func cutOffArguments(_ arguments: String) throws {
        var run = try StreamRun(.messages)
        let call: JSONTree = ["index": 0, "id": "a", "function": ["name": "now", "arguments": .text(arguments)]]
        try run.receive(["id": "c", "choices": [["index": 0, "delta": ["tool_calls": [call]]]]])
        try run.receive(#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#)
        try run.receive("[DONE]")
        try run.stream.end(into: &run.out)
        let text = String(decoding: run.out, as: UTF8.self)
        #expect(text.contains(#""partial_json":"\#(arguments)""#), "\(text)")
    }

    @Test("what is held back is bounded")
    func heldBytes() throws {
        var messages = try StreamRun(.messages)
        func call(_ index: Int, _ arguments: String) -> JSONTree {
            let function: JSONTree = ["name": .text("tool\(index)"), "arguments": .text(arguments)]
            return ["choices": [["delta": ["tool_calls": [["index": .integer(index), "function": function]]]]]]
        }
        let piece = String(repeating: "y", count: 100_000)
        try messages.receive(call(0, "{"))
        let error = #expect(throws: GatewayError.self) { for _ in 0..<100 { try messages.receive(call(1, piece)) } }
        #expect(error == StreamTranslator.holdsTooMuch)

        var chat = try StreamRun(.chatCompletions)
        try chat.receive(StreamTests.start)
        try chat.receive(["type": "content_block_start", "index": 0, "content_block": ["type": "thinking"]])
        let thought: JSONTree = [
            "type": "content_block_delta", "index": 0, "delta": ["type": "thinking_delta", "thinking": .text(piece)],
        ]
        let tooMuch = #expect(throws: GatewayError.self) { for _ in 0..<100 { try chat.receive(thought) } }
        #expect(tooMuch == StreamTranslator.holdsTooMuch)
    }

    @Test("every interleaving of two calls gives the same two blocks")
    func interleavings() throws {
        let pieces = [["{", "\"x\":\"}\"", "}"], ["{\"y\"", ":[1,{}]", "}"]]
        // Six places, three of them for the first call.
        for mask in 0..<64 where mask.nonzeroBitCount == 3 {
            var run = try StreamRun(.messages)
            var next = [0, 0]
            for place in 0..<6 {
                let call = mask >> place & 1 == 1 ? 0 : 1
                let piece = pieces[call][next[call]]
                let isFirst = next[call] == 0
                next[call] += 1
                var function: JSONObject = ["arguments": .text(piece)]
                var delta: JSONObject = ["index": .integer(call)]
                if isFirst {
                    function["name"] = .text("tool\(call)")
                    delta["id"] = .text("id\(call)")
                }
                delta["function"] = .object(function)
                try run.receive(["choices": [["index": 0, "delta": ["tool_calls": [.object(delta)]]]]])
            }
            try run.receive(#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#)
            try run.receive("[DONE]")
            #expect(run.stream.isComplete)
            #expect(
                try StreamTests.toolInputs(run.events) == [
                    "tool0": #"{"x":"}"}"#, "tool1": #"{"y":[1,{}]}"#,
                ])
        }
    }

    /// The arguments of each tool, collected as an Anthropic client does, checking that blocks never overlap.
    static func toolInputs(_ events: [JSONTree]) throws -> [String: String] {
        var inputs: [String: String] = [:]
        var open: (index: Int, name: String)?
        var nextIndex = 0
        for event in events {
            switch event["type"]?.string?.value {
            case "content_block_start":
                #expect(open == nil && event["index"]?.int == nextIndex)
                let name = event["content_block"]?["name"]?.string?.value ?? ""
                open = (nextIndex, name)
                inputs[name] = ""
                nextIndex += 1
            case "content_block_delta":
                let block = try #require(open)
                #expect(event["index"]?.int == block.index)
                inputs[block.name, default: ""] += event["delta"]?["partial_json"]?.string?.value ?? ""
            case "content_block_stop":
                #expect(event["index"]?.int == open?.index)
                open = nil
            default: break
            }
        }
        #expect(open == nil)
        return inputs
    }

    @Test("a tool's name comes back as the client knows it")
    func toolNames() throws {
        let name = "mcp__" + String(repeating: "server.", count: 20) + "tool"
        let request =
            ##"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"x"}],"##
            + ##""tools":[{"name":"\##(name)","input_schema":{"type":"object"}}]}"##
        var run = try StreamRun(.messages, request: request)
        let translated = try Golden.translator(.messages).request(Array(request.utf8).span)
        let sent = translated.toolNames.outgoing(JSONText(name))
        #expect(sent.byteCount == 64 && sent != JSONText(name))
        try run.receive([
            "choices": [["delta": ["tool_calls": [["index": 0, "id": "i", "function": ["name": .string(sent)]]]]]]
        ])
        #expect(String(decoding: run.out, as: UTF8.self).contains("\"name\":\"\(name)\""))
    }
}
