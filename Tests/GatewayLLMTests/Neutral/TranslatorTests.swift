import GatewayModel
import GatewayWire
import Testing

@testable import GatewayLLM

@Suite("a translator says what it cannot carry, and speaks the client's language in errors too")
struct TranslatorTests {
    // MARK: Losses

    @Test("the header names each lost field once, is bounded, and holds nothing a header may not")
    func lossHeader() throws {
        var request = try #require(GoldenTests.plain(.chatCompletions).object)
        request["seed"] = 1
        request["logit_bias"] = ["1": 2]
        request["bad,\r\nname \u{7F}é"] = 1
        request["messages"] = [
            ["role": "user", "name": "a", "content": "x"], ["role": "user", "name": "b", "content": "y"],
        ]
        let losses = try Golden.translator(.chatCompletions).request(.object(request)).losses
        #expect(losses.header == "messages[].name,seed,logit_bias,bad???name????")
        #expect(losses.lines.contains("messages[0].name: exists only in Chat Completions (2 times)"))

        for index in 0..<200 { request["field_\(index)"] = 1 }
        let many = try Golden.translator(.chatCompletions).request(.object(request)).losses
        let header = try #require(many.header)
        #expect(header.utf8.count <= TranslationLosses.headerBytesMax && header.hasSuffix(",..."))
        #expect(many.all.count == TranslationLosses.lossesMax && many.unlistedCount > 100)
        #expect(TranslationLosses().header == nil)
    }

    @Test("strict refuses what changes the answer, and lets markers of caches pass")
    func strict() throws {
        var translator = Golden.translator(.messages)
        translator.options.isStrict = true
        let cached: JSONTree = [
            "model": "m", "max_tokens": 9,
            "messages": [
                [
                    "role": "user",
                    "content": [["type": "text", "text": "x", "cache_control": ["type": "ephemeral"]]],
                ]
            ],
        ]
        #expect(try translator.request(cached).losses.header == "messages[].content[].cache_control")
        var odd = try #require(cached.object)
        odd["top_k"] = 5
        let error = #expect(throws: GatewayError.self) { try translator.request(.object(odd)) }
        #expect(error?.code == .untranslatable && error?.message.hasSuffix("top_k") == true)
    }

    @Test("fields the target's model refuses are left out and listed")
    func refusedFields() throws {
        var translator = Golden.translator(.messages)
        translator.options.refusedFields = ["reasoning_effort", "temperature"]
        translator.options.usesLegacyTokenLimit = true
        let translated = try translator.request([
            "model": "m", "max_tokens": 9, "temperature": 0, "output_config": ["effort": "low"],
            "messages": [["role": "user", "content": "x"]],
        ])
        #expect(
            String(decoding: translated.body, as: UTF8.self)
                == #"{"model":"gpt-5-mini","messages":[{"role":"user","content":"x"}],"max_tokens":9}"#)
        #expect(translated.losses.header == "reasoning_effort,temperature")
        #expect(translated.outputTokensMax == 9)
    }

    // MARK: Bodies that are no requests

    @Test(
        arguments: [
            (#"{"model":"a","model":"b"}"#, "a name occurs twice: model"), ("{\"a\":", "it ends early"),
            ("{} {}", "something follows it"), ("{'a':1}", "a mistake in its syntax"),
            (String(repeating: "[", count: 200), "it is nested deeper than 128 levels"),
        ])
    func unreadable(_ body: String, _ reason: String) {
        for client in ConversationAPI.allCases {
            let error = #expect(throws: GatewayError.self) {
                try Golden.translator(client).request(Array(body.utf8).span)
            }
            #expect(error?.code == .malformedRequest && error?.message.hasSuffix(reason) == true)
        }
        let error = #expect(throws: GatewayError.self) {
            try Golden.translator(.messages).request([0x22, 0xFF, 0x22].span)
        }
        #expect(error?.message.hasSuffix("it is not UTF-8") == true)
    }

    @Test("no error repeats what was said")
    func noPromptInErrors() throws {
        let secret = "tell nobody this"
        let bodies: [JSONTree] = [
            ["messages": [["role": "user", "content": ["text": .text(secret)]]]],
            ["messages": [["role": "user", "content": [["type": "text", "text": [.text(secret)]]]]]],
            ["messages": [["role": "user", "content": [["type": "image_url", "image_url": ["url": .text(secret)]]]]]],
            ["messages": .text(secret)], ["messages": [.text(secret)]],
        ]
        for body in bodies {
            let error = #expect(throws: GatewayError.self) { try Golden.translator(.chatCompletions).request(body) }
            #expect(error?.description.contains("nobody") == false)
        }
    }

    @Test("a reply that is no reply is the provider's fault")
    func badReply() throws {
        for client in ConversationAPI.allCases {
            let translator = Golden.translator(client)
            let request = try translator.request(GoldenTests.plain(client))
            for body in ["", "null", "[]", "{}", "{\"content\":5,\"choices\":5}", "\u{FEFF}{}"] {
                let error = #expect(throws: GatewayError.self) {
                    try translator.reply(Array(body.utf8).span, to: request)
                }
                #expect(error?.code == .upstreamProtocolError)
            }
        }
    }

    // MARK: Lists and counts

    @Test("models are listed in either shape, Anthropic's by pages")
    func models() throws {
        let list = ModelListing(
            (1...5).map { .init(id: "m\($0)", displayName: "Model \($0)", createdSeconds: 951_782_400 + $0) })
        let openAI = try JSONTree.parse(list.body(for: .chatCompletions))
        #expect(openAI["object"] == "list" && openAI["data"]?.array?.count == 5)
        #expect(
            openAI["data"]?.array?.first
                == ["id": "m1", "object": "model", "created": 951_782_401, "owned_by": "sluice"])
        func page(_ page: ModelListing.Page) throws -> (ids: [String], hasMore: Bool?) {
            let tree = try JSONTree.parse(list.body(for: .messages, page: page))
            let ids = (tree["data"]?.array ?? []).compactMap { $0["id"]?.string?.value }
            #expect(tree["first_id"]?.string?.value == ids.first && tree["last_id"]?.string?.value == ids.last)
            return (ids, tree["has_more"]?.bool)
        }
        #expect(try page(.init()) == (["m1", "m2", "m3", "m4", "m5"], false))
        #expect(try page(.init(limit: 2)) == (["m1", "m2"], true))
        #expect(try page(.init(afterID: "m2", limit: 2)) == (["m3", "m4"], true))
        #expect(try page(.init(afterID: "m4", limit: 2)) == (["m5"], false))
        #expect(try page(.init(beforeID: "m4", limit: 2)) == (["m2", "m3"], true))
        #expect(try page(.init(afterID: "m5")) == ([], false))
        let one = try JSONTree.parse(try #require(list.body(of: "m2", for: .messages)))
        #expect(one["created_at"] == "2000-02-29T00:00:02Z" && one["display_name"] == "Model 2")
        #expect(list.body(of: "m9", for: .messages) == nil)
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (1_764_028_799, "2025-11-24T23:59:59Z"), (-1, "1969-12-31T23:59:59Z"),
    ])
    func timestamps(_ seconds: Int, _ text: String) {
        #expect(ModelListing.timestamp(seconds) == text)
    }

    // MARK: Names of models

    @Test(
        arguments: [
            ("claude-sonnet-4-5-20250929", .budget, false, false), ("claude-3-5-sonnet-20241022", .none, true, false),
            ("claude-3-7-sonnet-latest", .budget, true, false), ("claude-opus-4-20250514", .budget, true, false),
            ("claude-opus-4-6", .adaptive, false, false), ("claude-opus-4-7", .adaptive, false, true),
            ("claude-opus-4-8-20260528", .adaptive, false, true), ("claude-sonnet-5", .adaptive, false, true),
            ("claude-mythos-preview", .adaptive, false, true), ("my-model", .budget, true, false),
            ("anthropic.claude-haiku-4-5-20251001-v1:0", .budget, false, false),
            ("claude-sonnet-4@20250514", .budget, true, false), ("claude-2.1", .none, true, false),
        ] as [(String, TranslationOptions.Reasoning, Bool, Bool)])
    func claude(_ name: String, _ reasoning: TranslationOptions.Reasoning, _ both: Bool, _ refuses: Bool) {
        let options = TranslationOptions(providerModel: name, clientModel: "m", createdSeconds: 0)
        #expect(options.reasoning == reasoning)
        #expect(options.takesBothSamplings == both)
        #expect(options.refusedFields.contains("temperature") == refuses)
    }
}
