import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// What servers ask clients in the middle of a call. Where requests stand for themselves the question is the answer
/// (`input_required`) and the client asks again; in a session it is a message on the call's stream. Each is made of
/// the other where client and server are of different times.
extension MCPExchange {
    static let roundsMax = 10

    /// Names the call that answers belong to.
    func digest(_ call: ClientCall) -> [UInt8] { call.params.digest(method: call.method) }

    var nowSeconds: Int { Int(worker.wallNanoseconds / 1_000_000_000) }

    // MARK: Clients whose requests stand for themselves

    /// What of the params of a next round the server gets: its own state, unsealed. True when the call goes on here
    /// instead. Throws for a state that is not this caller's, or of another call.
    func takeState(_ call: ClientCall, _ server: CompiledServer, _ request: ServerRequest) throws(ClientFault) -> Bool {
        guard call.isStateless, let text = call.string("requestState") else { return false }
        guard
            let state = RequestState(
                text, services.seal, owner: principal.callerKey, server: server.name, digest: digest(call),
                nowSeconds: nowSeconds)
        else { throw strange(call) }
        round = state.round
        switch state.content {
        case .connection where declinesToConnect(call): throw declined(server, call)
        case .approval, .connection:
            // Between the client and the gateway.
            request.edit.removed = ["requestState", "inputResponses"]
            return false
        case .server(let own, _):
            request.edit.extra.append(("requestState", MCPExchange.json(own)))
            return false
        case .parked(let id):
            guard let parked = services.waiting.takeParked(id) else { throw strange(call) }
            let answers = call.json("inputResponses").flatMap { (try? JSONTree.parse($0))?.object }
            guard let given = answers?[parked.question.key] else {
                // What was asked is not among the answers: it is asked again.
                guard services.waiting.park(parked, id) else { throw strange(call) }
                finish(result: MCPExchange.asking(parked.question, text), of: call)
                return true
            }
            permit = parked.permit
            follow(parked.call, at: parked.server, given, call)
            return true
        }
    }

    /// The place that a call has already which the client comes back to.
    func parkedPermit(_ call: ClientCall, _ server: CompiledServer) -> ToolPermit? {
        guard call.isStateless, let text = call.string("requestState"),
            case .parked(let id)? = RequestState(
                text, services.seal, owner: principal.callerKey, server: server.name, digest: digest(call),
                nowSeconds: nowSeconds)?.content
        else { return nil }
        return services.waiting.permit(id)
    }

    func strange(_ call: ClientCall) -> ClientFault {
        ClientFault(
            JSONRPCCode.invalidParams, "the requestState is not of this call, or too old: call anew", id: call.id)
    }

    /// A question in a server's result, with the state of the `whole` one, as the server wrote it: the state is sealed
    /// and shown to nobody. Answers the call where it cannot be read, since what cannot be read can neither be judged
    /// nor sealed.
    func question(_ result: ServerResult, of whole: ServerResult, _ call: ClientCall) -> JSONObject? {
        if var object = (try? JSONTree.parse(result.bytes))?.object, let own = try? JSONTree.parse(whole.bytes) {
            let state = own["requestState"] == .null ? nil : own["requestState"]
            object["requestState"] = state
            if object["inputRequests"]?.object?.members.count ?? 0 > QuestionRules.countMax {
                refuse(QuestionRules.tooMany, call)
                return nil
            }
            if state == nil || state?.string != nil { return object }
        }
        refuseUnreadable("question", call)
        return nil
    }

    func refuseUnreadable(_ what: String, _ call: ClientCall) {
        refuse(GatewayError(.upstreamProtocolError, "the server's \(what) cannot be read"), call)
    }

    private func refuse(_ error: GatewayError, _ call: ClientCall) {
        exchange?.record.errorCode = error.code
        note?.result = .failed
        answer(ClientFault(error, id: call.id, status: 200))
    }

    /// A question in a server's result: sealed, and without what the client cannot answer.
    func sealQuestions(_ question: JSONObject, _ call: ClientCall, _ server: CompiledServer) -> [UInt8]? {
        var object = question
        let client = AskedClient(caller(call))
        let kept = (object["inputRequests"]?.object?.members ?? []).filter {
            client.mayBeAsked($0.value["method"]?.string?.value ?? "", $0.value["params"])
        }
        if object["inputRequests"] != nil { object["inputRequests"] = .object(JSONObject(kept)) }
        if kept.isEmpty {
            object["inputRequests"] = nil
            guard object["requestState"] != nil else { return nil }
        }
        if let own = object["requestState"]?.string?.value {
            let state = RequestState(
                .server(own, approval), owner: principal.callerKey, server: server.name, digest: digest(call),
                nowSeconds: nowSeconds, round: round + 1)
            guard round < MCPExchange.roundsMax, let sealed = state.sealed(services.seal) else { return nil }
            object["requestState"] = .text(sealed)
        }
        return JSONTree.object(object).bytes
    }

    /// Nothing of what the server asks reaches the client.
    func unasked(_ question: JSONObject, _ call: ClientCall, round: Int? = nil) -> ClientFault {
        guard (round ?? self.round) < MCPExchange.roundsMax else {
            return ClientFault(
                GatewayError(.upstreamProtocolError, "the server asks more than \(MCPExchange.roundsMax) times"),
                id: call.id, status: 200)
        }
        return AskedClient(caller(call)).unasked(question, id: call.id)
    }

    /// A server with a session asks a client without one: the call is held, the question is the answer.
    func park(_ message: ServerRequest.Message, _ call: ClientCall) {
        guard let request, exchange != nil else { return }
        guard ["tools/call", "prompts/get", "resources/read"].contains(call.method) else {
            return request.refuse(message)
        }
        self.request = nil
        let held = ParkedCall(request)
        held.hear(message)
        follow(NIOLoopBound(held, eventLoop: worker.eventLoop), at: request.server, nil, call)
    }

    /// Passes on what a held call says, from whichever loop it lives on to this one.
    private func follow(
        _ held: NIOLoopBound<ParkedCall>, at server: CompiledServer, _ answer: JSONTree?, _ call: ClientCall
    ) {
        self.held = held
        self.server = server
        exchange?.record.backend = server.backend.name
        exchange?.record.backendID = server.backend.metricSlot
        exchange?.record.attempts = 1
        armTimer()
        let eventLoop = worker.eventLoop
        let here = NIOLoopBound(self, eventLoop: eventLoop)
        held.eventLoop.execute {
            held.value.resume(
                answer,
                ParkedCall.Hearer(
                    onMessage: { message in eventLoop.execute { here.value.pass(message, call) } },
                    onQuestion: { question in
                        eventLoop.execute { here.value.hold(question, held, server, call) }
                    },
                    onEnd: { reply in
                        eventLoop.execute {
                            here.value.held = nil
                            here.value.take(reply, call)
                        }
                    }))
        }
    }

    /// The client is answered with the question, and the call waits for it to come back.
    private func hold(
        _ question: ParkedCall.Question, _ held: NIOLoopBound<ParkedCall>, _ server: CompiledServer, _ call: ClientCall
    ) {
        self.held = nil
        var question = question
        question.request = redacted(question.request)
        // Who has gone has called it off.
        guard exchange != nil else { return }
        let id = SessionID.make()
        let state = RequestState(
            .parked(id: id), owner: principal.callerKey, server: server.name, digest: digest(call),
            nowSeconds: nowSeconds, round: round + 1)
        let waiting = services.waiting
        guard caller(call).canAnswer(question.method), round < MCPExchange.roundsMax,
            let sealed = state.sealed(services.seal),
            waiting.park(
                WaitingCalls.Parked(call: held, server: server, question: question, owner: owner, permit: permit), id)
        else {
            held.eventLoop.execute { held.value.request.cancel() }
            return answer(
                ClientFault(
                    GatewayError(.overloaded, "too many calls wait for their clients"), id: call.id, status: 200))
        }
        worker.eventLoop.assumeIsolated().scheduleTask(in: .seconds(Int64(RequestState.lifetimeSeconds))) {
            guard let call = waiting.takeParked(id)?.call else { return }
            call.eventLoop.execute { call.value.request.cancel(reason: "the client did not answer") }
        }
        note?.result = .waiting
        finish(result: MCPExchange.asking(question, sealed), of: call)
    }

    private static func asking(_ question: ParkedCall.Question, _ state: String) -> [UInt8] {
        let result: JSONTree = [
            "resultType": "input_required", "inputRequests": JSONTree.object([question.key: question.request]),
            "requestState": .text(state),
        ]
        return result.bytes
    }

    // MARK: Clients with a session

    /// A server without sessions needs something of a client that has one: the client is asked on the call's stream,
    /// and the call is repeated with its answers.
    func askForServer(
        _ result: ServerResult, _ call: ClientCall, _ server: CompiledServer, round: Int,
        again: @escaping (_ extra: [(name: StaticString, value: [UInt8])]) -> Void
    ) -> Bool {
        guard result.isQuestion else { return false }
        guard let object = question(result, of: result, call) else { return true }
        var state: [(name: StaticString, value: [UInt8])] = []
        if let own = object["requestState"]?.string?.value { state = [("requestState", MCPExchange.json(own))] }
        let requests = object["inputRequests"]?.object?.members ?? []
        let client = AskedClient(caller(call))
        var (asked, declined) = ([JSONObject.Member](), JSONObject())
        for each in requests {
            switch client.refusal(each.value["method"]?.string?.value ?? "", each.value["params"]) {
            case nil: asked.append(each)
            case .forbidden: declined[each.name.value] = QuestionRefusal.declined
            case .unknown, .otherWay: break
            }
        }
        guard round < MCPExchange.roundsMax, asked.count + declined.members.count == requests.count else {
            var fault = unasked(object, call, round: round)
            fault.status = 200
            answer(fault)
            return true
        }
        guard !asked.isEmpty else {
            if !declined.isEmpty { state.append(("inputResponses", JSONTree.object(declined).bytes)) }
            again(state)
            return true
        }
        let (id, sealed) = (SessionID.make(), state)
        let questions = AskedQuestions(asked.map { $0.name.value }, on: worker) { [self] answers in
            hasAnswered(id)
            guard exchange != nil else { return }
            let all = JSONObject(answers.members + declined.members)
            again(sealed + [("inputResponses", JSONTree.object(all).bytes)])
        }
        guard ask(questions, id, call) else {
            answer(
                ClientFault(
                    GatewayError(.overloaded, "too many calls wait for their clients"), id: call.id, status: 200))
            return true
        }
        for (index, each) in asked.enumerated() {
            let params = each.value["params"].map { redacted($0).bytes } ?? []
            send(
                event: JSONRPCWriter.request(
                    id: QuestionID.make(asked: id, key: each.name.value, index),
                    method: each.value["method"]?.string?.value ?? "", params: params))
        }
        exchange?.flush()
        return true
    }

    /// Waits for the client's answers, and not for ever; false when it is asked too much.
    func ask(_ questions: AskedQuestions, _ id: String, _ call: ClientCall) -> Bool {
        guard let session = call.session?.id,
            services.waiting.ask(questions, id, owner: owner, session: session)
        else { return false }
        askedID = id
        let callID = call.id
        worker.eventLoop.assumeIsolated().scheduleTask(in: .seconds(Int64(RequestState.lifetimeSeconds))) {
            [weak self] in
            guard let self, askedID == id else { return }
            worker.refreshClock()
            hasAnswered(id)
            answer(
                ClientFault(
                    GatewayError(.requestTimeout, "the client has not answered what it was asked"), id: callID,
                    status: 200))
        }
        return true
    }

    func hasAnswered(_ id: String) {
        services.waiting.forget(id)
        askedID = nil
    }

    /// An answer to what was asked for a server without sessions.
    func takeAskedAnswer(_ call: ClientCall, _ asked: (id: String, key: String)) {
        if let questions = services.waiting.questions(asked.id, of: call) {
            let answer: JSONTree?
            if call.message.kind == .result, let content = call.message.content {
                answer = try? JSONTree.parse(Array(call.bytes[content]))
            } else {
                answer = nil
            }
            questions.eventLoop.execute { questions.value.take(asked.key, answer) }
        }
        accept()
    }
}

extension QuestionID {
    private static let askedPrefix = Array("\"sluice-asked.".utf8)

    static func make(asked id: String, key: String, _ index: Int) -> [UInt8] {
        askedPrefix + Base64.encodeURLSafe(Array("\(id) \(key)".utf8)) + [0x22]
    }

    static func readAsked(_ json: [UInt8]) -> (id: String, key: String)? {
        guard json.starts(with: askedPrefix), json.last == 0x22,
            let bytes = Base64.decodeURLSafe(Array(json[askedPrefix.count..<(json.count - 1)])),
            let space = bytes.firstIndex(of: 0x20)
        else { return nil }
        return (
            String(decoding: bytes[..<space], as: UTF8.self), String(decoding: bytes[(space + 1)...], as: UTF8.self)
        )
    }
}
