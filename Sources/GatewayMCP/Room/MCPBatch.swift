import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// Several messages in one body, which revision 2025-03-26 alone has. Each is a request of its own: judged, counted and
/// recorded by itself. The answers come as one array, or on one stream of events from the moment that any of them is a
/// stream, which a client that has lost it takes up again as one. On the loop of the exchange.
final class MCPBatch {
    static let messagesMax = 100

    private let services: MCPServices
    /// Whose streams can be taken up again; nil without one.
    private let session: String?
    /// The client's side; nil once it has been answered or has gone.
    private var exchange: Exchange?
    private var parts: [Part] = []
    private var openCount = 0
    private var isStream = false
    private var answeredBytes = 0

    /// Whether a body is a batch of a client that may send one.
    static func isAccepted(
        _ bytes: [UInt8], _ exchange: Exchange, _ session: ClientSession?
    ) throws(ClientFault) -> Bool {
        // No batch within a batch.
        guard !exchange.isPart, JSONRPCMessage.isBatch(bytes.span) else { return false }
        if let session { return session.revision == .v20250326 }
        let said = try ClientCall.value(MCPName.protocolVersion, exchange.request, nil)
        return said == nil || said == MCPRevision.v20250326.rawValue
    }

    /// Throws what the whole is answered with when it cannot be taken apart.
    init(
        _ bytes: [UInt8], _ exchange: Exchange, _ session: ClientSession?, _ services: MCPServices
    ) throws(ClientFault) {
        self.exchange = exchange
        self.session = session?.id
        self.services = services
        var elements = JSONOutline()
        do throws(JSONScanError) { try elements.readElements(bytes.span, range: 0..<bytes.count) } catch {
            throw error == .tooManyMembers ? MCPBatch.tooMany : ClientFault(JSONRPCFault(error, isBatch: true))
        }
        guard elements.members.count <= MCPBatch.messagesMax else { throw MCPBatch.tooMany }
        guard !elements.members.isEmpty else {
            throw ClientFault(JSONRPCCode.invalidRequest, "a batch has at least one message", status: 400)
        }
        // Kept only when all are in order: each holds the batch.
        var parts: [Part] = []
        var seen: Set<[UInt8]> = []
        for element in elements.members {
            let message = Array(bytes[element.value])
            let known = try? JSONRPCMessage(message.span)
            let id = known?.kind == .request ? known?.id.map { Array(message[$0]) } : nil
            if let id, !seen.insert(id).inserted {
                throw ClientFault(
                    JSONRPCCode.invalidRequest, "two requests of a batch have one id", status: 400, id: id)
            }
            parts.append(Part(self, message, id: id, isAnswered: known.map { $0.kind == .request } ?? true))
        }
        self.parts = parts
    }

    /// Goes on with the streams of several calls, each as a GET of its own.
    init(_ marks: [EventMark], _ exchange: Exchange, _ session: ClientSession, _ services: MCPServices) {
        self.exchange = exchange
        self.session = session.id
        self.services = services
        parts = marks.compactMap { mark in
            mark.text(services.seal).map { Part(self, Array($0.utf8), id: mark.clientID, isAnswered: true, mark: mark) }
        }
    }

    private static var tooMany: ClientFault {
        ClientFault(JSONRPCCode.invalidRequest, "a batch has at most \(messagesMax) messages", status: 400)
    }

    func start() {
        guard let exchange else { return }
        // Each may end at once: the whole ends when the last has begun.
        openCount = parts.count + 1
        for (index, part) in parts.enumerated() {
            guard self.exchange != nil else { break }
            part.begin(in: exchange, number: index + 1)
        }
        finished()
    }

    func resumeReading() { for part in parts { part.call.resumeReading() } }

    /// The client has gone.
    func ended() {
        exchange = nil
        for part in parts { part.call.cancel() }
        parts.removeAll()
    }

    // MARK: From the parts

    fileprivate var isWritable: Bool { exchange?.isDownstreamWritable ?? true }

    /// A part answers with a stream: so does the whole, with what it has so far.
    fileprivate func beginStream() {
        guard let exchange, !isStream else { return }
        isStream = true
        exchange.response.reset()
        exchange.response.status = 200
        exchange.response.fields.append("content-type", "text/event-stream")
        exchange.response.fields.append("cache-control", "no-cache, no-store")
        exchange.response.fields.append("x-accel-buffering", "no")
        exchange.sendHead(framing: .chunked)
        for part in parts {
            if let answer = part.answer.take() { send(answer) }
        }
    }

    /// One event of a part's stream. Its id leads to the streams of all parts, or where that is too long to its own.
    fileprivate func pass(_ event: ByteBuffer, of part: Part) {
        guard let session, let id = EventMark.leading(event),
            let mark = EventMark(id.text, services.seal, session: session)
        else {
            // Where events have ids the answer alone has none.
            if event.readableBytesView.first != 0x3A { part.isWaiting = false }
            exchange?.sendBody(event)
            return
        }
        (part.mark, part.isWaiting) = (mark, true)
        var out: [UInt8] = []
        out.reserveCapacity(event.readableBytes + 1024)
        EventMark.append(id: marks ?? id.text, retryMilliseconds: nil, to: &out)
        out.append(contentsOf: event.readableBytesView.dropFirst(id.bytesCount))
        exchange?.sendBody(ByteBuffer(bytes: out))
    }

    private var marks: String? { EventMark.text(parts.compactMap(\.mark), services.seal) }

    fileprivate func flush() { exchange?.flush() }

    private func send(_ answer: [UInt8]) {
        var out: [UInt8] = []
        EventMark.append(id: marks, retryMilliseconds: nil, to: &out)
        SSEWriter.append(event: "message", data: answer.span, to: &out)
        exchange?.sendBody(ByteBuffer(bytes: out))
    }

    /// Counts what a part answers; false for what does not fit any more.
    fileprivate func takes(_ bytesCount: Int) -> Bool {
        guard answeredBytes + bytesCount <= services.batchAnswersBytesMax else { return false }
        answeredBytes += bytesCount
        return true
    }

    /// What is answered in place of what does not fit.
    fileprivate func tooLarge(_ id: [UInt8]?) -> [UInt8] {
        ClientFault(
            GatewayError(
                .upstreamProtocolError,
                "the answers to a batch are larger than \(services.batchAnswersBytesMax) bytes", hint: "ask for less"),
            id: id
        ).body
    }

    fileprivate func finished(_ part: Part) {
        if isStream {
            // What has been answered is not asked for again; what broke off is.
            let isOver = part.mark != nil && !(part.isWaiting && part.answer == nil)
            if isOver { part.mark = nil }
            if let answer = part.answer.take() { send(answer) } else if isOver, marks != nil { send([]) }
            flush()
        }
        finished()
    }

    private func finished() {
        openCount -= 1
        guard openCount == 0, let exchange else { return }
        self.exchange = nil
        let answers = parts.compactMap(\.answer)
        parts.removeAll()
        guard !isStream else { return exchange.sendEnd() }
        // Notifications and answers of the client are taken without a word.
        guard !answers.isEmpty else { return exchange.respond(status: 202) }
        var body: [UInt8] = [0x5B]
        body.reserveCapacity(answers.reduce(2) { $0 + $1.count + 1 })
        for (index, answer) in answers.enumerated() {
            if index > 0 { body.append(0x2C) }
            body.append(contentsOf: answer)
        }
        body.append(0x5D)
        exchange.respond(
            status: 200, fields: [("content-type", "application/json"), ("cache-control", "no-store")], body: body)
    }
}

extension MCPBatch: BodyReader {
    func receive(_ bytes: ByteBuffer) {}
    func receiveEnd(trailers: FieldBlock?) {}
    func downstreamWritable() { resumeReading() }
}

/// One message of a batch, and what comes of it.
private final class Part: AnswerReader {
    let call = UpstreamCall()
    private let batch: MCPBatch
    private let message: [UInt8]
    /// Of a request.
    private let id: [UInt8]?
    private var isStream = false
    private var body: [UInt8] = []
    /// The message that the client gets, until it has been sent.
    var answer: [UInt8]?
    /// Where its stream can be taken up again.
    var mark: EventMark?
    /// Its answer has not come on that stream.
    var isWaiting = true
    /// Nothing of it is passed on any more.
    private var isCut = false
    private var eventLoop: (any EventLoop)?

    /// Nobody answers a notification, nor an answer.
    private let isAnswered: Bool

    init(_ batch: MCPBatch, _ message: [UInt8], id: [UInt8]?, isAnswered: Bool, mark: EventMark? = nil) {
        self.mark = mark
        self.batch = batch
        self.message = message
        self.id = id
        self.isAnswered = isAnswered
    }

    func begin(in whole: Exchange, number: Int) {
        eventLoop = whole.worker.eventLoop
        call.begin(partOf: whole, body: ByteBuffer(bytes: message), number: number, reader: self)
    }

    func receiveAnswerHead(_ head: borrowing ResponseHead) {
        let type = head.fields.first(.contentType).map { head.fields.text($0.value) } ?? ""
        guard type.hasPrefix("text/event-stream") else { return }
        isStream = true
        batch.beginStream()
    }

    func receiveAnswer(_ bytes: ByteBuffer) {
        guard isStream else {
            body.append(contentsOf: bytes.readableBytesView)
            return
        }
        guard !isCut else { return }
        if batch.takes(bytes.readableBytes) { batch.pass(bytes, of: self) } else { cut() }
    }

    private func cut() {
        isCut = true
        answer = batch.tooLarge(id)
        // It is in the middle of its answer.
        let call = call
        eventLoop?.assumeIsolated().execute { call.cancel() }
    }

    func flushAnswer() { if isStream { batch.flush() } }

    func receiveAnswerEnd(trailers: FieldBlock?) {}

    /// It was refused before anybody looked at it, or broke off.
    func answerFailed(_ error: GatewayError) {
        guard !isStream, body.isEmpty else { return }
        body = ClientFault(error, id: id).body
    }

    func callFinished() {
        if isAnswered, !isStream, !body.isEmpty {
            answer = batch.takes(body.count) ? body : batch.tooLarge(id)
        }
        body = []
        batch.finished(self)
    }

    var isWritable: Bool { batch.isWritable }
}
