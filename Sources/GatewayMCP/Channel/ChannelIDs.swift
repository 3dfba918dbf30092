import GatewayWire

/// Who asked what on a channel that all requests share: ids, progress tokens and subscriptions are made unique on the
/// way out and are put back on the way in. `Asker` is told what comes for it. What the process asks goes out under an
/// id that nobody can guess: only who was asked can answer, and once.
struct ChannelIDs<Asker> {
    private struct Entry {
        var id: JSONTree
        var token: JSONTree?
        var asker: Asker
        /// A subscription: its notifications are found by its id.
        var isListening: Bool
    }

    /// What a line from the process is for.
    enum Arrival {
        /// The answer; nothing more comes for it.
        case answer(Asker, [UInt8])
        case notification(Asker, [UInt8])
        /// Of no request: for whoever holds the session.
        case common([UInt8])
        /// A request of the process, for whoever has one under way.
        case question(Asker?, [UInt8])
        /// A request of the process that is answered here, by this: nobody knows whom it is for, or it needs nobody.
        case reply([UInt8])
        /// It answers nothing, or is no message at all; or it is a notification of what is over.
        case none(isNotification: Bool)
    }

    private var entries: [Int: Entry] = [:]
    private var count = 0
    /// What the process has asked, by the ids that are told; its own ids beside them.
    private var questions: [String: (number: Int, id: JSONTree)] = [:]
    private var questionCount = 0
    /// The oldest are not waited for any more.
    static var questionsMax: Int { 1_000 }
    /// A longer id is none that a process needs, and would have to be remembered.
    private static var idBytesMax: Int { 256 }
    private static var nothing: [UInt8] { Array("{}".utf8) }
    private static var subscriptionKey: String { "io.modelcontextprotocol/subscriptionId" }

    var askers: [Asker] { entries.sorted { $0.key < $1.key }.map(\.value.asker) }
    var isEmpty: Bool { entries.isEmpty }

    /// A message on its way to the process, as the process is to see it; with the number to find its asker by, where
    /// it is a request. nil: it is no message. An empty line: there is nothing to send.
    mutating func outgoing(_ bytes: [UInt8], _ asker: Asker) -> (line: [UInt8], number: Int?)? {
        guard var message = (try? JSONTree.parse(bytes))?.object, let jsonrpc = message["jsonrpc"], jsonrpc == "2.0"
        else { return nil }
        guard let method = message["method"]?.string?.value else {
            guard let told = message["id"]?.string?.value, let asked = questions.removeValue(forKey: told) else {
                return ([], nil)
            }
            message["id"] = asked.id
            return (JSONTree.object(message).bytes, nil)
        }
        guard let id = message["id"], !id.isNull else {
            // The request that is called off is known by another id over there; one that is over is known by none.
            if method == "notifications/cancelled", var params = message["params"]?.object {
                guard let known = params["requestId"].flatMap({ id in entries.first { $0.value.id == id }?.key })
                else { return ([], nil) }
                params["requestId"] = .integer(known)
                message["params"] = .object(params)
            }
            return (JSONTree.object(message).bytes, nil)
        }
        count += 1
        var entry = Entry(id: id, token: nil, asker: asker, isListening: method == "subscriptions/listen")
        message["id"] = .integer(count)
        if var params = message["params"]?.object, var meta = params["_meta"]?.object, let token = meta["progressToken"]
        {
            entry.token = token
            meta["progressToken"] = .integer(count)
            params["_meta"] = .object(meta)
            message["params"] = .object(params)
        }
        entries[count] = entry
        return (JSONTree.object(message).bytes, count)
    }

    /// Takes out who asked by this number; nil where it has been answered.
    mutating func remove(_ number: Int) -> Asker? { entries.removeValue(forKey: number)?.asker }

    /// Nobody waits for it any more; what the process is to be told of that.
    mutating func cancel(_ number: Int) -> [UInt8]? {
        guard entries.removeValue(forKey: number) != nil else { return nil }
        let note: JSONTree = [
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": .integer(number)],
        ]
        return note.bytes
    }

    /// A line from the process. `isShared`: by callers who must not answer for each other.
    mutating func incoming(_ line: [UInt8], isShared: Bool = false) -> Arrival {
        guard var message = (try? JSONTree.parse(line))?.object, message["jsonrpc"] == "2.0" else {
            return .none(isNotification: false)
        }
        guard let method = message["method"]?.string?.value else {
            guard let number = message["id"]?.int, let entry = entries.removeValue(forKey: number) else {
                return .none(isNotification: false)
            }
            message["id"] = entry.id
            if entry.isListening { restoreSubscription(in: "result", &message, entry) }
            return .answer(entry.asker, JSONTree.object(message).bytes)
        }
        if let id = message["id"], !id.isNull {
            let idBytes = id.bytes
            guard idBytes.count <= Self.idBytesMax else { return .none(isNotification: false) }
            let asker: Asker?
            if isShared {
                if method == "ping" { return .reply(JSONRPCWriter.result(id: idBytes.span, Self.nothing.span)) }
                let waiting = entries.values.filter { !$0.isListening }
                guard waiting.count == 1 else { return .reply(Self.refusal(idBytes)) }
                asker = waiting[0].asker
            } else {
                asker = entries.max { $0.key < $1.key }?.value.asker
            }
            message["id"] = .text(told(id))
            return .question(asker, JSONTree.object(message).bytes)
        }
        if method == "notifications/cancelled", var params = message["params"]?.object, let id = params["requestId"] {
            // Whoever was asked knows the question by another id; an answer to it is none any more.
            guard let told = questions.first(where: { $0.value.id == id })?.key else {
                return .none(isNotification: true)
            }
            questions[told] = nil
            params["requestId"] = .text(told)
            message["params"] = .object(params)
            return .common(JSONTree.object(message).bytes)
        }
        if let number = message["params"]?["_meta"]?[Self.subscriptionKey]?.int, let entry = entries[number] {
            restoreSubscription(in: "params", &message, entry)
            return .notification(entry.asker, JSONTree.object(message).bytes)
        }
        if method == "notifications/progress", var params = message["params"]?.object {
            guard let number = params["progressToken"]?.int, let entry = entries[number], let token = entry.token
            else { return .none(isNotification: true) }
            params["progressToken"] = token
            message["params"] = .object(params)
            return .notification(entry.asker, JSONTree.object(message).bytes)
        }
        // A log line belongs to what is under way, where that is one.
        if method == "notifications/message", entries.count == 1, let entry = entries.first?.value {
            return .notification(entry.asker, line)
        }
        return .common(line)
    }

    private mutating func told(_ id: JSONTree) -> String {
        if questions.count >= Self.questionsMax,
            let oldest = questions.min(by: { $0.value.number < $1.value.number })?.key
        {
            questions[oldest] = nil
        }
        let told = SessionID.make()
        questionCount += 1
        questions[told] = (questionCount, id)
        return told
    }

    private static func refusal(_ id: [UInt8]) -> [UInt8] {
        JSONRPCWriter.error(
            id: id, code: JSONRPCCode.methodNotFound,
            message: "not one request alone is under way, and nobody knows whose question this is")
    }

    private func restoreSubscription(in member: String, _ message: inout JSONObject, _ entry: Entry) {
        guard var part = message[member]?.object, var meta = part["_meta"]?.object else { return }
        meta[Self.subscriptionKey] = entry.id
        part["_meta"] = .object(meta)
        message[member] = .object(part)
    }
}
