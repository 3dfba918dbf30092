import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// What one server tells one caller unasked: that a list or a resource has changed, and in a session whatever else.
/// Opened again when it breaks off, as long as somebody listens. On the worker's loop.
final class ServerFeed {
    /// What is listened for.
    struct Wants: Equatable {
        var tools = false
        var prompts = false
        var resources = false
        /// As the server knows them.
        var uris: [String] = []
        /// Tasks as the server knows them; of servers without sessions only.
        var tasks: [String] = []

        /// The filter of `subscriptions/listen`.
        var filter: JSONObject {
            var filter = JSONObject()
            if tools { filter["toolsListChanged"] = true }
            if prompts { filter["promptsListChanged"] = true }
            if resources { filter["resourcesListChanged"] = true }
            if !uris.isEmpty { filter["resourceSubscriptions"] = .array(uris.map { .text($0) }) }
            if !tasks.isEmpty { filter["taskIds"] = .array(tasks.map { .text($0) }) }
            return filter
        }

        /// Whether a notification was asked for.
        func includes(_ method: String, uri: String?, task: String? = nil) -> Bool {
            switch method {
            case "notifications/tools/list_changed": tools
            case "notifications/prompts/list_changed": prompts
            case "notifications/resources/list_changed": resources
            case "notifications/resources/updated": uri.map { uris.contains($0) } ?? false
            case "notifications/tasks": task.map { tasks.contains($0) } ?? false
            default: false
            }
        }
    }

    let server: CompiledServer
    private let caller: ServerCaller
    private let services: MCPServices
    private let worker: Worker
    private(set) var wants: Wants
    /// The session is this feed's alone, and ends with it.
    private let ownsSession: Bool
    var onMessage: ((ServerRequest.Message) -> Void)?
    /// The server tells from now on, or has nothing to tell. Changes before the first time, and while the stream was
    /// broken off, nobody has heard of: `hadGap`.
    var onReady: ((_ hadGap: Bool) -> Void)?
    /// It cannot be asked now, and is asked again.
    var onFailure: (() -> Void)?
    /// A client that does not keep up holds the server up.
    var canTakeMore: (() -> Bool)?
    private var hasGap = true
    private var isReady = false
    /// Of a session: its stream has begun, and so many subscriptions are not answered yet.
    private var isFollowing = false
    private var subscriptionCount = 0
    private var lastEventID: [UInt8] = []
    private var request: ServerRequest?
    /// What is listened to until the one that takes its place has begun.
    private var former: ServerRequest?
    private var post: ServerPost?
    private var session: LiveServers.Session?
    private var hasEnded = false
    private var failures = 0
    private var number = 0
    private var waiting: [() -> Void] = []

    init(
        _ server: CompiledServer, _ caller: ServerCaller, _ services: MCPServices, wants: Wants, ownsSession: Bool,
        on worker: Worker
    ) {
        self.server = server
        self.caller = caller
        self.services = services
        self.wants = wants
        self.ownsSession = ownsSession
        self.worker = worker
    }

    private var opening: ServerOpening { ServerOpening(server: server, services: services, worker: worker) }

    func start() {
        guard !hasEnded else { return }
        if server.protocol == .stateless { return listen() }
        if server.protocol == .session { return openSession() }
        switch services.live.era(of: server) {
        case .stateless: listen()
        case .session: openSession()
        case nil:
            let number = number
            opening.probe { [self] era in
                guard number == self.number else { return }
                switch era {
                case .failure: again()
                case .success(.stateless): listen()
                case .success(.session): openSession()
                }
            }
        }
    }

    func cancel() {
        guard !hasEnded else { return }
        hasEnded = true
        onMessage = nil
        onReady = nil
        onFailure = nil
        canTakeMore = nil
        stop()
        settleWaiting()
        closeOwn()
    }

    private func closeOwn() {
        guard ownsSession, let session = services.live.take(caller.scope(server)) ?? session else { return }
        worker.ended(session, atNanoseconds: worker.now)
        opening.close(session)
    }

    /// The client reads again.
    func resumeReading() {
        request?.resumeReading()
        former?.resumeReading()
        post?.resumeReading()
    }

    /// Listens for something else from now on; `done` once it is heard of, or cannot be.
    func change(_ wants: Wants, then done: @escaping () -> Void) {
        guard !hasEnded else { return done() }
        let isSame = wants == self.wants
        self.wants = wants
        guard session == nil, !isSame else { return isReady || session != nil ? done() : waiting.append(done) }
        waiting.append(done)
        // Between the two nothing must go unheard.
        former?.cancel()
        former = request
        request = nil
        isReady = false
        guard former != nil else {
            stop()
            return start()
        }
        number += 1
        start()
    }

    private func ready() {
        failures = 0
        former?.cancel()
        former = nil
        guard !isReady else { return }
        isReady = true
        let hadGap = hasGap
        hasGap = false
        onReady?(hadGap)
        settleWaiting()
    }

    private func settleWaiting() {
        let waiting = waiting
        self.waiting.removeAll()
        for done in waiting { done() }
    }

    private func stop() {
        number += 1
        request?.cancel()
        request = nil
        former?.cancel()
        former = nil
        post?.cancel()
        post = nil
    }

    /// A server that fails at once is not asked at once again.
    private func again() {
        guard !hasEnded else { return }
        failures += 1
        onFailure?()
        settleWaiting()
        let delay = min(30_000, 500 << min(failures, 6))
        let number = number
        worker.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(delay))) { [self] in
            guard !hasEnded, number == self.number else { return }
            worker.refreshClock()
            start()
        }
    }

    // MARK: Without a session

    private func listen() {
        guard !hasEnded else { return }
        guard !wants.filter.isEmpty else { return ready() }
        let params = JSONTree.object(["notifications": .object(wants.filter)]).bytes
        let request = ServerRequest(server, "subscriptions/listen", params: params, caller, services, on: worker)
        request.isStream = true
        request.canTakeMore = canTakeMore
        self.request = request
        request.onMessage = { [self, weak request] message in
            if request === self.request { ready() }
            guard message.message.method != "notifications/subscriptions/acknowledged" else { return }
            onMessage?(message)
        }
        request.onEnd = { [self, weak request] reply in
            if request === former { former = nil }
            guard request === self.request else { return }
            self.request = nil
            // A server that has no such streams is not asked for one for ever.
            if case .error = reply { return ready() }
            (isReady, hasGap) = (false, true)
            again()
        }
        request.start()
    }

    // MARK: In a session

    private func openSession() {
        guard !hasEnded else { return }
        let scope = caller.scope(server)
        if let known = services.live.session(scope, now: worker.now) {
            // A client's own subscriptions go to its server by themselves.
            if caller.session == nil { subscribe(known) }
            return follow(known)
        }
        if let opened = caller.session?.opened.first(where: { $0.server == server.name }) {
            return follow(
                LiveServers.Session(
                    id: opened.id.isEmpty ? nil : opened.id, revision: opened.revision, result: [],
                    usedNanoseconds: worker.now))
        }
        // A client's session that nobody has opened is told nothing.
        guard caller.session == nil || ownsSession else { return ready() }
        let number = number
        opening.open(caller) { [self] outcome in
            if hasEnded { closeOwn() }
            guard number == self.number else { return }
            guard case .success(let session) = outcome else { return again() }
            subscribe(session)
            follow(session)
        }
    }

    private func subscribe(_ session: LiveServers.Session) {
        subscriptionCount = wants.uris.count
        for uri in wants.uris { subscribe(uri, session) }
    }

    private func subscribe(_ uri: String, _ session: LiveServers.Session) {
        let post = ServerPost(server, services, on: worker)
        post.onEnd = { [self, post] _ in
            _ = post
            subscriptionCount -= 1
            if isFollowing, subscriptionCount == 0 { ready() }
        }
        post.begin(
            .post, fields: ServerOpening.fields(session),
            body: JSONRPCWriter.request(
                id: services.nextID(), method: "resources/subscribe", params: JSONTree.object(["uri": .text(uri)]).bytes
            ))
    }

    /// A ping, and what nobody at the client can or may answer; its session's own client is asked the rest.
    private func isAnswered(_ message: ServerRequest.Message, _ session: LiveServers.Session) -> Bool {
        guard let range = message.message.id else { return true }
        let id = Array(message.bytes[range])
        if message.message.method == "ping" {
            opening.reply(JSONRPCWriter.result(id: id.span, Array("{}".utf8).span), session)
            return true
        }
        // Of those who share a session another may know the answer.
        let isShared = server.process?.command.scope == .server || caller.session == nil
        var refusal = QuestionRefusal.unknown
        // What cannot be read cannot be judged, by nobody.
        if let tree = try? JSONTree.parse(message.bytes) {
            if !ownsSession, caller.session != nil {
                let own = AskedClient(caller).refusal(message.message.method, tree["params"])
                guard let own else { return false }
                refusal = own
            }
            if isShared { return true }
        }
        opening.reply(refusal.answer(to: id, message.message.method), session)
        return true
    }

    private func follow(_ session: LiveServers.Session) {
        self.session = session
        let post = ServerPost(server, services, on: worker)
        self.post = post
        post.canTakeMore = canTakeMore
        var status = 0
        post.onHead = { [self] code, _ in
            status = code
            isFollowing = true
            if subscriptionCount == 0 { ready() }
        }
        post.onEvent = { [self] event in
            if !event.id.isEmpty { lastEventID = event.id }
            guard !event.data.isEmpty, let message = try? JSONRPCMessage(event.data.span),
                message.kind == .notification || message.kind == .request
            else { return }
            let whole = ServerRequest.Message(bytes: event.data, message: message, eventID: event.id)
            if message.kind == .request, isAnswered(whole, session) { return }
            onMessage?(whole)
        }
        post.onEnd = { [self] _ in
            self.post = nil
            // A session that is over, and is nobody else's, is opened anew.
            if status == 404, session.id != nil, ownsSession || caller.session == nil {
                let known = services.live.drop(caller.scope(server), id: session.id)
                worker.ended(known, atNanoseconds: worker.now)
                lastEventID = []
                return again()
            }
            // It has no such stream (405), or the session is over.
            guard status < 400 || status >= 500 else { return ready() }
            again()
        }
        // A server that numbers its events goes on where it was.
        let mark = lastEventID.isEmpty ? [] : [(name: MCPName.lastEventID, value: lastEventID)]
        post.begin(.get, fields: ServerOpening.fields(session) + mark, body: [])
    }
}

/// Notifications on their way from a server to a client.
enum Notification {
    /// One with the URI as this path has it; nil where it would have to be read for that and cannot be.
    static func edited(
        _ message: ServerRequest.Message, _ view: ToolView, of server: CompiledServer
    ) -> [UInt8]? {
        if message.message.method == "notifications/cancelled" { return cancelled(message, of: server) }
        guard isUpdate(message), !view.isSingle else { return message.bytes }
        return withParams(message.bytes) { params in
            if let uri = params["uri"]?.string?.value { params["uri"] = .text(view.uri(uri, of: server)) }
        }
    }

    /// The same for a stream of `subscriptions/listen`, with the stream's id.
    static func subscribed(_ bytes: [UInt8], _ subscription: [UInt8]) -> [UInt8]? {
        guard let id = try? JSONTree.parse(subscription) else { return nil }
        return withParams(bytes) { params in
            var meta = params["_meta"]?.object ?? JSONObject()
            meta[MCPName.subscriptionMeta] = id
            params["_meta"] = .object(meta)
        }
    }

    private static func withParams(_ bytes: [UInt8], _ change: (inout JSONObject) -> Void) -> [UInt8]? {
        guard var object = (try? JSONTree.parse(bytes))?.object else { return nil }
        var params = object["params"]?.object ?? JSONObject()
        change(&params)
        object["params"] = .object(params)
        return JSONTree.object(object).bytes
    }

    static func isUpdate(_ message: ServerRequest.Message) -> Bool {
        message.message.method == "notifications/resources/updated"
    }

    /// A server does not need the answer to its question any more: the client knows that by the gateway's id. What
    /// cannot be read may name another server's question.
    private static func cancelled(_ message: ServerRequest.Message, of server: CompiledServer) -> [UInt8]? {
        guard let params = message.message.params else { return message.bytes }
        var outline = JSONOutline()
        guard (try? outline.read(message.bytes.span, range: params)) != nil else { return nil }
        guard let id = outline.member("requestId", in: message.bytes.span) else { return message.bytes }
        var splice = JSONSplice()
        splice.replace(id.value, with: QuestionID.make(server: server, id: Array(message.bytes[id.value])))
        return splice.applied(to: message.bytes.span)
    }

    /// One that says only that something has changed.
    static func changed(_ method: String, uri: String? = nil, subscription: [UInt8]? = nil) -> [UInt8] {
        var params = JSONObject()
        if let uri { params["uri"] = .text(uri) }
        if let subscription, let id = try? JSONTree.parse(subscription) {
            params["_meta"] = .object([MCPName.subscriptionMeta: id])
        }
        return JSONRPCWriter.request(
            id: nil, method: method, params: params.isEmpty ? [] : JSONTree.object(params).bytes)
    }

    static func uri(_ message: ServerRequest.Message) -> String? {
        guard isUpdate(message) else { return nil }
        return (try? JSONTree.parse(message.bytes))?["params"]?["uri"]?.string?.value
    }
}
