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
        /// The client's address, and the request's id.
        package var source = ""
        package var requestID: (UInt64, UInt64) = (0, 0)

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
        case ("POST", "/oauth/token"):
            return await answering(request, "token") { try await self.token(request, $0, &$1) }
        case ("POST", "/oauth/introspect"):
            return await answering(request, "token.introspect") { try await self.introspect(request, $0, &$1) }
        case ("POST", "/oauth/revoke"):
            return await answering(request, "token.revoke") { try await self.revoke(request, $0, &$1) }
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

    /// Answers, and tells who keeps the log of refusals. `body` notes in the event what it learns of the caller.
    private func answering(
        _ request: Request, _ operation: String,
        _ body: (TokenForm, inout TokenEvent) async throws -> Response
    ) async -> Response {
        var event = TokenEvent(operation, source: request.source, requestID: request.requestID)
        var response: Response
        do {
            response = try await body(try TokenForm(request), &event)
        } catch {
            let problem = TokenService.problem(error)
            response = Response(problem.status, problem.body)
            if problem.code == .invalidClient {
                response.fields.append(("www-authenticate", "Basic realm=\"sluice\""))
            }
            if problem.code == .useNonce || problem.code == .invalidProof {
                response.fields.append(("dpop-nonce", proofs.nonce(nowSeconds: environment.wallSeconds())))
            }
            // Being asked for a nonce is a step on the way.
            if problem.code != .useNonce {
                event.refuses(problem.code.rawValue, problem.description)
                environment.refused(event)
            }
        }
        response.fields += [("cache-control", "no-store"), ("pragma", "no-cache")]
        return response
    }

    private static func problem(_ error: any Error) -> TokenServiceError {
        if let error = error as? TokenServiceError { return error }
        guard let error = error as? GatewayError else {
            return TokenServiceError(.unavailable, "the request failed")
        }
        let isOurs = error.code == .identityUnavailable || error.code.httpStatus >= 500
        return TokenServiceError(isOurs ? .unavailable : .invalidGrant, error.message)
    }

    // MARK: RFC 7662, RFC 7009

    private func introspect(
        _ request: Request, _ form: TokenForm, _ event: inout TokenEvent
    ) async throws -> Response {
        guard let client = try await client(request, form) else {
            throw TokenServiceError(.invalidClient, "say who asks: an API key's id and secret, or an assertion")
        }
        event.client = client.principal
        try TokenService.check(client, try proof(request, form))
        let token = try form.required("token")
        // A token that is not good is not active, for whatever reason (section 2.2).
        let known: Known
        let parsed: JSONWebToken
        do {
            known = try await find(token)
            parsed = try JSONWebToken(parsing: known.token)
        } catch {
            event.refuses("inactive", error.message)
            environment.refused(event)
            return Response(200, ["active": false])
        }
        var claims = parsed.claims
        claims["active"] = true
        // One that is bound to a certificate is shown as any other (RFC 8705 section 3).
        if case .proofKey = known.principal.detail?.confirmation {
            claims["token_type"] = "DPoP"
        } else {
            claims["token_type"] = "Bearer"
        }
        claims["username"] = known.principal.user.map { .text($0) }
        return Response(200, .object(claims))
    }

    /// Whoever holds a token may end it; one that is not known is no error (section 2.2).
    private func revoke(_ request: Request, _ form: TokenForm, _ event: inout TokenEvent) async throws -> Response {
        let token = try form.required("token")
        let known: Known
        do { known = try await find(token) } catch {
            event.refuses("inactive", error.message)
            environment.refused(event)
            return Response(200, nil)
        }
        guard let id = known.principal.credentialID else { return Response(200, nil) }
        event.principal = known.principal
        let until = (known.principal.detail?.expiresSeconds ?? environment.wallSeconds()) + KeyRing.behindSeconds
        // With what was made from it.
        try await revoke(
            Revocation(kind: .token, value: id, beforeSeconds: .max, untilSeconds: until), event)
        return Response(200, nil)
    }

    // MARK: Who am I

    private func whoAmI(_ request: Request) async -> Response {
        do {
            let principal = try await caller(request)
            try proven(principal, request)
            return Response(200, principal.description(nowSeconds: environment.wallSeconds()))
        } catch {
            let problem = error as? TokenServiceError
            let known = TokenService.shown(error)
            var event = TokenEvent("token.whoami", source: request.source, requestID: request.requestID)
            event.refuses(problem?.code.rawValue ?? "invalid_token", known.message)
            if problem?.code != .useNonce { environment.refused(event) }
            var response = Response(
                401,
                ["code": .text(known.code.rawValue), "detail": .text(known.message), "hint": .text(known.hint ?? "")])
            response.fields = [("www-authenticate", "Bearer realm=\"sluice\""), ("cache-control", "no-store")]
            if let problem {
                response.fields[0].value = "DPoP error=\"\(problem.code.rawValue)\""
                response.fields.append(("dpop-nonce", proofs.nonce(nowSeconds: environment.wallSeconds())))
            }
            return response
        }
    }

    /// As `whoami` tells it.
    private static func shown(_ error: any Error) -> GatewayError {
        if let error = error as? GatewayError { return error }
        return GatewayError(
            .unauthenticated, (error as? TokenServiceError)?.description ?? "the request failed",
            hint: "send it as 'authorization: DPoP …' with a proof in the field DPoP")
    }

    /// Who a bound token is of is for its holder to know, as on any other route: whoever has it without its key has
    /// found or stolen it (RFC 9449 section 7.1, RFC 8705 section 3).
    private func proven(_ principal: Principal, _ request: Request) throws {
        switch principal.detail?.confirmation {
        case nil: return
        case .certificate(let own):
            guard let shown = request.certificate, Secret(own).matches(Array(shown.utf8)) else {
                throw GatewayError(
                    .unauthenticated, "the token is bound to another client certificate",
                    hint: "connect with the certificate it was made for")
            }
        case .proofKey(let own):
            let words = (request.authorization ?? "").split(separator: " ", maxSplits: 1)
            guard words.first?.lowercased() == "dpop", let token = words.last, request.proofs.count == 1 else {
                throw TokenServiceError(.invalidProof, "the token is bound to a key and needs one proof of it")
            }
            let holder = try proof(request, of: TokenDigest(Array(token.utf8)))
            guard Secret(own).matches(Array(holder.utf8)) else {
                throw TokenServiceError(.invalidProof, "the proof is by another key than the token is bound to")
            }
        }
    }

    func caller(_ request: Request) async throws(GatewayError) -> Principal {
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
