import GatewayIdentity
import GatewayModel
import GatewayWire

/// Who the gateway is at one authorization server, and how it proves it.
struct OAuthClient: Sendable {
    enum Method: String, Sendable {
        case none
        case basic = "client_secret_basic"
        case post = "client_secret_post"
    }

    /// What the server knows it by.
    enum Origin: Sendable {
        /// The operator has registered it.
        case configured
        /// It is the URL of the gateway's own document: the server looks there, and may fail to for a while.
        case document
        /// The gateway has registered itself.
        case registration
    }

    var id: String
    var secret: Secret?
    var method: Method
    var origin = Origin.configured

    /// RFC 6749 section 2.3.1: a client's own, proven as the server takes it.
    init(_ client: ConnectionSettings.Client, at server: AuthorizationServer) throws(GatewayError) {
        id = client.id
        secret = client.secret
        guard client.secret != nil else {
            method = .none
            return
        }
        switch client.method {
        case .basic: method = .basic
        case .post: method = .post
        case .auto:
            // Without a list it is basic (RFC 8414 section 2).
            let taken = server.methods ?? [Method.basic.rawValue]
            guard let found = [Method.basic, .post].first(where: { taken.contains($0.rawValue) }) else {
                throw AuthorizationServer.problem(server.issuer, "it takes no secrets of clients")
            }
            method = found
        }
    }

    init(id: String, secret: Secret?, method: Method, origin: Origin) {
        self.id = id
        self.secret = secret
        self.method = method
        self.origin = origin
    }

    /// What a form gets, and what stands in `Authorization`.
    func proof() -> (form: [(String, String)], authorization: String?) {
        let shown = secret?.reveal { String(decoding: $0, as: UTF8.self) } ?? ""
        switch method {
        case .none: return ([("client_id", id)], nil)
        case .post: return ([("client_id", id), ("client_secret", shown)], nil)
        case .basic:
            let pair = "\(FormText.encode(id)):\(FormText.encode(shown))"
            return ([], "Basic " + GatewayIdentity.Base64Text.encode(Array(pair.utf8)))
        }
    }
}

/// A token endpoint's good answer.
struct TokenAnswer: Sendable {
    var token: Secret
    /// Nil where the server does not say.
    var lifetimeSeconds: Int?
    var refreshToken: Secret?
    /// Nil for what was asked for (RFC 6749 section 5.1).
    var scopes: [String]?
}

/// A token endpoint's refusal (RFC 6749 section 5.2).
struct TokenRefusal: Error {
    var code: String
    var status: Int
}

extension OAuthHTTP {
    /// Asks a token endpoint. Throws `TokenRefusal` for an answer that says no, `GatewayError` for none that can be
    /// used.
    func token(
        _ form: [(String, String)], at server: AuthorizationServer, as client: OAuthClient, type: String? = nil
    ) async throws -> TokenAnswer {
        let proof = client.proof()
        let answer = try await post(
            server.tokenEndpoint, form: form + proof.form, authorization: proof.authorization)
        guard (200..<300).contains(answer.status) else {
            let code = answer.body["error"]?.string?.value ?? ""
            guard (400..<500).contains(answer.status), answer.status != 429 else {
                throw AuthorizationServer.problem(server.issuer, "its token endpoint answers \(answer.status)")
            }
            throw TokenRefusal(code: String(code.prefix(64)), status: answer.status)
        }
        guard let text = answer.body["access_token"]?.string?.value, TokenEndpoint.isToken(text) else {
            throw AuthorizationServer.problem(server.issuer, "its answer has no token")
        }
        // A token that needs a proof of possession is none that the gateway can show.
        let kind = answer.body["token_type"]?.string?.value.lowercased()
        guard kind == "bearer" || type != nil && kind == "n_a" else {
            throw AuthorizationServer.problem(server.issuer, "its token is of another type than Bearer")
        }
        if let type {
            guard answer.body["issued_token_type"]?.string?.value == type else {
                throw AuthorizationServer.problem(server.issuer, "its token is not what was asked for")
            }
        }
        var result = TokenAnswer(token: Secret(text))
        result.lifetimeSeconds = answer.body["expires_in"]?.int.map { min(max($0, 0), 30 * 86_400) }
        result.scopes = answer.body["scope"]?.string.map { ResourceChallenge.words($0.value) }
        if let refresh = answer.body["refresh_token"]?.string?.value, !refresh.isEmpty {
            guard refresh.utf8.count <= TokenEndpoint.tokenBytesMax else {
                throw AuthorizationServer.problem(server.issuer, "its refresh token is too long")
            }
            result.refreshToken = Secret(refresh)
        }
        return result
    }
}
