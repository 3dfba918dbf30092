import GatewayModel
import GatewayWire

/// Reads the events of a streamed Messages reply.
struct MessagesStreamDecoder {
    private enum Block { case text, toolCall, reasoning, redacted, foreign }

    static let blocksMax = 4096

    /// Blocks that have begun, by index.
    private var blocks: [Int: Block] = [:]
    private var usage: TokenUsage?
    private(set) var losses = TranslationLosses()

    mutating func receive(
        event: Span<UInt8>, _ data: Span<UInt8>, into events: inout [NeutralEvent]
    ) throws(GatewayError) {
        guard data.count > 0 else { return }
        let tree: JSONTree
        do { tree = try JSONTree.parse(data) } catch { throw MessagesReplyDecoder.malformed("an event is not JSON") }
        let type = tree["type"]?.string?.value ?? MessagesStreamDecoder.text(event)
        switch type {
        case "message_start":
            events.append(.start(id: tree["message"]?["id"]?.string))
            count(tree["message"]?["usage"], into: &events)
        case "content_block_start": try begin(tree, into: &events)
        case "content_block_delta": try delta(tree, into: &events)
        case "content_block_stop":
            let index = try index(tree)
            if let block = blocks[index], block != .foreign { events.append(.blockEnd(index)) }
        case "message_delta":
            count(tree["usage"], into: &events)
            guard let delta = tree["delta"], let word = delta["stop_reason"]?.string else { return }
            let finish = MessagesReplyDecoder.finish(word)
            if finish == .contentFilter, let text = delta["stop_details"]?["explanation"]?.string {
                events.append(.refusal(block: MessagesStreamDecoder.blocksMax, text))
            }
            events.append(.finish(finish, stopSequence: delta["stop_sequence"]?.string))
        case "message_stop": events.append(.end)
        case "error":
            events.append(.fault(ProviderError(errorValue: (tree["error"] ?? .null).bytes.span)))
        default: break
        }
    }

    private mutating func count(_ tree: JSONTree?, into events: inout [NeutralEvent]) {
        guard let tree, let read = MessagesUsage.read(tree, over: usage) else { return }
        usage = read
        events.append(.usage(read))
    }

    private func index(_ tree: JSONTree) throws(GatewayError) -> Int {
        guard let index = tree["index"]?.int, (0..<MessagesStreamDecoder.blocksMax).contains(index) else {
            throw MessagesReplyDecoder.malformed("an event of a block has no index")
        }
        return index
    }

    private mutating func begin(_ tree: JSONTree, into events: inout [NeutralEvent]) throws(GatewayError) {
        let index = try index(tree)
        guard let block = tree["content_block"], let type = block["type"]?.string, blocks[index] == nil else {
            throw MessagesReplyDecoder.malformed("a block begins without a type, or twice")
        }
        switch type.escaped {
        case "text":
            blocks[index] = .text
            if let text = block["text"]?.string, !text.isEmpty { events.append(.text(block: index, text)) }
        case "tool_use":
            guard let id = block["id"]?.string, let name = block["name"]?.string else {
                throw MessagesReplyDecoder.malformed("a tool_use block lacks id or name")
            }
            blocks[index] = .toolCall
            events.append(.toolCall(block: index, id: id, name: name))
            // Usually `{}`, and the input follows in deltas; some servers send it at once.
            if let input = block["input"]?.object, !input.isEmpty {
                events.append(.arguments(block: index, ToolArguments.text(input)))
            }
        case "thinking":
            blocks[index] = .reasoning
            if let text = block["thinking"]?.string, !text.isEmpty { events.append(.reasoning(block: index, text)) }
            if let signature = block["signature"]?.string, !signature.isEmpty {
                events.append(.signature(block: index, signature))
            }
        case "redacted_thinking":
            blocks[index] = .redacted
            if let data = block["data"]?.string { events.append(.redactedReasoning(block: index, data)) }
        default:
            blocks[index] = .foreign
            losses.add(Place.body.item("content", index), "work of the provider's own tools exists only in Messages")
        }
    }

    private mutating func delta(_ tree: JSONTree, into events: inout [NeutralEvent]) throws(GatewayError) {
        let index = try index(tree)
        guard let block = blocks[index], let delta = tree["delta"], let type = delta["type"]?.string else {
            throw MessagesReplyDecoder.malformed("a delta belongs to no block")
        }
        switch (type.escaped, block) {
        case (_, .foreign): break
        case ("text_delta", .text):
            if let text = delta["text"]?.string, !text.isEmpty { events.append(.text(block: index, text)) }
        case ("input_json_delta", .toolCall):
            if let text = delta["partial_json"]?.string, !text.isEmpty {
                events.append(.arguments(block: index, text))
            }
        case ("thinking_delta", .reasoning):
            if let text = delta["thinking"]?.string, !text.isEmpty {
                events.append(.reasoning(block: index, text))
            }
        case ("signature_delta", .reasoning):
            if let text = delta["signature"]?.string, !text.isEmpty {
                events.append(.signature(block: index, text))
            }
        case ("citations_delta", _):
            losses.add(
                Place.body.item("content", index).field("citations"), "Chat Completions has no such field")
        case ("text_delta", _), ("input_json_delta", _), ("thinking_delta", _), ("signature_delta", _):
            throw MessagesReplyDecoder.malformed("a delta does not fit its block")
        default: losses.add(Place.body.item("content", index), "a delta of an unknown kind")
        }
    }

    private static func text(_ bytes: Span<UInt8>) -> String {
        var copy: [UInt8] = []
        for index in 0..<min(bytes.count, 64) { copy.append(bytes[index]) }
        return String(decoding: copy, as: UTF8.self)
    }
}
