package import GatewayModel
import GatewayRecords
package import GatewayWire

extension Exchange {
    /// Phase 2: loads the snapshot, once, and finds the rule. The file that decides a 404.
    func match() -> GatewayError? {
        snapshot = worker.currentSnapshot()
        guard let table = snapshot.table(port: client.port.number) else {
            return GatewayError(.noRoute, "nothing listens on this port any more")
        }
        if let refusal = Exchange.methodRefusal(request) { return refusal }
        switch Exchange.find(&request, in: table.router, serverName: client.serverName) {
        case .rule(let rule, let listener, let matchedPathBytes):
            self.rule = rule
            self.matchedPathBytes = matchedPathBytes
            record.listener = table.listeners[listener].name
            record.route = rule.routeName
            record.rule = rule.ruleIndex
            record.routeID = rule.metricSlot
            return nil
        case .notFound(let listener):
            if listener >= 0 { record.listener = table.listeners[listener].name }
            return GatewayError(
                .noRoute, "no route matches this host and path",
                hint: "see 'sluice explain' for the rules that were tried")
        case .misdirected:
            return GatewayError(.misdirectedRequest, "this connection was made for another server name")
        }
    }

    /// What is refused whatever the rules say.
    package static func methodRefusal(_ request: RequestHead) -> GatewayError? {
        // A tunnel through a reverse proxy would reach whatever the backend lets it reach.
        if request.method == .connect, request.upgrade.isEmpty {
            return GatewayError(.methodNotAllowed, "this listener opens no tunnels: CONNECT")
        }
        // It would show the client what was added on the way: credentials for the backend, addresses.
        if request.method == .trace {
            return GatewayError(.methodNotAllowed, "requests are not sent back to who sends them: TRACE")
        }
        return nil
    }

    /// The room that would take the request if it came now, by the configuration of now; nil where none would. For what
    /// has waited so long that it is judged again.
    package func currentRoom() -> (any RouteHandler)? {
        guard let table = worker.currentSnapshot().table(port: client.port.number),
            case .rule(let rule, _, _) = Exchange.find(&request, in: table.router, serverName: client.serverName),
            case .room(let room) = rule.action
        else { return nil }
        return room
    }

    /// Lent as `inout`, as in *settle*.
    private static func find(_ request: inout RequestHead, in router: Router, serverName: [UInt8]) -> RouteMatch {
        router.match(request, serverName: serverName)
    }
}
