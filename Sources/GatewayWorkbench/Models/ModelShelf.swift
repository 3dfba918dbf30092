import Synchronization

/// What a provider keeps between calls: stored responses, files, batches; bounded, the oldest go first.
final class ModelShelf: Sendable {
    static let itemsMax = 10_000

    private struct Stored {
        var document: JSONDocument
        var events: [ModelEvent] = []
        var items: JSONDocument = []
        /// Bytes of text that the next response takes over.
        var bytes = 0
        var content: [UInt8] = []
    }

    private struct State {
        var things: [String: Stored] = [:]
        var order: [String] = []
    }

    private let state = Mutex(State())

    private func store(_ id: String, _ thing: Stored) {
        state.withLock { state in
            if state.things.updateValue(thing, forKey: id) == nil { state.order.append(id) }
            if state.order.count > Self.itemsMax {
                let first = state.order.removeFirst()
                state.things[first] = nil
            }
        }
    }

    // MARK: responses

    func keep(_ reply: ModelReply) {
        guard reply.call.body["store"] != false else { return }
        let id = "resp_\(reply.token)"
        let input = reply.call.body["input"] ?? []
        let items: [JSONDocument] =
            input.text.map { text in
                [["type": "message", "role": "user", "content": [["type": "input_text", "text": .string(text)]]]]
            } ?? input.items
        let numbered = items.enumerated().map { index, item in
            item.setting("id", item["id"] ?? "msg_\(reply.token)i\(index)").setting("type", item["type"] ?? "message")
        }
        let bytes = reply.call.inputBytes + reply.output.text.utf8.count
        store(
            id,
            Stored(
                document: reply.document, events: reply.events, items: .array(numbered.map(Self.partsOnly)),
                bytes: bytes))
    }

    /// Content that is plain text as the list of parts in which it is given back.
    private static func partsOnly(_ item: JSONDocument) -> JSONDocument {
        guard let text = item["content"]?.text else { return item }
        let type: JSONDocument = item["role"] == "assistant" ? "output_text" : "input_text"
        var part: JSONDocument = ["type": type, "text": .string(text)]
        if type == "output_text" { part.set("annotations", []) }
        return item.setting("content", [part])
    }

    func earlierBytes(_ id: String?) throws -> Int {
        guard let id else { return 0 }
        guard let bytes = state.withLock({ $0.things[id]?.bytes }) else {
            throw ModelCall.Rejection(
                "Previous response with id '\(id)' not found.", parameter: "previous_response_id",
                code: "previous_response_not_found")
        }
        return bytes
    }

    func inputItems(_ id: String) -> JSONDocument? { state.withLock { $0.things[id]?.items } }
    func events(_ id: String) -> [ModelEvent]? { state.withLock { $0.things[id]?.events } }

    // MARK: anything

    func put(_ id: String, _ document: JSONDocument, content: [UInt8] = []) {
        store(id, Stored(document: document, content: content))
    }

    func document(_ id: String) -> JSONDocument? { state.withLock { $0.things[id]?.document } }
    func content(_ id: String) -> [UInt8]? { state.withLock { $0.things[id]?.content } }

    /// Changes one member; the document as it then is.
    func change(_ id: String, _ name: String, _ value: JSONDocument) -> JSONDocument? {
        state.withLock { state in
            state.things[id]?.document.set(name, value)
            return state.things[id]?.document
        }
    }

    /// True if there was one.
    func remove(_ id: String) -> Bool {
        state.withLock { state in
            state.order.removeAll { $0 == id }
            return state.things.removeValue(forKey: id) != nil
        }
    }

    func documents(prefix: String) -> [JSONDocument] {
        state.withLock { state in
            state.order.filter { $0.hasPrefix(prefix) }.compactMap { state.things[$0]?.document }
        }
    }
}
