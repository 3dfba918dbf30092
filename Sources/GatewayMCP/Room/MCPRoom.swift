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
        /// These, whatever the path; one alone has its own names.
        case servers([String])
    }

    let catalog: ToolCatalog
    let services: MCPServices
    private let place: Place

    package init(catalog: ToolCatalog, place: Place = .named, services: MCPServices) {
        self.catalog = catalog
        self.place = place
        self.services = services
    }

    package func handle(_ exchange: Exchange) {
        guard let view = view(of: exchange) else {
            return exchange.refuse(
                GatewayError(
                    .noRoute, "there is no such server of tools, or you may use nothing of it",
                    hint: "/mcp has all that you may use, /mcp/NAME one server"))
        }
        if let refusal = OriginCheck.refusal(of: exchange.request) { return exchange.refuse(refusal) }
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
    private func view(of exchange: Exchange) -> ToolView? {
        let principal = exchange.principal
        switch place {
        case .servers(let names):
            let servers = catalog.servers.filter { names.contains($0.name) }
            return ToolView(
                self, servers.filter { shows($0, principal) }, isSingle: names.count == 1,
                place: names.joined(separator: " "))
        case .named:
            let path = exchange.request.fields.text(exchange.request.path)
            let words = path.split(separator: "/").dropFirst()
            guard let first = words.first else {
                return ToolView(self, catalog.servers.filter { shows($0, principal) }, isSingle: false, place: "")
            }
            let name = words.count == 1 ? String(first) : words.joined(separator: "/")
            // Whoever has shown nothing yet is told so first.
            guard let server = catalog.server(name), principal.proof == .none || shows(server, principal) else {
                return nil
            }
            return ToolView(self, [server], isSingle: true, place: server.name)
        }
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
        if error.code == .unauthenticated {
            exchange.response.fields.append("www-authenticate", "Bearer realm=\"sluice\"")
        }
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
