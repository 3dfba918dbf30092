import GatewayWire
import Synchronization

/// What a task's id tells the gateway: whose it is, at which server, and of which tool, so that nobody else reads it
/// and what comes of it is judged like a direct result. Clients carry it sealed; servers see their own id alone.
struct TaskHandle: Equatable {
    /// The caller it was made for (`Principal.callerKey`).
    var owner: String
    var server: String
    /// By the server's own name.
    var tool: String
    /// The server's id.
    var own: String
    /// Of the revision where requests stand for themselves.
    var isStateless: Bool

    static let ownBytesMax = 1_024

    func sealed(_ seal: Seal) -> String? {
        let parts: JSONTree = [
            .text(owner), .text(server), .text(tool), .text(own), .bool(isStateless),
        ]
        return seal.seal(parts.bytes, .task).flatMap { $0.utf8.count <= Seal.fieldBytesMax ? $0 : nil }
    }

    init(owner: String, server: String, tool: String, own: String, isStateless: Bool) {
        self.owner = owner
        self.server = server
        self.tool = tool
        self.own = own
        self.isStateless = isStateless
    }

    /// Nil for what was not sealed here, and for somebody else's.
    init?(_ text: String, _ seal: Seal, owner: String) {
        guard text.utf8.count <= Seal.fieldBytesMax, let bytes = seal.open(text, .task),
            let parts = (try? JSONTree.parse(bytes))?.array, parts.count == 5, parts[0].string?.value == owner,
            let server = parts[1].string?.value, let tool = parts[2].string?.value, let own = parts[3].string?.value,
            let isStateless = parts[4].bool
        else { return nil }
        self.init(owner: owner, server: server, tool: tool, own: own, isStateless: isStateless)
    }
}

/// The tasks that clients with sessions have begun: servers name them by their own ids in what they send unasked, and
/// clients ask which there are. What is not known here, after a restart or at another replica, is not named.
final class LiveTasks: Sendable {
    private struct Entry {
        var server: String
        var own: String
        var text: String
    }

    /// By session, the oldest first.
    private let sessions = Mutex<[String: [Entry]]>([:])
    static let sessionsMax = 10_000
    /// Of one session: the oldest are forgotten.
    static let sessionCountMax = 100

    func keep(_ text: String, _ handle: TaskHandle, session: String) {
        sessions.withLock { sessions in
            if sessions[session] == nil, sessions.count >= LiveTasks.sessionsMax {
                // Any one of them: nobody's are all forgotten because of one who opens many.
                if let other = sessions.keys.first { sessions[other] = nil }
            }
            var entries = sessions[session] ?? []
            guard !entries.contains(where: { $0.server == handle.server && $0.own == handle.own }) else { return }
            if entries.count >= LiveTasks.sessionCountMax { entries.removeFirst() }
            entries.append(Entry(server: handle.server, own: handle.own, text: text))
            sessions[session] = entries
        }
    }

    /// What a server's id is called towards a session.
    func text(_ own: String, server: String, session: String) -> String? {
        sessions.withLock { sessions in
            sessions[session]?.first { $0.server == server && $0.own == own }?.text
        }
    }

    func forget(_ handle: TaskHandle, session: String) {
        sessions.withLock { sessions in
            sessions[session]?.removeAll { $0.server == handle.server && $0.own == handle.own }
        }
    }

    /// The oldest first.
    func all(_ session: String) -> [String] { sessions.withLock { $0[session]?.map(\.text) ?? [] } }

    func end(session: String) { sessions.withLock { $0[session] = nil } }

    // MARK: In messages of servers

    private static let relatedTask = "io.modelcontextprotocol/related-task"
    private static let relatedBytes = Array(relatedTask.utf8)

    /// A result or params, with the task they belong to by the name the client knows; a name it does not know is left
    /// out.
    func shown(_ tree: JSONTree, server: String, session: String) -> JSONTree {
        guard var object = tree.object, var meta = object["_meta"]?.object,
            var related = meta[LiveTasks.relatedTask]?.object
        else { return tree }
        let text = related["taskId"]?.string.flatMap { self.text($0.value, server: server, session: session) }
        if let text {
            related["taskId"] = .text(text)
            meta[LiveTasks.relatedTask] = .object(related)
        } else {
            meta[LiveTasks.relatedTask] = nil
        }
        object["_meta"] = .object(meta)
        return .object(object)
    }

    /// Whether a message may name a task: nearly none does.
    static func namesTask(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > relatedBytes.count else { return false }
        let first = relatedBytes[0]
        var index = bytes.startIndex
        let last = bytes.count - relatedBytes.count
        while index <= last {
            if bytes[index] == first, bytes[index..<(index + relatedBytes.count)].elementsEqual(relatedBytes) {
                return true
            }
            index += 1
        }
        return false
    }

    /// A message of a server to a session, with its tasks as the client knows them; nil for one about a task that the
    /// session did not begin.
    func shown(message: [UInt8], method: String, server: String, session: String) -> [UInt8]? {
        let isStatus = method == "notifications/tasks/status"
        guard isStatus || LiveTasks.namesTask(message) else { return message }
        guard var object = (try? JSONTree.parse(message))?.object else { return nil }
        if isStatus {
            guard var params = object["params"]?.object, let own = params["taskId"]?.string?.value,
                let text = text(own, server: server, session: session)
            else { return nil }
            params["taskId"] = .text(text)
            object["params"] = .object(params)
        } else if let params = object["params"] {
            object["params"] = shown(params, server: server, session: session)
        }
        return JSONTree.object(object).bytes
    }
}
