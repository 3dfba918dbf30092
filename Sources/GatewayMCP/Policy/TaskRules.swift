import GatewayModel
import GatewayWire

/// What of a task a client is told: its own name for it, and what comes of it as a direct result would be.
struct TaskRules {
    /// What the client calls the task.
    let text: String
    /// Whether the client may be asked such a thing.
    let mayBeAsked: (String, JSONTree?) -> Bool

    /// The task as a server tells it, at the top of a result or of params.
    func shown(_ task: JSONObject, _ rules: inout ResultRules) throws(GatewayError) -> JSONObject {
        var task = task
        let (result, error, requests) = (task["result"], task["error"], task["inputRequests"])
        for name in ["result", "error", "inputRequests", "taskId"] { task[name] = nil }
        guard var clean = rules.redacted(.object(task)).object else { return JSONObject() }
        clean["taskId"] = .text(text)
        if let result {
            // It could be a question or a task in disguise, neither judged nor sealed.
            if let type = result["resultType"], type != "complete" { throw TaskRules.unreadable }
            let bytes = result.bytes
            let shown = try rules.governed(
                bytes, isPlainTree: JSONScanner.isPlainTree(bytes.span), renames: true)
            guard let tree = try? JSONTree.parse(shown ?? bytes) else {
                throw TaskRules.unreadable
            }
            clean["result"] = tree
        }
        if let error = error?.object { clean["error"] = .object(rules.shown(error: error, to: nil)) }
        if let requests = requests?.object {
            guard requests.members.count <= QuestionRules.countMax else { throw QuestionRules.tooMany }
            // What the client cannot answer is not asked.
            let kept = requests.members.filter {
                mayBeAsked($0.value["method"]?.string?.value ?? "", $0.value["params"])
            }
            clean["inputRequests"] = .object(
                JSONObject(kept.map { JSONObject.Member(name: $0.name, value: rules.redacted($0.value)) }))
        }
        return clean
    }
}

/// The result that begins a task of revision 2025-11-25: `{"task": …}`.
enum SessionTask {
    /// What the client is told, and its name kept; nil for another result.
    static func begun(
        _ result: ServerResult, tool: String?, owner: String, session: ClientSession, _ server: CompiledServer,
        _ services: MCPServices, _ rules: inout ResultRules
    ) throws(GatewayError) -> [UInt8]? {
        guard result.has("task"), !result.has("content") else { return nil }
        try rules.measure(result.bytes)
        guard var object = (try? JSONTree.parse(result.bytes))?.object, let task = object["task"]?.object,
            let own = task["taskId"]?.string?.value, !own.isEmpty, own.utf8.count <= TaskHandle.ownBytesMax,
            let tool
        else { throw TaskRules.unasked(server) }
        let handle = TaskHandle(owner: owner, server: server.name, tool: tool, own: own, isStateless: false)
        guard let text = handle.sealed(services.seal) else { throw TaskRules.unasked(server) }
        services.tasks.keep(text, handle, session: session.id)
        let names = TaskRules(text: text) { _, _ in false }
        object["task"] = nil
        var clean = rules.redacted(.object(object)).object ?? JSONObject()
        clean["task"] = .object(try names.shown(task, &rules))
        return services.tasks.shown(.object(clean), server: server.name, session: session.id).bytes
    }
}

extension TaskRules {
    private static var unreadable: GatewayError {
        GatewayError(.upstreamProtocolError, "the task's result cannot be read")
    }

    static func unasked(_ server: CompiledServer) -> GatewayError {
        GatewayError(
            .upstreamProtocolError, "the server answers with a task that nobody can follow: \(server.shownName)")
    }
}
