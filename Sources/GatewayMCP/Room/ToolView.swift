import GatewayModel
import GatewayPolicy
import GatewayWire

/// The servers one client sees at one path, and what their parts are called there. One server alone has its own names;
/// of several, each part carries its server's name: `demo__echo`, `demo+file:///x`.
final class ToolView {
    let room: MCPRoom
    /// By name; only those of which the caller may use something.
    let servers: [CompiledServer]
    let isSingle: Bool
    /// Names the path: what a session began at, it stays at.
    let place: String
    /// What of the servers is here; nil for all.
    let virtual: VirtualServer?
    let authorization: ResourceAuthorization?

    init(
        _ room: MCPRoom, _ servers: [CompiledServer], for principal: Principal, isSingle: Bool, place: String,
        virtual: VirtualServer? = nil
    ) {
        self.room = room
        let isOpen = servers.allSatisfy { $0.connection == nil }
        self.servers =
            isOpen ? servers : servers.map { $0.opened(for: principal, by: room.services.connections) }
        self.isSingle = isSingle
        self.place = place
        self.virtual = virtual
        let name = virtual?.name ?? (isSingle ? servers.first?.name : nil)
        authorization = name.flatMap { room.catalog.authorizations[$0] }
    }

    /// Whether its tools are found and called by two tools of the gateway's own.
    var isSearched: Bool { virtual?.presentation == .search }

    /// Whether a part of a server is here at all, whoever may use it.
    func includes(_ item: ToolAccessTable.Item, _ own: String, of server: CompiledServer) -> Bool {
        virtual?.includes(item, own, server: server.shownName) ?? true
    }

    /// The same, and the caller's own credential lets it be used.
    func isWithinReach(
        _ item: ToolAccessTable.Item, _ own: String, of server: CompiledServer, _ principal: Principal
    ) -> Bool {
        guard includes(item, own, of: server) else { return false }
        guard let grant = principal.grant, !grant.tools.isEmpty else { return true }
        // A credential that lists what it calls reads nothing else either: all by their names under /mcp.
        switch item {
        case .tool: break
        case .prompt: return grant.allows(tool: server.prefix + ToolView.separator + own)
        case .resource: return grant.allows(tool: "\(server.prefix)+\(own)")
        }
        return grant.allows(
            tool: own, prefix: server.prefix, mode: server.prefixMode,
            prefixes: room.catalog.servers.lazy.map(\.prefix))
    }

    /// Whether a caller hears of a change: of a resource only who may read it.
    func tells(
        _ message: ServerRequest.Message, of server: CompiledServer, _ principal: Principal, now: CELTimestamp
    ) -> Bool {
        guard Notification.isUpdate(message) else { return true }
        // Of what cannot be read nobody knows whether the caller may read it.
        guard let uri = Notification.uri(message) else { return false }
        return lists(.resource, uri, of: server, principal, now: now)
    }

    /// Whether a caller is shown a part of a server: some use of it may be allowed.
    func lists(
        _ item: ToolAccessTable.Item, _ own: String, of server: CompiledServer, _ principal: Principal,
        now: @autoclosure () -> CELTimestamp
    ) -> Bool {
        guard isWithinReach(item, own, of: server, principal) else { return false }
        let catalog = room.catalog
        var asked = ToolAccessTable.Request(server: server.shownName, item: item, name: own)
        if catalog.access.readsTime { asked.now = now() }
        if catalog.access.readsRisk, item == .tool {
            asked.risk = catalog.governance.risk(server: server.shownName, tool: own)
        }
        return catalog.access.lists(principal, asked)
    }

    func prefixMode(_ server: CompiledServer) -> MCPPrefixMode { virtual?.prefixMode ?? server.prefixMode }

    static let separator = "__"

    /// What a tool of a server is called here, if no other server has that name too.
    func plainName(_ name: String, of server: CompiledServer) -> String? {
        isSingle || prefixMode(server) != .always ? name : nil
    }

    /// What it is called where names must tell servers apart.
    func prefixedName(_ name: String, of server: CompiledServer) -> String {
        isSingle ? name : server.prefix + ToolView.separator + name
    }

    /// A resource's URI here.
    func uri(_ uri: String, of server: CompiledServer) -> String { isSingle ? uri : "\(server.prefix)+\(uri)" }

    /// The server and its own name for a prefixed name; nil for a name without the prefix of a server.
    func split(_ name: String) -> (server: CompiledServer, name: String)? {
        if isSingle { return servers.first.map { ($0, name) } }
        guard let range = name.firstRange(of: ToolView.separator) else { return nil }
        let prefix = name[..<range.lowerBound]
        let own = String(name[range.upperBound...])
        guard !own.isEmpty, let server = servers.first(where: { $0.prefix == prefix }) else { return nil }
        return (server, own)
    }

    /// The same for a resource.
    func split(uri: String) -> (server: CompiledServer, uri: String)? {
        if isSingle { return servers.first.map { ($0, uri) } }
        guard let plus = uri.firstIndex(of: "+") else { return nil }
        let own = String(uri[uri.index(after: plus)...])
        guard let server = servers.first(where: { $0.prefix == uri[..<plus] }), !own.isEmpty else { return nil }
        return (server, own)
    }
}

extension Principal {
    /// Whose sessions, lists and approvals are whose: the tenant with the user, agent or credential. No two callers
    /// have one key, however their names are spelled and whatever stands in them.
    var ownerKey: String {
        // Put together without interpolation: each call asks for it.
        var key = tenant?.asKeyPart ?? ""
        key += "/"
        if let user {
            key += "user " + user.asKeyPart
        } else if let agent {
            key += "agent " + agent.asKeyPart
        } else if let origin = originCredentialID {
            key += "key " + origin.asKeyPart
        }
        return key
    }

    /// Whose calls a person decides about: a user's agents are told apart, since rules may be.
    var callerKey: String { agent.map { "\(ownerKey)/agent \($0.asKeyPart)" } ?? ownerKey }
}

extension CELTimestamp {
    /// Since 1970.
    init(wallNanoseconds: UInt64) {
        let (seconds, rest) = wallNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        self.init(seconds: Int64(seconds), nanoseconds: Int32(rest))
    }
}
