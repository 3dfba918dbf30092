import Synchronization

/// What a session holds: who the client is, its streams, the questions it has not answered, what it subscribed to.
/// Over stdio there is one for the process, whatever the era.
final class MCPSession: Sendable {
    private struct State {
        var revision: MCPRevision
        var clientInfo: JSONDocument = [:]
        var capabilities: JSONDocument = [:]
        var isInitialized = false
        var logLevel: String?
        var subscribed: Set<String> = []
        var streams: [String: MCPStream] = [:]
        var streamCount = 0
        var questions: [String: CheckedContinuation<JSONDocument, any Error>] = [:]
        var questionCount = 0
        var running: [JSONDocument: Task<Void, Never>] = [:]
        var listeners: [JSONDocument: MCPListener] = [:]
    }

    let id: String
    /// Where what belongs to no request goes, over stdio and with the old pair of endpoints.
    let common: MCPOutlet?
    private let state: Mutex<State>
    private static let streamsMax = 256

    init(id: String, revision: MCPRevision, common: MCPOutlet? = nil) {
        self.id = id
        self.common = common
        state = Mutex(State(revision: revision))
    }

    var revision: MCPRevision { state.withLock { $0.revision } }
    var capabilities: JSONDocument { state.withLock { $0.capabilities } }
    var isInitialized: Bool { state.withLock { $0.isInitialized } }

    var logLevel: String? {
        get { state.withLock { $0.logLevel } }
        set { state.withLock { $0.logLevel = newValue } }
    }

    func open(_ revision: MCPRevision, client: JSONDocument) {
        state.withLock { state in
            state.revision = revision
            state.clientInfo = client["clientInfo"] ?? [:]
            state.capabilities = client["capabilities"] ?? [:]
        }
    }

    func initialized() { state.withLock { $0.isInitialized = true } }

    // MARK: subscriptions

    func subscribe(_ uri: String, _ isOn: Bool) {
        state.withLock { state in
            if isOn { state.subscribed.insert(uri) } else { state.subscribed.remove(uri) }
        }
    }

    func isSubscribed(_ uri: String) -> Bool { state.withLock { $0.subscribed.contains(uri) } }

    func listen(_ id: JSONDocument, _ listener: MCPListener) { state.withLock { $0.listeners[id] = listener } }

    var listeners: [MCPListener] { state.withLock { Array($0.listeners.values) } }

    // MARK: streams

    /// A stream whose events can be had again.
    func stream(_ feed: MockFeed?, isCommon: Bool = false) -> MCPStream {
        state.withLock { state in
            state.streamCount += 1
            // The common stream keeps its name: it is found again without knowing one.
            let name = isCommon ? "common" : "r\(state.streamCount)"
            let stream = MCPStream(name: name, feed: feed)
            if state.streams.count >= Self.streamsMax {
                state.streams = state.streams.filter { $0.key == "common" || $0.value.hasReader }
            }
            state.streams[name] = stream
            return stream
        }
    }

    func stream(named name: String) -> MCPStream? { state.withLock { $0.streams[name] } }

    /// What belongs to no request; lost where nobody listens, as with most servers.
    func announce(_ message: JSONDocument) {
        if let common { return common.send(message) }
        state.withLock { $0.streams["common"] }?.send(message)
    }

    // MARK: questions

    /// Asks the client, on the stream of the request that needs to know.
    func ask(_ question: MCPQuestion, _ outlet: MCPOutlet) async throws -> JSONDocument {
        let id = state.withLock { state in
            state.questionCount += 1
            return "mock-\(state.questionCount)"
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                state.withLock { $0.questions[id] = continuation }
                if Task.isCancelled { return drop(id) }
                outlet.send(MCPMessage.request(.string(id), question.method, question.params))
            }
        } onCancel: {
            drop(id)
        }
    }

    private func drop(_ id: String) {
        state.withLock { $0.questions.removeValue(forKey: id) }?.resume(throwing: CancellationError())
    }

    /// False: it answers nothing that was asked.
    func answered(_ message: MCPMessage) -> Bool {
        guard let id = message.id?.text, let waiting = state.withLock({ $0.questions.removeValue(forKey: id) })
        else { return false }
        if let result = message.document["result"] {
            waiting.resume(returning: result)
        } else {
            let error = message.document["error"] ?? [:]
            waiting.resume(
                throwing: MCPError(error["code"]?.integer ?? -32603, error["message"]?.text ?? "", status: 200))
        }
        return true
    }

    // MARK: requests under way

    func started(_ id: JSONDocument, _ task: Task<Void, Never>) { state.withLock { $0.running[id] = task } }
    func finished(_ id: JSONDocument) { state.withLock { $0.running[id] = nil } }

    /// False: no such request is under way.
    func cancel(_ id: JSONDocument) -> Bool {
        let (task, listener) = state.withLock {
            ($0.running.removeValue(forKey: id), $0.listeners.removeValue(forKey: id))
        }
        task?.cancel()
        listener?.end()
        return task != nil || listener != nil
    }

    func end() {
        let (tasks, streams, questions) = state.withLock { state in
            defer { (state.running, state.streams, state.questions) = ([:], [:], [:]) }
            return (state.running, state.streams, state.questions)
        }
        for task in tasks.values { task.cancel() }
        for stream in streams.values { stream.end() }
        for question in questions.values { question.resume(throwing: CancellationError()) }
    }
}

/// One `subscriptions/listen`, or a session as a whole: who hears of changes.
struct MCPListener: Sendable {
    let id: JSONDocument
    let filter: JSONDocument
    let outlet: MCPOutlet

    func wants(_ change: MCPChange) -> Bool {
        switch change {
        case .tools: filter["toolsListChanged"] == true
        case .prompts: filter["promptsListChanged"] == true
        case .resources: filter["resourcesListChanged"] == true
        case .resource(let uri): (filter["resourceSubscriptions"]?.items ?? []).contains(.string(uri))
        }
    }

    func tell(_ change: MCPChange) {
        var params = change.params
        params.set("_meta", [MCPMeta.subscription: id])
        outlet.send(MCPMessage.notification(change.method, params))
    }

    func end() {
        outlet.send(MCPMessage.result(id, ["resultType": "complete", "_meta": [MCPMeta.subscription: id]]))
        outlet.end()
    }
}

/// What a server tells those who listen.
package enum MCPChange: Sendable, Hashable {
    case tools
    case prompts
    case resources
    case resource(String)

    var method: String {
        switch self {
        case .tools: "notifications/tools/list_changed"
        case .prompts: "notifications/prompts/list_changed"
        case .resources: "notifications/resources/list_changed"
        case .resource: "notifications/resources/updated"
        }
    }

    var params: JSONDocument {
        if case .resource(let uri) = self { return ["uri": .string(uri)] }
        return [:]
    }
}
