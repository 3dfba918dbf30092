import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// The stream of a session beside its requests (GET): what servers tell unasked, and the rest of a call's stream that
/// broke off. It stays open as long as the client does, whatever becomes of the servers' own streams.
final class ClientStream: BodyReader {
    private let view: ToolView
    private let services: MCPServices
    private let worker: Worker
    private let session: ClientSession
    private let caller: ServerCaller
    private let governance: ToolGovernance
    /// Whose tasks are told of.
    private let taskOwner: String
    private var exchange: Exchange?
    private var feeds: [ServerFeed] = []
    private var resumed: ServerRequest?
    /// By which the client can call off what it has taken up again.
    private var handle: CallHandle?
    private let timer: LoopTimer
    private var lastSentNanoseconds: UInt64
    private var partMark = ""

    static func open(_ room: MCPRoom, _ exchange: Exchange, _ view: ToolView) {
        guard let session = ClientStream.session(room, exchange, view) else { return }
        let mark = exchange.request.fields.value(named: MCPName.lastEventID)
        if !exchange.isPart, let mark,
            let marks = EventMark.joined(mark, room.services.seal, session: session.id)
        {
            let batch = MCPBatch(marks, exchange, session, room.services)
            exchange.receiveBody(into: batch)
            return batch.start()
        }
        let stream = ClientStream(room, exchange, view, session)
        exchange.receiveBody(into: stream)
        // Of a part its body says which stream it goes on with.
        stream.begin(exchange.isPart ? stream.partMark : mark)
    }

    /// The session of a GET or DELETE; answers where there is none.
    private static func session(_ room: MCPRoom, _ exchange: Exchange, _ view: ToolView) -> ClientSession? {
        do throws(ClientFault) {
            let session = try room.session(
                exchange.request, exchange.principal, view,
                nowMilliseconds: Int(exchange.worker.wallNanoseconds / 1_000_000))
            if let session { return session }
        } catch {
            exchange.respond(status: error.status, fields: [("content-type", "application/json")], body: error.body)
            return nil
        }
        exchange.refuse(
            GatewayError(
                .methodNotAllowed,
                "only a session has this: \(exchange.request.fields.text(exchange.request.methodName))",
                hint: "use POST"))
        return nil
    }

    private init(_ room: MCPRoom, _ exchange: Exchange, _ view: ToolView, _ session: ClientSession) {
        self.view = view
        self.exchange = exchange
        self.session = session
        governance = room.catalog.governance
        taskOwner = exchange.principal.callerKey
        services = room.services
        worker = exchange.worker
        lastSentNanoseconds = worker.now
        timer = LoopTimer(on: worker)
        caller = ServerCaller(
            owner: session.owner, capabilities: session.capabilities, clientInfo: session.clientInfo,
            logLevel: services.clients.level(session.id), session: session)
    }

    func receive(_ bytes: ByteBuffer) { if exchange?.isPart ?? false { partMark += String(buffer: bytes) } }
    func receiveEnd(trailers: FieldBlock?) {}
    func downstreamWritable() {
        resumed?.resumeReading()
        for feed in feeds { feed.resumeReading() }
    }

    func ended() {
        exchange = nil
        timer.cancel()
        for feed in feeds { feed.cancel() }
        feeds.removeAll()
        if let resumed, let handle, resumed.detach() {
            services.clients.left(handle, resumed)
        } else if let handle {
            services.clients.finished(handle)
        }
        (resumed, handle) = (nil, nil)
        services.clients.closed(self, session.id)
    }

    private func begin(_ mark: String?) {
        guard let exchange else { return }
        exchange.response.reset()
        exchange.response.status = 200
        exchange.response.fields.append("content-type", "text/event-stream")
        exchange.response.fields.append("cache-control", "no-cache, no-store")
        exchange.response.fields.append("x-accel-buffering", "no")
        exchange.sendHead(framing: .chunked)
        // A head alone may be held back on the way.
        send(": open\n\n")
        timer.action = { [weak self] now in self?.keepAlive(now) }
        timer.set(at: lastSentNanoseconds + MCPExchange.keepAliveNanoseconds)
        if let mark {
            guard let mark = EventMark(mark, services.seal, session: session.id),
                let server = view.servers.first(where: { $0.name == mark.server })
            else {
                return end()
            }
            return resume(mark, server)
        }
        services.clients.opened(self, session.id, on: worker.eventLoop)
        // What the client looked at before anybody listened may have changed since.
        let all = AwaitedAll(view.servers.count, on: worker) { [weak self] in
            guard let self else { return }
            for method in services.clients.seen(session.id) { sendEvent(Notification.changed(method)) }
        }
        for server in view.servers {
            let feed = ServerFeed(
                server, caller, services, wants: wants(server), ownsSession: false, on: worker)
            var isFirst = true
            feed.canTakeMore = { [weak self] in self?.exchange?.isDownstreamWritable ?? true }
            feed.onMessage = { [self] in pass($0, from: server) }
            feed.onReady = { [self, weak feed] hadGap in
                if hadGap, let feed { tellMissed(feed, isFirst: isFirst) }
                if isFirst { all.one() }
                isFirst = false
            }
            feeds.append(feed)
            feed.start()
        }
    }

    /// Who looked before looks again.
    private func tellMissed(_ feed: ServerFeed, isFirst: Bool) {
        if !isFirst {
            for method in services.clients.seen(session.id) { sendEvent(Notification.changed(method)) }
        }
        for uri in feed.wants.uris {
            let shown = view.uri(uri, of: feed.server)
            sendEvent(Notification.changed("notifications/resources/updated", uri: shown))
        }
    }

    private func wants(_ server: CompiledServer) -> ServerFeed.Wants {
        ServerFeed.Wants(
            tools: true, prompts: true, resources: true,
            uris: services.clients.subscriptions(session.id, server: server.name))
    }

    /// The client has subscribed to something, or does not any more; `done` once changes of it are heard of.
    func subscriptionsChanged(at server: String, then done: @escaping () -> Void) {
        guard let feed = feeds.first(where: { $0.server.name == server }) else { return done() }
        let all = AwaitedAll(1, on: worker, done)
        feed.change(wants(feed.server)) { all.one() }
    }

    private func pass(_ message: ServerRequest.Message, from server: CompiledServer) {
        guard let shown = shown(message, from: server) else { return }
        // Log lines and questions are of no tool: what holds for all of them holds for these.
        var rules = ResultRules(
            view: view, server: server, terms: governance.terms(server: server.shownName), definition: nil)
        if let clean = rules.redacted(message: shown) { sendEvent(clean) }
    }

    private var now: CELTimestamp { CELTimestamp(wallNanoseconds: worker.wallNanoseconds) }

    /// A question or a notification by the names the client knows, on whichever stream it comes; nil for what is not
    /// for this client: of a resource it may not read, or of a task that is not the session's.
    private func shown(_ message: ServerRequest.Message, from server: CompiledServer) -> [UInt8]? {
        guard let exchange, view.tells(message, of: server, exchange.principal, now: now) else { return nil }
        if message.message.method == "notifications/tools/list_changed" {
            services.shelf.changed(server)
        }
        var bytes: [UInt8]
        if message.message.kind == .request, let range = message.message.id {
            var splice = JSONSplice()
            splice.replace(range, with: QuestionID.make(server: server, id: Array(message.bytes[range])))
            bytes = splice.applied(to: message.bytes.span)
        } else {
            guard let edited = Notification.edited(message, view, of: server) else { return nil }
            bytes = edited
        }
        return services.tasks.shown(
            message: bytes, method: message.message.method, server: server.name, session: session.id)
    }

    // MARK: The rest of a stream

    private func resume(_ mark: EventMark, _ server: CompiledServer) {
        let known = services.live.session(caller.scope(server), now: worker.now)
        let opened = session.opened.first { $0.server == server.name }.map {
            LiveServers.Session(
                id: $0.id.isEmpty ? nil : $0.id, revision: $0.revision, result: [], usedNanoseconds: worker.now)
        }
        guard let at = known ?? opened else { return end() }
        // What is taken up again is judged as it would have been, by the rules of now.
        let terms =
            mark.tool.map { governance.terms(server: server.shownName, tool: $0) }
            ?? governance.terms(server: server.shownName)
        guard mayUse(mark.tool, terms, server) else { return refuse(mark, server) }
        var rules = ResultRules(
            view: view, server: server, terms: terms,
            definition: mark.tool.flatMap {
                services.shelf.shelf(of: server, for: session.owner, now: worker.now)?.tools[ExactName($0)]
            })
        let request = ServerRequest(server, "", params: [], caller, services, on: worker)
        resumed = request
        request.canTakeMore = { [weak self] in self?.exchange?.isDownstreamWritable ?? true }
        request.onMark = { [self] id, retry in
            sendEvent([], id: mark.at(id).text(services.seal), retryMilliseconds: retry)
        }
        request.onMessage = { [self] message in
            if message.message.kind == .request, request.question(message) == nil { return }
            guard let shown = shown(message, from: server), let clean = rules.redacted(message: shown) else {
                return request.refuse(message)
            }
            sendEvent(clean, id: mark.at(message.eventID).text(services.seal))
        }
        request.onEnd = { [self, unowned request] reply in
            resumed = nil
            if case .ended = reply {
                if let handle { services.clients.left(handle, request) }
            } else {
                if let handle { services.clients.finished(handle) }
                services.clients.answered(session.id, mark.ownID)
            }
            handle = nil
            finish(reply, mark, server, &rules)
            end()
        }
        letCallOff(request, mark)
        request.follow(mark, at)
    }

    private func mayUse(_ tool: String?, _ terms: ToolTerms, _ server: CompiledServer) -> Bool {
        guard let tool, let principal = exchange?.principal else { return true }
        return view.lists(.tool, tool, of: server, principal, now: now)
            && terms.scopeLacking(principal.scopes) == nil
    }

    /// Of a tool that its caller may not use any more nothing more is told.
    private func refuse(_ mark: EventMark, _ server: CompiledServer) {
        let error = GatewayError(.unknownTool, "the tool of this call may not be used any more")
        var note = note(mark, server)
        note.result = .refused
        exchange?.record.errorCode = error.code
        exchange?.record.toolCall = ToolCallNote(note)
        sendEvent(ClientFault(error, id: mark.clientID).body)
        end()
    }

    private func note(_ mark: EventMark, _ server: CompiledServer) -> ToolCallRecord {
        var note = ToolCallRecord(method: mark.tool == nil ? "resume" : "tools/call")
        note.server = server.shownName
        note.slot = server.backend.metricSlot
        note.item = mark.tool ?? ""
        note.result = .failed
        return note
    }

    private func letCallOff(_ request: ServerRequest, _ mark: EventMark) {
        let handle = CallHandle(session.id, id: mark.clientID, on: worker.eventLoop)
        handle.cancel = { [self] reason in
            worker.refreshClock()
            request.cancel(reason: reason)
            services.clients.answered(session.id, mark.ownID)
            (resumed, self.handle) = (nil, nil)
            end()
        }
        self.handle = handle
        services.clients.began(handle)
    }

    /// The answer of a call whose stream broke off, and what is remembered of it.
    private func finish(
        _ reply: ServerRequest.Reply, _ mark: EventMark, _ server: CompiledServer, _ rules: inout ResultRules
    ) {
        var note = note(mark, server)
        switch reply {
        case .result(let whole):
            do throws(GatewayError) {
                let result = try answered(whole, mark, server, &rules)
                note.result = .ok
                note.resultBytes = result.count
                note.resultDigest = ToolDigest.of(bytes: result)
                sendEvent(JSONRPCWriter.result(id: mark.clientID.span, result.span))
            } catch { sendEvent(ClientFault(error, id: mark.clientID).body) }
        case .error(let error, _):
            let shown = rules.shown(error: error, to: AskedClient(caller))
            sendEvent(JSONRPCWriter.error(id: mark.clientID.span, JSONTree.object(shown).bytes.span))
        case .failed(let error): sendEvent(ClientFault(error, id: mark.clientID).body)
        // It has said nothing yet: the client comes again.
        case .ended: return
        }
        note.redactions = rules.redactions
        exchange?.record.toolCall = ToolCallNote(note)
    }

    /// A result, or what says that the call goes on as a task.
    private func answered(
        _ whole: ServerResult, _ mark: EventMark, _ server: CompiledServer, _ rules: inout ResultRules
    ) throws(GatewayError) -> [UInt8] {
        let begun = try SessionTask.begun(
            whole, tool: mark.tool, owner: taskOwner, session: session, server, services, &rules)
        if let begun { return begun }
        // Of a server with sessions it is none that anybody could answer.
        guard !whole.isQuestion else {
            throw GatewayError(.upstreamProtocolError, "the server's answer cannot be read")
        }
        let result = try rules.governed(whole.bytes, isPlainTree: whole.isPlainTree, renames: true) ?? whole.bytes
        guard LiveTasks.namesTask(result), let tree = try? JSONTree.parse(result) else { return result }
        return services.tasks.shown(tree, server: server.name, session: session.id).bytes
    }

    // MARK: Sending

    /// A word of the gateway's own.
    func tell(_ message: [UInt8]) { sendEvent(message) }

    private func sendEvent(_ data: [UInt8], id: String? = nil, retryMilliseconds: Int? = nil) {
        var out: [UInt8] = []
        EventMark.append(id: id, retryMilliseconds: retryMilliseconds, to: &out)
        SSEWriter.append(event: "message", data: data.span, to: &out)
        lastSentNanoseconds = worker.now
        exchange?.sendBody(ByteBuffer(bytes: out))
        exchange?.flush()
    }

    private func send(_ text: String) {
        lastSentNanoseconds = worker.now
        exchange?.sendBody(ByteBuffer(string: text))
        exchange?.flush()
    }

    private func keepAlive(_ now: UInt64) {
        guard let exchange else { return }
        if now >= lastSentNanoseconds + MCPExchange.keepAliveNanoseconds, exchange.isDownstreamWritable {
            send(": keep-alive\n\n")
            lastSentNanoseconds = now
        }
        timer.set(at: lastSentNanoseconds + MCPExchange.keepAliveNanoseconds)
    }

    private func end() {
        let exchange = exchange
        self.exchange = nil
        timer.cancel()
        exchange?.sendEnd()
    }

    // MARK: DELETE

    /// Ends the session, at its servers too.
    static func end(_ room: MCPRoom, _ exchange: Exchange, _ view: ToolView) {
        guard let session = session(room, exchange, view) else { return }
        let worker = exchange.worker
        let caller = ServerCaller(
            owner: session.owner, capabilities: session.capabilities, clientInfo: session.clientInfo, logLevel: nil,
            session: session)
        for server in view.servers {
            let kept = room.services.live.take(caller.scope(server))
            worker.ended(kept, atNanoseconds: worker.now)
            let opened = session.opened.first { $0.server == server.name }.map {
                LiveServers.Session(
                    id: $0.id.isEmpty ? nil : $0.id, revision: $0.revision, result: [], usedNanoseconds: worker.now)
            }
            guard let known = kept ?? opened else { continue }
            ServerOpening(server: server, services: room.services, worker: worker).close(known)
        }
        room.services.clients.end(session, nowMilliseconds: Int(worker.wallNanoseconds / 1_000_000))
        room.services.tasks.end(session: session.id)
        exchange.respond(status: 204)
    }
}
