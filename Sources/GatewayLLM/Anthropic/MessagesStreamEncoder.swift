import GatewayModel
import GatewayWire

/// Writes a streamed reply for a client of Messages, whose blocks come strictly one after the other. Deltas of a block
/// that is not yet its turn are held; a block ends when another has something to say and this one can be whole: text
/// always, a tool call when its arguments are a whole object. Nothing is written before there is content, so that until
/// then another provider can still be asked.
struct MessagesStreamEncoder {
    private enum Kind: Equatable { case text, toolCall(id: JSONText, name: JSONText) }

    private struct Block {
        var key: Int
        var kind: Kind
        var held: [JSONText] = []
        var progress = ObjectProgress()
    }

    static let blocksMax = 4096

    private let options: TranslationOptions
    private let names: ToolNameMap
    private var id: JSONText = "msg_0"
    private var hasBegun = false
    /// The blocks not yet ended, in the order in which they began; the first is open.
    private var waiting: [Block] = []
    private var isOpen = false
    private var nextIndex = 0
    private var heldBytes = 0
    /// Tool calls that have ended.
    private var ended: Set<Int> = []
    private var finish: (reason: FinishReason, stopSequence: JSONText?)?
    private var usage: TokenUsage?
    private(set) var losses = TranslationLosses()

    init(_ options: TranslationOptions, _ names: ToolNameMap) {
        self.options = options
        self.names = names
    }

    mutating func receive(_ event: NeutralEvent, into out: inout [UInt8]) throws(GatewayError) {
        switch event {
        case .start(let id): if let id { self.id = id }
        case .text(let block, let text), .refusal(let block, let text): try add(block, .text, text, into: &out)
        case .reasoning:
            // Only a reader of Chat Completions gives these, and nobody signed them.
            losses.add(Place.body.field("reasoning_content"), MessagesReplyEncoder.unsigned, weight: .hint)
        case .signature, .redactedReasoning: break
        case .toolCall(let block, let id, let name): try add(block, .toolCall(id: id, name: name), nil, into: &out)
        case .arguments(let block, let text): try arguments(block, text, into: &out)
        case .blockEnd(let key): if waiting.first?.key == key { advance(into: &out) }
        case .finish(let reason, let sequence): finish = (reason, sequence)
        case .usage(let usage): self.usage = usage
        case .end: end(into: &out)
        case .fault: break
        }
    }

    // MARK: Blocks

    private mutating func add(
        _ key: Int, _ kind: Kind, _ text: JSONText?, into out: inout [UInt8]
    ) throws(GatewayError) {
        // Text goes on where it last was; after a tool call it is a block of its own.
        let isLast = waiting.last?.key == key
        if !isLast {
            guard nextIndex + waiting.count < MessagesStreamEncoder.blocksMax else {
                throw StreamTranslator.holdsTooMuch
            }
            waiting.append(Block(key: key, kind: kind))
        }
        if let text { try write(text, toBlockAt: waiting.count - 1, into: &out) }
        advanceWherePossible(into: &out)
    }

    private mutating func arguments(
        _ key: Int, _ text: JSONText, into out: inout [UInt8]
    ) throws(GatewayError) {
        guard let index = waiting.firstIndex(where: { $0.key == key }) else {
            // White space may still follow an object.
            if ended.contains(key), ObjectProgress.isBlank(text) { return }
            throw ChatReplyDecoder.malformed("a tool call goes on after its arguments were whole")
        }
        waiting[index].progress.add(text)
        try write(text, toBlockAt: index, into: &out)
        advanceWherePossible(into: &out)
    }

    private mutating func write(
        _ text: JSONText, toBlockAt index: Int, into out: inout [UInt8]
    ) throws(GatewayError) {
        guard index == 0 else {
            heldBytes += text.byteCount + 64
            guard heldBytes <= options.heldBytesMax else { throw StreamTranslator.holdsTooMuch }
            waiting[index].held.append(text)
            return
        }
        open(into: &out)
        delta(waiting[0].kind, text, into: &out)
    }

    /// Ends the open block as long as another waits and this one may be whole.
    private mutating func advanceWherePossible(into out: inout [UInt8]) {
        while let first = waiting.first {
            open(into: &out)
            guard waiting.count > 1 else { return }
            if case .toolCall = first.kind, !first.progress.isWhole { return }
            advance(into: &out)
        }
    }

    /// Ends the open block and opens the next with what was held for it.
    private mutating func advance(into out: inout [UInt8]) {
        guard let first = waiting.first else { return }
        open(into: &out)
        JSONWriter.append(literal: "event: content_block_stop\ndata: ", to: &out)
        event(["type": "content_block_stop", "index": .integer(nextIndex)], into: &out)
        nextIndex += 1
        isOpen = false
        if case .toolCall = first.kind { ended.insert(first.key) }
        waiting.removeFirst()
        guard !waiting.isEmpty else { return }
        open(into: &out)
        for text in waiting[0].held {
            heldBytes -= text.byteCount + 64
            delta(waiting[0].kind, text, into: &out)
        }
        waiting[0].held = []
    }

    private mutating func open(into out: inout [UInt8]) {
        guard !isOpen, let block = waiting.first else { return }
        begin(into: &out)
        isOpen = true
        let content: JSONTree =
            switch block.kind {
            case .text: ["type": "text", "text": ""]
            case .toolCall(let id, let name):
                ["type": "tool_use", "id": .string(id), "name": .string(names.incoming(name)), "input": [:]]
            }
        JSONWriter.append(literal: "event: content_block_start\ndata: ", to: &out)
        event(
            ["type": "content_block_start", "index": .integer(nextIndex), "content_block": content], into: &out)
    }

    private func delta(_ kind: Kind, _ text: JSONText, into out: inout [UInt8]) {
        JSONWriter.append(literal: "event: content_block_delta\ndata: ", to: &out)
        JSONWriter.append(literal: "{\"type\":\"content_block_delta\",\"index\":", to: &out)
        JSONWriter.append(Int64(nextIndex), to: &out)
        if case .toolCall = kind {
            JSONWriter.append(literal: ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":", to: &out)
        } else {
            JSONWriter.append(literal: ",\"delta\":{\"type\":\"text_delta\",\"text\":", to: &out)
        }
        text.write(to: &out)
        JSONWriter.append(literal: "}}\n\n", to: &out)
    }

    // MARK: The message

    private mutating func begin(into out: inout [UInt8]) {
        guard !hasBegun else { return }
        hasBegun = true
        var started = usage ?? .zero
        started.output = 0
        started.reasoning = 0
        JSONWriter.append(literal: "event: message_start\ndata: ", to: &out)
        event(
            [
                "type": "message_start",
                "message": [
                    "id": .string(id), "type": "message", "role": "assistant", "model": .text(options.clientModel),
                    "content": [], "stop_reason": .null, "stop_sequence": .null,
                    "usage": MessagesUsage.tree(started),
                ],
            ], into: &out)
    }

    private mutating func end(into out: inout [UInt8]) {
        while !waiting.isEmpty { advance(into: &out) }
        begin(into: &out)
        JSONWriter.append(literal: "event: message_delta\ndata: ", to: &out)
        event(
            [
                "type": "message_delta",
                "delta": [
                    "stop_reason": .text(MessagesReplyEncoder.word(finish?.reason ?? .end)),
                    "stop_sequence": finish?.stopSequence.map(JSONTree.string) ?? .null,
                ],
                "usage": MessagesUsage.tree(usage ?? .zero),
            ], into: &out)
        JSONWriter.append(literal: "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", to: &out)
    }

    private func event(_ tree: JSONObject, into out: inout [UInt8]) {
        tree.write(to: &out)
        JSONWriter.append(literal: "\n\n", to: &out)
    }
}
