package import GatewayModel
import GatewayWire
import Synchronization

/// A server that is asked about tokens which only it can read (RFC 7662). Answers are kept for a while; a token is
/// asked about once, however many requests show it.
package final class TokenIntrospector: Sendable {
    package struct Settings: Sendable, Hashable {
        package var url: String
        package var clientID: String
        /// The issuer that answers must name, if any.
        package var issuer: String?
        package var audiences: [String] = []
        package var cacheSeconds = 60
        package var trust = OutboundRequest.Trust.system

        package init(url: String, clientID: String) {
            self.url = url
            self.clientID = clientID
        }
    }

    private enum Denial: Sendable { case inactive, failed(GatewayError) }

    private struct State {
        var denied: [TokenDigest: (denial: Denial, untilSeconds: Int)] = [:]
        var pending: [TokenDigest: [@Sendable () -> Void]] = [:]
    }

    /// Tokens asked about at once, and who waits for one of them.
    static let pendingMax = 256
    static let waitersMax = 256
    private static let deniedMax = 8_192
    /// A token that is not good is asked about again after that; so is a server that failed.
    private static let denialSeconds = 10

    /// `namespace/name` of the IdentityProvider.
    package let name: String
    private let settings: Settings
    private let secret: Secret
    private let http: OutboundHTTP
    private let revocations: RevocationList
    private let mapping: TokenAuthority.Mapping
    private let wallSeconds: @Sendable () -> Int
    private let cache = TokenCache()
    private let state = Mutex(State())

    package init(
        name: String, settings: Settings, secret: Secret, http: OutboundHTTP, revocations: RevocationList,
        wallSeconds: @escaping @Sendable () -> Int, mapping: @escaping TokenAuthority.Mapping
    ) {
        self.name = name
        self.settings = settings
        self.secret = secret
        self.http = http
        self.revocations = revocations
        self.wallSeconds = wallSeconds
        self.mapping = mapping
    }

    /// Who shows this token. Never waits.
    package func find(_ token: Span<UInt8>, digest: TokenDigest, nowSeconds now: Int) -> TokenAuthority.Finding {
        if let entry = cache.find(digest, nowSeconds: now) {
            if entry.revocationVersion != revocations.version,
                let revocation = revocations.reason(against: entry.principal)
            {
                cache.remove(digest)
                return .refused(TokenAuthority.refusal(revocation))
            }
            return .accepted(entry.principal)
        }
        guard token.count <= JSONWebToken.bytesMax, token.count > 0 else {
            return .refused(JSONWebToken.refusal("is longer than \(JSONWebToken.bytesMax) bytes"))
        }
        let finding = state.withLock { state -> (TokenAuthority.Finding, Bool) in
            if state.pending[digest] != nil { return (.waiting, false) }
            if let known = state.denied[digest] {
                if now < known.untilSeconds { return (.refused(TokenIntrospector.error(known.denial)), false) }
                state.denied[digest] = nil
            }
            guard state.pending.count < TokenIntrospector.pendingMax else {
                return (.refused(GatewayError(.identityUnavailable, "too many tokens are being asked about")), false)
            }
            state.pending[digest] = []
            return (.waiting, true)
        }
        guard finding.1 else { return finding.0 }
        var bytes: [UInt8] = []
        for index in token.indices { bytes.append(token[index]) }
        let text = Secret(bytes)
        Task { await self.ask(text, digest) }
        return .waiting
    }

    /// Calls back when it makes sense to ask again; false when too many wait.
    package func wait(_ digest: TokenDigest, _ body: @escaping @Sendable () -> Void) -> Bool {
        let outcome = state.withLock { state -> Bool? in
            guard let waiters = state.pending[digest] else { return nil }
            guard waiters.count < TokenIntrospector.waitersMax else { return false }
            state.pending[digest]?.append(body)
            return true
        }
        if outcome == nil { body() }
        return outcome ?? true
    }

    private static func error(_ denial: Denial) -> GatewayError {
        switch denial {
        case .inactive: JSONWebToken.refusal("is not good, its issuer says", hint: "get a new one")
        case .failed(let error): error
        }
    }

    // MARK: Asking

    private func ask(_ token: Secret, _ digest: TokenDigest) async {
        let epoch = cache.epoch
        var denial: Denial?
        do {
            let answer = try await send(token)
            if let entry = try entry(answer, digest) {
                cache.insert(entry, for: digest, epoch: epoch)
            } else {
                denial = .inactive
            }
        } catch let error as GatewayError where error.code == .unauthenticated {
            denial = .failed(error)
        } catch {
            denial = .failed(
                GatewayError(
                    .identityUnavailable, "the server that knows the token does not answer: \(name)",
                    hint: "try again later", cause: "\(error)"))
        }
        let until = wallSeconds() + TokenIntrospector.denialSeconds
        let failed = denial
        let waiters = state.withLock { state -> [@Sendable () -> Void] in
            if let failed {
                if state.denied.count >= TokenIntrospector.deniedMax { state.denied = [:] }
                state.denied[digest] = (failed, until)
            }
            return state.pending.removeValue(forKey: digest) ?? []
        }
        for waiter in waiters { waiter() }
    }

    private func send(_ token: Secret) async throws -> JSONObject {
        let credentials = secret.reveal {
            FormText.encode(settings.clientID) + ":" + FormText.encode(String(decoding: $0, as: UTF8.self))
        }
        let body = token.reveal {
            "token=" + FormText.encode(String(decoding: $0, as: UTF8.self)) + "&token_type_hint=access_token"
        }
        let answer = try await http.send(
            OutboundRequest(
                "POST", settings.url,
                fields: [
                    OutboundField("content-type", "application/x-www-form-urlencoded"),
                    OutboundField("accept", "application/json"),
                    OutboundField("authorization", "Basic " + Base64Text.encode(Array(credentials.utf8))),
                ], body: Array(body.utf8), timeoutMilliseconds: 5_000, responseBytesMax: 64 * 1024,
                trust: settings.trust))
        guard answer.status == 200 else {
            throw GatewayError(.identityUnavailable, "introspection answers \(answer.status)")
        }
        guard let object = try JSONTree.parse(answer.body.span, depthMax: 16, valuesMax: 2_000).object else {
            throw GatewayError(.identityUnavailable, "introspection answers no object")
        }
        return object
    }

    /// Nil for a token that is not active.
    private func entry(_ claims: JSONObject, _ digest: TokenDigest) throws(GatewayError) -> TokenCache.Entry? {
        guard claims["active"]?.bool == true else { return nil }
        let now = wallSeconds()
        let end = try TokenRules.instant("exp", claims) ?? now + settings.cacheSeconds
        guard end > now else { return nil }
        let issued = try TokenRules.instant("iat", claims)
        // As of other tokens: no revocation would reach it.
        if let issued, issued > now + TokenRules.skewSecondsUsual {
            throw JSONWebToken.refusal("is of the future: iat")
        }
        let issuer = claims["iss"]?.string?.value
        if let wanted = settings.issuer {
            guard issuer.map({ $0.utf8.elementsEqual(wanted.utf8) }) == true else {
                throw JSONWebToken.refusal("is of another issuer")
            }
        }
        let audiences = claims["aud"].map {
            $0.string.map { [$0.value] } ?? $0.array?.compactMap(\.string?.value) ?? []
        }
        if !settings.audiences.isEmpty {
            guard let audiences, settings.audiences.contains(where: audiences.contains) else {
                throw JSONWebToken.refusal("is for somebody else")
            }
        }
        let subject = claims["sub"]?.string?.value ?? claims["username"]?.string?.value ?? ""
        guard !subject.isEmpty || claims["client_id"] != nil else { throw JSONWebToken.refusal("names no subject") }
        let token = VerifiedToken(
            issuer: issuer ?? settings.url,
            subject: subject.isEmpty ? claims["client_id"]?.string?.value ?? "" : subject,
            audiences: audiences ?? [], scopes: try TokenRules.scopes(claims), id: claims["jti"]?.string?.value,
            issuedSeconds: issued, expiresSeconds: end, claims: claims)
        var principal = try mapping(token)
        if principal.credentialID == nil { principal.credentialID = digest.shortName }
        let version = revocations.version
        if let issued { revocations.note(issuedSeconds: issued, nowSeconds: now) }
        if let revocation = revocations.reason(against: principal) { throw TokenAuthority.refusal(revocation) }
        return TokenCache.Entry(
            principal: principal, expiresSeconds: min(end, now + settings.cacheSeconds), revocationVersion: version)
    }
}
