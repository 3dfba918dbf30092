import GatewayWire
import NIOCore

/// Session persistence (Gateway API `sessionPersistence`): a session's requests go to the endpoint of its first one.
///
/// A session carries the keyed tag of its endpoint, and, where it has an absolute timeout, the second it began and a
/// seal over both: `tag` or `tag.seconds.seal`, hexadecimal and decimal.
extension Exchange {
    /// The endpoint of the request's session; or `choose`s one and begins a session with it.
    func sessionEndpoint(
        _ persistence: SessionPersistence, _ balancer: LoopBalancer, orElse choose: () -> Endpoint?
    ) -> Endpoint? {
        attempt.newSession = nil
        if let tag = sessionTag(persistence),
            let endpoint = balancer.endpoint(sessionTag: tag, avoid: attempt.avoid, now: worker.now)
        {
            return endpoint
        }
        guard let endpoint = choose() else { return nil }
        attempt.newSession = SessionToken.make(
            tag: endpoint.sessionTag, timeoutSeconds: persistence.timeoutSeconds,
            nowSeconds: worker.wallNanoseconds / 1_000_000_000, key: worker.shared.directory.sessions)
        return endpoint
    }

    /// The backend among those of a rule that the request's session belongs to: a session outweighs weights.
    func sessionChoice(among backends: [WeightedBackend]) -> WeightedBackend? {
        guard let persistence = rule?.persistence, let tag = sessionTag(persistence) else { return nil }
        for choice in backends {
            guard case .backend(let backend) = choice.target else { continue }
            let balancer = worker.balancers.balancer(of: worker.shared.directory.live(of: backend), start: worker.now)
            balancer.refresh(slowStart: backend.slowStartNanoseconds, now: worker.now)
            if balancer.endpoint(sessionTag: tag, avoid: [], now: worker.now) != nil { return choice }
        }
        return nil
    }

    private func sessionTag(_ persistence: SessionPersistence) -> [UInt8]? {
        let fields = request.fields
        let slice: Slice? =
            switch persistence.carrier {
            case .cookie: fields.cookie(persistence.name)
            case .header: fields.firstIndex(named: persistence.name).map { fields.entries[$0].value }
            }
        guard let slice else { return nil }
        return SessionToken.tag(
            of: fields.bytes[slice.range], timeoutSeconds: persistence.timeoutSeconds,
            nowSeconds: worker.wallNanoseconds / 1_000_000_000, key: worker.shared.directory.sessions)
    }

    /// Tells the client of a session that has just begun. Called when the response's head is finished.
    func applySessionCookie() {
        guard let token = attempt.newSession, let persistence = rule?.persistence else { return }
        attempt.newSession = nil
        switch persistence.carrier {
        case .header: response.fields.set(name: persistence.name, value: token)
        case .cookie:
            let cookie = SessionToken.cookie(
                name: persistence.name, token: token, lifetimeSeconds: persistence.lifetimeSeconds,
                isSecure: client.port.isTLS)
            response.fields.append(.setCookie, cookie)
        }
    }
}

/// The text of sessions; pure.
enum SessionToken {
    private static let dot = UInt8(ascii: ".")

    static func make(tag: [UInt8], timeoutSeconds: Int, nowSeconds: UInt64, key: SessionKey) -> [UInt8] {
        guard timeoutSeconds > 0 else { return tag }
        let seal = key.stamp(tag: tag, issuedSeconds: nowSeconds)
        return tag + [dot] + Array(String(nowSeconds).utf8) + [dot] + seal
    }

    /// The tag inside a token, unless it is malformed, not ours, or older than it may be.
    static func tag(
        of token: ArraySlice<UInt8>, timeoutSeconds: Int, nowSeconds: UInt64, key: SessionKey
    ) -> [UInt8]? {
        let tagCount = SessionKey.tagByteCount * 2
        guard token.count >= tagCount, token.count <= tagCount * 2 + 22 else { return nil }
        let parts = token.split(separator: dot, maxSplits: 3, omittingEmptySubsequences: false)
        guard let first = parts.first, first.count == tagCount else { return nil }
        guard timeoutSeconds > 0 else { return parts.count == 1 ? Array(first) : nil }
        guard parts.count == 3, let issued = seconds(parts[1]) else { return nil }
        guard issued <= nowSeconds &+ 5, nowSeconds < issued &+ UInt64(timeoutSeconds) else { return nil }
        let expected = key.stamp(tag: Array(first), issuedSeconds: issued)
        guard expected.count == parts[2].count else { return nil }
        var difference: UInt8 = 0
        for (left, right) in zip(expected, parts[2]) { difference |= left ^ right }
        return difference == 0 ? Array(first) : nil
    }

    private static func seconds(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard !digits.isEmpty, digits.count <= 12 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard digit >= 48, digit <= 57 else { return nil }
            value = value * 10 + UInt64(digit - 48)
        }
        return value
    }

    /// A `Set-Cookie` value that scripts cannot read and other sites cannot send.
    static func cookie(name: [UInt8], token: [UInt8], lifetimeSeconds: Int, isSecure: Bool) -> [UInt8] {
        var cookie = name + [UInt8(ascii: "=")] + token
        cookie.append(contentsOf: Array("; Path=/; HttpOnly; SameSite=Lax".utf8))
        if isSecure { cookie.append(contentsOf: Array("; Secure".utf8)) }
        if lifetimeSeconds > 0 { cookie.append(contentsOf: Array("; Max-Age=\(lifetimeSeconds)".utf8)) }
        return cookie
    }
}
