import GatewayIdentity
package import GatewayModel
import GatewayState
import GatewayWire

/// How one server is opened, with the secrets that it takes. Nothing of it depends on a caller.
package struct ConnectionSettings: Sendable {
    /// A client that somebody has registered.
    package struct Client: Sendable {
        package var id: String
        package var secret: Secret?
        package var method: OAuthClientSource.Method

        package init(id: String, secret: Secret?, method: OAuthClientSource.Method = .auto) {
            self.id = id
            self.secret = secret
            self.method = method
        }
    }

    /// Who vouches for callers.
    package struct Provider: Sendable {
        package var issuer: String
        package var client: Client
        package var subjectTokenType: String

        package init(issuer: String, client: Client, subjectTokenType: String) {
            self.issuer = issuer
            self.client = client
            self.subjectTokenType = subjectTokenType
        }
    }

    package let mode: MCPServerOAuth.Mode
    /// `namespace/name`.
    package let server: String
    package let shownName: String
    /// The server's endpoint.
    package let url: String
    package let issuer: String?
    package let client: Client?
    package let resource: String?
    package let scopes: [String]
    package let audience: String?
    package let provider: Provider?
    package let blocks: [String]
    package let trust: OutboundRequest.Trust
    /// Of the server itself.
    package let serverTrust: OutboundRequest.Trust
    /// The same for the same settings, secrets included.
    let key: String

    package init(
        _ spec: MCPServerOAuth, metadata: ObjectMeta, url: String, client: Client?, provider: Provider?,
        trust: OutboundRequest.Trust, serverTrust: OutboundRequest.Trust
    ) {
        mode = spec.mode
        server = metadata.qualifiedName
        shownName = metadata.shownName
        self.url = url
        issuer = spec.issuer
        self.client = client
        resource = spec.resource
        scopes = spec.scopes
        audience = spec.audience
        self.provider = provider
        blocks = spec.allowedAddresses.map(\.description)
        self.trust = trust
        self.serverTrust = serverTrust
        let texts: [String?] = [
            spec.mode.rawValue, metadata.qualifiedName, url, spec.issuer, spec.resource, spec.audience, client?.id,
            client?.secret?.reveal { String(decoding: $0, as: UTF8.self) }, provider?.issuer, provider?.client.id,
            provider?.client.secret?.reveal { String(decoding: $0, as: UTF8.self) },
        ]
        let all: [JSONTree] = texts.map { $0.map { .text($0) } ?? .null } + spec.scopes.map { .text($0) }
        key = TokenDigest(JSONTree.array(all).bytes).base64URL
    }
}

extension UpstreamConnection.Key {
    /// Of the user where there is one, else of the agent or the credential. Each part stands for itself, so that no
    /// name can be read as another's.
    init(_ principal: Principal, server: String) {
        let (kind, name): (String, String) =
            if let user = principal.user {
                ("user", user)
            } else if let agent = principal.agent {
                ("agent", agent)
            } else {
                ("key", principal.credentialID ?? "")
            }
        self.init(tenant: principal.tenant ?? "", kind: kind, name: name, server: server)
    }

    /// One text for tables of what is cached.
    var text: String {
        [tenant, kind, name, server].map(\.asKeyPart).joined(separator: "/")
    }
}
