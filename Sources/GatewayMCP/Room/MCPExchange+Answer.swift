import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// What the client gets: one JSON document, or a stream of events from the first message that comes before the reply.
extension MCPExchange {
    // MARK: From the server

    /// A notification, or of a server with sessions a request, before the reply.
    func pass(_ message: ServerRequest.Message, _ call: ClientCall) {
        guard exchange != nil else {
            // Its server would wait for an answer.
            request?.refuse(message)
            return
        }
        if message.message.kind == .request { return ask(message, call) }
        switch message.message.method {
        case "notifications/message":
            // Who did not ask for a log gets none.
            if call.isStateless, call.logLevel == nil { return }
        case "notifications/tools/list_changed":
            if let server { services.shelf.changed(server) }
            if call.isStateless { return }
        case "notifications/prompts/list_changed", "notifications/resources/list_changed",
            "notifications/resources/updated", "notifications/cancelled":
            // Of the streams that listen, or of a session, where requests stand for themselves.
            if call.isStateless { return }
            if let server, !view.tells(message, of: server, principal, now: now) { return }
        default: break
        }
        var bytes = message.bytes
        if let server {
            guard let edited = Notification.edited(message, view, of: server) else { return }
            bytes = edited
        }
        if let server, let session = call.session {
            guard
                let shown = services.tasks.shown(
                    message: bytes, method: message.message.method, server: server.name, session: session.id)
            else { return }
            bytes = shown
        }
        guard let clean = redacted(bytes) else { return }
        send(event: clean, id: mark(call, message.eventID))
        exchange?.flush()
    }

    /// The id of an event, where the client's stream can be taken up again.
    func mark(_ call: ClientCall, _ eventID: [UInt8]) -> String? {
        guard let request, request.onMark != nil, request.session != nil, let id = call.id,
            let session = call.session
        else { return nil }
        return EventMark(
            session: session.id, server: request.server.name, tool: calledTool, ownID: request.id,
            clientID: id, clientToken: request.clientToken, eventID: eventID
        ).text(services.seal)
    }

    /// A server's reply, in the words of the client's time.
    func take(_ reply: ServerRequest.Reply, _ call: ClientCall) {
        guard exchange != nil else { return }
        switch reply {
        case .failed(let error):
            answer(ClientFault(error, id: call.id, status: 200))
        case .ended: breakOff()
        case .error(let error, let status): pass(error: error, status: status, call)
        case .result(let whole):
            // It could be a question or a task in disguise, neither judged nor sealed.
            guard whole.isKnown || !call.isStateless else { return refuseUnreadable("answer", call) }
            note?.result = .ok
            let result: ServerResult
            do throws(ClientFault) {
                if let task = try begun(whole, call) { return finish(result: task, of: call) }
                let told = try told(whole, call)
                // A task that nobody can follow, by its server's own name. In a session the word says nothing.
                let canBeTask = call.isStateless || request?.session == nil
                guard told != nil || !whole.isTask || !canBeTask else {
                    return refuseUnreadable("answer", call)
                }
                result = if let told { ServerResult(told) } else { try governed(whole, call) }
            } catch { return answer(error) }
            if call.method == "tools/call", result.isFailure { note?.result = .toolError }
            guard let server, call.isStateless else { return finish(result: result.bytes, of: call) }
            guard result.isQuestion else {
                return finish(result: result.completed(isReading: call.method == "resources/read"), of: call)
            }
            guard let question = question(result, of: whole, call) else { return }
            note?.result = .waiting
            guard let bytes = sealQuestions(question, call, server) else {
                return answer(unasked(question, call))
            }
            finish(result: bytes, of: call)
        }
    }

    private func pass(error written: [UInt8], status: Int, _ call: ClientCall) {
        let client = call.isStateless ? nil : AskedClient(caller(call))
        var error = withRules { $0.shown(error: written, to: client) }
        var answerStatus = 200
        if call.isStateless {
            let code = error["code"]?.int ?? JSONRPCCode.internalError
            answerStatus = status == 400 || status == 404 ? status : ClientFault.status(code)
            // A code that this revision took back.
            if code == -32002 { error["code"] = .integer(JSONRPCCode.invalidParams) }
        }
        guard let id = call.id else { return }
        exchange?.record.errorCode = .upstreamProtocolError
        note?.result = .failed
        note?.errorCode = error["code"]?.int
        finish(JSONRPCWriter.error(id: id.span, JSONTree.object(error).bytes.span), status: answerStatus)
    }

    /// The client takes the stream up again by its last id, or has called the request off.
    private func breakOff() {
        timer.cancel()
        guard let exchange else { return }
        letGo()
        keepNote(exchange)
        self.exchange = nil
        beginStream(exchange)
        exchange.sendEnd()
    }

    // MARK: To the client

    func finish(result: [UInt8], of call: ClientCall) {
        guard let id = call.id else { return accept() }
        noteResult(result)
        finish(JSONRPCWriter.result(id: id.span, result.span))
    }

    /// Ends the answer with this message.
    func finish(_ message: [UInt8], status: Int = 200, challenge: String? = nil) {
        timer.cancel()
        guard let exchange else { return }
        letGo()
        guard !isHeadSent else {
            send(event: message)
            keepNote(exchange)
            self.exchange = nil
            return exchange.sendEnd()
        }
        answeredBytes += message.count
        keepNote(exchange)
        self.exchange = nil
        exchange.response.reset()
        exchange.response.status = status
        exchange.response.fields.append(.contentType, MCPExchange.json)
        exchange.response.fields.append(.cacheControl, MCPExchange.noStore)
        if let openedSession { exchange.response.fields.append(MCPName.session, openedSession) }
        if let challenge { exchange.response.fields.append("www-authenticate", challenge) }
        exchange.respond(body: message)
    }

    private static let json = Array("application/json".utf8)
    private static let noStore = Array("no-store".utf8)

    /// 202: a notification or an answer of the client was taken.
    func accept() {
        timer.cancel()
        guard let exchange else { return }
        self.exchange = nil
        exchange.respond(status: 202)
    }

    func answer(_ fault: ClientFault) {
        guard let exchange else { return }
        if exchange.record.errorCode == nil {
            exchange.record.errorCode = fault.errorCode ?? (fault.status < 300 ? .forbidden : .malformedRequest)
        }
        exchange.record.outcome = server == nil ? .refused : .upstreamFailed
        note?.errorCode = fault.code
        if note?.result != .waiting { note?.result = server == nil ? .refused : .failed }
        finish(fault.body, status: fault.status, challenge: fault.challenge)
    }

    /// Sends one event, and before the first one the head.
    func send(event data: [UInt8], id: String? = nil, retryMilliseconds: Int? = nil) {
        guard let exchange else { return }
        beginStream(exchange)
        var out: [UInt8] = []
        out.reserveCapacity(data.count + 32)
        EventMark.append(id: id, retryMilliseconds: retryMilliseconds, to: &out)
        SSEWriter.append(event: "message", data: data.span, to: &out)
        lastSentNanoseconds = worker.now
        answeredBytes += data.count
        exchange.sendBody(ByteBuffer(bytes: out))
    }

    func beginStream(_ exchange: Exchange) {
        guard !isHeadSent else { return }
        isHeadSent = true
        exchange.response.reset()
        exchange.response.status = 200
        exchange.response.fields.append("content-type", "text/event-stream")
        exchange.response.fields.append("cache-control", "no-cache, no-store")
        exchange.response.fields.append("x-accel-buffering", "no")
        if let openedSession { exchange.response.fields.append(MCPName.session, openedSession) }
        exchange.sendHead(framing: .chunked)
    }

    // MARK: Waiting

    /// How long a client waits without a word: longer, and something on the way takes the connection for dead.
    static let keepAliveNanoseconds: UInt64 = 15_000_000_000

    func armTimer() {
        guard exchange != nil else { return }
        if lastSentNanoseconds == 0 { lastSentNanoseconds = worker.now }
        // Held until `cancel`, which every end of the exchange calls: a weak reference would make each other one dear.
        timer.action = { [self] now in keepAlive(now) }
        timer.set(at: lastSentNanoseconds + MCPExchange.keepAliveNanoseconds)
    }

    /// A comment: it says nothing, and shows everyone on the way that the request lives.
    private func keepAlive(_ now: UInt64) {
        guard let exchange else { return timer.cancel() }
        if now >= lastSentNanoseconds + MCPExchange.keepAliveNanoseconds, exchange.isDownstreamWritable {
            beginStream(exchange)
            lastSentNanoseconds = now
            exchange.sendBody(ByteBuffer(string: ": keep-alive\n\n"))
            exchange.flush()
        }
        armTimer()
    }

    /// From here on the client can call the request off by a message of its own.
    func letCallOff(_ session: ClientSession, _ id: [UInt8]) {
        let handle = CallHandle(session.id, id: id, on: worker.eventLoop)
        handle.cancel = { [self] reason in
            worker.refreshClock()
            callOff(reason)
        }
        self.handle = handle
        services.clients.began(handle)
    }

    /// The call is over here: nothing is left to call off, and its place under the tool's limits is somebody else's.
    func letGo() {
        if let handle { services.clients.finished(handle) }
        handle = nil
        permit = nil
    }

    /// The client has called the request off: its server is told, and the stream ends without an answer, which gives
    /// back what the call held.
    private func callOff(_ reason: String?) {
        request?.cancel(reason: reason)
        request = nil
        stopWaiting()
        letGo()
        note?.result = .failed
        breakOff()
    }

    /// The client has gone. Where requests stand for themselves that calls the request off; in a session it does not.
    func leave() {
        stopWaiting()
        guard let request else { return letGo() }
        guard call?.isStateless ?? true else {
            // It goes on to its end unheard, and holds its place until then.
            guard request.isMarked else {
                request.isUnheard = true
                return
            }
            self.request = nil
            if request.detach() { goesOn(request) } else { request.cancel(reason: "the client has gone") }
            return letGo()
        }
        self.request = nil
        request.cancel(reason: "the client has gone")
        letGo()
    }

    /// Without anybody who waits, it can be called off, and keeps its place.
    func goesOn(_ request: ServerRequest) {
        if let handle { services.clients.left(handle, request, place: permit) }
        handle = nil
    }

    private func stopWaiting() {
        if let askedID { services.waiting.forget(askedID) }
        askedID = nil
        gathering?.cancel()
        gathering = nil
        survey?.cancel()
        survey = nil
        for feed in feeds { feed.cancel() }
        feeds.removeAll()
        if let held { held.eventLoop.execute { held.value.request.cancel(reason: "the client has gone") } }
        held = nil
        for request in listing { request.cancel() }
        listing.removeAll()
        stopWaitingForConnection()
    }
}
