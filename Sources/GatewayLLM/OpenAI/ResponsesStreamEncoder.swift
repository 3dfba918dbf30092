import GatewayModel
import GatewayWire

/// Writes a streamed reply for a client of Responses, whose last event repeats all that was said; it is therefore kept,
/// up to a limit. Nothing is written before there is content, so that until then another provider can still be asked.
struct ResponsesStreamEncoder {
    private enum Kind: Equatable { case text, refusal, reasoning, call(id: JSONText, name: JSONText) }

    private struct Item {
        var kind: Kind
        var index: Int
        var text = ""
        var signature = ""
    }

    private let options: TranslationOptions
    private let names: ToolNameMap
    private var id: JSONText = "0"
    private var hasBegun = false
    private var sequence = 0
    /// Items that go on, by block.
    private var open: [Int: Item] = [:]
    /// Items that are whole, by their place in the output.
    private var output: [Int: JSONTree] = [:]
    private var itemCount = 0
    private var heldBytes = 0
    private var finish: FinishReason?
    private var usage: TokenUsage?

    init(_ options: TranslationOptions, _ names: ToolNameMap) {
        self.options = options
        self.names = names
    }

    mutating func receive(_ event: NeutralEvent, into out: inout [UInt8]) throws(GatewayError) {
        switch event {
        case .start(let id): if let id { self.id = id }
        case .text(let block, let text): try add(block, .text, text, into: &out)
        case .refusal(let block, let text): try add(block, .refusal, text, into: &out)
        case .reasoning(let block, let text): try add(block, .reasoning, text, into: &out)
        case .signature(let block, let text):
            if open[block] == nil { try add(block, .reasoning, .empty, into: &out) }
            try keep(text.byteCount)
            open[block]?.signature += text.escaped
        case .redactedReasoning(_, let data): redacted(data, into: &out)
        case .toolCall(let block, let id, let name):
            try add(block, .call(id: id, name: names.incoming(name)), .empty, into: &out)
        case .arguments(let block, let text):
            guard case .call(let id, let name)? = open[block]?.kind else { return }
            try add(block, .call(id: id, name: name), text, into: &out)
        case .blockEnd(let block): end(block, into: &out)
        case .finish(let reason, _): finish = reason
        case .usage(let usage): self.usage = usage
        case .end: end(into: &out)
        case .fault: break
        }
    }

    private mutating func keep(_ bytes: Int) throws(GatewayError) {
        heldBytes += bytes + 16
        guard heldBytes <= options.heldBytesMax else { throw StreamTranslator.holdsTooMuch }
    }

    // MARK: Items

    private mutating func add(
        _ block: Int, _ kind: Kind, _ text: JSONText, into out: inout [UInt8]
    ) throws(GatewayError) {
        if open[block] == nil {
            // Text and thinking end where something else begins; calls may go on side by side.
            for other in open.keys.sorted() {
                if case .call? = open[other]?.kind { continue }
                end(other, into: &out)
            }
            begin(into: &out)
            open[block] = Item(kind: kind, index: itemCount)
            itemCount += 1
            try keep(256)
            announce(block, into: &out)
        }
        guard !text.isEmpty, let item = open[block] else { return }
        try keep(text.byteCount)
        open[block]?.text += text.escaped
        var members = place(item)
        members["delta"] = .string(text)
        if case .text = kind { members["logprobs"] = [] }
        event(ResponsesStreamEncoder.deltaName(kind), members, into: &out)
    }

    private static func deltaName(_ kind: Kind) -> String {
        switch kind {
        case .text: "response.output_text.delta"
        case .refusal: "response.refusal.delta"
        case .reasoning: "response.reasoning_summary_text.delta"
        case .call: "response.function_call_arguments.delta"
        }
    }

    /// Where in the response an event belongs.
    private func place(_ item: Item) -> JSONObject {
        var members: JSONObject = ["item_id": itemID(item), "output_index": .integer(item.index)]
        switch item.kind {
        case .text, .refusal: members["content_index"] = 0
        case .reasoning: members["summary_index"] = 0
        case .call: break
        }
        return members
    }

    private func itemID(_ item: Item) -> JSONTree {
        switch item.kind {
        case .text, .refusal: ResponsesItems.itemID("msg_", id, item.index)
        case .reasoning: ResponsesItems.itemID("rs_", id, item.index)
        case .call: ResponsesItems.itemID("fc_", id, item.index)
        }
    }

    private mutating func announce(_ block: Int, into out: inout [UInt8]) {
        guard let item = open[block] else { return }
        let tree: JSONTree =
            switch item.kind {
            case .text, .refusal: ResponsesItems.message(itemID(item), [], status: "in_progress")
            case .reasoning: ResponsesItems.reasoning(itemID(item), nil, sealed: nil)
            case .call(let id, let name):
                ResponsesItems.call(itemID(item), callID: id, name: name, arguments: .empty, status: "in_progress")
            }
        event("response.output_item.added", ["output_index": .integer(item.index), "item": tree], into: &out)
        part(item, isDone: false, into: &out)
    }

    private mutating func part(_ item: Item, isDone: Bool, into out: inout [UInt8]) {
        let text = isDone ? JSONText(pieces: item.text) : .empty
        let suffix = isDone ? "done" : "added"
        let name: String
        let tree: JSONTree
        switch item.kind {
        case .text: (name, tree) = ("response.content_part.", ResponsesItems.text(text))
        case .refusal: (name, tree) = ("response.content_part.", ResponsesItems.refusal(text))
        case .reasoning:
            (name, tree) = ("response.reasoning_summary_part.", ["type": "summary_text", "text": .string(text)])
        case .call: return
        }
        var members = place(item)
        members["part"] = tree
        event(name + suffix, members, into: &out)
    }

    private mutating func end(_ block: Int, into out: inout [UInt8]) {
        guard var item = open.removeValue(forKey: block) else { return }
        if case .call = item.kind, item.text.isEmpty { item.text = "{}" }
        let text = JSONText(pieces: item.text)
        let whole: JSONTree
        let name: String
        let field: String
        switch item.kind {
        case .text:
            (name, field) = ("response.output_text.done", "text")
            whole = ResponsesItems.message(itemID(item), [ResponsesItems.text(text)], status: "completed")
        case .refusal:
            (name, field) = ("response.refusal.done", "refusal")
            whole = ResponsesItems.message(itemID(item), [ResponsesItems.refusal(text)], status: "completed")
        case .reasoning:
            (name, field) = ("response.reasoning_summary_text.done", "text")
            let sealed =
                item.signature.isEmpty ? nil : ResponsesItems.sealed(signature: JSONText(pieces: item.signature))
            whole = ResponsesItems.reasoning(itemID(item), text, sealed: sealed)
        case .call(let id, let callee):
            (name, field) = ("response.function_call_arguments.done", "arguments")
            whole = ResponsesItems.call(
                itemID(item), callID: id, name: callee, arguments: text, status: "completed")
        }
        var members = place(item)
        members[field] = .string(text)
        if case .text = item.kind { members["logprobs"] = [] }
        event(name, members, into: &out)
        part(item, isDone: true, into: &out)
        done(whole, item.index, into: &out)
    }

    private mutating func done(_ item: JSONTree, _ index: Int, into out: inout [UInt8]) {
        output[index] = item
        event("response.output_item.done", ["output_index": .integer(index), "item": item], into: &out)
    }

    private mutating func redacted(_ data: JSONText, into out: inout [UInt8]) {
        begin(into: &out)
        let index = itemCount
        itemCount += 1
        let id = ResponsesItems.itemID("rs_", id, index)
        let begun = ResponsesItems.reasoning(id, nil, sealed: nil)
        event("response.output_item.added", ["output_index": .integer(index), "item": begun], into: &out)
        done(ResponsesItems.reasoning(id, nil, sealed: ResponsesItems.sealed(redacted: data)), index, into: &out)
    }

    // MARK: The response

    private var items: [JSONTree] { output.sorted { $0.key < $1.key }.map(\.value) }

    private mutating func begin(into out: inout [UInt8]) {
        guard !hasBegun else { return }
        hasBegun = true
        let response = ResponsesItems.response(id, options, [], finish: nil, usage: nil)
        for name in ["response.created", "response.in_progress"] {
            event(name, ["response": response], into: &out)
        }
    }

    private mutating func end(into out: inout [UInt8]) {
        for block in open.keys.sorted() { end(block, into: &out) }
        begin(into: &out)
        let response = ResponsesItems.response(id, options, items, finish: finish ?? .end, usage: usage)
        let isWhole = response["status"] == "completed"
        event(isWhole ? "response.completed" : "response.incomplete", ["response": response], into: &out)
    }

    private mutating func event(_ name: String, _ members: JSONObject, into out: inout [UInt8]) {
        var object: JSONObject = ["type": .text(name), "sequence_number": .integer(sequence)]
        sequence += 1
        for member in members.members { object[member.name.escaped] = member.value }
        JSONWriter.append(literal: "event: ", to: &out)
        out.append(contentsOf: name.utf8)
        JSONWriter.append(literal: "\ndata: ", to: &out)
        object.write(to: &out)
        JSONWriter.append(literal: "\n\n", to: &out)
    }
}
