import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// One message of a client, from the first byte of its body to the end of its answer. It lives on the event loop of the
/// exchange it serves.
final class MCPExchange {
    private(set) var room: MCPRoom
    private(set) var view: ToolView
    let worker: Worker
    let principal: Principal
    /// Whose sessions, lists and approvals are asked for.
    let owner: String
    /// The client's side; nil once it has been answered or has gone.
    var exchange: Exchange?
    private var body = ByteBuffer()
    private(set) var call: ClientCall?
    /// The body is several messages, each of which is served by itself.
    private var batch: MCPBatch?

    /// What it waits for.
    var request: ServerRequest?
    var gathering: ListGathering?
    var survey: ServerSurvey?
    var feeds: [ServerFeed] = []
    /// The stream of changes has begun; what came before waits for that.
    var isAcknowledged = false
    var unheard: [[UInt8]] = []
    var unheardBytes = 0
    /// How often the client has been asked for this call before.
    var round = 0
    /// A person has agreed to the call, in this round or an earlier one.
    var approval: RequestState.Approval?
    /// A call that other requests of the client began.
    var held: NIOLoopBound<ParkedCall>?
    /// By which a client with a session can call it off.
    var handle: CallHandle?
    /// Names what a client with a session is being asked for it.
    var askedID: String?
    /// The server that was asked, once one is.
    var server: CompiledServer?

    /// What policies ask of the tool that is called, and its place under their limits.
    var terms: ToolTerms?
    var definition: ToolDefinition?
    /// By the server's own name, of a task too; what a stream that is taken up again is judged by.
    var calledTool: String?
    /// The task that is asked about.
    var asked: FoundTask?
    /// Under way for a list of tasks.
    var listing: [ServerRequest] = []
    /// What is remembered of this message, whatever becomes of it.
    var note: ToolCallRecord?
    var permit: ToolPermit?
    var account: ToolAccount?
    /// The sealed id of a session that this message opened.
    var openedSession: String?
    /// The head of a stream has gone to the client.
    var isHeadSent = false
    /// Of all messages to the client.
    var answeredBytes = 0
    var lastSentNanoseconds: UInt64 = 0
    /// The call waits for its user to connect to the server.
    var connectWait: ConnectWait?
    lazy var timer = LoopTimer(on: worker)

    init(_ room: MCPRoom, _ exchange: Exchange, _ view: ToolView) {
        self.room = room
        self.view = view
        self.exchange = exchange
        worker = exchange.worker
        principal = exchange.principal
        owner = exchange.principal.ownerKey
    }

    /// A message in memory is at most this large.
    static let bodyBytesMax = 32 * 1024 * 1024

    var services: MCPServices { room.services }

    /// Who asks, as servers are told.
    func caller(_ call: ClientCall) -> ServerCaller {
        ServerCaller(
            owner: owner, capabilities: Capabilities.known(call.capabilities, keepsTasks: call.isStateless),
            clientInfo: call.clientInfo,
            logLevel: call.isStateless ? call.logLevel : call.session.map { services.clients.level($0.id) },
            session: call.session)
    }
}

extension MCPExchange: BodyReader {
    func receive(_ bytes: ByteBuffer) {
        guard call == nil, batch == nil, exchange != nil else { return }
        guard body.readableBytes + bytes.readableBytes <= MCPExchange.bodyBytesMax else {
            let exchange = exchange
            self.exchange = nil
            exchange?.refuse(
                GatewayError(
                    .bodyTooLarge, "the message is larger than \(MCPExchange.bodyBytesMax) bytes",
                    hint: "pass large data by reference"))
            return
        }
        var bytes = bytes
        if body.readableBytes == 0 { body = bytes } else { body.writeBuffer(&bytes) }
    }

    func receiveEnd(trailers: FieldBlock?) {
        guard let exchange else { return }
        do throws(ClientFault) {
            try checkType(exchange)
            let session = try session(exchange)
            let bytes = Array(body.readableBytesView)
            body = ByteBuffer()
            if try MCPBatch.isAccepted(bytes, exchange, session) {
                let batch = try MCPBatch(bytes, exchange, session, services)
                (self.batch, self.exchange) = (batch, nil)
                return batch.start()
            }
            let call = try ClientCall(bytes, exchange.request, session)
            self.call = call
            if call.message.kind == .request {
                note = ToolCallRecord(method: call.method.first(64))
                note?.revision = call.revision.rawValue
                note?.requestID = String(decoding: (call.id ?? []).prefix(128), as: UTF8.self)
                note?.session = call.session?.id ?? ""
                adopt(call.traceparent, exchange)
                if let session = call.session, let id = call.id { letCallOff(session, id) }
            }
            try dispatch(call)
        } catch {
            answer(error)
        }
    }

    func downstreamWritable() {
        batch?.resumeReading()
        request?.resumeReading()
        for feed in feeds { feed.resumeReading() }
    }

    /// The client is served or gone.
    func ended() {
        if let batch {
            self.batch = nil
            return batch.ended()
        }
        guard let exchange else { return }
        note?.result = .failed
        keepNote(exchange)
        self.exchange = nil
        timer.cancel()
        leave()
    }

    private func checkType(_ exchange: Exchange) throws(ClientFault) {
        guard MCPExchange.isJSON(exchange.request.fields) else {
            throw ClientFault(JSONRPCCode.invalidRequest, "the body's type must be application/json", status: 415)
        }
        if let coding = exchange.request.fields.first(.contentEncoding) {
            guard exchange.request.fields.text(coding.value).lowercased() == "identity" else {
                throw ClientFault(JSONRPCCode.invalidRequest, "a compressed body is not accepted here", status: 415)
            }
        }
    }

    /// With or without parameters.
    private static func isJSON(_ fields: FieldBlock) -> Bool {
        guard let type = fields.first(.contentType)?.value, fields.begins(type, with: jsonType) else { return false }
        guard Int(type.count) > jsonType.utf8CodeUnitCount else { return true }
        let next = fields.bytes[Int(type.start) + jsonType.utf8CodeUnitCount]
        return next == 0x3B || next == 0x20
    }

    private static let jsonType: StaticString = "application/json"

    /// The session the request belongs to. One that is unknown, ended, of another place or of somebody else is the
    /// same 404: the client opens a new one.
    private func session(_ exchange: Exchange) throws(ClientFault) -> ClientSession? {
        try room.session(exchange.request, principal, view, nowMilliseconds: nowMilliseconds)
    }

    private func dispatch(_ call: ClientCall) throws(ClientFault) {
        switch call.message.kind {
        case .request: try serve(call)
        case .notification: hear(call)
        case .result, .error: takeAnswer(call)
        }
    }

    private func serve(_ call: ClientCall) throws(ClientFault) {
        try checkAnswers(call)
        // Most are, and a switch over so many texts is a search.
        if call.method == "tools/call" { return try callTool(call) }
        switch call.method {
        case "tools/list": list(.tools, call)
        case "prompts/list": list(.prompts, call)
        case "resources/list": list(.resources, call)
        case "resources/templates/list": list(.templates, call)
        case "prompts/get": try getPrompt(call)
        case "resources/read": try readResource(call)
        case "completion/complete": try complete(call)
        case "tasks/get", "tasks/cancel": try askTask(call)
        case "tasks/update" where call.isStateless: try askTask(call)
        case "tasks/result" where !call.isStateless, "tasks/list" where !call.isStateless: try askTask(call)
        case "server/discover" where call.isStateless: surveyServers(call)
        case "subscriptions/listen" where call.isStateless: try listen(call)
        case "initialize" where !call.isStateless:
            guard exchange?.isPart == false else {
                throw ClientFault(
                    JSONRPCCode.invalidRequest, "initialize must not be part of a batch", status: 200, id: call.id)
            }
            surveyServers(call)
        case "ping" where !call.isStateless: finish(result: Array("{}".utf8), of: call)
        case "logging/setLevel" where !call.isStateless: try setLevel(call)
        case "resources/subscribe" where !call.isStateless, "resources/unsubscribe" where !call.isStateless:
            try subscribe(call)
        default:
            var fault = ClientFault.unknownMethod(call.method, id: call.id)
            // To a client with a session a 404 says that the session is gone.
            if !call.isStateless { fault.status = 200 }
            throw fault
        }
    }
}

extension MCPExchange {
    /// A call that has waited for a person goes on as if it came now: by the configuration of now, for a caller who is
    /// still let in, in a session that is still open.
    func serveAnew(_ call: ClientCall) throws(ClientFault) {
        guard let exchange else { return }
        try checkCaller(call)
        guard let room = exchange.currentRoom() as? MCPRoom, let view = room.view(of: exchange),
            view.place == self.view.place
        else {
            throw ClientFault(
                GatewayError(.noRoute, "there is no such server of tools any more, or you may use nothing of it"),
                id: call.id, status: 200)
        }
        (self.room, self.view) = (room, view)
        (server, calledTool) = (nil, nil)
        try serve(call)
    }

    /// Whether who was let in when the call came still is.
    func checkCaller(_ call: ClientCall) throws(ClientFault) {
        if let session = call.session, services.clients.hasEnded(session) {
            throw ClientFault(
                GatewayError(.notFound, "the session has ended while the call waited"), id: call.id, status: 200)
        }
        let expiry = principal.detail?.expiresSeconds ?? .max
        guard nowSeconds < expiry, !services.hasEnded(principal, nowSeconds) else {
            exchange?.record.errorCode = .unauthenticated
            throw ClientFault(
                GatewayError(
                    .unauthenticated, "the caller's credential has ended while the call waited", hint: "call anew"),
                id: call.id, status: 200)
        }
    }

    /// What a client answers to questions is an object of objects, or it answers nothing. A state that is no text was
    /// made by nobody here, and would reach the server as if it were its own.
    private func checkAnswers(_ call: ClientCall) throws(ClientFault) {
        guard call.isStateless else { return }
        guard !call.has("requestState") || call.string("requestState") != nil else {
            throw ClientFault(JSONRPCCode.invalidParams, "requestState is no text: leave it out", id: call.id)
        }
        guard let bytes = call.json("inputResponses") else { return }
        let answers = (try? JSONTree.parse(bytes))?.object
        guard let answers, answers.members.allSatisfy({ $0.value.object != nil }) else {
            throw ClientFault(
                JSONRPCCode.invalidParams, "inputResponses is not an object of answers, each an object", id: call.id)
        }
    }
}

extension MCPRoom {
    /// The session that a request's field names, if it is this caller's and of this place; nil without the field, or
    /// where requests stand for themselves.
    func session(
        _ head: borrowing RequestHead, _ principal: Principal, _ view: ToolView, nowMilliseconds: Int
    ) throws(ClientFault) -> ClientSession? {
        guard head.fields.value(named: MCPName.protocolVersion) != MCPRevision.stateless.rawValue,
            let text = try ClientCall.value(MCPName.session, head, nil)
        else { return nil }
        guard let session = ClientSession(text, services.seal), session.owner == principal.ownerKey,
            session.place == view.place, !session.isTooOld(nowMilliseconds), !services.clients.hasEnded(session)
        else {
            throw ClientFault(
                JSONRPCCode.invalidRequest, "there is no such session: open a new one by initialize", status: 404)
        }
        return session
    }
}
