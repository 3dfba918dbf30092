package import GatewayModel
import GatewayWire

/// How the gateway proves to an OAuth server who it is.
package enum ClientProof: Sendable {
    case none
    case basic(Secret)
    case post(Secret)
    /// RFC 7523 section 2.2.
    case assertion(AssertionKey, id: String?, audience: String)
}

/// Tokens of an OAuth server: for the gateway itself (RFC 6749 section 4.4), or in exchange for another (RFC 8693).
package struct OAuthSource: Sendable {
    /// What is exchanged.
    package struct Exchange: Sendable {
        package var subject: SubjectTokenSource
        package var subjectType: String
        package var actor: SubjectTokenSource?
        package var requestedType: String?

        package init(
            subject: SubjectTokenSource, subjectType: String, actor: SubjectTokenSource?, requestedType: String?
        ) {
            self.subject = subject
            self.subjectType = subjectType
            self.actor = actor
            self.requestedType = requestedType
        }
    }

    private let endpoint: TokenEndpoint
    private let clientID: String?
    private let proof: ClientProof
    /// Scope, audience, resource and what else there is.
    private let parameters: [(String, String)]
    private let exchange: Exchange?
    private let wallSeconds: @Sendable () -> Int

    package init(
        _ endpoint: TokenEndpoint, clientID: String?, proof: ClientProof, parameters: [(String, String)],
        exchange: Exchange? = nil, wallSeconds: @escaping @Sendable () -> Int
    ) {
        self.endpoint = endpoint
        self.clientID = clientID
        self.proof = proof
        self.parameters = parameters
        self.exchange = exchange
        self.wallSeconds = wallSeconds
    }

    private static let assertionSeconds = 60
    private static let jwtType = "urn:ietf:params:oauth:token-type:jwt"

    package func fetch() async throws -> FetchedCredential {
        var form: [(String, String)] = [
            ("grant_type", exchange == nil ? "client_credentials" : "urn:ietf:params:oauth:grant-type:token-exchange")
        ]
        if let exchange {
            form.append(("subject_token", try exchange.subject.text()))
            form.append(("subject_token_type", exchange.subjectType))
            if let actor = exchange.actor {
                form.append(("actor_token", try actor.text()))
                form.append(("actor_token_type", OAuthSource.jwtType))
            }
            if let type = exchange.requestedType { form.append(("requested_token_type", type)) }
        }
        form += parameters
        var fields: [OutboundField] = []
        switch proof {
        case .none: if let clientID { form.append(("client_id", clientID)) }
        case .basic(let secret):
            // RFC 6749 section 2.3.1: both are form-encoded first.
            let pair =
                FormText.encode(clientID ?? "") + ":"
                + FormText.encode(secret.reveal { String(decoding: $0, as: UTF8.self) })
            fields.append(OutboundField("authorization", "Basic " + Base64Text.encode(Array(pair.utf8))))
        case .post(let secret):
            form.append(("client_id", clientID ?? ""))
            form.append(("client_secret", secret.reveal { String(decoding: $0, as: UTF8.self) }))
        case .assertion(let key, let id, let audience):
            form.append(("client_id", clientID ?? ""))
            form.append(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
            form.append(("client_assertion", try assertion(key, id, audience)))
        }
        return try await endpoint.ask(form: form, fields: fields)
    }

    private func assertion(_ key: AssertionKey, _ id: String?, _ audience: String) throws(GatewayError) -> String {
        let now = wallSeconds()
        return try key.sign(
            [
                "iss": .text(clientID ?? ""), "sub": .text(clientID ?? ""), "aud": .text(audience),
                "iat": .integer(now), "exp": .integer(now + OAuthSource.assertionSeconds),
                "jti": .text(TokenID.make("jti_")),
            ], id: id)
    }
}
