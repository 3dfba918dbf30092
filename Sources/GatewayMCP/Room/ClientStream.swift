import GatewayModel
import GatewayProxy
import GatewayWire

/// GET and DELETE: the stream of a session beside its requests, and the session's end.
enum ClientStream {
    static func open(_ room: MCPRoom, _ exchange: Exchange, _ view: ToolView) {
        exchange.refuse(
            GatewayError(.methodNotAllowed, "there is no stream beside the requests here: GET", hint: "use POST"))
    }

    /// Ends the session, at its servers too.
    static func end(_ room: MCPRoom, _ exchange: Exchange, _ view: ToolView) {
        let session: ClientSession?
        do throws(ClientFault) { session = try room.session(exchange.request, exchange.principal, view) } catch {
            return exchange.respond(
                status: error.status, fields: [("content-type", "application/json")], body: error.body)
        }
        guard let session else {
            return exchange.refuse(
                GatewayError(.methodNotAllowed, "there is no session to end: DELETE", hint: "use POST"))
        }
        let worker = exchange.worker
        let caller = ServerCaller(
            owner: session.owner, capabilities: session.capabilities, clientInfo: session.clientInfo, logLevel: nil,
            session: session)
        for server in view.servers {
            let kept = room.services.live.take(caller.scope(server))
            let opened = session.opened.first { $0.server == server.name }.map {
                LiveServers.Session(
                    id: $0.id.isEmpty ? nil : $0.id, revision: $0.revision, result: [], usedNanoseconds: worker.now)
            }
            guard let known = kept ?? opened else { continue }
            ServerOpening(server: server, services: room.services, worker: worker).close(known)
        }
        room.services.clients.end(session.id, now: worker.now)
        exchange.respond(status: 204)
    }
}
