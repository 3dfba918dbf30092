import NIOCore
import Synchronization

/// What every HTTP request passes before its era is known.
extension MCPServerMock {
    func steps(_ request: MockRequest) -> [MockStep] {
        let path = request.path
        if path.hasPrefix("/mock/") { return report(request, path) }
        guard !options.guardsOrigin || Self.isLocal(request) else {
            return refuse(MCPError(-32600, "this host or origin is not mine", status: 403))
        }
        guard accepts(request) else {
            let challenge = Header(
                "WWW-Authenticate",
                "Bearer resource_metadata=\"http://\(request.host)/.well-known/oauth-protected-resource/mcp\"")
            return refuse(MCPError(-32600, "a token is needed", status: 401), more: [challenge])
        }
        guard request.bodyBytes <= options.bodyBytesMax else {
            return refuse(MCPError(-32600, "the body is too large", status: 413))
        }
        let hasOld = options.revisions.contains { !$0.isStateless }
        switch (request.method, path) {
        case ("POST", "/mcp"): return post(request)
        case ("GET", "/mcp") where hasOld && options.hasSessions: return follow(request)
        case ("DELETE", "/mcp") where hasOld && options.hasSessions: return end(request)
        case (_, "/mcp"):
            return refuse(
                MCPError(-32600, "POST is what this endpoint takes", status: 405), more: [Header("Allow", "POST")])
        case ("GET", "/sse") where hasOld: return openPair()
        case ("POST", "/messages") where hasOld: return postToPair(request)
        default: return refuse(MCPError(-32600, "there is nothing here", status: 404))
        }
    }

    private func accepts(_ request: MockRequest) -> Bool {
        guard !options.bearers.isEmpty else { return true }
        let text = request.headers.first("authorization") ?? ""
        return text.lowercased().hasPrefix("bearer ") && options.bearers.contains(String(text.dropFirst(7)))
    }

    /// A page in a browser may be led here by a name that resolves to this machine: then its own name gives it away.
    private static func isLocal(_ request: MockRequest) -> Bool {
        let hosts: Set<String> = ["127.0.0.1", "localhost", "::1"]
        guard let (host, _) = splitAuthority(Substring(request.host)), hosts.contains(host) else { return false }
        let origins = request.headers.all("origin")
        guard let origin = origins.first else { return true }
        guard origins.count == 1, let mark = origin.range(of: "://"),
            let (name, _) = splitAuthority(origin[mark.upperBound...])
        else { return false }
        return hosts.contains(name)
    }

    private func report(_ request: MockRequest, _ path: String) -> [MockStep] {
        let query = Query(target: request.target)
        switch (request.method, path) {
        case ("GET", "/mock/journal"):
            return json(200, journal.report(last: max(0, query["last"].flatMap { Int($0) } ?? 100)))
        case ("POST", "/mock/reset"):
            reset()
            return json(200, ["reset": true])
        case ("POST", "/mock/forget"):
            forgetSessions()
            return json(200, ["forgotten": true])
        case ("POST", "/mock/announce"):
            let changes: [String: MCPChange] = ["tools": .tools, "prompts": .prompts, "resources": .resources]
            let resource = query["uri"].map { MCPChange.resource($0) }
            guard let change = resource ?? query["what"].flatMap({ changes[$0] }) else {
                return json(400, ["error": "what is tools, prompts or resources, or uri is a resource"])
            }
            announce(change)
            return json(200, ["announced": true])
        case ("POST", "/mock/rug"):
            guard let field = query["field"].flatMap(MCPRug.init(rawValue:)) else {
                return json(400, ["error": "there is no such field"])
            }
            pullRug(field)
            return json(200, ["pulled": true])
        default:
            return json(
                404,
                [
                    "error":
                        "the mock has GET /mock/journal and POST /mock/reset, /mock/forget, /mock/announce, /mock/rug"
                ])
        }
    }

    // MARK: a message

    private func post(_ request: MockRequest) -> [MockStep] {
        guard (request.headers.first("content-type") ?? "").lowercased().hasPrefix("application/json") else {
            return refuse(MCPError(-32600, "the body has to be application/json", status: 415))
        }
        let accept = request.headers.all("accept").joined(separator: ",")
        guard ["application/json", "text/event-stream"].allSatisfy(accept.contains) || accept.contains("*/*") else {
            return refuse(MCPError(-32600, "Accept has to have application/json and text/event-stream", status: 406))
        }
        guard let document = JSONDocument(json: request.body) else {
            return refuse(MCPError(-32700, "the body is not JSON"))
        }
        if case .array(let items) = document { return batch(items, request) }
        do {
            let message = try MCPMessage(document)
            return isStateless(message, request) ? try stateless(message, request) : try session(message, request)
        } catch let error as MCPError {
            return refuse(error, id: document["id"])
        } catch {
            return refuse(MCPError(-32603, "\(error)", status: 500), id: document["id"])
        }
    }

    /// The version says it, in the body or else in the header; without one it is an old client.
    private func isStateless(_ message: MCPMessage, _ request: MockRequest) -> Bool {
        guard options.revisions.contains(where: \.isStateless) else { return false }
        guard options.revisions.contains(where: { !$0.isStateless }) else { return true }
        if let version = message.meta[MCPMeta.protocolVersion]?.text { return version >= MCPRevision.july2026.rawValue }
        if message.method == "initialize" { return false }
        return (request.headers.first("mcp-protocol-version") ?? "") >= MCPRevision.july2026.rawValue
    }

    func entry(
        _ message: MCPMessage, _ revision: String, _ transport: String, session: String, _ headers: [Header]
    ) -> Int {
        journal.begin(
            MockToolEntry(
                number: 0, transport: transport, revision: revision, session: session, method: message.method,
                name: message.params["name"]?.text ?? message.params["uri"]?.text ?? "", message: message.document,
                headers: headers))
    }

    // MARK: answers

    func json(_ status: Int, _ document: JSONDocument, _ more: [Header] = []) -> [MockStep] {
        let body = document.bytes
        let headers = [Header("Content-Type", "application/json"), Header("Content-Length", "\(body.count)")]
        return [.head(status, headers + more), .chunk(ByteBuffer(bytes: body)), .end([])]
    }

    func refuse(_ error: MCPError, id: JSONDocument? = nil, more: [Header] = []) -> [MockStep] {
        json(error.status, error.document(id: id), more)
    }

    func taken() -> [MockStep] { [.head(202, [Header("Content-Length", "0")]), .end([])] }

    /// A body that goes on until its feed ends.
    func streamed(_ feed: MockFeed, type: String = "text/event-stream", _ more: [Header] = []) -> [MockStep] {
        let headers = [
            Header("Content-Type", type), Header("Cache-Control", "no-cache"), Header("X-Accel-Buffering", "no"),
        ]
        return [.head(200, headers + more), .feed(feed), .end([])]
    }

    /// What breaks the connection and not the protocol.
    func broken(_ acts: [MCPAct], _ visit: MCPVisit) -> [MockStep]? {
        guard case .misbehave(let how)? = acts.last else { return nil }
        switch how {
        case .reset:
            journal.end(visit.number, .broken)
            return [.reset]
        case .status500:
            journal.end(visit.number, .broken)
            let body = ByteBuffer(string: "it broke\n")
            return [
                .head(500, [Header("Content-Type", "text/plain"), Header("Content-Length", "\(body.readableBytes)")]),
                .chunk(body), .end([]),
            ]
        default: return nil
        }
    }

    /// A body that is one JSON text: what is no answer is not sent.
    func bare(_ feed: MockFeed) -> MCPOutlet {
        MCPOutlet(
            send: { message in
                if message["method"] == nil { feed.write(ByteBuffer(bytes: message.bytes)) }
            }, raw: { feed.write(ByteBuffer(string: $0)) }, end: { feed.end() })
    }
}

/// What ends a task that may not have begun.
final class MCPCancellation: Sendable {
    private let state = Mutex<(isCancelled: Bool, task: Task<Void, Never>?)>((false, nil))

    func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }

    func holds(_ task: Task<Void, Never>) {
        let isCancelled = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }
}
