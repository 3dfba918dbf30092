import Synchronization

/// A call that goes on after its request was answered.
final class MCPTask: Sendable {
    struct State: Sendable {
        var status = "working"
        var result: JSONDocument?
        var error: JSONDocument?
        /// What the client has to answer, by key.
        var questions: JSONDocument?
        var answers: JSONDocument = [:]
        var changes = 0
        var isOver: Bool { ["completed", "failed", "cancelled"].contains(status) }
    }

    let id: String
    let visit: MCPVisit
    let cancellation = MCPCancellation()
    private let state = Mutex(State())
    private let waiting = Mutex<[CheckedContinuation<Void, Never>]>([])

    init(id: String, visit: MCPVisit) { (self.id, self.visit) = (id, visit) }

    var current: State { state.withLock { $0 } }

    /// False: it is over, and stays as it is.
    @discardableResult
    func change(_ body: @Sendable (inout State) -> Void) -> Bool {
        let (isChanged, isOver) = state.withLock { state in
            guard !state.isOver else { return (false, true) }
            body(&state)
            state.changes += 1
            return (true, state.isOver)
        }
        guard isOver else { return isChanged }
        let waiting = waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
        for continuation in waiting { continuation.resume() }
        return isChanged
    }

    func end() async {
        await withCheckedContinuation { continuation in
            waiting.withLock { $0.append(continuation) }
            // It may have ended in between.
            guard current.isOver else { return }
            let all = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            for each in all { each.resume() }
        }
    }

    /// As either revision tells it.
    func document(_ revision: MCPRevision) -> JSONDocument {
        let current = current
        let seconds = current.changes < 10 ? "0\(current.changes)" : "\(min(current.changes, 59))"
        var document: JSONDocument = [
            "taskId": .string(id), "status": .string(current.status), "createdAt": "2026-11-25T12:00:00Z",
            "lastUpdatedAt": .string("2026-11-25T12:00:\(seconds)Z"),
        ]
        guard revision.isStateless else {
            return document.setting("ttl", 600_000).setting("pollInterval", 20)
        }
        document = document.setting("ttlMs", 600_000).setting("pollIntervalMs", 20)
        if let questions = current.questions { document.set("inputRequests", questions) }
        return document
    }
}

/// Tasks: the extension of 2026-07-28, and the experimental ones of 2025-11-25.
extension MCPServerMock {
    /// Whether a call is to go on as a task: the client has said that it can follow one, or asks for it.
    func wantsTask(_ visit: MCPVisit) -> Bool {
        if visit.revision.isStateless { return visit.capabilities["extensions"]?[MCPMeta.tasks] != nil }
        return visit.revision == .november2025 && visit.params["task"] != nil
    }

    func startTask(_ visit: MCPVisit, _ acts: [MCPAct]) -> [MCPAct] {
        let task = openTask(visit)
        run(task, acts)
        let document = task.document(visit.revision)
        return [.finish(visit.revision.isStateless ? document.setting("resultType", "task") : ["task": document])]
    }

    private func run(_ task: MCPTask, _ acts: [MCPAct]) {
        var visit = task.visit
        visit.answers = task.current.answers
        let outlet = MCPOutlet(
            send: { [weak self] message in self?.take(message, task) }, raw: { _ in }, end: {})
        let conductor = MCPConductor(mock: self, visit: visit, outlet: outlet)
        task.cancellation.holds(Task { await conductor.run(acts) })
    }

    /// What the call says while it runs; only how it ends is kept.
    private func take(_ message: JSONDocument, _ task: MCPTask) {
        if let error = message["error"] {
            task.change { ($0.status, $0.error) = ("failed", error) }
        } else if let result = message["result"] {
            if result["resultType"] == "input_required" {
                task.change { ($0.status, $0.questions) = ("input_required", result["inputRequests"]) }
            } else {
                task.change { ($0.status, $0.result) = ("completed", result) }
            }
        }
    }

    func tasks(_ visit: MCPVisit) throws -> JSONDocument {
        guard visit.revision.isStateless || visit.revision == .november2025 else {
            throw MCPError.method(visit.method)
        }
        if visit.method == "tasks/list" {
            guard !visit.revision.isStateless else { throw MCPError.method(visit.method) }
            return ["tasks": .array(tasksOf(visit).map { $0.document(visit.revision) })]
        }
        if visit.revision.isStateless, visit.capabilities["extensions"]?[MCPMeta.tasks] == nil {
            throw MCPError(
                -32021, "the client does not know tasks",
                data: ["requiredCapabilities": ["extensions": [MCPMeta.tasks: [:]]]])
        }
        let task = try asked(visit)
        switch visit.method {
        case "tasks/get": return detail(task, visit.revision)
        case "tasks/cancel":
            let isOpen = task.change { $0.status = "cancelled" }
            task.cancellation.cancel()
            if visit.revision.isStateless { return [:] }
            guard isOpen else { throw MCPError.parameters("the task is over") }
            return task.document(visit.revision)
        case "tasks/update" where visit.revision.isStateless:
            update(task, visit.params["inputResponses"] ?? [:])
            return [:]
        default: throw MCPError.method(visit.method)
        }
    }

    private func asked(_ visit: MCPVisit) throws -> MCPTask {
        guard let task = task(visit.params["taskId"]?.text ?? "", visit) else {
            throw MCPError.parameters("Task not found")
        }
        return task
    }

    /// Once the task is over.
    func taskResult(_ visit: MCPVisit) async throws -> JSONDocument {
        guard visit.revision == .november2025 else { throw MCPError.method(visit.method) }
        let task = try asked(visit)
        await task.end()
        let current = task.current
        if let error = current.error {
            throw MCPError(error["code"]?.integer ?? -32603, error["message"]?.text ?? "", status: 200)
        }
        let related: JSONDocument = ["taskId": .string(task.id)]
        return (current.result ?? ["content": [], "isError": true])
            .setting("_meta", ["io.modelcontextprotocol/related-task": related])
    }

    private func detail(_ task: MCPTask, _ revision: MCPRevision) -> JSONDocument {
        var document = task.document(revision)
        guard revision.isStateless else { return document }
        if let result = task.current.result {
            document.set("result", .object(result.members.filter { $0.name != "resultType" && $0.name != "_meta" }))
        }
        if let error = task.current.error { document.set("error", error) }
        return document
    }

    private func update(_ task: MCPTask, _ responses: JSONDocument) {
        let isAsking = task.current.status == "input_required"
        task.change { state in
            guard isAsking else { return }
            for member in responses.members { state.answers.set(member.name, member.value) }
            (state.status, state.questions) = ("working", nil)
        }
        guard isAsking else { return }
        var visit = task.visit
        visit.answers = task.current.answers
        run(task, play(visit))
    }
}

extension MCPTool {
    /// Work that takes a while.
    static let lasting: [MCPTool] = [
        MCPTool("work", "Takes a while; goes on as a task where it may.", ["ms": whole], more: taskSupport) {
            visit, _ in
            [.pause(milliseconds: min(max(visit.arguments["ms"]?.integer ?? 0, 0), 3_600_000))]
                + MCPContent.result(MCPContent.text("worked"))
        },
        MCPTool("work_fail", "Goes on as a task, and fails.", more: taskSupport) { _, _ in
            [.pause(milliseconds: 10), .fail(MCPError(-32603, "it broke on the way", status: 200))]
        },
        MCPTool("work_ask", "Goes on as a task, and asks.", more: taskSupport) { visit, _ in
            guard let answer = visit.answers["name"] else {
                return [
                    .pause(milliseconds: 10),
                    .ask([.form("name", "Who is it for?", ["name": text])], keepsState: false),
                ]
            }
            return MCPContent.result(MCPContent.text("worked for \(answer["content"]?["name"]?.text ?? "nobody")"))
        },
    ]

    private static let taskSupport: JSONDocument = ["execution": ["taskSupport": "optional"]]

    var lasts: Bool { definition["execution"]?["taskSupport"] != nil }
}
