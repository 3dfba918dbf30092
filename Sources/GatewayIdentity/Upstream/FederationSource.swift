import GatewayModel
import GatewayWire

/// Tokens of vendors of models in exchange for a JWT of an issuer they trust: no key of the vendor is kept anywhere.
package struct FederationSource: Sendable {
    package enum Provider: Sendable {
        /// RFC 7523 with a body of JSON.
        case anthropic(rule: String, organization: String, serviceAccount: String?, workspace: String?)
        /// RFC 8693 with a body of JSON.
        case openai(identityProvider: String, serviceAccount: String)
        /// RFC 8693.
        case openrouter(policy: String)
        /// RFC 8693, and what that gives is exchanged for a token of the service account where one is said.
        case google(provider: String, serviceAccount: String?)

        package var usualURL: String {
            switch self {
            case .anthropic: "https://api.anthropic.com/v1/oauth/token"
            case .openai: "https://auth.openai.com/oauth/token"
            case .openrouter: "https://openrouter.ai/api/v1/oauth/token"
            case .google: "https://sts.googleapis.com/v1/token"
            }
        }
    }

    /// What Anthropic's API is told of a request that comes with a token and not with a key.
    package static let anthropicTokenBeta = "oauth-2025-04-20"
    private static let anthropicExchangeBetas = "oauth-2025-04-20,oidc-federation-2026-04-01"
    private static let exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    private static let accessType = "urn:ietf:params:oauth:token-type:access_token"
    private static let googleScope = "https://www.googleapis.com/auth/cloud-platform"
    private static let googleAccounts = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
    private static let googleLifeSeconds = 3_600
    private static let jwtType = "urn:ietf:params:oauth:token-type:jwt"

    private let provider: Provider
    private let endpoint: TokenEndpoint
    private let subject: SubjectTokenSource
    private let wallSeconds: @Sendable () -> Int

    package init(
        _ provider: Provider, at endpoint: TokenEndpoint, subject: SubjectTokenSource,
        wallSeconds: @escaping @Sendable () -> Int
    ) {
        self.provider = provider
        self.endpoint = endpoint
        self.subject = subject
        self.wallSeconds = wallSeconds
    }

    package func fetch() async throws -> FetchedCredential {
        let token = try subject.text()
        switch provider {
        case .anthropic(let rule, let organization, let serviceAccount, let workspace):
            var body: JSONObject = [
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": .text(token),
                "federation_rule_id": .text(rule), "organization_id": .text(organization),
            ]
            if let serviceAccount { body["service_account_id"] = .text(serviceAccount) }
            if let workspace { body["workspace_id"] = .text(workspace) }
            return try await endpoint.ask(
                json: body,
                fields: [OutboundField("anthropic-beta", FederationSource.anthropicExchangeBetas)])
        case .openai(let identityProvider, let serviceAccount):
            return try await endpoint.ask(json: [
                "grant_type": .text(FederationSource.exchange),
                "subject_token_type": .text(FederationSource.jwtType), "subject_token": .text(token),
                "identity_provider_id": .text(identityProvider), "service_account_id": .text(serviceAccount),
            ])
        case .openrouter(let policy):
            return try await endpoint.ask(form: [
                ("grant_type", FederationSource.exchange), ("subject_token_type", FederationSource.jwtType),
                ("subject_token", token), ("federation_policy_id", policy),
            ])
        case .google(let provider, let serviceAccount):
            let own = try await endpoint.ask(form: [
                ("grant_type", FederationSource.exchange), ("audience", provider),
                ("scope", FederationSource.googleScope), ("requested_token_type", FederationSource.accessType),
                ("subject_token_type", FederationSource.jwtType), ("subject_token", token),
            ])
            guard let serviceAccount, case .token(let secret) = own.credential else { return own }
            return try await impersonated(serviceAccount, by: secret)
        }
    }

    /// A token of a Google service account, for whoever may make one (generateAccessToken of its IAM API).
    private func impersonated(_ account: String, by own: Secret) async throws -> FetchedCredential {
        var endpoint = endpoint
        endpoint.url = FederationSource.googleAccounts + account + ":generateAccessToken"
        let body = try await endpoint.post(
            json: [
                "scope": .array([.text(FederationSource.googleScope)]),
                "lifetime": .text("\(FederationSource.googleLifeSeconds)s"),
            ],
            fields: [
                OutboundField("authorization", "Bearer " + own.reveal { String(decoding: $0, as: UTF8.self) })
            ])
        let tree = try? JSONTree.parse(body.span, depthMax: 16, valuesMax: 1_000)
        guard let token = tree?["accessToken"]?.string?.value, TokenEndpoint.isToken(token),
            let end = tree?["expireTime"]?.string.flatMap({ Timestamp.seconds($0.value) })
        else { throw TokenEndpoint.problem("there is none of the service account") }
        let life = min(end - wallSeconds(), FederationSource.googleLifeSeconds)
        return FetchedCredential(.token(Secret(token)), lifeMilliseconds: life * 1_000)
    }
}
