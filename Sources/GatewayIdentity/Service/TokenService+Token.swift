import GatewayModel
import GatewayWire

/// `/oauth/token`: three ways to a token of the gateway.
extension TokenService {
    func token(_ request: Request, _ form: TokenForm, _ event: inout TokenEvent) async throws -> Response {
        let name = try form.required("grant_type")
        guard let type = GrantType(rawValue: name) else {
            throw TokenServiceError(.unsupportedGrantType, "there is no grant type \(name.prefix(128))")
        }
        event.operation = "token." + type.shownName
        // Before any credential is looked at: what is revoked from now on ends the token too, although it did not stop
        // it, because nothing that was issued until then is believed.
        let began = environment.wallSeconds()
        let client = try await client(request, form)
        event.client = client?.principal
        let holder = try proof(request, form)
        let asked: TokenExchange.Request
        switch type {
        case .exchange: asked = try await exchange(form, client, holder, &event)
        case .clientCredentials:
            guard let client else { throw TokenServiceError(.invalidClient, "say who asks") }
            event.sees(subject: client.principal)
            try TokenService.check(client, holder)
            asked = try narrowing(form, client, actor: nil)
        case .assertion:
            let known = try await find(try form.required("assertion"))
            event.sees(subject: known.principal)
            guard !known.isOwn else {
                throw TokenServiceError(.invalidGrant, "an assertion is somebody else's: exchange the token instead")
            }
            try TokenService.check(known, holder)
            asked = try narrowing(form, known, actor: nil)
        }
        var grant = try TokenExchange.grant(asked, audiences: audiences, nowSeconds: began)
        grant.principal.bind(to: holder)
        let issued = "urn:ietf:params:oauth:token-type:access_token"
        let token = try await issue(grant, event)
        var body: JSONTree = [
            "access_token": .text(token), "token_type": .text(holder.isProofKey ? "DPoP" : "Bearer"),
            "expires_in": .integer(max(0, grant.expiresSeconds - environment.wallSeconds())),
        ]
        if case .object(var object) = body {
            if type == .exchange { object["issued_token_type"] = .text(issued) }
            if !grant.principal.scopes.isEmpty {
                object["scope"] = .text(grant.principal.scopes.joined(separator: " "))
            }
            object["run"] = grant.principal.run.map { .text($0) }
            body = .object(object)
        }
        return Response(200, body)
    }

    // MARK: Exchange

    private static let tokenTypes: Set<String> = [
        "urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:token-type:jwt",
    ]

    private func exchange(
        _ form: TokenForm, _ client: Known?, _ holder: Holder, _ event: inout TokenEvent
    ) async throws -> TokenExchange.Request {
        for name in ["subject_token_type", "actor_token_type", "requested_token_type"] {
            guard let type = form[name] else { continue }
            guard TokenService.tokenTypes.contains(type) else {
                throw TokenServiceError(.invalidRequest, "\(name) is not one of the gateway's: \(type.prefix(128))")
            }
        }
        _ = try form.required("subject_token_type")
        let subject = try await find(try form.required("subject_token"))
        event.sees(subject: subject.principal)
        event.sees(actor: client?.principal)
        try TokenService.check(subject, holder)
        // An assertion that is bound to a key makes nobody an actor who does not hold it.
        if let client { try TokenService.check(client, holder) }
        var actor = client
        if let token = form["actor_token"] {
            _ = try form.required("actor_token_type")
            let known = try await find(token)
            event.sees(actor: known.principal)
            try TokenService.check(known, holder)
            if let client, client.principal.actingName != known.principal.actingName {
                throw TokenServiceError(.invalidGrant, "the actor's token is not the client's")
            }
            actor = known
        } else if form["actor_token_type"] != nil {
            throw TokenServiceError(.invalidRequest, "actor_token_type without actor_token")
        }
        return try narrowing(form, subject, actor: actor)
    }

    private func narrowing(
        _ form: TokenForm, _ known: Known, actor: Known?
    ) throws -> TokenExchange.Request {
        let parsed = known.token.isEmpty ? nil : try JSONWebToken(parsing: known.token)
        var own: [String] = []
        switch parsed?.claims["aud"] {
        case .string(let text): own = [text.value]
        case .array(let list): own = list.compactMap { $0.string?.value }
        default: break
        }
        var request = TokenExchange.Request(subject: known.principal, subjectAudiences: own, isOwn: known.isOwn)
        request.issuer = issuer
        (request.origin, request.actingOrigin) = (known.origin, known.actingOrigin)
        if let may = parsed?.claims["may_act"] {
            guard let name = may["sub"]?.string?.value else {
                throw TokenServiceError(.invalidGrant, "the subject's may_act names nobody")
            }
            request.mayAct = Delegate(subject: name, issuer: may["iss"]?.string?.value)
        }
        request.actor = actor?.principal
        request.actorOrigin = actor?.actingOrigin
        // One of ours says itself whom it may be shown to; what others issue says so of us alone.
        request.actorAudiences = actor.flatMap { $0.isOwn ? $0.principal.detail?.audiences : nil }
        request.actors = known.actors
        request.scopes = form.words("scope")
        request.models = form.words("models")
        request.tools = form.words("tools")
        request.audiences = form.audiences
        if let text = form["requested_expires_in"] {
            guard let seconds = Int(text), seconds > 0 else {
                throw TokenServiceError(.invalidRequest, "requested_expires_in is no number of seconds")
            }
            request.lifetimeSeconds = seconds
        }
        return request
    }

    // MARK: Who asks

    /// The client by its API key or an assertion; nil when it says nothing. Throws `invalidClient` when it says
    /// something wrong.
    func client(_ request: Request, _ form: TokenForm) async throws -> Known? {
        if let field = request.authorization, field.lowercased().hasPrefix("basic ") {
            guard let bytes = Base64Text.decode(String(field.dropFirst(6))),
                let colon = bytes.firstIndex(of: 0x3A),
                let id = FormText.decode(Array(bytes[..<colon]))?.first?.name,
                let secret = FormText.decode(Array(bytes[(colon + 1)...]))?.first?.name
            else { throw TokenServiceError(.invalidClient, "the field authorization cannot be read") }
            guard form["client_secret"] == nil, form["client_assertion"] == nil else {
                throw TokenServiceError(.invalidRequest, "the client says twice who it is")
            }
            return try client(id, secret)
        }
        if let secret = form["client_secret"] { return try client(try form.required("client_id"), secret) }
        guard let assertion = form["client_assertion"] else { return nil }
        let types = ["jwt-bearer", "jwt-spiffe"].map { "urn:ietf:params:oauth:client-assertion-type:\($0)" }
        guard types.contains(try form.required("client_assertion_type")) else {
            throw TokenServiceError(.invalidClient, "there is no such client_assertion_type")
        }
        do {
            return try await find(assertion)
        } catch {
            throw TokenServiceError(.invalidClient, error.message)
        }
    }

    private func client(_ id: String, _ secret: String) throws(TokenServiceError) -> Known {
        guard let principal = environment.key(secret), let own = principal.credentialID,
            Secret(own).matches(Array(id.utf8))
        else {
            throw TokenServiceError(.invalidClient, "the client is not known: use an API key's id and secret")
        }
        return Known(principal: principal, isOwn: false, actors: [], token: [])
    }

    // MARK: What it holds

    /// The keys a client has proven to hold with this request.
    struct Holder: Sendable {
        var thumbprint: String?
        var certificate: String?
        /// The token is to be bound to the certificate.
        var bindsCertificate = false
        var isProofKey: Bool { thumbprint != nil }
    }

    func proof(_ request: Request, _ form: TokenForm) throws -> Holder {
        var holder = Holder(certificate: request.certificate)
        holder.bindsCertificate = form["bind"] == "certificate"
        guard !request.proofs.isEmpty else { return holder }
        guard request.proofs.count == 1 else { throw TokenServiceError(.invalidProof, "more than one proof") }
        holder.thumbprint = try proof(request, of: nil)
        return holder
    }

    /// The key that the request's first proof is signed with; `token` is what it must be of, where one comes with it.
    func proof(_ request: Request, of token: TokenDigest?) throws(TokenServiceError) -> String {
        let asked = ProofRules.Request(
            method: request.method, url: OutboundURL.join(issuer, request.path), token: token)
        do throws(ProofRules.Problem) {
            return try proofs.check(
                Array(request.proofs[0].utf8), of: asked, nowSeconds: environment.wallSeconds())
        } catch {
            switch error {
            case .invalid(let reason): throw TokenServiceError(.invalidProof, reason)
            case .needsNonce: throw TokenServiceError(.useNonce, "the proof needs the nonce in DPoP-Nonce")
            }
        }
    }

    /// A bound token is only taken from whoever holds its key.
    static func check(_ known: Known, _ holder: Holder) throws(TokenServiceError) {
        let isHeld: Bool
        switch known.principal.detail?.confirmation {
        case nil: isHeld = true
        case .proofKey(let thumbprint):
            isHeld = holder.thumbprint.map { Secret(thumbprint).matches(Array($0.utf8)) } ?? false
        case .certificate(let own): isHeld = holder.certificate.map { Secret(own).matches(Array($0.utf8)) } ?? false
        }
        if !isHeld { throw TokenServiceError(.invalidGrant, "the token is bound to a key that was not proven") }
    }
}

extension Principal {
    /// As chains of delegation call it.
    fileprivate var actingName: String? { agent ?? user }

    fileprivate mutating func bind(to holder: TokenService.Holder) {
        let confirmation: Confirmation?
        if let thumbprint = holder.thumbprint {
            confirmation = .proofKey(thumbprint)
        } else {
            confirmation = holder.bindsCertificate ? holder.certificate.map { .certificate($0) } : nil
        }
        guard let confirmation else { return }
        detail = PrincipalDetail(
            issuer: issuer, origin: detail?.origin, actingOrigin: detail?.actingOrigin, instance: instance,
            session: session, sandbox: sandbox, scopes: scopes, delegation: delegation, grantID: detail?.grantID,
            parents: detail?.parents ?? [],
            issuedSeconds: detail?.issuedSeconds, expiresSeconds: detail?.expiresSeconds, confirmation: confirmation,
            proven: detail?.proven ?? [])
    }
}
