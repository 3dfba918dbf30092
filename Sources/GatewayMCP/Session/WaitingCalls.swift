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
        var server: CompiledServer
        /// What the client is to fetch: asked again where it comes without an answer.
        var question: ParkedCall.Question
        /// Whose it is.
        var owner: String
        /// Its place under the tool's limits, which it keeps: the server is at it all the while.
        var permit: ToolPermit?
    }

    private struct State {
        var parked: [String: Parked] = [:]
        var questions: [String: (asked: NIOLoopBound<AskedQuestions>, owner: String, session: String)] = [:]
        /// How many of both are whose.
        var counts: [String: Int] = [:]
        /// What servers have said to calls that nobody hears, by whose they are.
        var bytes: [String: Int] = [:]
        var bytesCount = 0

        /// False when there are too many, or too many of one caller.
        mutating func count(_ owner: String) -> Bool {
            guard parked.count + questions.count < WaitingCalls.countMax,
                counts[owner, default: 0] < WaitingCalls.ownerCountMax
            else { return false }
            counts[owner, default: 0] += 1
            return true
        }

        mutating func uncount(_ owner: String) {
            let count = counts[owner, default: 0]
            counts[owner] = count > 1 ? count - 1 : nil
        }
    }

    private let state = Mutex(State())
    static let countMax = 10_000
    /// Of one caller: what waits for one client must not keep another's from being asked.
    static let ownerCountMax = 100
    private let bytesMax: Int
    private let ownerBytesMax: Int

    init(_ limits: Limits) { (bytesMax, ownerBytesMax) = (limits.waitingBytesMax, limits.waitingCallerBytesMax) }

    /// Counts more of what nobody has heard; false where its caller, or all of them, have too much.
    func hold(_ count: Int, of owner: String) -> Bool {
        guard count > 0 else { return true }
        return state.withLock { state in
            let known = state.bytes[owner, default: 0]
            guard known + count <= ownerBytesMax, state.bytesCount + count <= bytesMax else { return false }
            state.bytes[owner] = known + count
            state.bytesCount += count
            return true
        }
    }

    func letGo(_ count: Int, of owner: String) {
        guard count > 0 else { return }
        state.withLock { state in
            let known = state.bytes[owner, default: 0]
            state.bytes[owner] = known > count ? known - count : nil
            state.bytesCount -= count
        }
    }

    /// False when there are too many.
    func park(_ parked: Parked, _ id: String) -> Bool {
        state.withLock { state in
            guard state.count(parked.owner) else { return false }
            state.parked[id] = parked
            return true
        }
    }

    /// Takes a parked call: it goes on once.
    func takeParked(_ id: String) -> Parked? {
        state.withLock { state in
            guard let parked = state.parked.removeValue(forKey: id) else { return nil }
            state.uncount(parked.owner)
            return parked
        }
    }

    /// The place that a parked call has under its tool's limits.
    func permit(_ id: String) -> ToolPermit? { state.withLock { $0.parked[id]?.permit } }

    /// Of a session, which alone answers.
    func ask(_ questions: AskedQuestions, _ id: String, owner: String, session: String) -> Bool {
        let bound = NIOLoopBound(questions, eventLoop: questions.worker.eventLoop)
        return state.withLock { state in
            guard state.count(owner) else { return false }
            state.questions[id] = (bound, owner, session)
            return true
        }
    }

    func questions(_ id: String, of call: ClientCall) -> NIOLoopBound<AskedQuestions>? {
        guard let known = state.withLock({ $0.questions[id] }), known.session == call.session?.id else { return nil }
        return known.asked
    }

    func forget(_ id: String) {
        state.withLock { state in
            guard let known = state.questions.removeValue(forKey: id) else { return }
            state.uncount(known.owner)
        }
    }
}

/// What binds the answers of a client to the call they are for: whose it is, at which server, which call exactly, and
/// until when. Travels sealed in `requestState`.
struct RequestState {
    enum Content {
        /// The server's own state, and by what a person agreed to the call in an earlier round.
        case server(String, Approval?)
        /// A call that waits here.
        case parked(id: String)
        /// A call that waits for a person.
        case approval(id: String)
        /// A call whose user is asked to connect to its server.
        case connection(Asked)
    }

    struct Asked: Equatable {
        /// The connection that was there, and was not enough.
        var known: String?
        /// The user has agreed to open the URL.
        var isAccepted = false
        /// Where a person has agreed to the call before.
        var approval: Approval?
    }

    /// Lets one call be made, however many states have it: of the rule that asked and the run it was asked for, and no
    /// longer than the first of them was good.
    struct Approval: Equatable {
        var id: String
        var untilSeconds: Int
        var rule: String
        var run: String?
        /// What of `_meta` the server gets, as the approver was shown it.
        var meta = ""

        func isFor(rule: String, run: String?) -> Bool {
            self.rule.isExactly(rule) && self.run.map { ExactName($0) } == run.map { ExactName($0) }
        }

        fileprivate var tree: JSONTree {
            [.text(id), .integer(untilSeconds), .text(rule), run.map { .text($0) } ?? .null, .text(meta)]
        }

        fileprivate init?(_ tree: JSONTree?) {
            guard let parts = tree?.array, parts.count == 5, let id = parts[0].string?.value,
                let until = parts[1].int, let rule = parts[2].string?.value,
                let meta = parts[4].string?.value
            else { return nil }
            self.init(id: id, untilSeconds: until, rule: rule, run: parts[3].string?.value, meta: meta)
        }

        init(id: String, untilSeconds: Int, rule: String, run: String?, meta: String = "") {
            self.meta = meta
            self.id = id
            self.untilSeconds = untilSeconds
            self.rule = rule
            self.run = run
        }
    }

    var content: Content
    var owner: String
    var server: String
    var digest: [UInt8]
    var untilSeconds: Int
    /// How often the client has been asked for this call, this time included.
    var round: Int

    static let lifetimeSeconds = 600

    func sealed(_ seal: Seal) -> String? {
        var object: JSONObject = [
            "o": .text(owner), "s": .text(server), "u": .integer(untilSeconds), "r": .integer(round),
            "d": .text(String(decoding: Base64.encodeURLSafe(digest), as: UTF8.self)),
        ]
        switch content {
        case .server(let state, let approval):
            object["v"] = .text(state)
            object["y"] = approval?.tree
        case .parked(let id): object["p"] = .text(id)
        case .approval(let id): object["a"] = .text(id)
        case .connection(let asked):
            var parts: [JSONTree] = [asked.known.map { .text($0) } ?? .null, .bool(asked.isAccepted)]
            if let approval = asked.approval { parts.append(approval.tree) }
            object["c"] = .array(parts)
        }
        return seal.seal(JSONTree.object(object).bytes, .requestState)
    }

    /// Nil for what was not made here, for somebody else's, for another call, and for what is too old.
    init?(_ text: String, _ seal: Seal, owner: String, server: String, digest: [UInt8], nowSeconds: Int) {
        guard let bytes = seal.open(text, .requestState), let tree = try? JSONTree.parse(bytes),
            tree["o"]?.string?.value == owner, tree["s"]?.string?.value == server,
            let until = tree["u"]?.int, nowSeconds <= until, let round = tree["r"]?.int,
            let known = tree["d"]?.string?.value, Secret(known).matches(Base64.encodeURLSafe(digest))
        else { return nil }
        if let state = tree["v"]?.string?.value {
            content = .server(state, Approval(tree["y"]))
        } else if let id = tree["p"]?.string?.value {
            content = .parked(id: id)
        } else if let id = tree["a"]?.string?.value {
            content = .approval(id: id)
        } else if let parts = tree["c"]?.array, parts.count >= 2 {
            var asked = Asked(known: parts[0].string?.value, isAccepted: parts[1].bool ?? false)
            asked.approval = parts.count == 3 ? Approval(parts[2]) : nil
            content = .connection(asked)
        } else {
            return nil
        }
        self.owner = owner
        self.server = server
        self.digest = digest
        untilSeconds = until
        self.round = round
    }

    init(_ content: Content, owner: String, server: String, digest: [UInt8], nowSeconds: Int, round: Int = 1) {
        self.round = round
        self.content = content
        self.owner = owner
        self.server = server
        self.digest = digest
        untilSeconds = nowSeconds + RequestState.lifetimeSeconds
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
