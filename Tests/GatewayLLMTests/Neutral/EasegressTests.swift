import GatewayModel
import GatewayWire
import Testing

@testable import GatewayLLM

@Suite("defects seen in another gateway's translation stay out of this one")
struct EasegressTests {
    private func sent(_ request: JSONTree) throws -> JSONTree {
        try JSONTree.parse(try Golden.translator(.messages).request(request).body)
    }

    private let plain: JSONObject = [
        "model": "m", "max_tokens": 50, "messages": [["role": "user", "content": "x"]],
    ]

    @Test("a stream asked for is a stream, and arrives piece by piece")
    func streams() throws {
        var request = plain
        request["stream"] = true
        #expect(try sent(.object(request))["stream"] == true)
        var run = try StreamRun(.messages)
        var before = 0
        for index in 0..<5 {
            try run.receive(["choices": [["delta": ["content": .text("piece \(index)")]]]])
            #expect(run.out.count > before)
            before = run.out.count
        }
    }

    @Test("temperature, the limit on output and the choice of tool are the client's")
    func settings() throws {
        var request = plain
        request["temperature"] = .number(try #require(try JSONTree.parse(Array("0.70".utf8)).number))
        request["tools"] = [["name": "a", "input_schema": ["type": "object"]]]
        request["tool_choice"] = ["type": "any"]
        let body = try sent(.object(request))
        #expect(body["temperature"]?.number?.text == "0.70")
        #expect(body["max_completion_tokens"] == 50)
        #expect(body["tool_choice"] == "required")
        #expect(try sent(.object(plain))["temperature"] == nil, "and are not made up")
    }

    @Test("usage is asked for in every stream, and read in the provider's own shape")
    func usage() throws {
        var request = plain
        request["stream"] = true
        #expect(try sent(.object(request))["stream_options"] == ["include_usage": true])
        var run = try StreamRun(.chatCompletions)
        try run.receive(StreamTests.start)
        try run.receive(#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":8}}"#)
        try run.receive(#"{"type":"message_stop"}"#)
        #expect(run.stream.usage?.input == 3 && run.stream.usage?.output == 8)
        #expect(!String(decoding: run.out, as: UTF8.self).contains("usage"), "but not shown to who did not ask")
    }

    @Test("the reply's model is the name the client knows, the request's is the provider's")
    func modelNames() throws {
        let translator = Golden.translator(.messages)
        let request = try translator.request(.object(plain))
        let reply = #"{"id":"1","model":"gpt-5-mini-2025-08-07","choices":[{"message":{"content":"x"}}]}"#
        let answer = try JSONTree.parse(try translator.reply(Array(reply.utf8).span, to: request).body)
        #expect(answer["model"] == "fast")
        #expect(try JSONTree.parse(request.body)["model"] == "gpt-5-mini")
    }

    @Test("a client's mistake is 400 and names the place; it is not 500 with the raw text of an error")
    func mistakes() throws {
        let error = #expect(throws: GatewayError.self) {
            try Golden.translator(.messages).request(["model": "m", "max_tokens": "5", "messages": []])
        }
        #expect(error?.code.httpStatus == 400 && error?.message == "messages is empty")
        let mistyped = #expect(throws: GatewayError.self) {
            try Golden.translator(.messages).request([
                "model": "m", "max_tokens": "5", "messages": [["role": "user", "content": "x"]],
            ])
        }
        #expect(mistyped?.message == "max_tokens must be a whole number, found a string")
    }
}
