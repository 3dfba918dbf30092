package import GatewayModel
import GatewayWire
import Synchronization

/// A secret of Vault (or OpenBao) over its HTTP API: of a key-value engine, looked at again now and then, or of one
/// that makes it, with a lease that is renewed while that gains time and then replaced.
package final class VaultSource: Sendable {
    package enum Login: Sendable {
        case token(Secret)
        /// `auth/MOUNT/login`; what is sent is made anew for each login.
        case method(mount: String, role: String, SubjectTokenSource)
        case appRole(mount: String, roleID: String, secretID: Secret)
    }

    package struct Settings: Sendable {
        package var address: String
        package var namespace: String?
        /// Below `/v1/`, such as `secret/data/openai`.
        package var path: String
        package var field: String?
        package var hasVersions = false
        package var hasLease = false
        package var refreshMilliseconds = 300_000
        package var timeoutMilliseconds = 10_000
        package var trust = OutboundRequest.Trust.system
        package var login: Login

        package init(address: String, path: String, login: Login) {
            self.address = address
            self.path = path
            self.login = login
        }
    }

    private struct Lease: Sendable {
        var id: String
        var value: Secret
        var milliseconds: Int
    }

    private struct State {
        /// A token of ours, until then.
        var session: (token: Secret, until: Int)?
        var lease: Lease?
    }

    private static let answerBytesMax = 1 << 20

    private let settings: Settings
    private let http: OutboundHTTP
    private let uptimeMilliseconds: @Sendable () -> Int
    private let state = Mutex(State())

    package init(
        _ settings: Settings, http: OutboundHTTP, uptimeMilliseconds: @escaping @Sendable () -> Int
    ) {
        self.settings = settings
        self.http = http
        self.uptimeMilliseconds = uptimeMilliseconds
    }

    /// `isRejected`: the upstream does not take the last one, so that renewing its lease gains nothing.
    package func fetch(isRejected: Bool = false) async throws -> FetchedCredential {
        let now = uptimeMilliseconds()
        state.withLock { state in
            // A lease ends with the token that it was made by.
            let hasEnded = state.session.map { now >= $0.until } ?? false
            if isRejected || hasEnded { state.lease = nil }
        }
        if let lease = state.withLock({ $0.lease }), let renewed = await renewal(of: lease) { return renewed }
        let answer = try await authorized("GET", settings.path)
        guard let object = answer, var data = object["data"]?.object else { throw problem("it answers no secret") }
        if settings.hasVersions {
            guard let inner = data["data"]?.object else { throw problem("it answers no version of the secret") }
            data = inner
        }
        let value = try value(of: data)
        guard settings.hasLease else {
            return FetchedCredential(
                .token(value), lifeMilliseconds: nil, refreshMilliseconds: settings.refreshMilliseconds)
        }
        guard let seconds = object["lease_duration"]?.int, (1...31_536_000).contains(seconds) else {
            throw problem("the secret has no lease", hint: "set engine to kv1 or kv2")
        }
        let isRenewable = object["renewable"]?.bool == true
        let id = object["lease_id"]?.string?.value ?? ""
        state.withLock {
            $0.lease =
                isRenewable && !id.isEmpty ? Lease(id: id, value: value, milliseconds: seconds * 1_000) : nil
        }
        return FetchedCredential(.token(value), lifeMilliseconds: bounded(seconds * 1_000))
    }

    // MARK: Leases

    /// Not beyond the gateway's own token there.
    private func bounded(_ milliseconds: Int) -> Int {
        let now = uptimeMilliseconds()
        return state.withLock { $0.session.map { min(milliseconds, max(1, $0.until - now)) } ?? milliseconds }
    }

    /// Nil when a new secret is better: the lease is at its end, or cannot be renewed.
    private func renewal(of lease: Lease) async -> FetchedCredential? {
        let body: JSONObject = ["lease_id": .text(lease.id), "increment": .integer(lease.milliseconds / 1_000)]
        let answer = try? await authorized("PUT", "sys/leases/renew", body)
        guard let seconds = answer.flatMap({ $0 })?["lease_duration"]?.int,
            seconds <= 31_536_000, seconds * 2_000 > lease.milliseconds
        else {
            state.withLock { $0.lease = nil }
            return nil
        }
        return FetchedCredential(.token(lease.value), lifeMilliseconds: bounded(seconds * 1_000))
    }

    // MARK: Being let in

    /// An answer to a request with a token of ours; a refusal of one that was kept gets a new one.
    private func authorized(
        _ method: String, _ path: String, _ body: JSONObject? = nil
    ) async throws -> JSONObject? {
        let (token, wasKept) = try await session()
        let answer = try await send(method, path, body, token: token)
        guard answer.status == 403, wasKept else { return try read(answer) }
        state.withLock { $0.session = nil }
        return try read(try await send(method, path, body, token: try await session().token))
    }

    private func session() async throws -> (token: Secret, wasKept: Bool) {
        let now = uptimeMilliseconds()
        if let kept = state.withLock({ $0.session }), now < kept.until { return (kept.token, true) }
        let body: JSONObject
        let place: String
        switch settings.login {
        case .token(let token): return (token, false)
        case .method(let mount, let role, let subject):
            place = mount
            body = ["role": .text(role), "jwt": .text(try subject.text())]
        case .appRole(let mount, let roleID, let secretID):
            place = mount
            body = [
                "role_id": .text(roleID),
                "secret_id": .text(secretID.reveal { String(decoding: $0, as: UTF8.self) }),
            ]
        }
        let answer = try read(try await send("POST", "auth/\(place)/login", body, token: nil))
        guard let auth = answer?["auth"], let token = auth["client_token"]?.string?.value,
            TokenEndpoint.isToken(token)
        else {
            throw problem("its login gives no token")
        }
        let seconds = min(max(auth["lease_duration"]?.int ?? 0, 0), 31_536_000)
        // A token without an end is asked for again all the same.
        let until = now + (seconds == 0 ? 3_600_000 : seconds * 800)
        let secret = Secret(token)
        state.withLock { $0.session = (secret, until) }
        return (secret, false)
    }

    // MARK: HTTP

    private func send(
        _ method: String, _ path: String, _ body: JSONObject?, token: Secret?
    ) async throws -> OutboundResponse {
        var fields = [OutboundField("accept", "application/json"), OutboundField("x-vault-request", "true")]
        if let token {
            fields.append(
                OutboundField("x-vault-token", token.reveal { String(decoding: $0, as: UTF8.self) }))
        }
        if let namespace = settings.namespace { fields.append(OutboundField("x-vault-namespace", namespace)) }
        if body != nil { fields.append(OutboundField("content-type", "application/json")) }
        return try await http.send(
            OutboundRequest(
                method, OutboundURL.join(settings.address, "/v1/\(path)"), fields: fields,
                body: body.map { JSONTree.object($0).bytes } ?? [],
                timeoutMilliseconds: settings.timeoutMilliseconds, responseBytesMax: VaultSource.answerBytesMax,
                trust: settings.trust))
    }

    private func read(_ answer: OutboundResponse) throws -> JSONObject? {
        switch answer.status {
        case 200, 204: break
        case 403: throw problem("it does not let the gateway read \(settings.path)")
        case 404: throw problem("there is nothing at \(settings.path)", hint: "check engine, mount and path")
        // It is sealed, or another node is the active one; redirects are not followed.
        default: throw problem("it answers \(answer.status)")
        }
        return try? JSONTree.parse(answer.body.span, depthMax: 32, valuesMax: 10_000).object
    }

    private func value(of data: JSONObject) throws -> Secret {
        let name = settings.field ?? (data.members.count == 1 ? data.members.first?.name.value : nil)
        guard let name else {
            throw problem("the secret has \(data.members.count) values", hint: "say which one by field")
        }
        guard let text = data[name]?.string?.value, TokenEndpoint.isToken(text) else {
            throw problem("the secret has no value \(name) that is a key")
        }
        return Secret(text)
    }

    private func problem(_ what: String, hint: String? = nil) -> GatewayError {
        GatewayError(.credentialUnavailable, "Vault gives no secret: \(what)", hint: hint)
    }
}
