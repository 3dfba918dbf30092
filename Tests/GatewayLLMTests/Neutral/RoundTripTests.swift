import GatewayModel
import GatewayWire
import Testing

@testable import GatewayLLM

@Suite("there and back again loses nothing both APIs can say")
struct RoundTripTests {
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }

    static let words = ["Hello", "é𝄞", "\"quoted\"", "back\\slash", "line\nbreak", "{\"a\":1}", "\u{0}", "  spaces "]

    /// A conversation of Chat Completions in the form in which translation gives it back.
    static func conversation(_ random: inout Generator) -> JSONTree {
        func text() -> JSONTree { .text(words.randomElement(using: &random) ?? "") }
        var messages: [JSONTree] = [["role": "system", "content": text()]]
        for turn in 0..<Int.random(in: 1...4, using: &random) {
            let image: JSONTree = [
                "type": "image_url", "image_url": ["url": .text("data:image/png;base64,AAA\(turn)=")],
            ]
            let isPlain = Bool.random(using: &random)
            let parts: JSONTree = [["type": "text", "text": text()], image]
            messages.append(["role": "user", "content": isPlain ? text() : parts])
            var assistant: JSONObject = ["role": "assistant"]
            let count = Int.random(in: 0...3, using: &random)
            assistant["content"] = count > 0 && Bool.random(using: &random) ? .null : text()
            let ids = (0..<count).map { JSONTree.text("call_\(turn)_\($0)") }
            if count > 0 {
                assistant["tool_calls"] = .array(
                    ids.map { id -> JSONTree in
                        let arguments: JSONTree = ["n": .integer(turn), "t": text(), "list": [1, [], [:]]]
                        return [
                            "id": id, "type": "function",
                            "function": ["name": .text("tool_\(turn)"), "arguments": .text(arguments.compactText)],
                        ]
                    })
            }
            messages.append(.object(assistant))
            for id in ids { messages.append(["role": "tool", "tool_call_id": id, "content": text()]) }
        }
        messages.append(["role": "user", "content": text()])
        return [
            "model": "claude-sonnet-4-5", "messages": .array(messages), "max_completion_tokens": 100,
            "tools": [
                [
                    "type": "function",
                    "function": ["name": "tool_0", "parameters": ["type": "object", "properties": [:]]],
                ]
            ],
        ]
    }

    @Test("Chat Completions to Messages and back", arguments: 0..<200)
    func chat(_ seed: Int) throws {
        var random = Generator(state: UInt64(seed))
        let request = RoundTripTests.conversation(&random)
        let there = try Golden.translator(.chatCompletions).request(request)
        #expect(there.losses.isEmpty)
        var back = Golden.translator(.messages, model: "claude-sonnet-4-5")
        back.options.isStrict = true
        let again = try back.request(there.body.span)
        // A turn of one user right after tool results is one turn in between; everything else is as it was.
        #expect(try JSONTree.parse(again.body) == request, "\(request.compactText)")
    }

    @Test("thinking comes back byte for byte, whole or streamed")
    func thinking() throws {
        let block: JSONTree = .object(
            try #require(
                try JSONTree.parse(
                    Array(#"{"type":"thinking","thinking":"a\u00e9\/\ud800 b","signature":"Eq\/+=="}"#.utf8)
                ).object))
        let translator = Golden.translator(.chatCompletions)
        let plain = try translator.request(GoldenTests.plain(.chatCompletions))
        let reply: JSONTree = [
            "id": "m", "content": [block, ["type": "text", "text": "x"]], "stop_reason": "end_turn",
        ]
        let answered = try JSONTree.parse(try translator.reply(reply.bytes.span, to: plain).body)
        let message = try #require(answered["choices"]?.array?.first?["message"])
        let next = try translator.request([
            "model": "m", "messages": [["role": "user", "content": "x"], message, ["role": "user", "content": "y"]],
        ])
        let sent = String(decoding: next.body, as: UTF8.self)
        #expect(sent.contains(#""thinking":"a\u00e9\/\ud800 b","signature":"Eq\/+==""#))

        var run = try StreamRun(.chatCompletions)
        try run.receive(#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#)
        for piece in [#"a\u00e9"#, #"\/\ud800 b"#] {
            try run.receive(
                #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\#(piece)"}}"#)
        }
        try run.receive(
            #"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"Eq\/+=="}}"#)
        try run.receive(#"{"type":"content_block_stop","index":0}"#)
        #expect(
            String(decoding: run.out, as: UTF8.self)
                .contains(#""thinking":"a\u00e9\/\ud800 b","signature":"Eq\/+==""#))
    }

    @Test("tool names of any kind map one to one and back")
    func toolNames() {
        let long = String(repeating: "n", count: 80)
        let names = ["ok", "with.dot", "with dot", "with:dot", long, long + "2", "é", "", "ok_0000000000000000"]
            .map { JSONText($0) }
        let map = ToolNameMap(names, lengthMax: 64)
        let sent = names.map(map.outgoing)
        #expect(Set(sent).count == names.count)
        #expect(sent.allSatisfy { ToolNameMap.fits($0, 64) })
        #expect(sent.map(map.incoming) == names)
        #expect(ToolNameMap(names, lengthMax: 64).outgoing(names[1]) == sent[1], "the same in every request")
    }
}
