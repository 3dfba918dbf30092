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
        try checkMethods()
        let server = try await CallbackServer.start()
        defer { Task { await server.stop() } }
        let redirect = server.url
        let (verifier, state, nonce) = (Base64URL.random(), Base64URL.random(), Base64URL.random())
        var query = [
            ("response_type", "code"), ("client_id", client), ("redirect_uri", redirect), ("scope", scopes),
            ("state", state), ("code_challenge", TokenDigest(Array(verifier.utf8)).base64URL),
            ("code_challenge_method", "S256"), ("nonce", nonce),
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
        let answer = try await provider.token([
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect), ("client_id", client),
            ("code_verifier", verifier),
        ])
        try LoopbackLogin.check(answer.node, nonce: nonce)
        return answer
    }

    /// A provider that says which challenges it takes must take this one: a code without one could be used by whoever
    /// gets hold of it (RFC 9700 section 2.1.1).
    private func checkMethods() throws(GatewayError) {
        guard let methods = provider.metadata["code_challenge_methods_supported"]?.elements else { return }
        guard methods.contains(where: { $0.string == "S256" }) else {
            throw GatewayError(
                .unsupportedValue, "the provider does not check who uses a code: no S256 at \(provider.issuer)",
                hint: "log in with --device, where it has that")
        }
    }

    /// An ID token must be the answer to this login (OpenID Connect Core section 3.1.3.7).
    private static func check(_ answer: ConfigNode, nonce: String) throws(GatewayError) {
        guard let token = answer["id_token"]?.string else { return }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64URL.decode(String(parts[1])),
            let claims = try? AdminClient.node(bytes),
            claims["nonce"]?.string.map({ Secret(nonce).matches(Array($0.utf8)) }) ?? true
        else { throw GatewayError(.denied, "the ID token is of another login", hint: "run 'sluice login' again") }
    }

    /// Only an answer to our own question, by the provider that was asked (RFC 9207).
    func code(_ fields: [(name: String, value: String)], state: String) throws(GatewayError) -> String {
        func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        guard let shown = field("state"), Secret(state).matches(Array(shown.utf8)) else {
            throw GatewayError(
                .denied, "the browser brought an answer to another login", hint: "run 'sluice login' again")
        }
        let saysIssuer =
            if case .bool(true)? = provider.metadata["authorization_response_iss_parameter_supported"]?.value {
                true
            } else { false }
        let issuer = field("iss") ?? (saysIssuer ? "none" : provider.issuer)
        guard issuer == provider.issuer else {
            throw GatewayError(.denied, "the browser brought an answer of another provider: \(issuer.prefix(128))")
        }
        guard Set(fields.map(\.name)).count == fields.count else {
            throw GatewayError(.denied, "the browser brought an answer that says something twice")
        }
        guard let code = field("code"), !code.isEmpty else {
            throw GatewayError(
                .denied, field("error_description") ?? "the provider says no", hint: field("error"))
        }
        return code
    }
}
