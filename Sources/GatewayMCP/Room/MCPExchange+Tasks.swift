import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayWire

/// Calls of tools that go on after their request was answered: the extension `io.modelcontextprotocol/tasks` where
/// requests stand for themselves, and the tasks of revision 2025-11-25 in a session. A task keeps to its own time: a
/// server of the other one is asked without any, and answers at once. Its id is sealed for its caller, server and tool;
/// each request about it is judged anew, and what it yields is governed like a direct result.
extension MCPExchange {
    func askTask(_ call: ClientCall) throws(ClientFault) {
        guard call.isStateless else {
            guard call.session != nil, call.revision >= .v20251125 else { throw noSuchMethod(call) }
            return call.method == "tasks/list" ? listTasks(call) : try ask(try task(call), call)
        }
        try checkKnowsTasks(call)
        try ask(try task(call), call)
    }

    /// Who has not said that it knows tasks is not told of any.
    func checkKnowsTasks(_ call: ClientCall) throws(ClientFault) {
        guard !Capabilities.knowsTasks(call.capabilities) else { return }
        throw ClientFault(
            JSONRPCCode.missingClientCapability, "the client has not said that it knows tasks",
            data: Array("{\"requiredCapabilities\":{\"extensions\":{\"\(Capabilities.tasks)\":{}}}}".utf8), id: call.id)
    }

    private func noSuchMethod(_ call: ClientCall) -> ClientFault {
        var fault = ClientFault.unknownMethod(call.method, id: call.id)
        fault.status = 200
        return fault
    }

    typealias FoundTask = (handle: TaskHandle, text: String, server: CompiledServer)

    private func task(_ call: ClientCall) throws(ClientFault) -> FoundTask {
        guard let text = call.string("taskId"), !text.isEmpty else { throw missing("taskId", call) }
        guard let found = task(text, isStateless: call.isStateless) else { throw unknownTask(call) }
        return found
    }

    /// A task that this caller may still ask about; one of somebody else's is as unknown as none.
    func task(_ text: String, isStateless: Bool) -> FoundTask? {
        guard let handle = TaskHandle(text, services.seal, owner: principal.callerKey),
            handle.isStateless == isStateless,
            let server = view.servers.first(where: { $0.name == handle.server }),
            isListed(.tool, handle.tool, server)
        else { return nil }
        return (handle, text, server)
    }

    private func unknownTask(_ call: ClientCall) -> ClientFault {
        exchange?.record.errorCode = .unknownTool
        return ClientFault(JSONRPCCode.invalidParams, "there is no such task", id: call.id)
    }

    private func ask(_ found: FoundTask, _ call: ClientCall) throws(ClientFault) {
        let (handle, server) = (found.handle, found.server)
        let terms = terms(of: handle.tool, at: server)
        note?.server = server.shownName
        note?.slot = server.backend.metricSlot
        note?.item = String(handle.tool.prefix(256))
        note?.risk = terms.risk
        note?.verdict = Verdict.Decision.allow.name
        try checkScopes(terms, call)
        guard call.params.byteCount <= terms.argumentBytesMax else {
            throw ClientFault(
                GatewayError(.bodyTooLarge, "the answers are larger than \(terms.argumentBytesMax) bytes"),
                id: call.id, status: 200)
        }
        self.terms = terms
        asked = found
        calledTool = handle.tool
        guard terms.validation == .results else { return forwardTask(found, call) }
        // What it yields is checked against what the tool promises.
        withShelves([server], call) { [self] shelves in
            definition = shelves.first??.tools[ExactName(handle.tool)]
            forwardTask(found, call)
        }
    }

    private func forwardTask(_ found: FoundTask, _ call: ClientCall) {
        forward(call.method, to: found.server, call) { request in
            request.name = found.handle.own
            request.edit.renamed = ("taskId", MCPExchange.json(found.handle.own))
        }
    }

    // MARK: What servers say

    /// A result that says a task has begun; nil where it is another result. Throws for one that nobody asked for.
    func begun(_ result: ServerResult, _ call: ClientCall) throws(ClientFault) -> [UInt8]? {
        guard call.method == "tools/call", let server else { return nil }
        if let session = call.session, !call.isStateless {
            let begun = try withRules(call) { rules throws(GatewayError) in
                try SessionTask.begun(
                    result, tool: calledTool, owner: principal.callerKey, session: session, server, services, &rules)
            }
            guard begun == nil || call.asksForTask else { throw fault(TaskRules.unasked(server), call) }
            return begun
        }
        guard call.isStateless, result.isTask else { return nil }
        guard Capabilities.knowsTasks(call.capabilities), let tool = calledTool,
            let task = (try? JSONTree.parse(result.bytes))?.object,
            let own = task["taskId"]?.string?.value, !own.isEmpty,
            own.utf8.count <= TaskHandle.ownBytesMax,
            let text = TaskHandle(
                owner: principal.callerKey, server: server.name, tool: tool, own: own, isStateless: true
            ).sealed(services.seal)
        else { throw fault(TaskRules.unasked(server), call) }
        return JSONTree.object(try shown(task, text, call)).bytes
    }

    private func withRules<Result>(
        _ call: ClientCall, _ body: (inout ResultRules) throws(GatewayError) -> Result
    ) throws(ClientFault) -> Result {
        do throws(GatewayError) {
            return try withRules(body)
        } catch { throw fault(error, call) }
    }

    private func fault(_ error: GatewayError, _ call: ClientCall) -> ClientFault {
        exchange?.record.errorCode = error.code
        return ClientFault(error, id: call.id, status: 200)
    }

    private func shown(_ task: JSONObject, _ text: String, _ call: ClientCall) throws(ClientFault) -> JSONObject {
        let names = TaskRules(text: text, mayBeAsked: AskedClient(caller(call)).mayBeAsked)
        return try withRules(call) { rules throws(GatewayError) in try names.shown(task, &rules) }
    }

    /// The answer to a request about a task.
    func told(_ result: ServerResult, _ call: ClientCall) throws(ClientFault) -> [UInt8]? {
        guard let asked else { return nil }
        let session = call.session?.id ?? ""
        if call.method == "tasks/result" {
            // It is the result of the call itself.
            let clean = try governed(result, call).bytes
            guard LiveTasks.namesTask(clean), let tree = try? JSONTree.parse(clean) else { return clean }
            return services.tasks.shown(tree, server: asked.server.name, session: session).bytes
        }
        guard let object = (try? JSONTree.parse(result.bytes))?.object else {
            throw fault(GatewayError(.upstreamProtocolError, "the server's answer about a task cannot be read"), call)
        }
        guard object["taskId"] != nil else {
            // An acknowledgement says nothing.
            return JSONTree.object(call.isStateless ? ["resultType": "complete"] : [:]).bytes
        }
        var shown = try shown(object, asked.text, call)
        if call.isStateless { shown["resultType"] = "complete" }
        return services.tasks.shown(.object(shown), server: asked.server.name, session: session).bytes
    }

    // MARK: Which there are

    /// What this session has begun and its servers still know: each is asked, so that a list of a server that tells its
    /// callers apart badly shows nobody another's tasks.
    private func listTasks(_ call: ClientCall) {
        guard let session = call.session else { return }
        let found = services.tasks.all(session.id).compactMap { task($0, isStateless: false) }
        var shown: [Int: JSONTree] = [:]
        let all = AwaitedAll(found.count, on: worker) { [self] in
            listing.removeAll()
            guard exchange != nil else { return }
            note?.shownCount = shown.count
            let tasks = shown.sorted { $0.key < $1.key }.map(\.value)
            finish(result: JSONTree.object(["tasks": .array(tasks)]).bytes, of: call)
        }
        guard exchange != nil else { return }
        armTimer()
        for (index, each) in found.enumerated() {
            let params = JSONTree.object(["taskId": .text(each.handle.own)]).bytes
            let request = ServerRequest(each.server, "tasks/get", params: params, caller(call), services, on: worker)
            request.name = each.handle.own
            listing.append(request)
            request.onEnd = { [self] reply in
                shown[index] = listed(reply, each, session, call)
                all.one()
            }
            request.start()
        }
    }

    private func listed(
        _ reply: ServerRequest.Reply, _ found: FoundTask, _ session: ClientSession, _ call: ClientCall
    ) -> JSONTree? {
        switch reply {
        case .result(let result):
            guard let object = (try? JSONTree.parse(result.bytes))?.object else { return nil }
            var rules = ResultRules(
                view: view, server: found.server, terms: terms(of: found.handle.tool, at: found.server),
                definition: nil)
            let names = TaskRules(text: found.text) { _, _ in false }
            guard let shown = try? names.shown(object, &rules) else { return nil }
            note?.redactions += rules.redactions
            return .object(shown)
        case .error:
            services.tasks.forget(found.handle, session: session.id)
            return nil
        case .failed, .ended: return nil
        }
    }
}

extension ClientCall {
    /// Whether a client with a session wants the call to go on as a task.
    var asksForTask: Bool { !isStateless && session != nil && revision >= .v20251125 && has("task") }
}
