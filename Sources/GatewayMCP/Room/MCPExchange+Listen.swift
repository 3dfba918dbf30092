import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayWire

/// `subscriptions/listen`: a stream of changes at all servers of the path, for a client whose requests stand for
/// themselves. It ends when the client goes.
extension MCPExchange {
    func listen(_ call: ClientCall) throws(ClientFault) {
        guard let filter = call.json("notifications").flatMap({ (try? JSONTree.parse($0))?.object }), let id = call.id
        else {
            throw ClientFault(JSONRPCCode.invalidParams, "params.notifications is missing", id: call.id)
        }
        var wants = ServerFeed.Wants()
        wants.tools = filter["toolsListChanged"]?.bool ?? false
        wants.prompts = filter["promptsListChanged"]?.bool ?? false
        wants.resources = filter["resourcesListChanged"]?.bool ?? false
        let uris = (filter["resourceSubscriptions"]?.array ?? []).compactMap { $0.string?.value }
        guard uris.count <= MCPExchange.subscriptionsMax else {
            throw ClientFault(
                JSONRPCCode.invalidParams, "at most \(MCPExchange.subscriptionsMax) resources in one stream",
                id: call.id)
        }
        let allowed = uris.compactMap { uri in view.split(uri: uri).map { (uri: uri, server: $0.server, own: $0.uri) } }
            .filter { each in
                var asked = ToolAccessTable.Request(server: each.server.shownName, item: .resource, name: each.own)
                if room.catalog.access.readsTime { asked.now = now }
                guard ResourceURI.isPlain(each.own), isWithinReach(.resource, each.own, each.server) else {
                    return false
                }
                return room.catalog.access.decide(principal, asked).isAllowed
            }
        let tasks = try listenedTasks(filter, call)
        let (listener, shared) = (listener(call), caller(call))
        for server in view.servers {
            var own = wants
            own.tasks = tasks.filter { $0.server === server }.map(\.handle.own)
            own.uris = allowed.filter { $0.server === server }.map(\.own)
            guard !own.filter.isEmpty else { continue }
            // A process of its own would know nothing of what the caller's calls do in theirs.
            let isOwn = server.process == nil
            feeds.append(
                ServerFeed(
                    server, isOwn ? listener : shared, services, wants: own, ownsSession: isOwn, on: worker))
        }
        // What changes after the client is told that it is listened to must not go unheard.
        let all = AwaitedAll(feeds.count, on: worker) { [self] in
            guard exchange != nil else { return }
            acknowledge(wants, allowed.map(\.uri), tasks.map(\.text), id)
            isAcknowledged = true
            for event in unheard { send(event: event) }
            unheard.removeAll()
            exchange?.flush()
        }
        for feed in feeds { follow(feed, tasks.filter { $0.server === feed.server }, all, id) }
        armTimer()
    }

    /// The tasks of this caller among those that are asked for.
    private func listenedTasks(_ filter: JSONObject, _ call: ClientCall) throws(ClientFault) -> [FoundTask] {
        guard let texts = filter["taskIds"]?.array, !texts.isEmpty else { return [] }
        try checkKnowsTasks(call)
        guard texts.count <= MCPExchange.subscriptionsMax else {
            throw ClientFault(
                JSONRPCCode.invalidParams, "at most \(MCPExchange.subscriptionsMax) tasks in one stream", id: call.id)
        }
        return texts.compactMap { $0.string.flatMap { task($0.value, isStateless: true) } }
    }

    private func follow(_ feed: ServerFeed, _ tasks: [FoundTask], _ all: AwaitedAll, _ id: [UInt8]) {
        var isSettled = false
        func settle() {
            guard !isSettled else { return }
            isSettled = true
            all.one()
        }
        feed.canTakeMore = { [weak self] in self?.exchange?.isDownstreamWritable ?? true }
        feed.onMessage = { [self, weak feed] message in
            guard let feed else { return }
            if message.message.method == "notifications/tasks" { return pass(task: message, among: tasks, id) }
            pass(message, of: feed.server, feed.wants, id)
        }
        feed.onFailure = { settle() }
        feed.onReady = { [self, weak feed] hadGap in
            // What it was told of as listened to was not, for a while.
            if hadGap, isSettled, let feed { tellMissed(feed, id) }
            settle()
        }
        feed.start()
    }

    private func tellMissed(_ feed: ServerFeed, _ id: [UInt8]) {
        let wants = feed.wants
        for kind in [ListKind.tools, .prompts, .resources] where wants.includes(kind.changed, uri: nil) {
            tell(Notification.changed(kind.changed, subscription: id))
        }
        for uri in wants.uris {
            tell(
                Notification.changed(
                    "notifications/resources/updated", uri: view.uri(uri, of: feed.server), subscription: id))
        }
    }

    /// Nothing goes before the acknowledgement.
    private func tell(_ event: [UInt8]) {
        guard isAcknowledged else {
            unheardBytes += event.count
            if unheard.count < MCPExchange.subscriptionsMax, unheardBytes <= MCPExchange.unheardBytesMax {
                unheard.append(event)
            }
            return
        }
        send(event: event)
        exchange?.flush()
    }

    static let subscriptionsMax = 1_000
    static let unheardBytesMax = 1 << 20

    /// The first message of the stream says what of the wish is granted.
    private func acknowledge(_ wants: ServerFeed.Wants, _ uris: [String], _ tasks: [String], _ id: [UInt8]) {
        var granted = wants
        granted.uris = uris
        granted.tasks = tasks
        let params: JSONTree = [
            "_meta": .object([MCPName.subscriptionMeta: (try? JSONTree.parse(id)) ?? .null]),
            "notifications": .object(granted.filter),
        ]
        send(
            event: JSONRPCWriter.request(
                id: nil, method: "notifications/subscriptions/acknowledged", params: params.bytes))
        exchange?.flush()
    }

    /// At a server with sessions the stream has one of its own.
    private func listener(_ call: ClientCall) -> ServerCaller {
        var caller = caller(call)
        caller.session = ClientSession(
            id: SessionID.make(), revision: .newestSession, place: view.place, owner: owner,
            capabilities: call.capabilities, clientInfo: call.clientInfo, opened: [],
            openedMilliseconds: nowMilliseconds)
        return caller
    }

    /// How a task stands, with what it yields: as it would be told who asks.
    private func pass(task message: ServerRequest.Message, among tasks: [FoundTask], _ id: [UInt8]) {
        guard let call, let tree = try? JSONTree.parse(message.bytes), let params = tree["params"]?.object,
            let own = params["taskId"]?.string?.value, let found = tasks.first(where: { $0.handle.own == own }),
            // What it may be told may have changed meanwhile.
            isListed(.tool, found.handle.tool, found.server)
        else { return }
        var rules = ResultRules(
            view: view, server: found.server, terms: terms(of: found.handle.tool, at: found.server), definition: nil)
        let names = TaskRules(text: found.text, mayBeAsked: AskedClient(caller(call)).mayBeAsked)
        guard var shown = try? names.shown(params, &rules) else { return }
        note?.redactions += rules.redactions
        var meta = shown["_meta"]?.object ?? JSONObject()
        meta[MCPName.subscriptionMeta] = (try? JSONTree.parse(id)) ?? .null
        shown["_meta"] = .object(meta)
        tell(
            JSONRPCWriter.request(
                id: nil, method: "notifications/tasks", params: JSONTree.object(shown).bytes))
    }

    private func pass(
        _ message: ServerRequest.Message, of server: CompiledServer, _ wants: ServerFeed.Wants, _ id: [UInt8]
    ) {
        guard message.message.kind == .notification,
            wants.includes(message.message.method, uri: Notification.uri(message))
        else { return }
        if message.message.method == "notifications/tools/list_changed" {
            services.shelf.changed(server)
        }
        // A change is of no tool: what holds for all of them holds for it.
        var rules = rules(of: server)
        guard let edited = Notification.edited(message, view, of: server),
            let clean = rules.redacted(message: edited), let told = Notification.subscribed(clean, id)
        else { return }
        note?.redactions += rules.redactions
        tell(told)
    }
}
