import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayState
import GatewayWire
import NIOCore

/// One model call of a client, from the first byte of its body to its settlement: *decide*, *admit*, *handle*, *settle*
/// in the files of these names. It lives on the event loop of the exchange it serves, and outlives it where a reply
/// must still be read for its count.
final class ModelExchange {
    enum Stage {
        case reading
        /// An attempt is under way, or waited for.
        case calling
        /// Answered; at most a reply is read to its end for the count.
        case over
    }

    let room: ModelRoom
    /// About the provider's own id, once it is known whose it is.
    var endpoint: ModelEndpoint
    let method: GatewayWire.HTTPMethod
    let dialect: ModelDialect
    let worker: Worker
    /// The client's side; nil once it has been answered or has gone.
    var exchange: Exchange?
    var stage = Stage.reading
    let startedNanoseconds: UInt64
    /// Kept for the row, which may be written after the client has gone.
    let principal: Principal
    let route: String
    let recordID: (UInt64, UInt64)
    /// As in logs and errors.
    private(set) lazy var requestID = RequestID.text(recordID)
    let clientAddress: String

    // What came
    var body = RequestBody()
    /// Set for a form, which is read as it comes.
    private(set) var form: FormScan?
    private let decoder: BodyDecoder?
    /// What came was compressed.
    var isDecoded: Bool { decoder != nil }
    /// A form too long to be held back is on its way to the provider while it still comes.
    private var isUploading = false
    /// All of it has come.
    private(set) var isWhole = false
    var outline = JSONOutline()
    var request = ModelRequest()

    // What it comes to
    var match: ModelTable.Match?
    var routed: RoutedModel?
    /// For what names no model: the one place it belongs to.
    var fixed: FixedPlace?
    /// The name of the one place that knows what the request builds upon.
    var pinned: String?
    /// What the body names of what is kept, where all of that lies, and what stands there in place of its marks.
    var named: [KeptObject] = []
    var keptPlace: FixedPlace?
    var kept = JSONSplice()
    /// A prompt that is stored at the provider.
    var promptID: [UInt8]?
    /// The skills that the request names.
    var skillIDs: [[UInt8]] = []
    /// What is known of the file it is about, or that it makes.
    var keptNote: String?
    /// Reads a new file that may be a batch's.
    var batchFile: BatchFile?
    var batchJudge: BatchJudge?
    /// What the batch comes to that is to be made, and what is reserved for it.
    var batch: BatchNote?
    var openBatch: OpenBatch?
    /// What the caller has at providers, while it is listed.
    var list: ProviderList?
    /// What conditions of policies and targets are asked about.
    var asked: AccessTable.Request?
    /// What the model has to be able to do, where its catalogue says what it can.
    var needs: CapabilityNeeds?
    /// Models that serve in place of the first, not tried yet.
    var fallbacks: [ModelTable.Match] = []
    var outputTokensMax: Int?
    /// A policy's bound, to be set where the request has none.
    var policyOutputMax: Int?
    var facts: BudgetFacts?
    var terms = BudgetTerms()
    var inputTokensEstimate = 0
    var account: CallAccount?

    // The attempts
    let call = UpstreamCall()
    var choice = TargetChoice()
    var attempt: ModelAttempt?
    var credentialWait: CredentialWait?
    var outcome: AttemptOutcome?
    /// At the model at hand, and at all.
    var attempts = 0
    var totalAttempts = 0
    /// What is left to send of a body that is not sent at once, to the attempt at hand.
    var sender: BodySender?
    /// The translated body, where it is too large for memory: what is sent in place of `body`.
    var sentBody: RequestBody?
    /// The attempt at hand is sent piece by piece.
    var isPumped = false
    var isPumping = false
    /// The provider takes more of it now.
    var mayPump = true
    /// Who was tried last: who served, if anyone did.
    var served: ModelAttempt?
    var usedFallback = false
    var reply = ModelReply.none
    /// Its provider compressed it, though nobody asked for that.
    var answerDecoder: BodyDecoder?
    /// What is left of its body cannot be read, and its status says enough.
    var dropsAnswer = false
    var failure: ModelFailure?
    /// What could not be carried to the provider and back: fields for the head, lines for the record.
    var losses: [String] = []
    var lossLines: [String] = []
    let timer: LoopTimer
    var lastByteNanoseconds: UInt64 = 0
    var lastSentNanoseconds: UInt64 = 0
    var firstTokenNanoseconds: UInt64 = 0
    var firstAttemptNanoseconds: UInt64 = 0
    /// The head has gone to the client.
    var isHeadSent = false
    /// The last byte of a stream that has gone to the client.
    var lastByteSent: UInt8 = 0x0A
    /// Something that cannot be taken back has gone to the client: more than a comment.
    var isVisible = false
    var isSettled = false
    /// What the answer is kept by, for a model whose answers are.
    var cacheKey: ReplyCache.Key?
    var cacheMark = ModelCallRecord.Cache.none
    /// The promise to tell the audit log what came of the call.
    var ticket: AuditTicket?
    /// The call waits for its record to be on the disk.
    var awaitsRecord = false
    /// What the client has been sent, as far as the audit log keeps it.
    var auditedReply: ByteBuffer?
    /// Of the answer, what leaves once the call is settled.
    var unsentBytes = 0
    /// The client went before its answer was whole.
    var hasLeft = false
    /// It goes on without its client, and a gateway that stops waits for it.
    var isDetached = false
    /// A reply that nobody waits for is read until then.
    var drainEndsNanoseconds = UInt64.max

    /// Throws for a body that cannot be read: its coding is unknown, its form has no plain boundary.
    init(_ room: ModelRoom, _ exchange: Exchange, _ endpoint: ModelEndpoint) throws(GatewayError) {
        self.room = room
        self.exchange = exchange
        self.endpoint = endpoint
        method = exchange.request.method
        worker = exchange.worker
        timer = LoopTimer(on: exchange.worker)
        dialect = endpoint.dialect(of: exchange.request)
        startedNanoseconds = exchange.record.startedNanoseconds
        principal = exchange.principal
        route = exchange.record.route
        recordID = exchange.record.requestID
        decoder = try ModelExchange.decoder(exchange.request.fields)
        clientAddress = exchange.record.clientAddress
        exchange.isAudited = true
        makeBatchFile(exchange)
        if endpoint.takesForm { form = try FormScan(contentType: exchange.request.contentType, batch: batchFile) }
    }

    /// A JSON body is at most this large.
    static let bodyBytesMax = 32 * 1024 * 1024
    /// A form with its files.
    static let formBytesMax = 512 * 1024 * 1024
}

extension ModelExchange: BodyReader {
    func receive(_ bytes: ByteBuffer) {
        guard stage == .reading || isUploading && stage == .calling else { return }
        do throws(GatewayError) {
            if let decoder {
                try decoder.decode(bytes) { (piece: ByteBuffer) throws(GatewayError) in try keep(piece) }
            } else {
                try keep(bytes)
            }
        } catch { return stopReading(error) }
        if isUploading {
            pump()
        } else if let form, body.count > room.services.formHeldBytesMax, form.namesModel == (form.model != nil),
            batchFile.map({ $0.isBatch == false }) ?? true
        {
            isUploading = true
            begin()
        }
    }

    private func keep(_ bytes: ByteBuffer) throws(GatewayError) {
        let most = form == nil ? ModelExchange.bodyBytesMax : ModelExchange.formBytesMax
        guard body.count + bytes.readableBytes <= most else {
            throw GatewayError(
                .bodyTooLarge, "the request's body is larger than \(most) bytes",
                hint: form == nil ? "send files by the files API, or by URL" : "send it in parts, by the uploads API")
        }
        // Judged first: of what is refused nothing may be on its way, not even to an attempt that is being broken off.
        try form?.add(bytes)
        if isUploading, request.name.isEmpty, form?.namesModel == true {
            throw GatewayError(
                .malformedRequest, "the form names its model too late", hint: "write the field model before the files")
        }
        try body.append(bytes, expected: bodyBytesExpected, spill: room.services.spill)
    }

    /// As the head says; 0 where it does not.
    private var bodyBytesExpected: Int {
        guard !isDecoded, case .length(let length)? = exchange?.request.framing else { return 0 }
        return Int(clamping: length)
    }

    func receiveEnd(trailers: FieldBlock?) {
        guard stage == .reading || isUploading && stage == .calling else { return }
        do throws(GatewayError) {
            try decoder?.finish()
            try form?.finish()
        } catch { return stopReading(error) }
        isWhole = true
        guard isUploading else { return begin() }
        lastByteNanoseconds = worker.now
        pump()
    }

    /// What has come is wrong: of a form under way nothing more goes out, and no attempt follows.
    private func stopReading(_ error: GatewayError) {
        guard isUploading else { return refuse(error) }
        isUploading = false
        if attempt == nil { answer(ModelFailure(error)) } else { giveUp(ModelFailure(error)) }
    }

    private func begin() {
        defer { body.unload() }
        do throws(GatewayError) {
            if let form { request = try ModelRequest(form: form.model) }
            try decide()
        } catch { return refuse(error) }
        do throws(ModelFailure) { try admit() } catch { return answer(error) }
        stage = .calling
        startWhenRecorded()
    }

    func downstreamWritable() { call.resumeReading() }

    /// The client is served or gone.
    func ended() {
        guard exchange != nil else { return }
        exchange = nil
        hasLeft = true
        leave()
    }

    /// Says no to what has not been admitted: nothing was forwarded, nothing is charged.
    func refuse(_ error: GatewayError) { answer(ModelFailure(error)) }
}
