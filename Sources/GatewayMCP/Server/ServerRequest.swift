import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// One JSON-RPC request at one server for one caller: finds out how the server is spoken to, opens a session where one
/// is needed, sends, and tells what comes back message by message. On the worker's loop; ends once, by `onEnd`, unless
/// it is cancelled.
final class ServerRequest {
    enum Reply {
        case result(ServerResult)
        /// The JSON of the error, and the status it came with.
        case error([UInt8], status: Int)
        case failed(GatewayError)
        /// The stream has ended early; whoever knows its last id asks for the rest.
        case ended
    }

    /// What a server says before its reply.
    struct Message {
        var bytes: [UInt8]
        var message: JSONRPCMessage
        /// The stream's id at this message; empty without one.
        var eventID: [UInt8]
    }

    let server: CompiledServer
    let services: MCPServices
    let caller: ServerCaller
    let worker: Worker
    let method: String
    /// Nil for what cannot be read.
    private var params: RequestParams?
    /// What changes on the way.
    var edit = ServerParams()
    /// What `Mcp-Name` says.
    var name: String?
    /// `Mcp-Param-…` and what else goes with it.
    var fields: [(name: String, value: [UInt8])] = []
    /// It asks how the server is, whatever is known of that.
    var isCheck = false
    /// A stream that stays open.
    var isStream = false
    /// A notification, or of a server with sessions a request.
    var onMessage: ((Message) -> Void)?
    var onEnd: ((Reply) -> Void)?
    var canTakeMore: (() -> Bool)? { didSet { post?.canTakeMore = canTakeMore } }
    /// An id of the stream without a message. Who takes these asks for the rest of a stream itself.
    var onMark: ((_ id: [UInt8], _ retryMilliseconds: Int?) -> Void)?
    /// The session that it wanted may be open, and it has ended meanwhile.
    var onLate: (() -> Void)?

    private(set) var session: LiveServers.Session?
    /// Ours: the client's own may be somebody else's too.
    private(set) var id: [UInt8] = []
    private(set) var clientToken: [UInt8]?
    private var post: ServerPost?
    /// By posts that are over.
    private var earlierBytes = 0
    private var reply: Reply?
    private(set) var startedNanoseconds: UInt64 = 0
    private var hasEnded = false
    private var isDetached = false
    private var isCounted = false
    private var hasReopened = false
    private var lastEventID: [UInt8] = []
    private var resumptions = 0
    private var retryMilliseconds = 500
    private static let resumptionsMax = 1_000

    convenience init(
        _ server: CompiledServer, _ method: String, params: [UInt8], _ caller: ServerCaller, _ services: MCPServices,
        on worker: Worker
    ) {
        self.init(server, method, params: try? RequestParams(params), caller, services, on: worker)
    }

    init(
        _ server: CompiledServer, _ method: String, params: RequestParams?, _ caller: ServerCaller,
        _ services: MCPServices, on worker: Worker
    ) {
        self.server = server
        self.method = method
        self.params = params
        self.caller = caller
        self.services = services
        self.worker = worker
    }

    /// Of answers, whatever has been made of them.
    var receivedBytes: Int { earlierBytes + (post?.receivedBytes ?? 0) }

    private var opening: ServerOpening { ServerOpening(server: server, services: services, worker: worker) }

    func start() {
        startedNanoseconds = worker.now
        if !isCheck, let refusal = services.health.refusal(of: server) { return end(.failed(refusal)) }
        switch server.protocol {
        case .stateless: return sendStateless()
        case .session, .sse: return findSession()
        case .auto: break
        }
        switch services.live.era(of: server) {
        case .stateless: sendStateless()
        case .session: findSession()
        case nil:
            opening.probe { [self] era in
                switch era {
                case .failure(let error): end(.failed(error))
                case .success(.stateless): sendStateless()
                case .success(.session): findSession()
                }
            }
        }
    }

    /// Whether the server is spoken to without a session; nil before that is known.
    var isStateless: Bool? {
        switch server.protocol {
        case .stateless: true
        case .session, .sse: false
        case .auto:
            switch services.live.era(of: server) {
            case .stateless: true
            case .session: false
            case nil: nil
            }
        }
    }

    // MARK: Without a session

    private func sendStateless() {
        guard !hasEnded else { return }
        id = [0x31]
        guard let params, let edits = try? edit.stateless(params, caller) else { return end(unreadable) }
        var fields = fields
        fields.reserveCapacity(fields.count + 3)
        fields.append((MCPName.protocolVersion, ServerRequest.version))
        fields.append((MCPName.method, method == "tools/call" ? ServerRequest.toolCall : Array(method.utf8)))
        if let name { fields.append((MCPName.name, HeaderValue.encoded(name))) }
        send(fields, params, edits)
    }

    private static let version = Array(MCPRevision.stateless.rawValue.utf8)
    private static let toolCall = Array("tools/call".utf8)

    private var unreadable: Reply {
        .failed(GatewayError(.malformedRequest, "the request's params cannot be read"))
    }

    // MARK: In a session

    private func findSession() {
        guard !hasEnded else { return }
        let scope = caller.scope(server)
        if let known = services.live.session(scope, now: worker.now) { return sendInSession(known) }
        if !hasReopened, let opened = caller.session?.opened.first(where: { $0.server == server.name }) {
            // Opened at another replica, or before a restart.
            let session = LiveServers.Session(
                id: opened.id.isEmpty ? nil : opened.id, revision: opened.revision, result: [],
                usedNanoseconds: worker.now)
            for old in services.live.keep(session, scope, now: worker.now) { worker.ended(old) }
            return sendInSession(session)
        }
        opening.open(caller, isAlone: isCheck) { [self] outcome in
            if hasEnded { onLate?() }
            switch outcome {
            case .failure(let error): end(.failed(error))
            case .success(let session): sendInSession(session)
            }
        }
    }

    private func sendInSession(_ session: LiveServers.Session) {
        guard !hasEnded else { return }
        self.session = session
        id = services.nextID()
        clientToken = params?.progressToken
        edit.progressToken = id
        guard let params, let edits = try? edit.session(params) else { return end(unreadable) }
        send(ServerOpening.fields(session), params, edits)
    }

    // MARK: Sending

    private func send(_ fields: [(name: String, value: [UInt8])], _ params: RequestParams, _ edits: JSONSplice) {
        let text = params.text
        let body = JSONRPCWriter.request(
            id: id, method: method, paramsIn: text.span, at: params.outline.extent, edits)
        let post = ServerPost(server, services, on: worker)
        follow(post)
        post.begin(.post, fields: fields, body: body, isStream: isStream)
        post.exchange?.place.isUnheard = isUnheard
    }

    private func follow(_ post: ServerPost) {
        self.post = post
        post.canTakeMore = canTakeMore
        post.onEvent = { [self] event in
            lastEventID = event.id
            receive(event.data, eventID: event.id)
        }
        post.onEnd = { [self] outcome in finished(outcome) }
    }

    private func receive(_ bytes: [UInt8], eventID: [UInt8]) {
        // An event without data only gives the stream an id.
        if bytes.isEmpty, reply == nil, !eventID.isEmpty { onMark?(eventID, post?.retryMilliseconds) }
        guard !bytes.isEmpty, reply == nil else { return }
        let message: JSONRPCMessage
        do throws(JSONRPCFault) { message = try JSONRPCMessage(bytes.span) } catch {
            reply = .failed(malformed)
            return
        }
        switch message.kind {
        case .result, .error: take(message, bytes, status: 200)
        case .notification:
            guard let bytes = withClientToken(bytes, message) else { return }
            onMessage?(bytes)
        case .request:
            // A server without sessions may not ask on a stream.
            guard session != nil else { return }
            onMessage?(Message(bytes: bytes, message: message, eventID: eventID))
        }
    }

    private var malformed: GatewayError {
        GatewayError(.upstreamProtocolError, "the server's answer is no JSON-RPC message: \(server.shownName)")
    }

    private func take(_ message: JSONRPCMessage, _ bytes: [UInt8], status: Int) {
        guard let content = message.content, message.id.map({ bytes[$0].elementsEqual(id) }) ?? (message.kind == .error)
        else { return }
        let text = Array(bytes[content])
        guard message.kind == .result else {
            reply = .error(text, status: status)
            return
        }
        let result = ServerResult(text)
        let isTaken = session == nil ? result.isKnown : result.isReadable
        reply = isTaken ? .result(result) : .failed(malformed)
    }

    /// A notification as its client knows it; nil for progress that nobody asked for.
    private func withClientToken(_ bytes: [UInt8], _ message: JSONRPCMessage) -> Message? {
        guard session != nil, message.method == "notifications/progress" else {
            return Message(bytes: bytes, message: message, eventID: lastEventID)
        }
        guard let clientToken, let params = message.params else { return nil }
        var (outline, splice) = (JSONOutline(), JSONSplice())
        guard (try? outline.read(bytes.span, range: params)) != nil,
            let token = outline.member("progressToken", in: bytes.span), bytes[token.value].elementsEqual(id)
        else { return nil }
        splice.replace(token.value, with: clientToken)
        let edited = splice.applied(to: bytes.span)
        guard let message = try? JSONRPCMessage(edited.span) else { return nil }
        return Message(bytes: edited, message: message, eventID: lastEventID)
    }

    private func finished(_ outcome: ServerPost.Outcome) {
        retryMilliseconds = post?.retryMilliseconds ?? retryMilliseconds
        earlierBytes = receivedBytes
        post = nil
        switch outcome {
        case .failed(let error): return end(reply ?? .failed(lost(error)))
        case .streamEnded:
            if let reply { return end(reply) }
            if onMark != nil, session != nil, !lastEventID.isEmpty { return end(.ended) }
            return resume()
        case .whole(let status, _, let body):
            // What is asked for again may have been done already; what was refused was not.
            if status == 404, resumptions == 0, let session, session.id != nil { return reopen(session) }
            if let message = try? JSONRPCMessage(body.span), message.content != nil {
                take(message, body, status: status)
                return end(reply ?? .failed(malformed))
            }
            // What was found out about the server may not be true any more.
            if status >= 400, status < 500, status != 401, status != 403 { services.live.forgetEra(of: server) }
            return end(.failed(status < 300 ? malformed : ServerOpening.refusal(status, server)))
        }
    }

    /// Why an answer that was begun will not come. Who has to connect for the rest of it is not asked to: the server
    /// has taken the request, and what is sent again would be done twice.
    private func lost(_ error: GatewayError) -> GatewayError {
        guard resumptions > 0, error.code == .connectionRequired else { return error }
        return GatewayError(
            .upstreamReset, "the rest of the answer needs a connection that is gone: \(server.shownName)",
            hint: "the call may have been done; ask its server before it is called again")
    }

    /// The server does not know the session any more: once a new one is opened, then it is the server's failure.
    private func reopen(_ session: LiveServers.Session) {
        worker.ended(services.live.drop(caller.scope(server), id: session.id), atNanoseconds: worker.now)
        guard !hasReopened else {
            return end(
                .failed(
                    GatewayError(
                        .upstreamProtocolError, "the server forgets its sessions at once: \(server.shownName)")))
        }
        hasReopened = true
        findSession()
    }

    /// A server with sessions may end a stream early; its rest is asked for by the last id.
    private func resume() {
        guard let session, !lastEventID.isEmpty, resumptions < ServerRequest.resumptionsMax else {
            return end(
                .failed(
                    GatewayError(
                        .upstreamReset, "the server's stream ended without an answer: \(server.shownName)")))
        }
        resumptions += 1
        let delay = Int64(min(max(retryMilliseconds, 10), 30_000))
        worker.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(delay)) { [self] in
            guard !hasEnded else { return }
            worker.refreshClock()
            let post = ServerPost(server, services, on: worker)
            follow(post)
            post.begin(
                .get, fields: ServerOpening.fields(session) + [(MCPName.lastEventID, lastEventID)], body: [])
        }
    }

    /// Goes on with a stream that broke off, instead of `start`.
    func follow(_ mark: EventMark, _ session: LiveServers.Session) {
        self.session = session
        id = mark.ownID
        clientToken = mark.clientToken
        lastEventID = mark.eventID
        resumptions = 1
        let post = ServerPost(server, services, on: worker)
        follow(post)
        post.begin(.get, fields: ServerOpening.fields(session) + [(MCPName.lastEventID, lastEventID)], body: [])
    }

    // MARK: The end

    /// A stream of the server's begins with an id, by which its rest could be asked for; a server without sessions
    /// knows no such request, and its call is over once the stream is.
    var isMarked: Bool { !hasEnded && onMark != nil && !lastEventID.isEmpty }

    /// Nobody hears what goes on to its end.
    var isUnheard = false { didSet { post?.exchange?.place.isUnheard = isUnheard } }

    /// The client's stream has broken off, which calls nothing off: true where it can be taken up again and waits at
    /// the server.
    func detach() -> Bool {
        guard isMarked, session != nil else { return false }
        (hasEnded, isDetached) = (true, true)
        (params, edit, canTakeMore) = (nil, ServerParams(), nil)
        (onEnd, onMessage, onMark) = (nil, nil, nil)
        post?.cancel()
        post = nil
        return true
    }

    /// The client reads again.
    func resumeReading() { post?.resumeReading() }

    /// Nobody waits any more. A server with sessions is told so; for the others the end of the stream says it.
    func cancel(reason: String? = nil) {
        guard !hasEnded || isDetached else { return }
        (hasEnded, isDetached) = (true, false)
        onEnd = nil
        onMessage = nil
        onMark = nil
        canTakeMore = nil
        post?.cancel()
        post = nil
        if !isCounted { count(.cancelled) }
        guard let session, reply == nil, !id.isEmpty else { return }
        var params = Array("{\"requestId\":".utf8)
        params.append(contentsOf: id)
        if let reason {
            params.append(contentsOf: ",\"reason\":".utf8)
            JSONWriter.append(string: reason.utf8Span.span, to: &params)
        }
        params.append(0x7D)
        opening.notify("notifications/cancelled", session, params: params)
    }

    private func end(_ reply: Reply) {
        guard !hasEnded else { return }
        hasEnded = true
        // It goes on at the server, and can be called off.
        if case .ended = reply { isDetached = true }
        isCounted = true
        count(failure(reply))
        let onEnd = onEnd
        self.onEnd = nil
        onMessage = nil
        onMark = nil
        canTakeMore = nil
        onEnd?(reply)
    }
}
