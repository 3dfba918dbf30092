package import GatewayModel
import GatewayWire

/// Tokens of a Google service account by its key: fetched (RFC 7523), or signed here for an API that takes such.
package struct GoogleSource: Sendable {
    package enum Flow: Sendable {
        case tokenEndpoint(TokenEndpoint, scopes: [String], subject: String?)
        /// For an API that takes what the key itself signs (AIP-4111).
        case selfSigned(audience: String)
    }

    private static let lifeSeconds = 3_600
    private static let usualScope = "https://www.googleapis.com/auth/cloud-platform"

    private let email: String
    private let key: AssertionKey
    private let keyID: String
    private let flow: Flow
    private let wallSeconds: @Sendable () -> Int

    /// Reads the key as Google gives it out. What it says of addresses is not followed. Errors do not quote it.
    package init(
        keyFile: Secret, flow: Flow, wallSeconds: @escaping @Sendable () -> Int
    ) throws(GatewayError) {
        let tree = keyFile.reveal { try? JSONTree.parse($0) }
        guard let email = tree?["client_email"]?.string?.value, let pem = tree?["private_key"]?.string?.value,
            let id = tree?["private_key_id"]?.string?.value
        else {
            throw GatewayError(
                .missingCredential, "the key is none of a service account",
                hint: "give the JSON that Google gives out, with client_email, private_key and private_key_id")
        }
        self.email = email
        key = try AssertionKey(pem: Secret(pem))
        keyID = id
        self.flow = flow
        self.wallSeconds = wallSeconds
    }

    package func fetch() async throws -> FetchedCredential {
        let now = wallSeconds()
        var claims: JSONObject = [
            "iss": .text(email), "iat": .integer(now), "exp": .integer(now + GoogleSource.lifeSeconds),
        ]
        switch flow {
        case .selfSigned(let audience):
            claims["sub"] = .text(email)
            claims["aud"] = .text(audience)
            return FetchedCredential(
                .token(Secret(try key.sign(claims, id: keyID))), lifeMilliseconds: GoogleSource.lifeSeconds * 1_000)
        case .tokenEndpoint(let endpoint, let scopes, let subject):
            claims["aud"] = .text(endpoint.url)
            claims["scope"] = .text(scopes.isEmpty ? GoogleSource.usualScope : scopes.joined(separator: " "))
            if let subject { claims["sub"] = .text(subject) }
            return try await endpoint.ask(form: [
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", try key.sign(claims, id: keyID)),
            ])
        }
    }
}
