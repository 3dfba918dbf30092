import Foundation
import GatewayModel
import GatewayWire
import Testing

@testable import GatewayLLM

@Suite("no input makes a translation trap")
struct TranslationMutationTests {
    /// Every golden input as a seed; `SLUICE_FUZZ_ITERATIONS` and `SLUICE_FUZZ_SEED` change how far this goes.
    static func setting(_ name: String, _ standard: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } ?? standard
    }

    static let values: [JSONTree] = [
        .null, true, 0, -1, "", "x", [], [:], .number(JSONNumber(.max)), [[]], ["type": "text"], "base64", "tool_use",
        ["text"], "tool", "assistant", "user", "thinking", "data:;base64,", "data:image/png;base64,",
    ]

    /// `tree` with one value somewhere replaced, removed, doubled or swapped.
    static func mutate(_ tree: JSONTree, _ random: inout RoundTripTests.Generator, depth: Int = 0) -> JSONTree {
        let stays = depth > 0 && Int.random(in: 0..<6, using: &random) == 0
        switch tree {
        case .array(var items) where !items.isEmpty && !stays:
            let index = Int.random(in: 0..<items.count, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: items.remove(at: index)
            case 1: items.insert(items[index], at: Int.random(in: 0...items.count, using: &random))
            case 2: items.swapAt(index, Int.random(in: 0..<items.count, using: &random))
            default: items[index] = mutate(items[index], &random, depth: depth + 1)
            }
            return .array(items)
        case .object(var object) where !object.isEmpty && !stays:
            guard let member = object.members.randomElement(using: &random) else { return tree }
            let name = member.name.value
            object[name] =
                Int.random(in: 0..<8, using: &random) == 0 ? nil : mutate(member.value, &random, depth: depth + 1)
            return .object(object)
        default: return values.randomElement(using: &random) ?? .null
        }
    }

    @Test("requests, replies and streams with mutated parts", arguments: ConversationAPI.allCases)
    func structure(_ client: ConversationAPI) throws {
        let prefix = client == .messages ? "messages-" : "chat-"
        let seeds = try Golden.names(prefix).map(Golden.input)
        #expect(seeds.count > 20)
        var random = RoundTripTests.Generator(state: TranslationMutationTests.setting("SLUICE_FUZZ_SEED", 20_261_125))
        var carried = 0
        for _ in 0..<TranslationMutationTests.setting("SLUICE_FUZZ_ITERATIONS", 3000) {
            var seed = seeds.randomElement(using: &random) ?? .null
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                seed = TranslationMutationTests.mutate(seed, &random)
            }
            if try run(seed, client) { carried += 1 }
        }
        #expect(carried > 0)
    }

    /// Whether anything came out; errors are fine, and what comes out is JSON.
    private func run(_ input: JSONTree, _ client: ConversationAPI) throws -> Bool {
        let translator = Golden.translator(client)
        if let tree = input["request"], input["events"] == nil {
            guard let translated = try? translator.request(tree) else { return false }
            _ = try JSONTree.parse(translated.body)
            return true
        }
        let request = try translator.request(GoldenTests.plain(client))
        if let reply = input["reply"] {
            guard let translated = try? translator.reply(reply.bytes.span, to: request) else { return false }
            _ = try JSONTree.parse(translated.body)
            return true
        }
        var stream = try StreamRun(client)
        do {
            for event in input["events"]?.array ?? [] {
                try stream.receive(event == "[DONE]" ? "[DONE]" : event.compactText)
            }
            try stream.stream.end(into: &stream.out)
        } catch is GatewayError {}
        _ = try stream.events
        return stream.stream.isComplete
    }

    @Test("bodies with mutated bytes", arguments: ConversationAPI.allCases)
    func bytes(_ client: ConversationAPI) throws {
        let seeds = try Golden.names(client == .messages ? "messages-request" : "chat-request").map {
            try Golden.input($0)["request"]?.bytes ?? []
        }
        let translator = Golden.translator(client)
        var random = RoundTripTests.Generator(state: TranslationMutationTests.setting("SLUICE_FUZZ_SEED", 7))
        for _ in 0..<TranslationMutationTests.setting("SLUICE_FUZZ_ITERATIONS", 3000) {
            var body = seeds.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) where !body.isEmpty {
                let index = Int.random(in: 0..<body.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: body[index] = UInt8.random(in: 0...255, using: &random)
                case 1: body.remove(at: index)
                default: body.insert(Array("{}[],:\"\\u0".utf8).randomElement(using: &random) ?? 0, at: index)
                }
            }
            if let translated = try? translator.request(body.span) { _ = try JSONTree.parse(translated.body) }
            _ = ProviderError(body: body.span, status: Int.random(in: 400..<600, using: &random))
        }
    }
}
