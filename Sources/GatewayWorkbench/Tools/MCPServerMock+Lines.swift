import NIOCore

/// One channel for all messages, in both eras: a process's standard input and output, and the pair of endpoints of
/// revision 2024-11-05.
extension MCPServerMock {
    /// Takes one message; what it causes goes out on the session's common outlet.
    func receive(
        _ bytes: [UInt8], _ session: MCPSession, _ outlet: MCPOutlet, transport: String, headers: [Header] = []
    ) {
        guard let document = JSONDocument(json: bytes) else {
            return outlet.send(MCPError(-32700, "this line is not JSON").document(id: .null))
        }
        if case .array(let items) = document {
            guard session.revision == .march2025 else {
                return outlet.send(MCPError(-32600, "this revision has no batches").document(id: .null))
            }
            for item in items { receive(item, session, outlet, transport, headers) }
            return
        }
        receive(document, session, outlet, transport, headers)
    }

    private func receive(
        _ document: JSONDocument, _ session: MCPSession, _ outlet: MCPOutlet, _ transport: String, _ headers: [Header]
    ) {
        do {
            let message = try MCPMessage(document)
            let version = message.meta[MCPMeta.protocolVersion]?.text
            let asksNew = (version ?? "") >= MCPRevision.july2026.rawValue || message.method == "server/discover"
            let isNew = asksNew && options.revisions.contains(where: \.isStateless)
            let number = entry(
                message, version ?? session.revision.rawValue, transport, session: session.id, headers)
            guard message.kind == .request else { return take(message, session, number) }
            do {
                try serve(message, isNew, version ?? "", session, outlet, number)
            } catch let error as MCPError {
                journal.end(number, .error, code: error.code)
                throw error
            }
        } catch {
            let refusal = error as? MCPError ?? MCPError(-32603, "\(error)")
            outlet.send(refusal.document(id: document["id"] ?? .null))
        }
    }

    private func serve(
        _ message: MCPMessage, _ isNew: Bool, _ version: String, _ session: MCPSession, _ outlet: MCPOutlet,
        _ number: Int
    ) throws {
        let visit: MCPVisit
        if isNew {
            visit = try self.visit(message, version: version, number: number, session: session)
        } else if message.method == "initialize" {
            let revision = try negotiated(message)
            session.open(revision, client: message.params)
            journal.end(number, .result)
            return outlet.send(MCPMessage.result(message.id ?? nil, welcome(revision)))
        } else {
            visit = oldVisit(message, session, number)
        }
        if message.method == "subscriptions/listen", isNew {
            return session.listen(message.id ?? nil, listener(visit, outlet))
        }
        let acts = acts(visit)
        if let (answer, _) = MCPConductor.immediate(acts, visit, self) { return outlet.send(answer) }
        start(acts, visit, session, outlet)
    }

    // MARK: the old pair of endpoints

    func openPair() -> [MockStep] {
        let stream = MCPStream(feed: nil)
        let session = openSession(.november2024, common: MCPOutlet(line: { stream.send(data: $0) }))
        let feed = MockFeed { [weak self] in _ = self?.endSession(session.id) }
        stream.resume(after: 0, on: feed)
        feed.write(ByteBuffer(string: "event: endpoint\ndata: /messages?session=\(session.id)\n\n"))
        return streamed(feed)
    }

    func postToPair(_ request: MockRequest) -> [MockStep] {
        guard let id = Query(target: request.target)["session"], let session = session(id), let outlet = session.common
        else { return refuse(MCPError(-32001, "Session not found", status: 404)) }
        receive(request.body, session, outlet, transport: "sse", headers: request.headers)
        let body = ByteBuffer(string: "Accepted")
        return [
            .head(202, [Header("Content-Type", "text/plain"), Header("Content-Length", "\(body.readableBytes)")]),
            .chunk(body), .end([]),
        ]
    }
}
