package import GatewayModel
package import GatewayPolicy
package import GatewayRecords
package import GatewayWire
package import NIOCore

/// One request and its answer, from the first byte of the head to the record. It lives on one event loop and is
/// used again for the next request of the connection.
///
/// The seven phases are extensions of this class, one file each, called in order by `begin`:
/// `accept → match → identify → decide → admit → handle → settle`.
package final class Exchange: Timed {
    /// Where the exchange is. It only ever moves down this list, and `settled` back to `idle` on reuse.
    enum State: UInt8 {
        case idle
        /// The phases before *handle* are running, or an answer of our own is.
        case answering
        /// An upstream is being found, connected or waited for between attempts.
        case seeking
        /// The attempt has an upstream; its response has not begun.
        case awaiting
        /// The response's head has gone to the client.
        case responding
        /// 101 or CONNECT: opaque bytes both ways.
        case tunnel
        case settled
    }

    /// Strong, because reading it is then free; the worker lets go of its spare exchanges when it stops.
    package let worker: Worker
    var downstream: Downstream = .none
    var upstream: Upstream = .none
    package internal(set) var client: ClientConnection
    var state: State = .idle

    package var request = RequestHead()
    package var response = ResponseHead()
    /// What the client asked for, before any rewrite; what records show.
    var askedTarget: Slice = .empty
    var askedPath: Slice = .empty
    var askedAuthority: Slice = .empty
    var requestTrailers: FieldBlock?
    /// The client's message is complete.
    var requestEnded = false
    var held = HeldBody()
    var receiver: BodyReceiver = .discard
    var bodyBytesMax: UInt64 = 0

    package internal(set) var snapshot: Snapshot = .empty
    package internal(set) var rule: CompiledRule?
    package internal(set) var matchedPathBytes = 0
    package internal(set) var principal: Principal {
        get { provenPrincipal ?? .anonymous }
        set { provenPrincipal = newValue }
    }
    /// Nil for whom nothing has been proven, which costs a request nothing.
    private var provenPrincipal: Principal?
    /// Set while the caller's issuer is asked.
    var identityWait: IdentityWait?
    /// How often it has been.
    var identityWaits = 0
    /// What a refusal says of credentials (RFC 9110 section 11.6.1), and the nonce for the next proof.
    var challenges: [String] = []
    var proofNonce: String?
    package var verdict: Verdict?
    package var record = RequestRecord()
    /// The room tells the audit log itself.
    package var isAudited = false
    /// The room has told the audit log what was about to be done: what comes of it is told when the exchange settles.
    package var auditTicket: AuditTicket?
    var admission = Admission()
    /// The client's address, or who a trusted proxy says it is.
    var clientIP: IPAddress?

    var attempt = Attempt()
    var mirrors: [Exchange] = []
    var responseTransform: ResponseTransform = .none
    /// What a cache rule has to do with this request.
    var cachePlan: CachePlan?
    /// Set for a request that is being traced.
    var traced: TracedWay?
    /// It is a part of another request, which gathers its answer.
    package internal(set) var isPart = false
    /// A second attempt under way, and whose second attempt this is; both end with either of them.
    var hedge: Exchange?
    var hedgeOf: Exchange?

    init(worker: Worker) {
        self.worker = worker
        client = Exchange.nobody
        super.init()
    }

    private static var nobody: ClientConnection {
        ClientConnection(port: BoundPort(number: 0, isTLS: false), address: "")
    }

    /// Runs the phases for the request in `request`. `requestEnded` is set already when it has no body.
    func begin() {
        accept()
        if let traced { return beginTraced(traced) }
        if let refusal = match() { return refuse(refusal) }
        // A browser shows no credential when it asks whether it may.
        if let cors = rule?.cors, answerPreflight(cors) { return }
        proceed()
    }

    /// From *identify* on; again from there when it had to wait for an issuer.
    func proceed() {
        let unknown = identify()
        guard identityWait == nil else { return }
        if let refusal = unknown ?? decide() ?? admit() {
            refuse(refusal)
        } else {
            handle()
        }
    }

    /// Back to the state before a request; memory is kept.
    func reset() {
        request.reset()
        response.reset()
        requestTrailers = nil
        requestEnded = false
        held.reset()
        receiver = .discard
        bodyBytesMax = 0
        snapshot = .empty
        rule = nil
        matchedPathBytes = 0
        if provenPrincipal != nil { provenPrincipal = nil }
        identityWaits = 0
        if !challenges.isEmpty { challenges.removeAll(keepingCapacity: true) }
        if proofNonce != nil { proofNonce = nil }
        if verdict != nil { verdict = nil }
        isAudited = false
        if auditTicket != nil { auditTicket = nil }
        clientIP = nil
        record = RequestRecord()
        attempt.reset()
        if !mirrors.isEmpty { mirrors.removeAll(keepingCapacity: true) }
        releaseTransform()
        cachePlan = nil
        traced = nil
        hedge = nil
        hedgeOf = nil
        if isPart { client = Exchange.nobody }
        isPart = false
        upstream = .none
        state = .idle
        deadline = .max
    }

    override func deadlineReached(now: UInt64) { timersExpired(now: now) }
}

/// Who takes the bytes of a request's body.
enum BodyReceiver {
    case discard
    case upstream
    case room(any BodyReader)
}

/// A room that reads a request's body as it arrives.
package protocol BodyReader: AnyObject {
    func receive(_ bytes: ByteBuffer)
    func receiveEnd(trailers: FieldBlock?)
    /// The client keeps up again with the answer (`Exchange.isDownstreamWritable`).
    func downstreamWritable()
    /// The exchange is over, however it ended; it may serve another request from here on, so let go of it.
    func ended()
}

extension BodyReader {
    package func downstreamWritable() {}
}

/// The state of the current attempt at a backend.
struct Attempt {
    /// Attempts begun so far.
    var count = 0
    var choice: WeightedBackend?
    var backend: CompiledBackend?
    var endpoint: Endpoint?
    /// Endpoints that failed this request, to be avoided by the next attempt.
    var avoid: [Int] = []
    var startedNanoseconds: UInt64 = 0
    var lastProgressNanoseconds: UInt64 = 0
    var isHeadSent = false
    var isBodySent = false
    /// One attempt beyond the policy is free when a kept-alive connection turns out to be stale.
    var usedStaleRetry = false
    /// When the next attempt may start; 0 when none is waiting.
    var backoffUntil: UInt64 = 0
    var isWaitingInPool = false
    /// How it failed, while a second attempt may still succeed.
    var lost: UpstreamFailure?
    /// What the client is to be told of a session that begins with this attempt.
    var newSession: [UInt8]?

    /// Back to no attempt. Field by field: most hold nothing, and a whole new value would let go of each.
    mutating func reset() {
        count = 0
        choice = nil
        backend = nil
        if endpoint != nil { endpoint = nil }
        if !avoid.isEmpty { avoid.removeAll(keepingCapacity: true) }
        startedNanoseconds = 0
        lastProgressNanoseconds = 0
        isHeadSent = false
        isBodySent = false
        usedStaleRetry = false
        backoffUntil = 0
        isWaitingInPool = false
        if lost != nil { lost = nil }
        if newSession != nil { newSession = nil }
    }
}
