import GatewayModel
import GatewayProxy
import GatewayWire

/// Finds out how a server wants to be spoken to, and opens sessions at those that want one.
struct ServerOpening {
    let server: CompiledServer
    let services: MCPServices
    let worker: Worker

    typealias Probed = Result<LiveServers.Era, GatewayError>

    /// How the server wants to be spoken to, asked for once by all who want to know.
    func probe(_ done: @escaping (Probed) -> Void) {
        services.live.probes.ask(
            server.key, on: worker,
            { found in
                // It may have been found out since this was asked for.
                if let known = services.live.era(of: server) { return found(.success(known)) }
                _ = discover(found)
            }, then: done)
    }

    /// Asks `server/discover`; a server that does not know it wants a session. Returns what can be cancelled.
    func discover(_ done: @escaping (Probed) -> Void) -> ServerPost {
        let meta =
            "{\"_meta\":{\"\(MCPName.protocolVersionMeta)\":\"\(MCPRevision.stateless.rawValue)\","
            + "\"\(MCPName.clientInfoMeta)\":\(ServerOpening.ownInfo),\"\(MCPName.capabilitiesMeta)\":{}}}"
        let body = JSONRPCWriter.request(id: [0x31], method: "server/discover", params: Array(meta.utf8))
        let post = ServerPost(server, services, on: worker)
        var answer: [UInt8]?
        post.onEvent = { answer = $0.data }
        post.onEnd = { [post] outcome in
            _ = post
            let era = era(outcome, answer)
            if case .success(let era) = era { services.live.setEra(era, of: server) }
            done(era)
        }
        post.begin(
            .post,
            fields: [
                (MCPName.protocolVersion, Array(MCPRevision.stateless.rawValue.utf8)),
                (MCPName.method, Array("server/discover".utf8)),
            ], body: body)
        return post
    }

    private func era(_ outcome: ServerPost.Outcome, _ event: [UInt8]?) -> Probed {
        var body = event ?? []
        switch outcome {
        case .failed(let error): return .failure(error)
        case .streamEnded: break
        case .whole(let status, _, let bytes):
            if status == 401 || status == 403 || status >= 500 || status == 429 {
                return .failure(ServerOpening.refusal(status, server))
            }
            body = bytes
        }
        guard let message = try? JSONRPCMessage(body.span), let content = message.content else {
            return .success(.session)
        }
        let text = Array(body[content])
        guard let object = (try? JSONTree.parse(text))?.object else { return .success(.session) }
        if message.kind == .result {
            let versions = object["supportedVersions"]?.array ?? []
            let isKnown = versions.contains { $0.string?.value == MCPRevision.stateless.rawValue }
            return .success(isKnown ? .stateless(discovered: text) : .session)
        }
        switch object["code"]?.int {
        case JSONRPCCode.headerMismatch, JSONRPCCode.missingClientCapability:
            return .success(.stateless(discovered: Array("{}".utf8)))
        default: return .success(.session)
        }
    }

    /// What the server is told where no client says who it is.
    static let ownInfo = "{\"name\":\"sluice\",\"version\":\"1\"}"

    /// What of a server's refusal a caller is told: the gateway's own credential is nobody else's business.
    static func refusal(_ status: Int, _ server: CompiledServer) -> GatewayError {
        switch status {
        case 401, 403:
            GatewayError(
                .credentialUnavailable, "the server does not accept the gateway's credential: \(server.shownName)",
                hint: "the operator gives the MCPServer a valid one", cause: "status \(status)")
        case 429:
            GatewayError(
                .upstreamOverloaded, "the server takes no more requests for now: \(server.shownName)",
                hint: "try again later")
        case 413:
            GatewayError(.bodyTooLarge, "the request is larger than the server takes: \(server.shownName)")
        default:
            GatewayError(
                .upstreamProtocolError, "the server answers with status \(status): \(server.shownName)")
        }
    }

    // MARK: Sessions

    typealias Opened = Result<LiveServers.Session, GatewayError>

    /// Opens a session for a caller, once for all who want to use the same. `isAlone` joins nobody who has begun
    /// earlier: who asks how a server is now does not wait for what hangs.
    func open(_ caller: ServerCaller, isAlone: Bool = false, _ done: @escaping (Opened) -> Void) {
        let scope = caller.scope(server)
        let key = isAlone ? String(decoding: services.nextID(), as: UTF8.self) : "\(server.key) \(scope)"
        services.live.openings.ask(
            key, on: worker,
            { opened in
                // It may have been opened since this was asked for.
                if let known = services.live.session(scope, now: worker.now) { return opened(.success(known)) }
                openAnew(caller) { opened(kept($0, caller, scope)) }
            }, then: done)
    }

    /// Keeps a session that has begun, unless nobody can use it: then it is closed.
    private func kept(_ outcome: Opened, _ caller: ServerCaller, _ scope: String) -> Opened {
        guard case .success(let session) = outcome else { return outcome }
        if let known = services.live.session(scope, now: worker.now) {
            close(session)
            return .success(known)
        }
        if let own = caller.session, services.clients.hasEnded(own) {
            close(session)
            return .failure(GatewayError(.notFound, "the session has ended while one was opened at its server"))
        }
        for old in services.live.keep(session, scope, now: worker.now) { worker.ended(old) }
        return outcome
    }

    /// `initialize`, then `notifications/initialized`. A server that refuses the first may be one of 2024-11-05.
    private func openAnew(_ caller: ServerCaller, _ done: @escaping (Opened) -> Void) {
        let isPair = server.isPair || services.live.isPair(server)
        initialize(caller, atPair: isPair) { outcome, refused in
            guard !isPair, server.protocol == .auto, let refused, case .failure(let refusal) = outcome,
                [400, 404, 405, 406, 410, 415].contains(refused)
            else { return done(outcome) }
            initialize(caller, atPair: true) { outcome, _ in
                switch outcome {
                case .success: services.live.setPair(server)
                case .failure(let error):
                    var refusal = refusal
                    refusal.cause = "\(error.message), as a server of 2024-11-05"
                    return done(.failure(refusal))
                }
                done(outcome)
            }
        }
    }

    /// `done` is told with which status the server refused, where it did.
    private func initialize(
        _ caller: ServerCaller, atPair isPair: Bool, _ done: @escaping (Opened, _ refused: Int?) -> Void
    ) {
        let revision = caller.session.map { min($0.revision, .newestSession) } ?? .newestSession
        var params = Array("{\"protocolVersion\":\"\(revision.rawValue)\",\"capabilities\":".utf8)
        // Tasks of the other time are none of a session's.
        params.append(contentsOf: Capabilities.known(caller.capabilities))
        params.append(contentsOf: ",\"clientInfo\":".utf8)
        params.append(contentsOf: caller.clientInfo ?? Array(ServerOpening.ownInfo.utf8))
        params.append(0x7D)
        let body = JSONRPCWriter.request(id: [0x31], method: "initialize", params: params)
        let post = ServerPost(server, services, on: worker)
        (post.isAtPair, post.owner) = (isPair, caller.owner)
        var id: String?
        var answer: [UInt8]?
        post.onHead = { _, session in id = session }
        post.onEvent = { event in
            guard let message = try? JSONRPCMessage(event.data.span), message.content != nil else { return }
            answer = event.data
        }
        post.onEnd = { [post] outcome in
            _ = post
            switch session(outcome, answer, id: id, isPair: isPair) {
            case .failure(let error):
                if case .whole(let status, _, _) = outcome { return done(.failure(error), status) }
                done(.failure(error), nil)
            case .success(let session): begin(session, caller) { done($0, nil) }
            }
        }
        post.begin(.post, fields: [], body: body)
    }

    private func session(
        _ outcome: ServerPost.Outcome, _ event: [UInt8]?, id: String?, isPair: Bool
    ) -> Opened {
        var body = event ?? []
        switch outcome {
        case .failed(let error): return .failure(error)
        case .streamEnded: break
        case .whole(let status, _, let bytes):
            guard status < 300 else { return .failure(ServerOpening.refusal(status, server)) }
            body = bytes
        }
        guard let message = try? JSONRPCMessage(body.span), message.kind == .result, let content = message.content,
            let object = (try? JSONTree.parse(Array(body[content])))?.object,
            let version = object["protocolVersion"]?.string?.value, let revision = MCPRevision(rawValue: version),
            !revision.isStateless
        else {
            return .failure(
                GatewayError(
                    .upstreamProtocolError, "the server does not open a session: \(server.shownName)",
                    hint: "check that its url is an MCP endpoint"))
        }
        if let id, !ServerOpening.isSessionID(id) || PairSessions.isName(id) != isPair {
            return .failure(
                GatewayError(.upstreamProtocolError, "the server's session id is not valid: \(server.shownName)"))
        }
        return .success(
            LiveServers.Session(
                id: id, revision: revision, result: Array(body[content]), usedNanoseconds: worker.now,
                openedNanoseconds: worker.now, slot: server.backend.metricSlot))
    }

    /// Visible ASCII, and no longer than a head can bear.
    private static func isSessionID(_ id: String) -> Bool {
        !id.isEmpty && id.utf8.count <= 1024 && id.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private func begin(
        _ session: LiveServers.Session, _ caller: ServerCaller, _ done: @escaping (Opened) -> Void
    ) {
        notify("notifications/initialized", session) { _ in
            let asked = caller.session.map { services.clients.setLevel(of: $0.id) } ?? caller.logLevel
            guard let level = asked else { return done(.success(session)) }
            setLevel(level, session) { done(.success(session)) }
        }
    }

    /// Sends a notification to a session, whatever becomes of it.
    func notify(
        _ method: String, _ session: LiveServers.Session, params: [UInt8] = [],
        then done: ((ServerPost.Outcome) -> Void)? = nil
    ) {
        let post = ServerPost(server, services, on: worker)
        post.onEnd = { [post] outcome in
            _ = post
            done?(outcome)
        }
        post.begin(
            .post, fields: ServerOpening.fields(session),
            body: JSONRPCWriter.request(id: nil, method: method, params: params))
    }

    func setLevel(_ level: String, _ session: LiveServers.Session, then done: @escaping () -> Void) {
        var params = Array("{\"level\":".utf8)
        JSONWriter.append(string: level.utf8Span.span, to: &params)
        params.append(0x7D)
        let post = ServerPost(server, services, on: worker)
        post.onEnd = { [post] _ in
            _ = post
            done()
        }
        post.begin(
            .post, fields: ServerOpening.fields(session),
            body: JSONRPCWriter.request(id: [0x32], method: "logging/setLevel", params: params))
    }

    /// Ends a session; a server that does not like to is left alone.
    func close(_ session: LiveServers.Session, then done: (() -> Void)? = nil) {
        guard session.id != nil else {
            done?()
            return
        }
        let post = ServerPost(server, services, on: worker)
        post.onEnd = { [post] _ in
            _ = post
            done?()
        }
        post.begin(.delete, fields: ServerOpening.fields(session), body: [])
    }

    /// What tells a server which session a request belongs to.
    static func fields(_ session: LiveServers.Session) -> [(name: String, value: [UInt8])] {
        var fields: [(name: String, value: [UInt8])] = []
        if let id = session.id { fields.append((MCPName.session, Array(id.utf8))) }
        if session.revision >= .v20250618 {
            fields.append((MCPName.protocolVersion, Array(session.revision.rawValue.utf8)))
        }
        return fields
    }
}
