import GatewayIdentity
import GatewayMCP
import GatewayModel
import GatewayState
import GatewayWire

/// Tokens that open protected servers of tools: kept in the state folder, vouched for by the gateway's own service.
extension GatewayProcess {
    static func makeConnections(
        _ options: GatewayOptions, secret: Secret, state: StateStore, http: OutboundHTTP, tokens: TokenService
    ) -> Connections {
        var environment = Connections.Environment(
            http: http, book: state.connections, seal: Seal(secret: secret), publicURL: options.tokenIssuer,
            wallSeconds: { WallTime.seconds }, spawn: { body in Task { await body() } })
        environment.vouch = { principal, asked throws(GatewayError) in
            switch asked.kind {
            case .subject: return try tokens.vouch(for: principal, audience: asked.audience, type: "JWT")
            case .assertion(let resource, let client, let scopes):
                var extra: JSONObject = ["resource": .text(resource), "client_id": .text(client)]
                if !scopes.isEmpty { extra["scope"] = .text(scopes.joined(separator: " ")) }
                return try tokens.vouch(
                    for: principal, audience: asked.audience, type: "oauth-id-jag+jwt", extra: extra)
            }
        }
        return Connections(environment)
    }
}
