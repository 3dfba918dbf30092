import GatewayModel
import GatewayWire

/// Writes a streamed reply for a client of Chat Completions. Nothing is written before there is content, so that until
/// then another provider can still be asked; how it ended and what was used are written when the stream is whole.
struct ChatStreamEncoder {
    private struct Thinking {
        var text = ""
        var signature = ""
        var bytes = 0
    }

    private let options: TranslationOptions
    private let names: ToolNameMap
    private let includesUsage: Bool
    /// What every chunk begins with, made once the id is known.
    private var head: [UInt8] = []
    private var id: JSONText = "chatcmpl-0"
    private var hasBegun = false
    /// The index of each tool call, and whether any of its arguments were written.
    private var calls: [Int: (index: Int, hasArguments: Bool)] = [:]
    private var thinking: [Int: Thinking] = [:]
    private var thinkingBytes = 0
    private var thinkingCount = 0
    private var finish: FinishReason?
    private var usage: TokenUsage?

    init(_ options: TranslationOptions, _ names: ToolNameMap, includesUsage: Bool) {
        self.options = options
        self.names = names
        self.includesUsage = includesUsage
    }

    mutating func receive(_ event: NeutralEvent, into out: inout [UInt8]) throws(GatewayError) {
        switch event {
        case .start(let id): if let id { self.id = id }
        case .text(_, let text): delta("content", .string(text), into: &out)
        case .refusal(_, let text): delta("refusal", .string(text), into: &out)
        case .reasoning(let block, let text):
            delta("reasoning_content", .string(text), into: &out)
            try hold(block, text.byteCount) { $0.text += text.escaped }
        case .signature(let block, let signature):
            try hold(block, signature.byteCount) { $0.signature += signature.escaped }
        case .redactedReasoning(_, let data):
            thinkingBlock(["type": "redacted_thinking", "data": .string(data)], into: &out)
        case .toolCall(let block, let id, let name):
            let index = calls.count
            calls[block] = (index, false)
            call(
                [
                    "index": .integer(index), "id": .string(id), "type": "function",
                    "function": ["name": .string(names.incoming(name)), "arguments": ""],
                ], into: &out)
        case .arguments(let block, let text): arguments(block, text, into: &out)
        case .blockEnd(let block): end(block, into: &out)
        case .finish(let reason, _): finish = reason
        case .usage(let usage): self.usage = usage
        case .end: end(into: &out)
        case .fault: break
        }
    }

    // MARK: Blocks

    private mutating func arguments(_ block: Int, _ text: JSONText, into out: inout [UInt8]) {
        guard let known = calls[block] else { return }
        calls[block]?.hasArguments = true
        call(["index": .integer(known.index), "function": ["arguments": .string(text)]], into: &out)
    }

    private mutating func end(_ block: Int, into out: inout [UInt8]) {
        if let call = calls[block], !call.hasArguments { arguments(block, "{}", into: &out) }
        guard let held = thinking.removeValue(forKey: block) else { return }
        thinkingBytes -= held.bytes
        guard !held.signature.isEmpty else { return }
        thinkingBlock(
            [
                "type": "thinking", "thinking": .string(JSONText(pieces: held.text)),
                "signature": .string(JSONText(pieces: held.signature)),
            ], into: &out)
    }

    /// A block goes out whole, since a client joins pieces only where it knows the field.
    private mutating func hold(
        _ block: Int, _ bytes: Int, _ body: (inout Thinking) -> Void
    ) throws(GatewayError) {
        thinkingBytes += bytes
        guard thinkingBytes <= options.heldBytesMax else { throw StreamTranslator.holdsTooMuch }
        thinking[block, default: Thinking()].bytes += bytes
        body(&thinking[block, default: Thinking()])
    }

    private mutating func thinkingBlock(_ block: JSONObject, into out: inout [UInt8]) {
        var block = block
        // The SDK's accumulator joins a list's entries by index.
        block["index"] = .integer(thinkingCount)
        thinkingCount += 1
        delta("thinking_blocks", [.object(block)], into: &out)
    }

    private mutating func call(_ call: JSONTree, into out: inout [UInt8]) {
        delta("tool_calls", [call], into: &out)
    }

    // MARK: Chunks

    private mutating func end(into out: inout [UInt8]) {
        for block in calls.keys.sorted() { end(block, into: &out) }
        begin(into: &out)
        chunk([:], finish: .text(ChatReplyEncoder.word(finish ?? .end)), into: &out)
        if includesUsage, let usage {
            out += head
            JSONWriter.append(literal: "\"choices\":[],\"usage\":", to: &out)
            ChatUsage.tree(usage).write(to: &out)
            JSONWriter.append(literal: "}\n\n", to: &out)
        }
        JSONWriter.append(literal: "data: [DONE]\n\n", to: &out)
    }

    private mutating func begin(into out: inout [UInt8]) {
        guard !hasBegun else { return }
        hasBegun = true
        JSONWriter.append(literal: "data: {\"id\":", to: &head)
        id.write(to: &head)
        JSONWriter.append(literal: ",\"object\":\"chat.completion.chunk\",\"created\":", to: &head)
        JSONWriter.append(Int64(options.createdSeconds), to: &head)
        JSONWriter.append(literal: ",\"model\":", to: &head)
        JSONText(options.clientModel).write(to: &head)
        JSONWriter.append(literal: ",", to: &head)
        chunk(["role": "assistant", "content": ""], finish: .null, into: &out)
    }

    private mutating func delta(_ name: String, _ value: JSONTree, into out: inout [UInt8]) {
        begin(into: &out)
        chunk([name: value], finish: .null, into: &out)
    }

    private func chunk(_ delta: JSONObject, finish: JSONTree, into out: inout [UInt8]) {
        out += head
        JSONWriter.append(literal: "\"choices\":[{\"index\":0,\"delta\":", to: &out)
        delta.write(to: &out)
        JSONWriter.append(literal: ",\"logprobs\":null,\"finish_reason\":", to: &out)
        finish.write(to: &out)
        JSONWriter.append(literal: "}]", to: &out)
        if includesUsage { JSONWriter.append(literal: ",\"usage\":null", to: &out) }
        JSONWriter.append(literal: "}\n\n", to: &out)
    }
}
