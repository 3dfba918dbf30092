import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore
import Synchronization

/// Calls that wait for their client: a server with a session has asked something, and the client answers by its next
/// request; or a client with a session was asked, and its answer comes as a message of its own. Both may come in on
/// another event loop than the call's own.
final class WaitingCalls: Sendable {
    /// A call at a server with a session, held while its client fetches what was asked.
    struct Parked: Sendable {
        var call: NIOLoopBound<ParkedCall>
        /// When it is given up, on the clock of the loops.
        var untilNanoseconds: UInt64
    }

    private struct State {
        var parked: [String: Parked] = [:]
        var questions: [String: NIOLoopBound<AskedQuestions>] = [:]
    }

    private let state = Mutex(State())
    static let countMax = 10_000

    func park(_ call: ParkedCall, _ id: String, until: UInt64) -> Bool {
        let bound = NIOLoopBound(call, eventLoop: call.request.worker.eventLoop)
        return state.withLock { state in
            guard state.parked.count < WaitingCalls.countMax else { return false }
            state.parked[id] = Parked(call: bound, untilNanoseconds: until)
            return true
        }
    }

    /// Takes a parked call: it goes on once.
    func takeParked(_ id: String) -> Parked? { state.withLock { $0.parked.removeValue(forKey: id) } }

    func ask(_ questions: AskedQuestions, _ id: String) -> Bool {
        let bound = NIOLoopBound(questions, eventLoop: questions.worker.eventLoop)
        return state.withLock { state in
            guard state.questions.count < WaitingCalls.countMax else { return false }
            state.questions[id] = bound
            return true
        }
    }

    func questions(_ id: String) -> NIOLoopBound<AskedQuestions>? { state.withLock { $0.questions[id] } }

    func forget(_ id: String) { state.withLock { $0.questions[id] = nil } }
}

/// What binds the answers of a client to the call they are for: whose it is, at which server, which call exactly, and
/// until when. Travels sealed in `requestState`.
struct RequestState {
    enum Content {
        /// The server's own state.
        case server(String)
        /// A call that waits here.
        case parked(id: String)
        /// A call that waits for a person.
        case approval(id: String)
    }

    var content: Content
    var owner: String
    var server: String
    var digest: [UInt8]
    var untilSeconds: Int

    static let lifetimeSeconds = 600

    func sealed(_ seal: Seal) -> String? {
        var object: JSONObject = [
            "o": .text(owner), "s": .text(server), "u": .integer(untilSeconds),
            "d": .text(String(decoding: Base64.encodeURLSafe(digest), as: UTF8.self)),
        ]
        switch content {
        case .server(let state): object["v"] = .text(state)
        case .parked(let id): object["p"] = .text(id)
        case .approval(let id): object["a"] = .text(id)
        }
        return seal.seal(JSONTree.object(object).bytes, .requestState)
    }

    /// Nil for what was not made here, for somebody else's, for another call, and for what is too old.
    init?(_ text: String, _ seal: Seal, owner: String, server: String, digest: [UInt8], nowSeconds: Int) {
        guard let bytes = seal.open(text, .requestState), let tree = try? JSONTree.parse(bytes),
            tree["o"]?.string?.value == owner, tree["s"]?.string?.value == server,
            let until = tree["u"]?.int, nowSeconds <= until,
            let known = tree["d"]?.string?.value, Secret(known).matches(Base64.encodeURLSafe(digest))
        else { return nil }
        if let state = tree["v"]?.string?.value {
            content = .server(state)
        } else if let id = tree["p"]?.string?.value {
            content = .parked(id: id)
        } else if let id = tree["a"]?.string?.value {
            content = .approval(id: id)
        } else {
            return nil
        }
        self.owner = owner
        self.server = server
        self.digest = digest
        untilSeconds = until
    }

    init(_ content: Content, owner: String, server: String, digest: [UInt8], nowSeconds: Int) {
        self.content = content
        self.owner = owner
        self.server = server
        self.digest = digest
        untilSeconds = nowSeconds + RequestState.lifetimeSeconds
    }
}

/// A call at a server with a session whose stream goes on while the client fetches what the server asked. Used on its
/// own loop only.
final class ParkedCall {
    let request: ServerRequest
    /// The server's ids, by the keys that the client was given.
    private(set) var questions: [(key: String, id: [UInt8])] = []
    /// What came meanwhile.
    private var messages: [ServerRequest.Message] = []
    private var reply: ServerRequest.Reply?
    private var onMessage: ((ServerRequest.Message) -> Void)?
    private var onEnd: ((ServerRequest.Reply) -> Void)?
    private static let messagesMax = 1_000

    init(_ request: ServerRequest) {
        self.request = request
        request.onMessage = { [self] message in
            if let onMessage { return onMessage(message) }
            if messages.count < ParkedCall.messagesMax { messages.append(message) }
        }
        request.onEnd = { [self] reply in
            if let onEnd { return onEnd(reply) }
            self.reply = reply
        }
        request.canTakeMore = nil
    }

    /// What the client is to fetch: one question, as an input request.
    func add(_ message: ServerRequest.Message) -> (key: String, request: JSONTree)? {
        guard let range = message.message.id, let tree = try? JSONTree.parse(message.bytes) else { return nil }
        let key = "q\(questions.count + 1)"
        questions.append((key, Array(message.bytes[range])))
        var object: JSONObject = ["method": .text(message.message.method)]
        object["params"] = tree["params"]
        return (key, .object(object))
    }

    /// The client has come back: the server gets its answers, and the rest goes to who asks now.
    func resume(
        _ answers: JSONObject, onMessage: @escaping (ServerRequest.Message) -> Void,
        onEnd: @escaping (ServerRequest.Reply) -> Void
    ) {
        self.onMessage = onMessage
        self.onEnd = onEnd
        for message in messages { onMessage(message) }
        messages.removeAll()
        if let reply { return onEnd(reply) }
        guard let session = request.session else { return }
        let opening = ServerOpening(server: request.server, services: request.services, worker: request.worker)
        for question in questions {
            let message: [UInt8]
            if let answer = answers[question.key] {
                let bytes = answer.bytes
                message = JSONRPCWriter.result(id: question.id.span, bytes.span)
            } else {
                message = JSONRPCWriter.error(
                    id: question.id, code: JSONRPCCode.invalidRequest, message: "the client did not answer")
            }
            opening.reply(message, session)
        }
        questions.removeAll()
    }
}

/// What a client with a session was asked on behalf of a server without one. Used on its own loop only.
final class AskedQuestions {
    let worker: Worker
    private var open: Set<String>
    private var answers = JSONObject()
    private let done: (JSONObject) -> Void

    init(_ keys: [String], on worker: Worker, _ done: @escaping (JSONObject) -> Void) {
        open = Set(keys)
        self.worker = worker
        self.done = done
    }

    /// A refusal of the client leaves its answer out.
    func take(_ key: String, _ answer: JSONTree?) {
        guard open.remove(key) != nil else { return }
        if let answer { answers[key] = answer }
        if open.isEmpty { done(answers) }
    }
}
