import GatewayModel
import GatewayWire

/// A call at a server with a session, for a client without one: its stream goes on while the client fetches what the
/// server asked, as often as it asks. Used on its own loop only.
final class ParkedCall {
    /// What the client is to fetch.
    struct Question: Sendable {
        /// Names it among the client's answers.
        var key: String
        var method: String
        /// `{"method", "params"}`.
        var request: JSONTree
    }

    /// Who takes what comes: the client's request of this round.
    struct Hearer {
        var onMessage: (ServerRequest.Message) -> Void
        /// The last that this hearer gets: the client has to come back.
        var onQuestion: (Question) -> Void
        var onEnd: (ServerRequest.Reply) -> Void
    }

    let request: ServerRequest
    private var hearer: Hearer?
    /// The server's id of what the client is fetching.
    private var asked: [UInt8]?
    private var questionCount = 0
    /// What came while nobody heard.
    private var messages: [ServerRequest.Message] = []
    private var reply: ServerRequest.Reply?
    private static let messagesMax = 1_000
    private var messageBytes = 0
    /// How much of the answer had come when all of it was heard, and how much of the rest is counted for its caller.
    private var heardBytes = 0
    private var heldBytes = 0
    /// What is on its way when reading stops.
    private static let spareBytesMax = 512 * 1024

    init(_ request: ServerRequest) {
        self.request = request
        request.onMessage = { [self] in hear($0) }
        request.onEnd = { [self] reply in
            self.reply = isHeld ? reply : .failed(ParkedCall.overflow)
            tell()
        }
        request.canTakeMore = { [self] in takesMore() }
        heardBytes = request.receivedBytes
    }

    deinit { request.services.waiting.letGo(heldBytes, of: request.caller.owner) }

    /// Many calls that nobody hears must not fill the memory: where their caller has too many bytes waiting the server
    /// is held up until its client comes back, and what cannot be held up ends with an error.
    private func takesMore() -> Bool {
        guard hearer == nil else {
            forget()
            return true
        }
        let unheard = request.receivedBytes - heardBytes
        if request.services.waiting.hold(unheard - heldBytes, of: request.caller.owner) { heldBytes = unheard }
        return unheard == heldBytes
    }

    private func forget() {
        request.services.waiting.letGo(heldBytes, of: request.caller.owner)
        (heardBytes, heldBytes) = (request.receivedBytes, 0)
    }

    private var isHeld: Bool {
        takesMore() || request.receivedBytes - heardBytes - heldBytes <= ParkedCall.spareBytesMax
    }

    private static var overflow: GatewayError {
        GatewayError(.overloaded, "too many bytes wait for the caller's clients", hint: "answer what is asked sooner")
    }

    func hear(_ message: ServerRequest.Message) {
        let bytes = messageBytes + message.bytes.count
        guard isHeld, messages.count < ParkedCall.messagesMax, bytes <= request.server.resultBytesMax else {
            return request.refuse(message)
        }
        messageBytes = bytes
        messages.append(message)
        tell()
    }

    /// The client has come, or come back with an answer, which the server gets.
    func resume(_ answer: JSONTree?, _ hearer: Hearer) {
        self.hearer = hearer
        if let asked, let session = request.session, reply == nil {
            let opening = ServerOpening(server: request.server, services: request.services, worker: request.worker)
            opening.reply(JSONRPCWriter.result(id: asked.span, (answer ?? .null).bytes.span), session)
        }
        asked = nil
        tell()
        guard self.hearer != nil else { return }
        forget()
        request.resumeReading()
    }

    /// Tells what has come, up to the next question.
    private func tell() {
        while let hearer, !messages.isEmpty {
            let message = messages.removeFirst()
            messageBytes -= message.bytes.count
            guard message.message.kind == .request else {
                hearer.onMessage(message)
                continue
            }
            guard let id = request.question(message) else { continue }
            var object: JSONObject = ["method": .text(message.message.method)]
            object["params"] = (try? JSONTree.parse(message.bytes))?["params"]
            questionCount += 1
            asked = id
            self.hearer = nil
            hearer.onQuestion(
                Question(key: "q\(questionCount)", method: message.message.method, request: .object(object)))
        }
        guard let hearer, let reply else { return }
        self.hearer = nil
        hearer.onEnd(reply)
    }
}

extension ServerRequest {
    /// The server's id of what it asks, if the client can answer that. What it cannot, and a ping, is answered here.
    func question(_ message: Message) -> [UInt8]? {
        guard let session, let range = message.message.id else { return nil }
        let id = Array(message.bytes[range])
        let opening = ServerOpening(server: server, services: services, worker: worker)
        if message.message.method == "ping" {
            opening.reply(JSONRPCWriter.result(id: id.span, Array("{}".utf8).span), session)
            return nil
        }
        // What cannot be read cannot be judged.
        guard let tree = try? JSONTree.parse(message.bytes) else {
            refuse(message)
            return nil
        }
        guard let refusal = AskedClient(caller).refusal(message.message.method, tree["params"]) else { return id }
        opening.reply(refusal.answer(to: id, message.message.method), session)
        return nil
    }

    /// Tells the server that nobody answers.
    func refuse(_ message: Message) {
        guard let session, let range = message.message.id else { return }
        let refusal = QuestionRefusal.unknown.answer(to: Array(message.bytes[range]), message.message.method)
        ServerOpening(server: server, services: services, worker: worker).reply(refusal, session)
    }
}
