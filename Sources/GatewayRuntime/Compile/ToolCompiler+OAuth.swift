import GatewayMCP
import GatewayModel

/// Servers whose tokens the gateway gets as a client of OAuth 2.
extension ToolCompiler {
    private static let tokenTypes: [MCPIdentityProvider.SubjectType: String] = [
        .jwt: "urn:ietf:params:oauth:token-type:jwt",
        .accessToken: "urn:ietf:params:oauth:token-type:access_token",
        .idToken: "urn:ietf:params:oauth:token-type:id_token",
    ]

    func connection(
        _ oauth: MCPServerOAuth, _ server: MCPServer, _ key: ObjectKey, _ tls: BackendTLS?
    ) throws(GatewayError) -> ConnectionSettings {
        var provider: ConnectionSettings.Provider?
        if let spec = oauth.identityProvider {
            provider = ConnectionSettings.Provider(
                issuer: spec.issuer, client: try client(spec.client, key),
                subjectTokenType: Self.tokenTypes[spec.subjectTokenType] ?? "")
        }
        var client: ConnectionSettings.Client?
        if let spec = oauth.client { client = try self.client(spec, key) }
        do throws(ReferenceProblem) {
            return ConnectionSettings(
                oauth, metadata: server.metadata, url: server.spec.http?.url ?? "", client: client, provider: provider,
                trust: try certificates.trust(oauth.caCertificateRefs, from: key),
                serverTrust: try certificates.trust(tls?.caCertificateRefs ?? [], from: key))
        } catch { throw error.error }
    }

    private func client(
        _ source: OAuthClientSource, _ key: ObjectKey
    ) throws(GatewayError) -> ConnectionSettings.Client {
        var secret: Secret?
        if let place = source.secret { secret = try credentials.read(place, of: key) }
        return ConnectionSettings.Client(id: source.id, secret: secret, method: source.method)
    }
}
