import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayState
import GatewayWire
import NIOCore

/// A rule's `ask`: the call waits for a person. The person at the client is asked where the client can and the rule
/// lets it; anybody else decides by `sluice approval`, and the client calls again. Exactly this call is approved, and
/// by default once.
extension MCPExchange {
    /// How long a call can be approved, and an approval be used.
    static let approvalSeconds = 600

    typealias Proceed = () throws(ClientFault) -> Void

    func askPerson(
        _ tool: ToolDefinition, at server: CompiledServer, _ arguments: JSONTree, _ verdict: Verdict,
        _ call: ClientCall, _ proceed: @escaping Proceed
    ) throws(ClientFault) {
        let state = try approvalState(server, call)
        let extras = try extras(tool, state, call)
        let digest = ToolDigest.ofCall(
            server: server.shownName, tool: tool.name, arguments: arguments, more: extras.digested)
        // Approved already in this round, and held since before it went out.
        if let approval, isGood(approval, verdict) { return try proceed() }
        // A later round of a call that was approved in its first. What goes on at a server is not asked about again.
        if case .server(_, let carried?) = state, carried.isFor(rule: verdict.rule, run: principal.run),
            let text = call.string("requestState")
        {
            return try proceedAgain(text, carried, call, proceed)
        }
        if case .connection(let asked) = state, let carried = asked.approval, isGood(carried, verdict) {
            return try proceedAgain(carried.id, carried, call, proceed)
        }
        if case .parked = state { return try proceed() }
        if let taken = take(digest, verdict.rule) { return try proceedOnce(taken, call, proceed) }
        if let known = services.book.decision(
            owner: principal.callerKey, digest: digest, rule: verdict.rule, nowSeconds: nowSeconds),
            known.state == .denied
        {
            throw denied(known, call)
        }
        let item = try pending(tool, server, arguments, extras, digest, verdict, call)
        // Who is shown only a part cannot agree to the whole.
        let mayDecide =
            room.catalog.access.callerMayApprove(verdict.rule)
            && item.shownBytes <= MCPExchange.askedArgumentBytesMax
        if case .approval(let id) = state, id == item.id, mayDecide {
            let answers = call.json("inputResponses").flatMap { (try? JSONTree.parse($0))?.object }
            return try decide(item, answers?["approval"], digest, call, proceed)
        }
        guard mayDecide, caller(call).canElicit(.form) else { throw waiting(item, call) }
        let question = question(item, server)
        note?.approval = item.id
        note?.result = .waiting
        if call.isStateless {
            let state = RequestState(
                .approval(id: item.id), owner: principal.callerKey, server: server.name, digest: self.digest(call),
                nowSeconds: nowSeconds)
            guard let sealed = state.sealed(services.seal) else { throw waiting(item, call) }
            let request: JSONTree = ["method": "elicitation/create", "params": question]
            let result: JSONTree = [
                "resultType": "input_required", "inputRequests": .object(["approval": request]),
                "requestState": .text(sealed),
            ]
            return finish(result: result.bytes, of: call)
        }
        askInSession(item, question, digest, call)
    }

    /// What the server would get beside the arguments.
    private func extras(
        _ tool: ToolDefinition, _ state: RequestState.Content?, _ call: ClientCall
    ) throws(ClientFault) -> CallExtras {
        var removed = ["requestState"]
        switch state {
        // Answers to what the gateway has asked, and in a session what it leaves out.
        case .approval, .connection: removed.append("inputResponses")
        case .server, .parked, nil: if !call.isStateless { removed.append("inputResponses") }
        }
        if !call.asksForTask { removed.append("task") }
        let extras: CallExtras
        do throws(JSONTreeError) {
            extras = try CallExtras(call.params, removed: removed, fields: unknownFields(tool))
        } catch {
            throw ClientFault(JSONRPCCode.invalidParams, CallExtras.problem(error), id: call.id)
        }
        guard extras.metaText.utf8.count <= CallExtras.metaBytesMax else {
            throw ClientFault(
                GatewayError(
                    .bodyTooLarge,
                    "the _meta of a call that has to be approved has more than \(CallExtras.metaBytesMax) bytes"),
                id: call.id, status: 200)
        }
        return extras
    }

    private func isGood(_ approval: RequestState.Approval, _ verdict: Verdict) -> Bool {
        approval.isFor(rule: verdict.rule, run: principal.run) && nowSeconds <= approval.untilSeconds
    }

    /// What the client's `requestState` means; nil without one. With one that is too old no call is made, and nobody
    /// is asked either: the answers beside it would be taken for a part of the call.
    private func approvalState(
        _ server: CompiledServer, _ call: ClientCall
    ) throws(ClientFault) -> RequestState.Content? {
        guard call.isStateless, let text = call.string("requestState") else { return nil }
        let state = RequestState(
            text, services.seal, owner: principal.callerKey, server: server.name, digest: digest(call),
            nowSeconds: nowSeconds)
        guard let state else { throw strange(call) }
        return state.content
    }

    private func take(_ digest: String, _ rule: String) -> ToolApproval? {
        guard
            let approval = services.book.take(
                owner: principal.callerKey, run: principal.run, digest: digest, rule: rule, nowSeconds: nowSeconds)
        else { return nil }
        self.approval = RequestState.Approval(
            id: SessionID.make(), untilSeconds: min(approval.expiresSeconds, nowSeconds + RequestState.lifetimeSeconds),
            rule: rule, run: principal.run, meta: approval.meta ?? "")
        note?.approval = approval.id
        note?.approvedBy = approval.decidedBy ?? ""
        return approval
    }

    // MARK: Once, whatever happens

    /// The call goes out once it is on the disk that its approval is used: killed in between, the gateway has made no
    /// call; killed after, it makes none again.
    private func proceedOnce(
        _ approval: ToolApproval, _ call: ClientCall, _ proceed: @escaping Proceed
    ) throws(ClientFault) {
        guard approval.scope == .once else { return try proceed() }
        armTimer()
        let (eventLoop, book) = (worker.eventLoop, services.book)
        let waiting = NIOLoopBound(HeldCall(exchange: self, call: call, proceed: proceed), eventLoop: eventLoop)
        book.keep(use: approval) { isKept in
            eventLoop.execute {
                if !waiting.value.goOn(isKept) { book.giveBack(approval) }
            }
        }
    }

    /// A later round of a call that was approved in its first. Sent again, it would be a second call.
    private func proceedAgain(
        _ state: String, _ carried: RequestState.Approval, _ call: ClientCall, _ proceed: @escaping Proceed
    ) throws(ClientFault) {
        armTimer()
        let eventLoop = worker.eventLoop
        let waiting = NIOLoopBound(HeldCall(exchange: self, call: call, proceed: proceed), eventLoop: eventLoop)
        let isNew = services.book.use(
            state: ToolDigest.of(bytes: Array(state.utf8)), untilSeconds: nowSeconds + RequestState.lifetimeSeconds,
            nowSeconds: nowSeconds
        ) { isKept in
            eventLoop.execute { _ = waiting.value.goOn(isKept) }
        }
        guard isNew else { throw strange(call) }
        approval = carried
    }

    /// What waits for the disk.
    private struct HeldCall {
        let exchange: MCPExchange
        let call: ClientCall
        let proceed: Proceed

        /// False: nothing went out, neither now nor later.
        func goOn(_ isKept: Bool) -> Bool {
            exchange.worker.refreshClock()
            // The client has gone meanwhile.
            guard exchange.exchange != nil else { return false }
            guard isKept else {
                exchange.answer(
                    ClientFault(
                        GatewayError(
                            .overloaded, "it cannot be stored that the approval is used",
                            hint: "the operator checks space and permissions of the state folder"), id: call.id,
                        status: 200))
                return false
            }
            do throws(ClientFault) { try proceed() } catch {
                exchange.answer(error)
                return false
            }
            return true
        }
    }

    private func pending(
        _ tool: ToolDefinition, _ server: CompiledServer, _ arguments: JSONTree, _ extras: CallExtras,
        _ digest: String, _ verdict: Verdict, _ call: ClientCall
    ) throws(ClientFault) -> ToolApproval {
        let item = ToolApproval(
            id: "apr_" + SessionID.make().prefix(16), owner: principal.callerKey,
            caller: principal.user ?? principal.agent ?? principal.credentialID ?? "", run: principal.run,
            server: server.shownName, tool: tool.name, arguments: MCPExchange.shown(arguments.compactText),
            meta: extras.metaText.isEmpty ? nil : extras.metaText,
            others: extras.othersText.isEmpty ? nil : MCPExchange.shown(extras.othersText),
            digest: digest, rule: verdict.rule, createdSeconds: nowSeconds,
            expiresSeconds: nowSeconds + MCPExchange.approvalSeconds)
        guard let kept = services.book.ask(item, nowSeconds: nowSeconds) else {
            throw ClientFault(
                GatewayError(.overloaded, "too many calls wait for a person"), id: call.id, status: 200)
        }
        if kept.id == item.id { tellHook(kept) }
        return kept
    }

    /// What the person at a client is shown at most.
    static let askedArgumentBytesMax = 4 * 1024
    /// What anybody is shown at most.
    static let shownArgumentBytesMax = 16 * 1024

    /// JSON, and where it is too long, that it goes on.
    private static func shown(_ text: String) -> String {
        let count = text.utf8.count
        guard count > shownArgumentBytesMax else { return text }
        let part = String(decoding: text.utf8.prefix(shownArgumentBytesMax), as: UTF8.self)
        return part + "… [\(count - shownArgumentBytesMax) bytes more are not shown]"
    }

    // MARK: Asking the person at the client

    private func question(_ item: ToolApproval, _ server: CompiledServer) -> JSONTree {
        let message =
            "Approve this call? \(server.shownName): \(item.tool) \(item.arguments)"
            + (item.others.map { " beside \($0)" } ?? "") + (item.meta.map { " with _meta \($0)" } ?? "")
            + " (approval \(item.id), rule \(item.rule))"
        let approve: JSONTree = ["type": "boolean", "title": "Approve this call", "default": false]
        let schema: JSONTree = [
            "type": "object", "properties": .object(["approve": approve]), "required": ["approve"],
        ]
        return ["mode": "form", "message": .text(message), "requestedSchema": schema]
    }

    private func askInSession(
        _ item: ToolApproval, _ question: JSONTree, _ digest: String, _ call: ClientCall
    ) {
        let id = SessionID.make()
        let questions = AskedQuestions(["approval"], on: worker) { [self] answers in
            hasAnswered(id)
            guard exchange != nil else { return }
            do throws(ClientFault) {
                try decide(item, answers["approval"], digest, call) { [self] () throws(ClientFault) in
                    try serveAnew(call)
                }
            } catch { answer(error) }
        }
        guard ask(questions, id, call) else { return answer(waiting(item, call)) }
        send(
            event: JSONRPCWriter.request(
                id: QuestionID.make(asked: id, key: "approval", 0), method: "elicitation/create",
                params: question.bytes))
        exchange?.flush()
    }

    private func decide(
        _ item: ToolApproval, _ answer: JSONTree?, _ digest: String, _ call: ClientCall,
        _ proceed: @escaping Proceed
    ) throws(ClientFault) {
        let isApproved =
            answer?["action"]?.string?.value == "accept" && answer?["content"]?["approve"]?.bool == true
        // Somebody else may have decided meanwhile.
        _ = try? services.book.decide(
            item.id, isApproved: isApproved, by: "caller \(item.caller)", nowSeconds: nowSeconds, waits: false)
        guard isApproved, let taken = take(digest, item.rule) else { throw denied(item, call) }
        try proceedOnce(taken, call, proceed)
    }

    // MARK: Refusing

    private func waiting(_ item: ToolApproval, _ call: ClientCall) -> ClientFault {
        exchange?.record.errorCode = .approvalRequired
        note?.approval = item.id
        note?.result = .waiting
        var fault = ClientFault(
            GatewayError(
                .approvalRequired, "a person has to approve this call: \(item.id)",
                hint: "'sluice approval approve \(item.id)', then call again as it is"), id: call.id, status: 200)
        var data = fault.data.flatMap { (try? JSONTree.parse($0))?.object } ?? JSONObject()
        data["approval"] = .text(item.id)
        data["expiresInSeconds"] = .integer(max(0, item.expiresSeconds - nowSeconds))
        fault.data = JSONTree.object(data).bytes
        return fault
    }

    private func denied(_ item: ToolApproval, _ call: ClientCall) -> ClientFault {
        exchange?.record.errorCode = .toolNotAllowed
        return ClientFault(
            GatewayError(
                .toolNotAllowed, "a person has not approved this call: \(item.id)",
                hint: "decided by rule \(item.rule)"), id: call.id, status: 200)
    }
}

extension ToolApproval {
    /// Of all that its approver is shown of the call.
    fileprivate var shownBytes: Int {
        arguments.utf8.count + (meta?.utf8.count ?? 0) + (others?.utf8.count ?? 0)
    }
}
