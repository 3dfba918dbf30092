import GatewayIdentity
import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// One HTTP request to a server of tools: sends it and takes the answer apart, whatever form it comes in. On the loop
/// of its worker; it ends once, by `onEnd`.
final class ServerPost: AnswerReader {
    enum Outcome {
        /// A whole body; its type was JSON, or nothing that anyone reads.
        case whole(status: Int, isJSON: Bool, body: [UInt8])
        /// A stream of events has ended.
        case streamEnded
        case failed(GatewayError)
    }

    /// One event of a stream.
    struct Event {
        var data: [UInt8]
        /// The stream's last id, if this event or an earlier one has set it.
        var id: [UInt8]
        /// Where messages go, at a server of 2024-11-05.
        var isEndpoint = false
    }

    let server: CompiledServer
    let services: MCPServices
    let worker: Worker
    private(set) var call = UpstreamCall()
    /// Of a server that is a process, or one of 2024-11-05.
    var exchange: ChannelExchange?
    /// Whose session is opened, on a channel.
    var owner = ""
    /// The session that is opened is one of 2024-11-05.
    var isAtPair = false
    /// The HTTP request itself, whatever is spoken over it.
    var isPlain = false
    /// In place of the server's own endpoint, at the same origin.
    var target: [UInt8]?
    /// Ends a request on a channel.
    var timer: LoopTimer?
    /// What has come on a channel since its client last kept up.
    var unheardBytes = 0
    /// Of the answer.
    var receivedBytes = 0
    /// Of a server that is an API: the call that its answer is the result of.
    var operation: (id: [UInt8], tool: OpenAPIOperation, fields: [OutboundField])?
    /// The status, and what a session's opening gives.
    var onHead: ((_ status: Int, _ session: String?) -> Void)?
    var onEvent: ((Event) -> Void)?
    var onEnd: ((Outcome) -> Void)?
    /// A client that does not keep up holds the server up.
    var canTakeMore: (() -> Bool)?
    private var parser: SSEParser?
    var status = 0
    private var isJSON = false
    private var body: [UInt8] = []
    var outcome: Outcome?
    /// What a refusal says of the tokens that the server wants.
    private(set) var challenge: ResourceChallenge?
    /// Of a protected server: what opens it, and what is sent again with another.
    var token: Connections.Token?
    var asked: Asked?
    var hasTriedAgain = false
    private(set) var isAbandoned = false
    private(set) var retryMilliseconds: Int?
    var waiting: CredentialWait?

    init(_ server: CompiledServer, _ services: MCPServices, on worker: Worker) {
        self.server = server
        self.services = services
        self.worker = worker
    }

    private static let json = Array("application/json".utf8)
    private static let accept = Array("application/json, text/event-stream".utf8)
    private static let streamOnly = Array("text/event-stream".utf8)
    private static let userAgent = Array("sluice".utf8)
    private static let challengeField = Array("www-authenticate".utf8)

    /// Sends it. `fields` have lower-case names.
    func begin(
        _ method: GatewayWire.HTTPMethod, fields: [(name: String, value: [UInt8])], body: [UInt8],
        isStream: Bool = false
    ) {
        if let problem = server.problem {
            outcome = .failed(problem)
            return finish()
        }
        // Whatever led here: a line of its own in the head would be another request.
        guard fields.allSatisfy({ ServerPost.isOneLine($0.value) }) else {
            outcome = .failed(GatewayError(.malformedRequest, "a field for the server holds a control character"))
            return finish()
        }
        if let process = server.process { return begin(process, method, fields, body) }
        if let api = server.api { return begin(api, body) }
        if !isPlain, isAtPair || server.isPair || ServerPost.session(fields).map({ PairSessions.isName($0) }) ?? false {
            return beginAtPair(method, fields, body)
        }
        let asked = Asked(method: method, fields: fields, body: body, isStream: isStream)
        if server.connection != nil { return authorize(asked) }
        guard let source = server.source else { return send(asked, nil) }
        open(by: source) { [self] in send(asked, $0) }
    }

    /// Puts it on the wire; `credential` opens the server.
    func send(_ asked: Asked, _ credential: UpstreamCredential?) {
        let rule = asked.isStream || asked.method == .get ? server.streamRule : server.rule
        call.begin(body: asked.body, to: server.backend, rule: rule, on: worker, reader: self) { head in
            write(asked, to: &head)
            open(&head, credential, asked.body)
        }
    }

    private func write(_ asked: Asked, to head: inout RequestHead) {
        let method = asked.method
        head.method = method
        head.methodName = head.fields.store(ServerPost.text(method))
        setTarget(&head)
        head.authority = head.fields.store(server.authority)
        head.framing = method == .post ? .length(UInt64(asked.body.count)) : .none
        if method == .post { head.fields.append(.contentType, ServerPost.json) }
        head.fields.append(.accept, method == .get ? ServerPost.streamOnly : ServerPost.accept)
        head.fields.append(.userAgent, ServerPost.userAgent)
        for field in server.fields { head.fields.append(name: field.name, value: field.value) }
        for secret in server.secrets { secret.value.reveal { head.fields.append(name: secret.name, value: $0) } }
        for field in asked.fields { head.fields.append(field.name, field.value.span) }
    }

    private static func isOneLine(_ value: [UInt8]) -> Bool {
        value.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }

    private func setTarget(_ head: inout RequestHead) {
        let target = target ?? server.target
        head.target = head.fields.store(target)
        let pathCount = target.firstIndex(of: 0x3F) ?? target.count
        head.path = Slice(start: Int(head.target.start), count: pathCount)
        if pathCount < target.count {
            head.query = Slice(start: Int(head.target.start) + pathCount + 1, count: target.count - pathCount - 1)
        }
    }

    private static let (get, post, delete) = (Array("GET".utf8), Array("POST".utf8), Array("DELETE".utf8))

    private static func text(_ method: GatewayWire.HTTPMethod) -> [UInt8] {
        switch method {
        case .get: get
        case .delete: delete
        default: post
        }
    }

    /// Nobody waits any more; nothing more is heard of it.
    func cancel() {
        isAbandoned = true
        onHead = nil
        onEvent = nil
        onEnd = nil
        canTakeMore = nil
        exchange?.cancel()
        exchange = nil
        timer?.cancel()
        timer = nil
        waiting?.end()
        guard call.isUnderWay else { return }
        // The call may be in the middle of passing bytes on.
        let call = call
        worker.eventLoop.assumeIsolated().execute { call.cancel() }
    }

    func resumeReading() { call.resumeReading() }

    // MARK: The answer

    func receiveAnswerHead(_ head: borrowing ResponseHead) {
        status = head.status
        if status == 401 { server.source?.reject() }
        let type = head.fields.first(.contentType)?.value ?? .empty
        if operation != nil {
            for name in ["content-type", "link", "retry-after"] {
                guard let value = head.fields.value(named: name) else { continue }
                operation?.fields.append(OutboundField(name, value))
            }
            return
        }
        if head.fields.begins(type, with: "text/event-stream"), status < 300 {
            parser = SSEParser(eventBytesMax: server.resultBytesMax)
        }
        isJSON = head.fields.begins(type, with: "application/json")
        if status == 401 || status == 403 {
            challenge = ResourceChallenge(
                head.fields.entries.filter { head.fields.equals($0.name, ServerPost.challengeField) }
                    .map { head.fields.text($0.value) })
        }
        if isAboutToken { return }
        onHead?(status, head.fields.value(named: MCPName.session))
    }

    func receiveAnswer(_ bytes: ByteBuffer) {
        guard outcome == nil else { return }
        receivedBytes += bytes.readableBytes
        guard parser != nil else {
            guard body.count + bytes.readableBytes <= server.resultBytesMax else { return tooLarge() }
            if body.isEmpty { body = Array(buffer: bytes) } else { body.append(contentsOf: bytes.readableBytesView) }
            return
        }
        let span = bytes.readableBytesUInt8Span
        var position = 0
        while outcome == nil {
            let step = parser?.next(span, &position) ?? .more
            retryMilliseconds = parser?.retryMilliseconds
            switch step {
            case .more: return
            case .event: pass(span)
            case .filler: break
            case .oversized: tooLarge()
            }
        }
    }

    private func pass(_ span: Span<UInt8>) {
        var data: [UInt8] = []
        var isEndpoint = false
        parser?.withEvent(span) { name, text in
            isEndpoint = ServerPost.isEndpoint(name)
            data.reserveCapacity(text.count)
            for index in text.indices { data.append(text[index]) }
        }
        onEvent?(Event(data: data, id: parser?.lastID ?? [], isEndpoint: isEndpoint))
    }

    private static func isEndpoint(_ name: Span<UInt8>) -> Bool {
        guard name.count == 8 else { return false }
        for (index, byte) in "endpoint".utf8.enumerated() where name[index] != byte { return false }
        return true
    }

    private func tooLarge() {
        outcome = .failed(
            GatewayError(
                .upstreamProtocolError,
                "the answer of the server is larger than \(server.resultBytesMax) bytes: \(server.shownName)"))
        let call = call
        worker.eventLoop.assumeIsolated().execute { call.cancel() }
    }

    func receiveAnswerEnd(trailers: FieldBlock?) {
        guard outcome == nil else { return }
        if let operation {
            outcome = ServerPost.answer(operation, status, body)
        } else if parser != nil {
            // An event without its blank line is one all the same, since nothing else will come.
            if parser?.finish() == .event {
                let empty: [UInt8] = []
                pass(empty.span)
            }
            outcome = .streamEnded
        } else {
            outcome = .whole(status: status, isJSON: isJSON, body: body)
        }
    }

    func answerFailed(_ error: GatewayError) { outcome = outcome ?? .failed(error) }

    func callFinished() { if isAbandoned || !takeRefusal() { finish() } }

    /// Makes room for the answer to the same request.
    func forgetAnswer() {
        call = UpstreamCall()
        (status, isJSON, body, outcome, challenge) = (0, false, [], nil, nil)
    }

    func finish() {
        exchange = nil
        timer?.cancel()
        timer = nil
        let onEnd = onEnd
        self.onEnd = nil
        onHead = nil
        onEvent = nil
        canTakeMore = nil
        onEnd?(outcome ?? .failed(GatewayError(.upstreamReset, "the answer broke off")))
    }

    var isWritable: Bool { canTakeMore?() ?? true }
}
