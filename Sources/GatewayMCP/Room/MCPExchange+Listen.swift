import GatewayModel
import GatewayPolicy
import GatewayProxy
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
                return room.catalog.access.decide(principal, asked).isAllowed
            }
        acknowledge(wants, allowed.map(\.uri), id)
        let caller = listener(call)
        for server in view.servers {
            var own = wants
            own.uris = allowed.filter { $0.server === server }.map(\.own)
            guard !own.filter.isEmpty else { continue }
            let feed = ServerFeed(server, caller, services, wants: own, ownsSession: true, on: worker)
            feed.onMessage = { [self] message in pass(message, of: server, own, id) }
            feeds.append(feed)
            feed.start()
        }
        armTimer()
    }

    static let subscriptionsMax = 1_000

    /// The first message of the stream says what of the wish is granted.
    private func acknowledge(_ wants: ServerFeed.Wants, _ uris: [String], _ id: [UInt8]) {
        var granted = wants
        granted.uris = uris
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
            id: SessionID.make(), revision: .newestSession, place: view.place, owner: principal.ownerKey,
            capabilities: call.capabilities, clientInfo: call.clientInfo, opened: [])
        return caller
    }

    private func pass(
        _ message: ServerRequest.Message, of server: CompiledServer, _ wants: ServerFeed.Wants, _ id: [UInt8]
    ) {
        guard message.message.kind == .notification,
            wants.includes(message.message.method, uri: Notification.uri(message))
        else { return }
        if message.message.method == "notifications/tools/list_changed" {
            services.shelf.forget(server, for: principal.ownerKey)
        }
        send(event: Notification.edited(message, view, of: server, subscription: id))
        exchange?.flush()
    }
}
