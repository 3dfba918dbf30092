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
    let endpoint: ModelEndpoint
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

    // What came
    var body = ByteBuffer()
    /// Set for a form, which is read only as far as the model's name.
    private let form: FormPrefix?
    /// More of the body follows what was read of it.
    var isUploading = false
    /// All of it has come.
    var isUploaded = false
    private var nextScanBytes = 1_024
    var outline = JSONOutline()
    var request = ModelRequest()

    // What it comes to
    var match: ModelTable.Match?
    var routed: RoutedModel?
    /// For what names no model: the one place it belongs to.
    var fixed: FixedPlace?
    /// The name of the one place that knows what the request builds upon.
    var pinned: String?
    /// What conditions of policies and targets are asked about.
    var asked: AccessTable.Request?
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
    var outcome: AttemptOutcome?
    /// At the model at hand, and at all.
    var attempts = 0
    var totalAttempts = 0
    /// The target that was tried last: who served, if anyone did.
    var served: (provider: CompiledProvider, name: [UInt8])?
    var usedFallback = false
    var reply = ModelReply.none
    var failure: ModelFailure?
    var losses: [String] = []
    lazy var timer = LoopTimer(on: worker)
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
    /// The client went before its answer was whole.
    var hasLeft = false
    /// A reply that nobody waits for is read until then.
    var drainEndsNanoseconds = UInt64.max

    init(_ room: ModelRoom, _ exchange: Exchange, _ endpoint: ModelEndpoint) {
        self.room = room
        self.exchange = exchange
        self.endpoint = endpoint
        worker = exchange.worker
        dialect = endpoint.dialect(of: exchange.request)
        startedNanoseconds = exchange.record.startedNanoseconds
        principal = exchange.principal
        route = exchange.record.route
        recordID = exchange.record.requestID
        form = endpoint.takesForm ? FormPrefix(contentType: exchange.request.contentType) : nil
    }

    /// A body in memory is at most this large.
    static let bodyBytesMax = 32 * 1024 * 1024
}

extension ModelExchange: BodyReader {
    func receive(_ bytes: ByteBuffer) {
        if isUploading {
            call.send(bytes)
            return call.flush()
        }
        guard stage == .reading else { return }
        guard body.readableBytes + bytes.readableBytes <= ModelExchange.bodyBytesMax else {
            return refuse(
                GatewayError(
                    .bodyTooLarge, "the request's body is larger than \(ModelExchange.bodyBytesMax) bytes",
                    hint: "send files by the files API, or by URL"))
        }
        if body.readableBytes == 0 {
            body = bytes
        } else {
            var bytes = bytes
            body.writeBuffer(&bytes)
        }
        if form != nil { readForm(isWhole: false) }
    }

    func receiveEnd(trailers: FieldBlock?) {
        if isUploading {
            isUploaded = true
            lastByteNanoseconds = worker.now
            return call.sendEnd()
        }
        guard stage == .reading else { return }
        if form != nil { readForm(isWhole: true) } else { begin() }
    }

    /// Begins as soon as the form has named its model, or has gone on for too long without.
    private func readForm(isWhole: Bool) {
        // Twice as much each time, so that no sender makes it quadratic.
        guard isWhole || body.readableBytes >= min(nextScanBytes, FormPrefix.bytesMax) else { return }
        nextScanBytes = body.readableBytes * 2
        let bytes = Array(body.readableBytesView.prefix(FormPrefix.bytesMax))
        let range = form?.model(in: bytes)
        guard range != nil || isWhole || body.readableBytes >= FormPrefix.bytesMax else { return }
        request = ModelRequest(form: bytes, model: range)
        isUploading = !isWhole
        begin()
    }

    private func begin() {
        do throws(GatewayError) { try decide() } catch { return refuse(error) }
        do throws(ModelFailure) { try admit() } catch { return answer(error) }
        stage = .calling
        if !answerFromCache() { startAttempt() }
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
