import GatewayModel
package import GatewayWire

/// The endpoints: what comes as a form or as JSON, and what goes back.
extension TokenService {
    package static let bodyBytesMax = 64 * 1024

    package struct Request: Sendable {
        package var method: String
        package var path: String
        package var contentType: String?
        package var body: [UInt8]
        package var authorization: String?
        /// Every field `DPoP`.
        package var proofs: [String] = []
        /// SHA-256 of the client certificate, base64url.
        package var certificate: String?

        package init(method: String, path: String, body: [UInt8] = []) {
            self.method = method
            self.path = path
            self.body = body
        }
    }

    package struct Response: Sendable {
        package var status: Int
        package var body: JSONTree?
        package var fields: [(name: String, value: String)] = []

        init(_ status: Int, _ body: JSONTree?) {
            self.status = status
            self.body = body
        }
    }

    /// Nil for a path that is none of the service's.
    package func respond(_ request: Request) async -> Response? {
        switch (request.method, request.path) {
        case ("GET", "/.well-known/oauth-authorization-server"), ("GET", "/.well-known/openid-configuration"):
            return TokenService.document(metadata)
        case ("GET", "/oauth/jwks"):
            try? advanceKeys()
            return TokenService.document(publishedKeys)
        case ("GET", "/oauth/whoami"): return await whoAmI(request)
        case ("POST", "/oauth/token"): return await answering(request) { try await self.token(request, $0) }
        case ("POST", "/oauth/introspect"): return await answering(request) { try await self.introspect(request, $0) }
        case ("POST", "/oauth/revoke"): return await answering(request) { try await self.revoke(request, $0) }
        case (_, "/oauth/token"), (_, "/oauth/introspect"), (_, "/oauth/revoke"):
            var response = Response(405, TokenServiceError(.invalidRequest, "use POST").body)
            response.fields = [("allow", "POST")]
            return response
        default: return nil
        }
    }

    private static func document(_ tree: JSONTree) -> Response {
        var response = Response(200, tree)
        response.fields = [("cache-control", "public, max-age=\(KeyRing.aheadSeconds / 2)")]
        return response
    }

    private func answering(
        _ request: Request, _ body: (TokenForm) async throws -> Response
    ) async -> Response {
        var response: Response
        do {
            response = try await body(try TokenForm(request))
        } catch let error as TokenServiceError {
            response = Response(error.status, error.body)
            if error.code == .invalidClient {
                response.fields.append(("www-authenticate", "Basic realm=\"sluice\""))
            }
            if error.code == .useNonce || error.code == .invalidProof {
                response.fields.append(("dpop-nonce", proofs.nonce(nowSeconds: environment.wallSeconds())))
            }
        } catch let error as GatewayError {
            let isOurs = error.code == .identityUnavailable || error.code.httpStatus >= 500
            let problem = TokenServiceError(isOurs ? .unavailable : .invalidGrant, error.message)
            response = Response(problem.status, problem.body)
        } catch {
            response = Response(500, TokenServiceError(.unavailable, "the request failed").body)
        }
        response.fields += [("cache-control", "no-store"), ("pragma", "no-cache")]
        return response
    }

    // MARK: RFC 7662, RFC 7009

    private func introspect(_ request: Request, _ form: TokenForm) async throws -> Response {
        guard try await client(request, form) != nil else {
            throw TokenServiceError(.invalidClient, "say who asks: an API key's id and secret, or an assertion")
        }
        let token = try form.required("token")
        // A token that is not good is not active, for whatever reason (section 2.2).
        guard let known = try? await find(token), let parsed = try? JSONWebToken(parsing: known.token) else {
            return Response(200, ["active": false])
        }
        var claims = parsed.claims
        claims["active"] = true
        claims["token_type"] = known.principal.detail?.confirmation == nil ? "Bearer" : "DPoP"
        claims["username"] = known.principal.user.map { .text($0) }
        return Response(200, .object(claims))
    }

    /// Whoever holds a token may end it; one that is not known is no error (section 2.2).
    private func revoke(_ request: Request, _ form: TokenForm) async throws -> Response {
        let token = try form.required("token")
        guard let known = try? await find(token), let id = known.principal.credentialID else {
            return Response(200, nil)
        }
        let until = (known.principal.detail?.expiresSeconds ?? environment.wallSeconds()) + KeyRing.behindSeconds
        // With what was made from it.
        try environment.revoke([
            RevocationList.Entry(kind: .token, value: id, beforeSeconds: .max, untilSeconds: until)
        ])
        return Response(200, nil)
    }

    // MARK: Who am I

    private func whoAmI(_ request: Request) async -> Response {
        do {
            let principal = try await caller(request)
            return Response(200, principal.description(nowSeconds: environment.wallSeconds()))
        } catch {
            var response = Response(
                401,
                ["code": .text(error.code.rawValue), "detail": .text(error.message), "hint": .text(error.hint ?? "")])
            response.fields = [("www-authenticate", "Bearer realm=\"sluice\""), ("cache-control", "no-store")]
            return response
        }
    }

    private func caller(_ request: Request) async throws(GatewayError) -> Principal {
        guard let field = request.authorization, let space = field.firstIndex(of: " ") else {
            throw GatewayError(
                .unauthenticated, "the request shows no credential", hint: "send it as 'authorization: Bearer …'")
        }
        let text = String(field[field.index(after: space)...])
        guard JSONWebToken.looksLike(text.utf8Span.span) else {
            if let principal = environment.key(text) { return principal }
            throw GatewayError(.unauthenticated, "the API key is not known")
        }
        return try await find(text).principal
    }
}
