import GatewayModel
import GatewayProxy
import GatewayWire

/// What only clients with sessions send: notifications, and answers to what servers ask.
extension MCPExchange {
    /// A notification is taken, whatever comes of it.
    func hear(_ call: ClientCall) {
        switch call.method {
        case "notifications/cancelled":
            if let session = call.session, let id = call.json("requestId") {
                services.clients.cancel(session.id, id: id, reason: call.string("reason"))
            }
        case "notifications/roots/list_changed":
            let caller = caller(call)
            for server in view.servers {
                guard let session = openSession(server, caller) else { continue }
                ServerOpening(server: server, services: services, worker: worker).notify(call.method, session)
            }
        default: break
        }
        accept()
    }

    /// A server asks the client something. In a session the question goes on under an id that leads back; otherwise
    /// the server is told that nobody can answer.
    func ask(_ message: ServerRequest.Message, _ call: ClientCall) {
        guard let request else { return }
        if call.isStateless { return park(message, call) }
        guard let id = request.question(message), let range = message.message.id else { return }
        var splice = JSONSplice()
        splice.replace(range, with: QuestionID.make(server: request.server, id: id))
        let asked = splice.applied(to: message.bytes.span)
        let shown = services.tasks.shown(
            message: asked, method: message.message.method, server: request.server.name, session: call.session?.id ?? ""
        )
        guard let shown, let clean = redacted(shown) else { return request.refuse(message) }
        send(event: clean, id: mark(call, message.eventID))
        exchange?.flush()
    }

    /// The client's answer goes to the server that asked, under the server's own id.
    func takeAnswer(_ call: ClientCall) {
        if let given = call.id, let asked = QuestionID.readAsked(given) { return takeAskedAnswer(call, asked) }
        let caller = caller(call)
        guard let given = call.id, let (name, id) = QuestionID.read(given),
            let server = view.servers.first(where: { $0.name == name }), let range = call.message.id,
            let session = openSession(server, caller)
        else { return accept() }
        var message = call.bytes
        message.replaceSubrange(range, with: id)
        ServerOpening(server: server, services: services, worker: worker).reply(message, session)
        accept()
    }
}

extension ServerOpening {
    /// Sends an answer to what a server has asked in a session.
    func reply(_ message: [UInt8], _ session: LiveServers.Session) {
        let post = ServerPost(server, services, on: worker)
        post.onEnd = { [post] _ in _ = post }
        post.begin(.post, fields: ServerOpening.fields(session), body: message)
    }
}

/// The ids under which a client is asked what a server asks: they lead back to the server and its own id, so that the
/// answer finds its way at every replica.
enum QuestionID {
    private static let prefix = Array("\"sluice.".utf8)

    /// As JSON.
    static func make(server: CompiledServer, id: [UInt8]) -> [UInt8] {
        let inside = Base64.encodeURLSafe(Array(server.name.utf8) + [0x20] + id)
        return prefix + inside + [0x22]
    }

    static func read(_ json: [UInt8]) -> (server: String, id: [UInt8])? {
        guard json.starts(with: prefix), json.last == 0x22,
            let bytes = Base64.decodeURLSafe(Array(json[prefix.count..<(json.count - 1)])),
            let space = bytes.firstIndex(of: 0x20)
        else { return nil }
        let id = Array(bytes[(space + 1)...])
        // What lands in a message must be an id.
        guard (try? JSONScanner.validate(id.span)) != nil, let first = id.first,
            first == 0x22 || first == 0x2D || (0x30...0x39).contains(first)
        else { return nil }
        return (String(decoding: bytes[..<space], as: UTF8.self), id)
    }
}
