import GatewayModel

/// How one caller is let in at one protected server.
struct ServerAccess: Sendable {
    let connections: Connections
    let settings: ConnectionSettings
    let principal: Principal

    func find() -> Connections.Finding { connections.find(settings, principal) }

    func wait(_ body: @escaping @Sendable () -> Void) -> Bool { connections.wait(settings, principal, body) }

    func reject(_ token: Connections.Token, _ challenge: ResourceChallenge?) -> Connections.Rejection {
        connections.reject(token, settings, principal, challenge)
    }
}
