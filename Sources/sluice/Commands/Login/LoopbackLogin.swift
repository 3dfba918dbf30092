import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayWorkbench

/// The code grant with PKCE over a loopback port (RFC 7636, RFC 8252 section 7.3): the browser brings the code back.
struct LoopbackLogin {
    let provider: LoginProvider
    let client: String
    let scopes: String
    let audience: String?

    func run(until deadline: ContinuousClock.Instant) async throws -> (status: Int, node: ConfigNode) {
        let server = try await CallbackServer.start()
        defer { Task { await server.stop() } }
        let redirect = server.url
        let (verifier, state) = (LoopbackLogin.random(), LoopbackLogin.random())
        var query = [
            ("response_type", "code"), ("client_id", client), ("redirect_uri", redirect), ("scope", scopes),
            ("state", state), ("code_challenge", TokenDigest(Array(verifier.utf8)).base64URL),
            ("code_challenge_method", "S256"), ("nonce", LoopbackLogin.random()),
        ]
        if let audience { query.append(("audience", audience)) }
        let place = try provider.endpoint("authorization_endpoint")
        let text = query.map { "\($0.0)=\(FormText.encode($0.1))" }.joined(separator: "&")
        Terminal.error("open \(place)\(place.contains("?") ? "&" : "?")\(text)")
        while server.query == nil {
            guard ContinuousClock.now < deadline else {
                throw GatewayError(.denied, "nobody logged in in time", hint: "run 'sluice login' again")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        let code = try code(FormText.decode(server.query ?? []) ?? [], state: state)
        return try await provider.token([
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect), ("client_id", client),
            ("code_verifier", verifier),
        ])
    }

    /// Only an answer to our own question, by the provider that was asked (RFC 9207).
    private func code(_ fields: [(name: String, value: String)], state: String) throws(GatewayError) -> String {
        func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        guard let shown = field("state"), Secret(state).matches(Array(shown.utf8)) else {
            throw GatewayError(
                .denied, "the browser brought an answer to another login", hint: "run 'sluice login' again")
        }
        if let issuer = field("iss"), issuer != provider.issuer {
            throw GatewayError(.denied, "the browser brought an answer of another provider: \(issuer.prefix(128))")
        }
        guard let code = field("code"), !code.isEmpty else {
            throw GatewayError(
                .denied, field("error_description") ?? "the provider says no", hint: field("error"))
        }
        return code
    }

    /// 256 bits.
    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64URL.encode((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }
}
