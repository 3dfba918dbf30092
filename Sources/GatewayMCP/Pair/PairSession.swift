import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore
import Synchronization

/// A session at a server of revision 2024-11-05 (HTTP with server-sent events): one stream that everything comes on,
/// and the endpoint that the stream names, where messages are posted. It lasts as long as its stream does, and lives on
/// the loop that opened it.
final class PairSession: MessageChannel {
    private struct State {
        let server: CompiledServer
        let services: MCPServices
        let worker: Worker
        let work: Work
        var ids = ChannelIDs<ChannelAsker>() { didSet { work.set(!ids.isEmpty || !early.isEmpty) } }
        var followers: [ChannelAsker] = []
        var stream: ServerPost?
        /// Where messages go; nil until the server has said it.
        var endpoint: [UInt8]?
        /// What came before that.
        var early: [(message: [UInt8], asker: ChannelAsker)] = [] {
            didSet { work.set(!ids.isEmpty || !early.isEmpty) }
        }
        var posts: [ObjectIdentifier: ServerPost] = [:]
        var status = 0
        var failure: GatewayError?
        var hasEnded = false
        var usedNanoseconds: UInt64
    }

    /// Whether calls are under way, for others than its own loop.
    private final class Work: Sendable {
        private let isAny = Atomic(false)
        var value: Bool { isAny.load(ordering: .relaxed) }
        func set(_ value: Bool) { isAny.store(value, ordering: .relaxed) }
    }

    private let work = Work()
    /// Whether calls are under way, as it is known at once; from any loop.
    var isAtWork: Bool { work.value }

    /// What the session is called here; the server's own name for it is part of the endpoint.
    let id: String
    let loop: any EventLoop
    private let state: NIOLoopBoundBox<State>
    private static let earlyMax = 100
    private static let followersMax = 100
    private static let checkSeconds: Int64 = 60

    /// On the loop of `worker`. Nothing is sent yet.
    init(_ id: String, _ server: CompiledServer, _ services: MCPServices, on worker: Worker) {
        self.id = id
        loop = worker.eventLoop
        state = NIOLoopBoundBox(
            State(
                server: server, services: services, worker: worker, work: work, usedNanoseconds: worker.now),
            eventLoop: worker.eventLoop)
    }

    /// Opens the stream.
    func open() {
        let (server, worker) = (state.value.server, state.value.worker)
        let post = ServerPost(server, state.value.services, on: worker)
        post.isPlain = true
        state.value.stream = post
        post.onHead = { [self] status, _ in state.value.status = status }
        post.onEvent = { [self] event in receive(event) }
        post.onEnd = { [self] outcome in streamEnded(outcome) }
        post.begin(.get, fields: [], body: [], isStream: true)
        let wait = Int64(clamping: server.rule.timeouts.firstByteNanoseconds)
        loop.assumeIsolated().scheduleTask(in: .nanoseconds(wait)) { [weak self] in
            guard let self, state.value.endpoint == nil else { return }
            end(GatewayError(.upstreamTimeout, "the server names no endpoint for messages: \(server.shownName)"))
        }
        watch()
    }

    /// A session that nobody uses any more ends.
    private func watch() {
        loop.assumeIsolated().scheduleTask(in: .seconds(PairSession.checkSeconds)) { [weak self] in
            guard let self, !state.value.hasEnded else { return }
            state.value.worker.refreshClock()
            let isUsed = !state.value.ids.isEmpty || !state.value.followers.isEmpty
            if isUsed { state.value.usedNanoseconds = state.value.worker.now }
            let until = state.value.usedNanoseconds &+ LiveServers.sessionIdleNanoseconds
            guard state.value.worker.now < until else { return end(nil) }
            watch()
        }
    }

    // MARK: From the server

    private func receive(_ event: ServerPost.Event) {
        guard !state.value.hasEnded else { return }
        guard state.value.endpoint != nil else {
            // Said once: what comes later moves nothing.
            let text = String(decoding: event.data, as: UTF8.self)
            guard event.isEndpoint, let target = PairSession.target(text, of: state.value.server.url) else {
                return end(
                    GatewayError(
                        .upstreamProtocolError,
                        "the server names no endpoint of its own for messages: \(state.value.server.shownName)",
                        hint: event.isEndpoint ? "it must be at the server's own origin" : nil))
            }
            state.value.endpoint = Array(target.utf8)
            let early = state.value.early
            state.value.early.removeAll()
            for each in early { send(each.message, each.asker) }
            return
        }
        guard !event.isEndpoint, !event.data.isEmpty else { return }
        switch state.value.ids.incoming(event.data) {
        case .answer(let asker, let bytes):
            asker.tell(.message(bytes))
            asker.tell(.end(nil))
        case .notification(let asker, let bytes): asker.tell(.message(bytes))
        case .question(let asker?, let bytes): asker.tell(.message(bytes))
        case .question(nil, let bytes), .common(let bytes):
            for follower in state.value.followers { follower.tell(.message(bytes)) }
        case .reply, .none: break
        }
    }

    private func streamEnded(_ outcome: ServerPost.Outcome) {
        state.value.stream = nil
        let server = state.value.server
        switch outcome {
        case .failed(let error): end(error)
        case .whole(let status, _, _) where status >= 300: end(ServerOpening.refusal(status, server))
        case .whole:
            end(
                GatewayError(
                    .upstreamProtocolError, "the server does not open a session: \(server.shownName)",
                    hint: "check that its url is an MCP endpoint"))
        case .streamEnded:
            end(
                GatewayError(.upstreamReset, "the server's stream ended without an answer: \(server.shownName)"))
        }
    }

    /// Where a server says that messages go, as a target at its own origin; nil for anywhere else.
    static func target(_ text: String, of server: OutboundURL) -> String? {
        let origin = "\(server.isTLS ? "https" : "http")://\(server.authority)"
        let path = server.target.prefix { $0 != "?" }
        let whole: String
        if text.hasPrefix("//") {
            whole = (server.isTLS ? "https:" : "http:") + text
        } else if text.hasPrefix("/") {
            whole = origin + text
        } else if text.hasPrefix("?") {
            whole = origin + path + text
        } else if text.prefix(while: { $0 != "/" && $0 != "?" && $0 != "#" }).contains(":") {
            whole = text
        } else {
            guard !text.isEmpty, let slash = path.lastIndex(of: "/") else { return nil }
            whole = origin + path[...slash] + text
        }
        guard let url = try? OutboundURL(whole), url.isTLS == server.isTLS, url.host == server.host,
            url.port == server.port
        else { return nil }
        return url.target
    }

    // MARK: To the server

    func take(_ message: [UInt8], session: String?, _ asker: ChannelAsker) {
        guard !state.value.hasEnded else { return refuse(asker) }
        state.value.worker.refreshClock()
        state.value.usedNanoseconds = state.value.worker.now
        guard state.value.endpoint == nil else { return send(message, asker) }
        guard state.value.early.count < PairSession.earlyMax else {
            return asker.tell(.end(GatewayError(.overloaded, "too many messages wait for the server")))
        }
        state.value.early.append((message, asker))
    }

    /// What is over is as unknown as a session that an HTTP server has forgotten: a new one is opened.
    private func refuse(_ asker: ChannelAsker) {
        asker.tell(.head(state.value.failure == nil ? 404 : 200, nil))
        asker.tell(.end(state.value.failure))
    }

    private func send(_ message: [UInt8], _ asker: ChannelAsker) {
        guard let endpoint = state.value.endpoint, let sent = state.value.ids.outgoing(message, asker) else {
            return asker.tell(.end(GatewayError(.internalFault, "this is no message of JSON-RPC")))
        }
        asker.place.value = (id, sent.number)
        asker.tell(.head(sent.number == nil ? 202 : 200, id))
        guard !sent.line.isEmpty else { return asker.tell(.end(nil)) }
        post(sent.line, to: endpoint) { [self] outcome in posted(outcome, sent.number, asker) }
    }

    private func post(_ line: [UInt8], to endpoint: [UInt8], _ done: @escaping (ServerPost.Outcome) -> Void) {
        let post = ServerPost(state.value.server, state.value.services, on: state.value.worker)
        post.isPlain = true
        post.target = endpoint
        let key = ObjectIdentifier(post)
        state.value.posts[key] = post
        post.onEnd = { [self] outcome in
            state.value.posts[key] = nil
            done(outcome)
        }
        post.begin(.post, fields: [], body: line)
    }

    /// The answer of a request comes on the stream; that it was not taken is said here.
    private func posted(_ outcome: ServerPost.Outcome, _ number: Int?, _ asker: ChannelAsker) {
        var problem: GatewayError?
        switch outcome {
        case .failed(let error): problem = error
        case .streamEnded: break
        case .whole(let status, _, _):
            if status == 404 || status == 410 {
                // Whatever became of the stream, the server does not know the session any more.
                if let number, state.value.ids.remove(number) != nil { refuse(asker) }
                return end(nil)
            }
            if status >= 300 { problem = ServerOpening.refusal(status, state.value.server) }
        }
        guard let number else { return asker.tell(.end(problem)) }
        guard let problem, state.value.ids.remove(number) != nil else { return }
        asker.tell(.end(problem))
    }

    func follow(session: String, _ asker: ChannelAsker) {
        guard !state.value.hasEnded else { return refuse(asker) }
        guard state.value.followers.count < PairSession.followersMax else {
            return asker.tell(.end(GatewayError(.overloaded, "too many listen to one session")))
        }
        asker.place.value = (id, nil)
        state.value.followers.append(asker)
        asker.tell(.head(200, nil))
    }

    func cancel(_ place: ChannelPlace) {
        state.value.followers.removeAll { $0.place === place }
        state.value.early.removeAll { $0.asker.place === place }
        guard let endpoint = state.value.endpoint, let number = place.value?.number,
            let line = state.value.ids.cancel(number), !state.value.hasEnded
        else { return }
        post(line, to: endpoint) { _ in }
    }

    func end(session: String) { end(nil) }

    /// Everybody who waits is told why; nil: it was meant to end.
    private func end(_ error: GatewayError?) {
        guard !state.value.hasEnded else { return }
        state.value.hasEnded = true
        if state.value.endpoint == nil { state.value.failure = error }
        state.value.services.pairs.forget(id)
        let stream = state.value.stream
        state.value.stream = nil
        stream?.cancel()
        for post in state.value.posts.values { post.cancel() }
        state.value.posts.removeAll()
        let waiting = state.value.ids.askers + state.value.followers + state.value.early.map(\.asker)
        state.value.followers.removeAll()
        state.value.early.removeAll()
        state.value.ids = ChannelIDs()
        let reason =
            error ?? GatewayError(.upstreamReset, "the session at the server ended: \(state.value.server.shownName)")
        for asker in waiting { asker.tell(.end(reason)) }
    }
}
