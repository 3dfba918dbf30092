package import GatewayModel
import GatewayProxy
package import GatewayState
import GatewayWire
import NIOCore
import Synchronization

/// What all rooms of tools of one gateway share, over reloads.
package final class MCPServices: Sendable {
    let live = LiveServers()
    let shelf = ToolShelf()
    let clients = LiveClients()
    let waiting: WaitingCalls
    let pairs = PairSessions()
    let tasks = LiveTasks()
    package let health = ServerHealth()
    let seal: Seal
    /// Which definitions may be used, and which calls wait for a person.
    let book: ToolBook
    package let limiters = ToolLimiters()
    /// Tells people of calls that wait for them.
    package let hooks = ApprovalHooks()
    /// Distinguishes this replica's ids from every other's.
    private let nonce: String
    private let counter = Atomic<UInt64>(0)

    /// What credentials may still spend.
    let ledger: Ledger
    /// What opens protected servers; without it nobody is let in there.
    package let connections: Connections?
    /// Whether the credential of a caller who was let in lets nobody in any more.
    let hasEnded: @Sendable (_ caller: Principal, _ nowSeconds: Int) -> Bool
    /// Of all answers to a batch; what would come on top is answered with an error.
    let batchAnswersBytesMax: Int

    package init(
        secret: Secret, book: ToolBook, ledger: Ledger, connections: Connections? = nil, limits: Limits = .standard,
        hasEnded: @escaping @Sendable (_ caller: Principal, _ nowSeconds: Int) -> Bool = { _, _ in false }
    ) {
        self.hasEnded = hasEnded
        batchAnswersBytesMax = limits.batchAnswersBytesMax
        waiting = WaitingCalls(limits)
        self.connections = connections
        self.book = book
        self.ledger = ledger
        seal = Seal(secret: secret)
        nonce = String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// A JSON-RPC id of our own, as JSON.
    func nextID() -> [UInt8] {
        let number = counter.add(1, ordering: .relaxed).newValue
        return Array("\"\(nonce)-\(number)\"".utf8)
    }
}

/// What is kept about clients' sessions beyond their sealed ids: which have ended, and what is under way.
final class LiveClients: Sendable {
    private struct State {
        var ended = EndedSessions()
        /// The least severe message a session wants.
        var levels: [String: String] = [:]
        /// The notifications that tell of changes in what a session has listed.
        var seen: [String: Set<String>] = [:]
        /// What sessions have subscribed to, by session, then by server.
        var subscriptions: [String: [String: [String]]] = [:]
        /// The streams beside the requests, by session.
        var streams: [String: NIOLoopBound<ClientStream>] = [:]
        /// Requests under way, by session and the client's own id.
        var calls: [String: [String: NIOLoopBound<CallHandle>]] = [:]
        var callCount = 0
        /// Of calls that go on at their servers while no client waits: their places under their tools' limits, by
        /// session, which is one caller's, and the ids that the servers know.
        var places: [String: [[UInt8]: ToolPermit]] = [:]
        /// Who waits to tell a session that its user has connected, by session and server.
        var connectWaits: [String: [String: (id: String, wait: NIOLoopBound<ConnectWait>)]] = [:]

        @discardableResult
        mutating func remove(_ session: String, _ id: String) -> NIOLoopBound<CallHandle>? {
            guard let call = calls[session]?.removeValue(forKey: id) else { return nil }
            callCount -= 1
            if calls[session]?.isEmpty == true { calls[session] = nil }
            return call
        }
    }

    private let state = Mutex(State())
    static let levelsMax = 100_000

    /// Nothing of it goes on: not even what waits for its user.
    func end(_ ended: ClientSession, nowMilliseconds: Int) {
        let session = ended.id
        let (calls, waits) = state.withLock { state in
            state.ended.insert(ended, nowMilliseconds: nowMilliseconds)
            state.levels[session] = nil
            state.seen[session] = nil
            state.subscriptions[session] = nil
            state.places[session] = nil
            let calls = state.calls.removeValue(forKey: session) ?? [:]
            state.callCount -= calls.count
            return (calls, state.connectWaits.removeValue(forKey: session) ?? [:])
        }
        for call in calls.values {
            call.eventLoop.execute { call.value.callOff("the session has ended") }
        }
        for each in waits.values { each.wait.eventLoop.execute { each.wait.value.end() } }
    }

    // MARK: Users who connect

    /// How a session is told that its user has connected to a server: by one wait, however often its client asks.
    /// Returns what names it, and whether it is the one that was given and has to begin.
    func awaitConnection(
        _ session: String, server: String, _ id: String, _ wait: ConnectWait, on eventLoop: any EventLoop
    ) -> (id: String, isNew: Bool) {
        let bound = NIOLoopBound(wait, eventLoop: eventLoop)
        return state.withLock { state in
            if let known = state.connectWaits[session]?[server] { return (known.id, false) }
            state.connectWaits[session, default: [:]][server] = (id, bound)
            return (id, true)
        }
    }

    func stopAwaiting(_ session: String, server: String) {
        state.withLock { state in
            state.connectWaits[session]?[server] = nil
            if state.connectWaits[session]?.isEmpty == true { state.connectWaits[session] = nil }
        }
    }

    func hasEnded(_ session: ClientSession) -> Bool { state.withLock { $0.ended.contains(session) } }

    func setLevel(_ level: String, _ session: String) {
        state.withLock { state in
            if state.levels.count >= LiveClients.levelsMax { state.levels.removeAll(keepingCapacity: true) }
            state.levels[session] = level
        }
    }

    /// A session that says nothing is told what most servers tell unasked.
    func level(_ session: String) -> String { setLevel(of: session) ?? "info" }

    /// What a session has asked for; nil for one that has not.
    func setLevel(of session: String) -> String? { state.withLock { $0.levels[session] } }

    // MARK: What was looked at

    /// A session has got a list, or read what there is: changes of it concern it from now on.
    func saw(_ kind: ListKind, _ session: String) {
        state.withLock { state in
            if state.seen.count >= LiveClients.levelsMax { state.seen.removeAll(keepingCapacity: true) }
            state.seen[session, default: []].insert(kind.changed)
        }
    }

    /// The notifications of changes that concern a session.
    func seen(_ session: String) -> [String] { state.withLock { $0.seen[session]?.sorted() ?? [] } }

    // MARK: Streams beside the requests

    static let subscriptionsMax = 1_000

    func opened(_ stream: ClientStream, _ session: String, on eventLoop: any EventLoop) {
        let bound = NIOLoopBound(stream, eventLoop: eventLoop)
        state.withLock { $0.streams[session] = bound }
    }

    /// Another may have taken its place.
    func closed(_ stream: ClientStream, _ session: String) {
        state.withLock { state in
            guard let known = state.streams[session], known.eventLoop.inEventLoop, known.value === stream else {
                return
            }
            state.streams[session] = nil
        }
    }

    /// Tells a session something, if anybody listens.
    func tell(_ session: String, _ messages: [[UInt8]]) {
        guard let stream = state.withLock({ $0.streams[session] }) else { return }
        stream.eventLoop.execute { for message in messages { stream.value.tell(message) } }
    }

    func subscriptions(_ session: String, server: String) -> [String] {
        state.withLock { $0.subscriptions[session]?[server] ?? [] }
    }

    /// Adds or removes one, and lets the session's stream know, which says when changes are heard of; false when there
    /// are too many.
    func setSubscription(
        _ uri: String, _ session: String, server: String, isOn: Bool, then done: @escaping @Sendable () -> Void
    ) -> Bool {
        let (isDone, stream) = state.withLock { state -> (Bool, NIOLoopBound<ClientStream>?) in
            var all = state.subscriptions[session] ?? [:]
            var uris = all[server] ?? []
            uris.removeAll { $0.isExactly(uri) }
            if isOn {
                guard uris.count < LiveClients.subscriptionsMax else { return (false, nil) }
                // Many sessions are left without being ended: one of them makes room, and nobody is turned away.
                let others = state.subscriptions.keys
                if all.isEmpty, others.count >= LiveClients.levelsMax,
                    let other = others.prefix(32).first(where: { state.streams[$0] == nil }) ?? others.first
                {
                    state.subscriptions[other] = nil
                }
                uris.append(uri)
            }
            all[server] = uris.isEmpty ? nil : uris
            state.subscriptions[session] = all.isEmpty ? nil : all
            return (true, state.streams[session])
        }
        guard isDone else { return false }
        guard let stream else {
            done()
            return true
        }
        stream.eventLoop.execute { stream.value.subscriptionsChanged(at: server, then: done) }
        return true
    }

    // MARK: Requests under way

    static let callsMax = 100_000
    /// How long a call can be called off whose client has left it to its server.
    static let leftSeconds: Int64 = 600

    /// A client that cancels names its request by its own id.
    func began(_ call: CallHandle) {
        let bound = NIOLoopBound(call, eventLoop: call.eventLoop)
        state.withLock { state in
            guard state.callCount < LiveClients.callsMax else { return }
            if state.calls[call.session, default: [:]].updateValue(bound, forKey: call.id) == nil {
                state.callCount += 1
            }
        }
    }

    /// Another of the same id may have taken its place.
    func finished(_ call: CallHandle) {
        call.cancel = nil
        state.withLock { state in
            guard let known = state.calls[call.session]?[call.id], known.eventLoop.inEventLoop, known.value === call
            else { return }
            state.remove(call.session, call.id)
        }
    }

    /// The client waits for it no more, and has not called it off: it goes on at its server, and keeps its place under
    /// the tool's limits until its answer has been fetched or it is called off.
    func left(_ call: CallHandle, _ request: ServerRequest, place: ToolPermit? = nil) {
        let (session, id) = (call.session, request.id)
        if let place, place !== ToolPermit.unlimited { state.withLock { $0.places[session, default: [:]][id] = place } }
        call.cancel = { [self] reason in
            request.cancel(reason: reason)
            answered(session, id)
        }
        // Once another has taken its place, nothing but its number is kept.
        call.eventLoop.assumeIsolated().scheduleTask(in: .seconds(LiveClients.leftSeconds)) { [self, weak call] in
            if let call { finished(call) }
            answered(session, id)
        }
    }

    /// A call that was left is over at its server, where it is known by this id.
    func answered(_ session: String, _ id: [UInt8]) {
        state.withLock { state in
            state.places[session]?[id] = nil
            if state.places[session]?.isEmpty == true { state.places[session] = nil }
        }
    }

    /// Calls one off, on its own loop.
    func cancel(_ session: String, id: [UInt8], reason: String?) {
        let id = String(decoding: id, as: UTF8.self)
        guard let found = state.withLock({ $0.remove(session, id) }) else { return }
        found.eventLoop.execute { found.value.callOff(reason) }
    }
}

/// A request of a session, by which its client can call it off. Used on its own loop only.
final class CallHandle {
    let session: String
    /// The client's, as JSON.
    let id: String
    let eventLoop: any EventLoop
    var cancel: ((_ reason: String?) -> Void)?

    init(_ session: String, id: [UInt8], on eventLoop: any EventLoop) {
        self.session = session
        self.id = String(decoding: id, as: UTF8.self)
        self.eventLoop = eventLoop
    }

    func callOff(_ reason: String?) {
        let cancel = cancel
        self.cancel = nil
        cancel?(reason)
    }
}
