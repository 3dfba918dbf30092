import GatewayModel
import GatewayState

/// How one caller is let in at one protected server.
struct ServerAccess: Sendable {
    let connections: Connections
    let settings: ConnectionSettings
    let principal: Principal

    /// Whose connection it is.
    var owner: UpstreamConnection.Key { UpstreamConnection.Key(principal, server: settings.server) }

    /// Whether the caller's user can be asked to connect.
    var isAskable: Bool { settings.mode == .perUser && principal.user != nil }

    /// The connection there is, whether it is good for anything or not.
    var connectionID: String? { connections.book.connection(owner)?.id }

    func find() -> Connections.Finding { connections.find(settings, principal) }

    func wait(_ body: @escaping @Sendable () -> Void) -> Bool { connections.wait(settings, principal, body) }

    func reject(_ token: Connections.Token, _ challenge: ResourceChallenge?) -> Connections.Rejection {
        connections.reject(token, settings, principal, challenge)
    }
}
