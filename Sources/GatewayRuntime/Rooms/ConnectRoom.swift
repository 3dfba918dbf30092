import GatewayIdentity
import GatewayMCP
import GatewayModel
import GatewayProxy
import GatewayRecords

/// Connections of users to protected servers, as a room of the data plane. It is one for each snapshot, since which
/// servers there are, and who may use them, is of the configuration.
enum ConnectRoom {
    static func make(
        _ connections: Connections, _ catalog: ToolCatalog, _ tokens: TokenService, _ audit: AuditTrail
    ) -> any RouteHandler {
        let endpoints = ConnectEndpoints(connections, catalog)
        return AsyncRoom(bodyBytesMax: ConnectEndpoints.bodyBytesMax) { request in
            let answer = await endpoints.respond(
                ConnectEndpoints.Request(
                    method: request.method, path: request.path, query: request.query, body: request.body,
                    authorization: request.field("authorization")
                        ?? request.field("x-api-key").map { "Bearer \($0)" },
                    origin: request.field("origin"),
                    // HTTP/2 may have one line for each.
                    cookies: request.fields.filter { $0.name == "cookie" }.map(\.value).joined(separator: "; "))
            ) { (authorization) async throws(GatewayError) in try await tokens.identify(authorization) }
            if let event = answer.event { audit.record(event.auditEvent(request)) }
            return RoomResponse(status: answer.status, fields: answer.fields, body: .bytes(answer.body))
        }
    }
}

extension ConnectEndpoints.Event {
    fileprivate func auditEvent(_ request: RoomRequest) -> AuditEvent {
        let isRemoval = operation == "connection.remove"
        let kind: AuditKind = error != nil ? .authentication : isRemoval ? .tokenRevoked : .tokenIssued
        var event = AuditEvent(kind, timeMilliseconds: AuditClock.wallMilliseconds)
        event.principal = principal
        event.source = request.source
        event.correlation = request.requestID
        event.operation = operation
        event.resource = server
        var decision = AuditDecision(error == nil ? .allowed : .denied)
        decision.code = error?.code
        decision.reason = error?.message ?? ""
        event.decision = decision
        if let issuer { event.details.append(AuditFact("issuer", issuer)) }
        if !scopes.isEmpty { event.details.append(AuditFact("scopes", .list(scopes))) }
        return event
    }
}

extension RouteCompiler {
    /// Where users connect to protected servers; every listener has it. Who calls is for the room to find out: a
    /// browser shows nothing.
    func addConnections() {
        guard let make = options.connectRoom, tools.catalog.servers.contains(where: { $0.connection != nil }) else {
            return
        }
        let rule = CompiledRule(
            routeName: "connections", ruleIndex: 0, metricSlot: options.routeSlot("connections"),
            action: .room(make(tools.catalog)))
        for listener in listeners where listener.position >= 0 {
            for (number, prefix) in (ConnectEndpoints.prefixes + [Connections.documentPath]).enumerated() {
                let path = Array(prefix.utf8)
                addOwn(
                    rule, listener, prefix == Connections.documentPath ? .exact(path) : .prefix(path),
                    RouteOrder(name: "~connections", rule: 0, match: number))
            }
        }
    }
}
