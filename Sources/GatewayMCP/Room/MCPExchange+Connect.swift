import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayState
import GatewayWire
import NIOCore

/// A call at a protected server to which its user has not connected: he is asked to, by a URL that leads to the
/// gateway's own page (URL mode elicitation), and the call goes on when he has. Where requests stand for themselves the
/// question is the answer, and the client asks again; in a session it is a message on the call's stream. What a server
/// refused for want of a token it has not done, so that sending it again does it once.
extension MCPExchange {
    /// How long a request that comes again is held until the user has connected: shorter than clients wait.
    static let connectHoldSeconds = 45

    private static let connectKey = "connect"

    /// True when the user is asked, and the call goes on or ends later. False for any other error, for a client that
    /// cannot show a URL, and for a credential without a user: the error itself says what to do.
    func askToConnect(
        _ error: GatewayError, at server: CompiledServer, _ call: ClientCall
    ) -> Bool {
        guard error.code == .connectionRequired, exchange != nil, let access = server.access, access.isAskable,
            ["tools/call", "prompts/get", "resources/read"].contains(call.method), isAskable(call)
        else { return false }
        let waiting = ConnectCall(access: access, error: error, call: call, server: server)
        guard call.isStateless, let text = call.string("requestState") else {
            standBack()
            ask(waiting, RequestState.Asked(known: access.connectionID))
            return true
        }
        guard
            let state = RequestState(
                text, services.seal, owner: principal.callerKey, server: server.name, digest: digest(call),
                nowSeconds: nowSeconds)
        else {
            answer(strange(call))
            return true
        }
        switch state.content {
        // Of a call that is under way at the server.
        case .server, .parked: return false
        case .approval:
            standBack()
            ask(waiting, RequestState.Asked(known: access.connectionID))
        case .connection(let asked):
            standBack()
            round = max(round, state.round)
            goOn(waiting, asked)
        }
        return true
    }

    /// What waits for a person holds no place under its tool's limits, and costs nothing.
    private func standBack() {
        permit = nil
        account?.settle(.refused, bytes: 0, nowMilliseconds: nowMilliseconds)
        account = nil
    }

    /// Whether the client shows URLs to its user. Revisions before 2025-11-25 have no such thing.
    func isAskable(_ call: ClientCall) -> Bool {
        guard call.isStateless || call.session.map({ $0.revision >= .v20251125 }) ?? false else { return false }
        return caller(call).canElicit(.url)
    }

    // MARK: Asking

    private func ask(_ waiting: ConnectCall, _ asked: RequestState.Asked) {
        guard round < MCPExchange.roundsMax else { return refuse(waiting) }
        find(waiting) { exchange, waiting, url in exchange.ask(waiting, asked, url) }
    }

    /// The URL that the user is asked by; nil when there is none to be had.
    private func find(
        _ waiting: ConnectCall, _ body: @escaping @Sendable (MCPExchange, ConnectCall, String?) -> Void
    ) {
        armTimer()
        let eventLoop = worker.eventLoop
        let here = NIOLoopBound((self, waiting), eventLoop: eventLoop)
        let connections = waiting.access.connections
        connections.ask(waiting.access.settings, principal) { flow in
            let url = flow.map { connections.url(of: $0) }
            eventLoop.execute {
                let (exchange, waiting) = here.value
                exchange.worker.refreshClock()
                body(exchange, waiting, url)
            }
        }
    }

    private func ask(_ waiting: ConnectCall, _ asked: RequestState.Asked, _ url: String?) {
        guard exchange != nil else { return }
        guard let url else { return refuse(waiting) }
        note?.result = .waiting
        guard !waiting.call.isStateless else {
            let request: JSONTree = ["method": "elicitation/create", "params": question(waiting, url, id: nil)]
            return answer(waiting, asked, [MCPExchange.connectKey: request])
        }
        round += 1
        let id = SessionID.make()
        let questions = AskedQuestions([MCPExchange.connectKey], on: worker) { [self] answers in
            hasAnswered(id)
            guard exchange != nil else { return }
            guard answers[MCPExchange.connectKey]?["action"]?.string?.value == "accept" else { return refuse(waiting) }
            hold(waiting, asked, seconds: ConnectFlows.lifetimeSeconds) { [self] isConnected in
                guard isConnected else { return refuse(waiting) }
                send(event: MCPExchange.complete(id))
                exchange?.flush()
                goOn(waiting)
            }
        }
        guard ask(questions, id, waiting.call) else { return refuse(waiting) }
        send(
            event: JSONRPCWriter.request(
                id: QuestionID.make(asked: id, key: MCPExchange.connectKey, 0), method: "elicitation/create",
                params: question(waiting, url, id: id).bytes))
        exchange?.flush()
    }

    /// It names neither the user nor what is called: the client may show it to whoever is at hand.
    private func question(_ waiting: ConnectCall, _ url: String, id: String?) -> JSONTree {
        var params: JSONObject = [
            "mode": "url",
            "message": .text(
                "The call needs your leave for \(waiting.server.shownName). Open the page, show there who you are, and "
                    + "allow the access; the call goes on by itself."),
            "url": .text(url),
        ]
        // Revision 2026-07-28 has no ids: the state says what is meant.
        if let id { params["elicitationId"] = .text(id) }
        return .object(params)
    }

    /// Ends this round with a state for the next; without questions the client comes again at once.
    private func answer(_ waiting: ConnectCall, _ asked: RequestState.Asked, _ requests: JSONObject) {
        var asked = asked
        // A person has agreed to this very call and it has not gone out: it may, once.
        if var carried = approval {
            carried.id = SessionID.make()
            asked.approval = carried
        }
        let state = RequestState(
            .connection(asked), owner: principal.callerKey, server: waiting.server.name, digest: digest(waiting.call),
            nowSeconds: nowSeconds, round: round + 1)
        guard let sealed = state.sealed(services.seal) else { return refuse(waiting) }
        note?.result = .waiting
        var result: JSONObject = ["resultType": "input_required", "requestState": .text(sealed)]
        if !requests.isEmpty { result["inputRequests"] = .object(requests) }
        finish(result: JSONTree.object(result).bytes, of: waiting.call)
    }

    /// As without a client that can ask.
    private func refuse(_ waiting: ConnectCall) {
        note?.result = .refused
        answer(ClientFault(waiting.error, id: waiting.call.id, status: 200))
    }

    // MARK: Going on

    private func connectAction(_ call: ClientCall) -> String? {
        let answers = call.json("inputResponses").flatMap { (try? JSONTree.parse($0))?.object }
        guard let answer = answers?[MCPExchange.connectKey] else { return nil }
        return answer["action"]?.string?.value ?? ""
    }

    /// What is no yes is a no.
    func declinesToConnect(_ call: ClientCall) -> Bool { connectAction(call).map { $0 != "accept" } ?? false }

    /// He has connected all the same, and does not want the call.
    func declined(_ server: CompiledServer, _ call: ClientCall) -> ClientFault {
        exchange?.record.errorCode = .connectionRequired
        return ClientFault(
            GatewayError(
                .connectionRequired, "the user does not want to connect for this call: \(server.shownName)",
                hint: "call anew"), id: call.id, status: 200)
    }

    /// The client comes again.
    private func goOn(_ waiting: ConnectCall, _ asked: RequestState.Asked) {
        guard !declinesToConnect(waiting.call) else { return refuse(waiting) }
        let action = connectAction(waiting.call)
        // He has connected, and what he has allowed was not enough or did not last.
        guard !waiting.access.connections.hasConnected(waiting.access.owner, since: asked.known) else {
            return ask(waiting, RequestState.Asked(known: waiting.access.connectionID, approval: asked.approval))
        }
        var asked = asked
        asked.isAccepted = asked.isAccepted || action == "accept"
        guard asked.isAccepted else { return ask(waiting, asked) }
        hold(waiting, asked, seconds: MCPExchange.connectHoldSeconds) { [self] isConnected in
            if isConnected { return goOn(waiting) }
            guard round < MCPExchange.roundsMax else { return refuse(waiting) }
            answer(waiting, asked, [:])
        }
    }

    private func goOn(_ waiting: ConnectCall) {
        note?.result = .ok
        do throws(ClientFault) { try serveAnew(waiting.call) } catch { answer(error) }
    }

    /// Until the user has connected, the time is over, or the client goes or calls it off.
    private func hold(
        _ waiting: ConnectCall, _ asked: RequestState.Asked, seconds: Int, _ done: @escaping (Bool) -> Void
    ) {
        let wait = ConnectWait(waiting.access, on: worker) { [self] isConnected in
            stopWaitingForConnection()
            guard exchange != nil else { return }
            done(isConnected)
        }
        connectWait = wait
        armTimer()
        wait.begin(since: asked.known, seconds: seconds)
    }

    func stopWaitingForConnection() {
        connectWait?.end()
        connectWait = nil
    }
}

/// What is no call, and cannot ask in its answer.
extension MCPExchange {
    /// Answers a list in a session with what its user has to do first; false where he cannot be told so.
    func requireConnection(_ error: GatewayError, at server: CompiledServer, _ call: ClientCall) -> Bool {
        guard error.code == .connectionRequired, let session = call.session, let access = server.access,
            access.isAskable, isAskable(call)
        else { return false }
        let waiting = ConnectCall(access: access, error: error, call: call, server: server)
        let known = access.connectionID
        find(waiting) { exchange, waiting, url in
            guard exchange.exchange != nil else { return }
            guard let url else { return exchange.refuse(waiting) }
            let id = exchange.tellWhenConnected(waiting, session.id, since: known)
            let data: JSONTree = ["elicitations": .array([exchange.question(waiting, url, id: id)])]
            exchange.answer(
                ClientFault(
                    MCPName.urlElicitationRequired, error.message, status: 200, data: data.bytes, id: waiting.call.id))
        }
        return true
    }

    /// The session's own stream says when the user has connected, and that there is more to see.
    /// Returns the name by which it says so.
    private func tellWhenConnected(_ waiting: ConnectCall, _ session: String, since known: String?) -> String {
        let (clients, id, server) = (services.clients, SessionID.make(), waiting.server.name)
        let wait = ConnectWait(waiting.access, on: worker) { isConnected in
            clients.stopAwaiting(session, server: server)
            guard isConnected else { return }
            clients.tell(
                session, [MCPExchange.complete(id), Notification.changed("notifications/tools/list_changed")])
        }
        // A client that asks again and again is told once, by the name it was given first.
        let named = clients.awaitConnection(session, server: server, id, wait, on: worker.eventLoop)
        if named.isNew { wait.begin(since: known, seconds: ConnectFlows.lifetimeSeconds) }
        return named.id
    }

    private static func complete(_ id: String) -> [UInt8] {
        let params: JSONTree = ["elicitationId": .text(id)]
        return JSONRPCWriter.request(id: nil, method: MCPName.elicitationComplete, params: params.bytes)
    }

    /// A server that cannot be asked what it is before the user has connected is no reason to turn away a client whose
    /// user can be asked to: it is taken for one that has tools.
    func welcomed(
        _ findings: [ServerSurvey.Finding], _ caller: ServerCaller, _ call: ClientCall
    ) -> [ServerSurvey.Finding] {
        let isNew = call.isStateless || caller.session.map { $0.revision >= .v20251125 } ?? false
        guard isNew, caller.canElicit(.url) else { return findings }
        return findings.map { finding in
            guard finding.problem?.code == .connectionRequired, finding.server.access?.isAskable == true else {
                return finding
            }
            var finding = finding
            finding.problem = nil
            finding.description = ["capabilities": ["tools": ["listChanged": true]]]
            return finding
        }
    }
}

/// A call that its user has to connect for.
private struct ConnectCall {
    let access: ServerAccess
    /// What it is refused with otherwise.
    let error: GatewayError
    let call: ClientCall
    let server: CompiledServer
}

/// One wait for a user to connect; it ends once. Used on its own loop only.
final class ConnectWait {
    private let access: ServerAccess
    private let worker: Worker
    private let id = UInt64.random(in: .min ... .max)
    private var deadline: Scheduled<Void>?
    private var done: ((Bool) -> Void)?

    init(_ access: ServerAccess, on worker: Worker, _ done: @escaping (_ isConnected: Bool) -> Void) {
        self.access = access
        self.worker = worker
        self.done = done
    }

    func begin(since known: String?, seconds: Int) {
        let bound = NIOLoopBound(self, eventLoop: worker.eventLoop)
        let isWatched = access.connections.watch(access.owner, id) {
            bound.eventLoop.execute { bound.value.finish(true) }
        }
        guard isWatched else { return finish(false) }
        // He may have connected before anybody watched.
        guard !access.connections.hasConnected(access.owner, since: known) else { return finish(true) }
        deadline = worker.eventLoop.assumeIsolated().scheduleTask(in: .seconds(Int64(seconds))) { [self] in
            finish(false)
        }
    }

    func finish(_ isConnected: Bool) {
        guard let done else { return }
        end()
        worker.refreshClock()
        done(isConnected)
    }

    /// Nobody waits any more.
    func end() {
        done = nil
        deadline?.cancel()
        deadline = nil
        access.connections.unwatch(access.owner, id)
    }
}
