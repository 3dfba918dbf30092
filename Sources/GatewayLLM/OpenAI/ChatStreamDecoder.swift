import GatewayModel
import GatewayWire

/// Reads the events of a streamed Chat Completions reply. Tool calls are told apart by their index, which may come in
/// any order; what of a call comes before its name waits for it.
struct ChatStreamDecoder {
    private struct Call {
        var id: JSONText?
        var name: JSONText?
        /// Of the arguments, what came before the name, or may come to none.
        var held: JSONText = .empty
        var isStarted = false
        /// What follows belongs to an object.
        var hasArguments = false
    }

    static let textBlock = 0
    static let reasoningBlock = 1
    static let refusalBlock = 2
    static let firstCallBlock = 3
    static let callsMax = 1024
    /// What may come of a call's arguments before its name.
    static let namelessBytesMax = 65_536
    /// No server writes more white space around nothing.
    private static let noneBytesMax = 64

    private var isStarted = false
    /// A choice has come.
    private var hasAnswer = false
    private var id: JSONText?
    private var calls: [Int: Call] = [:]
    private var callIDs = CallIDs()
    private var lastIndex: Int?
    private var hasRefusal = false

    mutating func receive(
        _ data: Span<UInt8>, into events: inout [NeutralEvent]
    ) throws(GatewayError) {
        if ChatStreamDecoder.isDone(data) {
            // The end of nothing is no answer.
            if hasAnswer { events.append(.end) }
            return
        }
        let tree: JSONTree
        do { tree = try JSONTree.parse(data) } catch { throw ChatReplyDecoder.malformed("an event is not JSON") }
        // Some servers write an empty text for none.
        if let error = tree["error"], !error.isNull, error.string?.isEmpty != true {
            events.append(.fault(ProviderError(errorValue: error.bytes.span)))
            return
        }
        if !isStarted {
            isStarted = true
            id = tree["id"]?.string
            events.append(.start(id: id))
        }
        hasAnswer = hasAnswer || tree["choices"]?.array?.isEmpty == false
        if let choice = tree["choices"]?.array?.first(where: { ($0["index"]?.int ?? 0) == 0 }) {
            if let delta = choice["delta"] { try self.delta(delta, into: &events) }
            if let word = choice["finish_reason"]?.string { try finish(word, into: &events) }
        }
        if let usage = tree["usage"].flatMap(ChatUsage.read) { events.append(.usage(usage)) }
    }

    private mutating func delta(_ delta: JSONTree, into events: inout [NeutralEvent]) throws(GatewayError) {
        if let text = (delta["reasoning_content"] ?? delta["reasoning"])?.string, !text.isEmpty {
            events.append(.reasoning(block: ChatStreamDecoder.reasoningBlock, text))
        }
        if let text = delta["content"]?.string, !text.isEmpty {
            events.append(.text(block: ChatStreamDecoder.textBlock, text))
        }
        if let text = delta["refusal"]?.string, !text.isEmpty {
            hasRefusal = true
            events.append(.refusal(block: ChatStreamDecoder.refusalBlock, text))
        }
        for call in delta["tool_calls"]?.array ?? [] { try self.call(call, into: &events) }
    }

    // MARK: Tool calls

    private mutating func call(_ tree: JSONTree, into events: inout [NeutralEvent]) throws(GatewayError) {
        let index = try index(of: tree)
        lastIndex = index
        let block = ChatStreamDecoder.firstCallBlock + index
        var call = calls[index] ?? Call()
        // Some servers repeat both in every delta; the first ones count.
        if call.id == nil, let id = tree["id"]?.string, !id.isEmpty { call.id = id }
        if call.name == nil, let name = tree["function"]?["name"]?.string, !name.isEmpty { call.name = name }
        var arguments = tree["function"]?["arguments"]?.string ?? .empty
        if let name = call.name, !call.isStarted {
            call.isStarted = true
            let callID = callIDs.take(call.id, index: index, reply: id)
            events.append(.toolCall(block: block, id: callID, name: name))
            arguments = call.held + arguments
            call.held = .empty
        }
        if call.isStarted {
            pass(arguments, of: &call, block, into: &events)
        } else {
            call.held = call.held + arguments
            guard call.held.byteCount <= ChatStreamDecoder.namelessBytesMax else {
                throw ChatReplyDecoder.malformed("the arguments of a tool call come without its name")
            }
        }
        calls[index] = call
    }

    /// What may come to no arguments is held: `null` is written by servers, and is no object.
    private func pass(
        _ arguments: JSONText, of call: inout Call, _ block: Int, into events: inout [NeutralEvent]
    ) {
        var arguments = arguments
        if !call.hasArguments {
            arguments = call.held + arguments
            call.held = .empty
            if arguments.byteCount <= ChatStreamDecoder.noneBytesMax, ToolArguments.mayBecomeNone(arguments) {
                call.held = arguments
                return
            }
            call.hasArguments = true
        }
        if !arguments.isEmpty { events.append(.arguments(block: block, arguments)) }
    }

    /// Servers that give no index begin a call with its id.
    private func index(of tree: JSONTree) throws(GatewayError) -> Int {
        if let index = tree["index"]?.int {
            guard (0..<ChatStreamDecoder.callsMax).contains(index) else {
                throw ChatReplyDecoder.malformed("a tool call's index is out of range: \(index)")
            }
            return index
        }
        if let id = tree["id"]?.string, !id.isEmpty {
            if let known = calls.first(where: { $0.value.id == id }) { return known.key }
            guard calls.count < ChatStreamDecoder.callsMax else {
                throw ChatReplyDecoder.malformed("there are too many tool calls")
            }
            return (calls.keys.max() ?? -1) + 1
        }
        return lastIndex ?? 0
    }

    private mutating func finish(_ word: JSONText, into events: inout [NeutralEvent]) throws(GatewayError) {
        guard calls.values.allSatisfy(\.isStarted) else { throw ChatReplyDecoder.malformed("a tool call has no name") }
        // What was cut off on its way to `null` is no call without arguments.
        for (index, call) in calls.sorted(by: { $0.key < $1.key }) where !ToolArguments.isNone(call.held) {
            events.append(.arguments(block: ChatStreamDecoder.firstCallBlock + index, call.held))
            calls[index]?.held = .empty
        }
        let finish = ChatReplyDecoder.finish(word, hasCalls: !calls.isEmpty, isRefusal: hasRefusal)
        events.append(.finish(finish, stopSequence: nil))
    }

    private static func isDone(_ data: Span<UInt8>) -> Bool {
        let done: [UInt8] = [0x5B, 0x44, 0x4F, 0x4E, 0x45, 0x5D]
        guard data.count >= done.count else { return false }
        for index in done.indices where data[index] != done[index] { return false }
        return true
    }
}
