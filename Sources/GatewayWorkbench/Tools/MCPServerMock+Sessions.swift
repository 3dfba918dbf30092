import NIOCore

/// The revisions with sessions over streamable HTTP: 2025-03-26, 2025-06-18 and 2025-11-25.
extension MCPServerMock {
    func session(_ message: MCPMessage, _ request: MockRequest) throws -> [MockStep] {
        if message.method == "initialize", message.kind == .request { return try initialize(message, request) }
        let session = try found(request)
        let number = entry(message, session.revision.rawValue, "http", session: session.id, request.headers)
        guard message.kind == .request else {
            take(message, session, number)
            return taken()
        }
        return perform(oldVisit(message, session, number), session)
    }

    func oldVisit(_ message: MCPMessage, _ session: MCPSession, _ number: Int) -> MCPVisit {
        MCPVisit(
            message: message, revision: session.revision, capabilities: session.capabilities, session: session,
            logLevel: session.logLevel, number: number)
    }

    /// A notification or an answer.
    func take(_ message: MCPMessage, _ session: MCPSession, _ number: Int) {
        journal.end(number, .accepted)
        if message.kind == .response {
            _ = session.answered(message)
            return
        }
        switch message.method {
        case "notifications/initialized": session.initialized()
        case "notifications/cancelled":
            if let id = message.params["requestId"] { _ = session.cancel(id) }
        default: break
        }
    }

    // MARK: the session

    /// What is asked for where it is spoken, and else the newest with sessions.
    func negotiated(_ message: MCPMessage) throws -> MCPRevision {
        let old = options.revisions.filter { !$0.isStateless }
        guard let newest = old.max() else { throw MCPError.method(message.method) }
        guard let asked = message.params["protocolVersion"]?.text else {
            throw MCPError(-32602, "protocolVersion is missing")
        }
        return MCPRevision(rawValue: asked).flatMap { old.contains($0) ? $0 : nil } ?? newest
    }

    func welcome(_ revision: MCPRevision) -> JSONDocument {
        [
            "protocolVersion": .string(revision.rawValue), "capabilities": capabilities(revision),
            "serverInfo": info, "instructions": .string(Self.instructions),
        ]
    }

    private func initialize(_ message: MCPMessage, _ request: MockRequest) throws -> [MockStep] {
        let revision = try negotiated(message)
        let session = options.hasSessions ? openSession(revision) : nil
        session?.open(revision, client: message.params)
        let number = entry(message, revision.rawValue, "http", session: session?.id ?? "", request.headers)
        journal.end(number, .result)
        let answer = MCPMessage.result(message.id ?? nil, welcome(revision))
        let headers = session.map { [Header("Mcp-Session-Id", $0.id)] } ?? []
        guard options.answers == .events else { return json(200, answer, headers) }
        let feed = MockFeed()
        let stream = MCPStream(feed: feed)
        stream.send(answer)
        stream.end()
        return streamed(feed, headers)
    }

    private func found(_ request: MockRequest) throws -> MCPSession {
        let header = request.headers.first("mcp-protocol-version")
        let version = header ?? MCPRevision.march2025.rawValue
        guard let revision = MCPRevision(rawValue: version), options.revisions.contains(revision) else {
            throw MCPError(-32000, "Bad Request: Unsupported protocol version")
        }
        guard options.hasSessions else {
            let session = MCPSession(id: "", revision: revision)
            session.initialized()
            return session
        }
        guard let id = request.headers.first("mcp-session-id") else {
            throw MCPError(-32000, "Bad Request: Mcp-Session-Id header is required")
        }
        guard let session = session(id) else { throw MCPError(-32001, "Session not found", status: 404) }
        return session
    }

    func end(_ request: MockRequest) -> [MockStep] {
        do {
            let session = try found(request)
            _ = endSession(session.id)
            return [.head(200, [Header("Content-Length", "0")]), .end([])]
        } catch {
            return refuse(error as? MCPError ?? MCPError(-32603, "\(error)", status: 500))
        }
    }

    // MARK: streams

    private func perform(_ visit: MCPVisit, _ session: MCPSession) -> [MockStep] {
        let acts = acts(visit)
        if let steps = broken(acts, visit) { return steps }
        if options.answers != .events, let (message, status) = MCPConductor.immediate(acts, visit, self) {
            return json(status, message)
        }
        // The connection may break: the call goes on.
        let feed = MockFeed()
        if options.answers == .json {
            start(acts, visit, session, bare(feed))
            return streamed(feed, type: "application/json")
        }
        let isResumable = visit.revision >= .november2025 && options.hasSessions
        let stream = isResumable ? session.stream(feed) : MCPStream(feed: feed)
        stream.prime(retryMilliseconds: options.retryMilliseconds)
        start(acts, visit, session, MCPOutlet(stream))
        return streamed(feed)
    }

    func start(_ acts: [MCPAct], _ visit: MCPVisit, _ session: MCPSession, _ outlet: MCPOutlet) {
        let conductor = MCPConductor(mock: self, visit: visit, outlet: outlet)
        let id = visit.message.id ?? nil
        let task = Task {
            await conductor.run(acts)
            session.finished(id)
        }
        session.started(id, task)
    }

    /// GET: what belongs to no request, or what follows the event a client has seen last.
    func follow(_ request: MockRequest) -> [MockStep] {
        do {
            guard (request.headers.first("accept") ?? "").contains("text/event-stream") else {
                throw MCPError(-32600, "Accept has to have text/event-stream", status: 406)
            }
            let session = try found(request)
            let feed = MockFeed()
            if let last = request.headers.first("last-event-id") {
                guard let mark = last.lastIndex(of: "_"), let number = Int(last[last.index(after: mark)...]),
                    let stream = session.stream(named: String(last[..<mark]))
                else { throw MCPError(-32600, "there is no such event") }
                stream.resume(after: number, on: feed)
                return streamed(feed)
            }
            if let stream = session.stream(named: "common"), stream.hasReader {
                throw MCPError(-32600, "there is such a stream already", status: 409)
            }
            let stream = session.stream(feed, isCommon: true)
            if session.revision >= .november2025 { stream.prime(retryMilliseconds: options.retryMilliseconds) }
            return streamed(feed)
        } catch {
            return refuse(error as? MCPError ?? MCPError(-32603, "\(error)", status: 500))
        }
    }

    // MARK: batches

    /// Revision 2025-03-26 alone has them.
    func batch(_ items: [JSONDocument], _ request: MockRequest) -> [MockStep] {
        do {
            let session = try found(request)
            guard session.revision == .march2025, !items.isEmpty else {
                throw MCPError(-32600, "this revision has no batches")
            }
            let messages = try items.map(MCPMessage.init)
            let feed = MockFeed()
            let stream = MCPStream(feed: feed)
            var calls: [MCPConductor] = []
            for message in messages {
                let number = entry(message, session.revision.rawValue, "http", session: session.id, request.headers)
                guard message.kind == .request else {
                    take(message, session, number)
                    continue
                }
                var outlet = MCPOutlet(line: { stream.send(data: $0) })
                outlet.stream = stream
                calls.append(MCPConductor(mock: self, visit: oldVisit(message, session, number), outlet: outlet))
            }
            guard !calls.isEmpty else { return taken() }
            let plays = calls.map { ($0, acts($0.visit)) }
            Task {
                await withTaskGroup(of: Void.self) { group in
                    for (call, acts) in plays { group.addTask { await call.run(acts) } }
                }
                stream.end()
            }
            return streamed(feed)
        } catch {
            return refuse(error as? MCPError ?? MCPError(-32603, "\(error)", status: 500))
        }
    }
}
