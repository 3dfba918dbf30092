package import GatewayModel
import GatewayPolicy
package import GatewayProxy
import GatewayRecords
import GatewayWire

/// The room of tools: an MCP server towards clients of every revision, and their client towards every server. It takes
/// a request over after *admit* of the connection's own limits, and runs *decide* and what follows itself, because all
/// of them look at the body. One for each route and snapshot.
package final class MCPRoom: RouteHandler {
    /// Which servers a path leads to.
    package enum Place: Sendable {
        /// `/mcp` to all of them, `/mcp/NAME` to one, `/mcp/NAMESPACE/NAME` to one of another namespace.
        case named
        /// These; one alone has its own names. Below a route's prefix one of them can be named: where `/mcp` leads to
        /// them, `/mcp/NAME` is that one, and any other name is no server.
        case servers([String])
    }

    let catalog: ToolCatalog
    let services: MCPServices
    private let place: Place
    /// All that a route with its own servers leads to.
    private let whole: Reach

    package init(catalog: ToolCatalog, place: Place = .named, services: MCPServices) {
        self.catalog = catalog
        self.place = place
        self.services = services
        if case .servers(let names) = place { whole = Reach(names, catalog) } else { whole = Reach([], catalog) }
    }

    /// What names of servers lead to, whoever asks.
    private struct Reach {
        let servers: [CompiledServer]
        let virtual: VirtualServer?
        let isSingle: Bool
        let place: String

        init(_ names: [String], _ catalog: ToolCatalog) {
            isSingle = names.count == 1
            place = names.joined(separator: " ")
            virtual = isSingle ? catalog.virtuals.first { $0.name == names[0] } : nil
            servers = virtual == nil ? catalog.servers.filter { names.contains($0.name) } : []
        }
    }

    package func handle(_ exchange: Exchange) {
        guard let view = view(of: exchange) else {
            if exchange.principal.proof != .none {
                // The caller is not told which of the two it is; the audit log is told that nothing was granted.
                exchange.verdict = .deny(
                    rule: "ToolAccessPolicy", reason: "no policy grants the caller anything here", code: .noRoute)
            }
            return exchange.refuse(
                GatewayError(
                    .noRoute, "there is no such server of tools, or you may use nothing of it",
                    hint: "/mcp has all that you may use, /mcp/NAME one server"))
        }
        if let refusal = OriginCheck.refusal(of: exchange.request) { return exchange.refuse(refusal) }
        if let refusal = refusal(of: exchange.principal, view.authorization) { return exchange.refuse(refusal) }
        guard exchange.principal.proof != .none else {
            return exchange.refuse(
                GatewayError(
                    .unauthenticated, "a key is needed and none was shown",
                    hint: "send it as 'authorization: Bearer …'; 'sluice key create' makes one"))
        }
        switch exchange.request.method {
        case .post: exchange.receiveBody(into: MCPExchange(self, exchange, view))
        case .get: ClientStream.open(self, exchange, view)
        case .delete: ClientStream.end(self, exchange, view)
        default:
            exchange.response.fields.append("allow", "POST, GET, DELETE")
            exchange.refuse(
                GatewayError(
                    .methodNotAllowed,
                    "the method is not one of MCP: \(exchange.request.fields.text(exchange.request.methodName))"))
        }
    }

    /// What of the catalogue this request is about; nil for a server that is not there for this caller.
    func view(of exchange: Exchange) -> ToolView? {
        let principal = exchange.principal
        switch place {
        case .servers(let all):
            guard let reach = reach(all, of: exchange) else { return nil }
            if let virtual = reach.virtual { return view(of: virtual, principal) }
            // Whoever has shown nothing yet is told so first, and whose token is for another server than the one.
            let shown = { self.shows($0, principal) && (reach.isSingle || self.opens($0, principal)) }
            let showsAll = principal.proof == .none || reach.servers.allSatisfy(shown)
            return ToolView(
                self, showsAll ? reach.servers : reach.servers.filter(shown), for: principal,
                isSingle: reach.isSingle, place: reach.place)
        case .named:
            let path = exchange.request.fields.text(exchange.request.path)
            let words = path.split(separator: "/").dropFirst()
            guard let first = words.first else {
                return ToolView(
                    self, catalog.servers.filter { shows($0, principal) && opens($0, principal) }, for: principal,
                    isSingle: false, place: "")
            }
            let name = words.count == 1 ? String(first) : words.joined(separator: "/")
            if let virtual = catalog.virtuals.first(where: { $0.shownName == name }) {
                return view(of: virtual, principal)
            }
            guard let server = catalog.server(name), principal.proof == .none || shows(server, principal) else {
                return nil
            }
            return ToolView(self, [server], for: principal, isSingle: true, place: server.name)
        }
    }

    /// The server that is named below the route's prefix, or all of the route; nil when it is none of them. A route for
    /// the whole host says nothing of how its paths are called.
    private func reach(_ servers: [String], of exchange: Exchange) -> Reach? {
        let matched = exchange.matchedPathBytes
        guard matched > 1, exchange.request.path.count > matched else { return whole }
        let below = exchange.request.fields.text(exchange.request.path).utf8.dropFirst(matched)
        let name = String(decoding: below, as: UTF8.self).split(separator: "/").joined(separator: "/")
        guard !name.isEmpty else { return whole }
        let found = servers.first { server in
            catalog.virtuals.first { $0.name == server }?.shownName == name
                || catalog.servers.first { $0.name == server }?.shownName == name
        }
        return found.map { Reach([$0], catalog) }
    }

    private func view(of virtual: VirtualServer, _ principal: Principal) -> ToolView? {
        // A selection that is a resource itself is asked for by its own name.
        let isResource = catalog.authorizations[virtual.name] != nil
        let servers = catalog.servers.filter {
            virtual.includes(server: $0.shownName) && shows($0, principal) && (isResource || opens($0, principal))
        }
        guard !servers.isEmpty || principal.proof == .none else { return nil }
        return ToolView(
            self, servers, for: principal, isSingle: false, place: "virtual \(virtual.name)", virtual: virtual)
    }

    /// Whether a server that is a resource of its own is there beside others too: a token for somebody else opens it by
    /// no other path either.
    private func opens(_ server: CompiledServer, _ principal: Principal) -> Bool {
        catalog.authorizations.isEmpty || isFor(catalog.authorizations[server.name], principal)
    }

    private func isFor(_ authorization: ResourceAuthorization?, _ principal: Principal) -> Bool {
        guard let authorization else { return true }
        switch principal.proof {
        case .none, .apiKey, .clientCertificate: return true
        case .token, .workload, .introspection: break
        }
        let audiences = principal.detail?.audiences ?? []
        return audiences.contains { $0.utf8.elementsEqual(authorization.resource.utf8) }
    }

    /// A token for somebody else opens nothing here, whoever it names.
    private func refusal(of principal: Principal, _ authorization: ResourceAuthorization?) -> GatewayError? {
        guard let authorization, !isFor(authorization, principal) else { return nil }
        return GatewayError(
            .unauthenticated, "the token is for somebody else", hint: "its aud must have \(authorization.resource)")
    }

    /// Tells a client without a token, or with one that does not do, where it gets one.
    private func challenge(_ exchange: Exchange) {
        guard let authorization = view(of: exchange)?.authorization else { return }
        var parts = ["resource_metadata=\"\(authorization.metadataURL)\""]
        if !authorization.scopes.isEmpty { parts.append("scope=\"\(authorization.scopes.joined(separator: " "))\"") }
        // What the route believes and this resource does not.
        if exchange.principal.proof != .none { parts.insert("error=\"invalid_token\"", at: 0) }
        exchange.addChallenge(parts.joined(separator: ", "))
    }

    private func shows(_ server: CompiledServer, _ principal: Principal) -> Bool {
        catalog.access.shows(principal, server: server.shownName)
    }

    /// Clients of MCP read JSON-RPC, from whichever phase an error comes.
    package func errorBody(_ error: GatewayError, of exchange: Exchange) -> [UInt8]? {
        let fault = ClientFault(error)
        exchange.response.status = error.code.httpStatus == 0 ? 500 : error.code.httpStatus
        exchange.response.fields.append("content-type", "application/json")
        exchange.response.fields.append("cache-control", "no-store")
        if exchange.response.status == 401 { challenge(exchange) }
        if error.code == .methodNotAllowed { exchange.response.fields.append("allow", "POST, GET, DELETE") }
        return fault.body
    }
}

/// Pages of a browser are let in where they come from this machine and the gateway is reached as this machine: a page
/// of elsewhere whose name suddenly means this machine (DNS rebinding) is not.
enum OriginCheck {
    static func refusal(of request: borrowing RequestHead) -> GatewayError? {
        var origin: String?
        for entry in request.fields.entries where entry.known == .origin {
            guard origin == nil else { return refuse("two") }
            origin = request.fields.text(entry.value)
        }
        guard let origin else { return nil }
        let host = origin.lowercased()
        guard let scheme = ["http://", "https://"].first(where: { host.hasPrefix($0) }),
            isLocal(host.dropFirst(scheme.count)), isLocal(Substring(request.fields.text(request.authority)))
        else { return refuse(String(origin.prefix(128))) }
        return nil
    }

    private static func refuse(_ origin: String) -> GatewayError {
        GatewayError(.forbidden, "pages of this origin may not use the gateway: \(origin)")
    }

    /// This machine's own names, with or without a port.
    private static func isLocal(_ authority: Substring) -> Bool {
        for name in ["localhost", "127.0.0.1", "[::1]"] where authority.hasPrefix(name) {
            let rest = authority.dropFirst(name.count)
            if rest.isEmpty { return true }
            return rest.first == ":" && rest.count > 1 && rest.dropFirst().allSatisfy { ("0"..."9").contains($0) }
        }
        return false
    }
}
