package import GatewayModel
import GatewayWire

/// Fetches an issuer's keys over HTTP. Where they are may be for the issuer's own document to say: that address is not
/// the operator's, so it may not lead to the gateway itself or its neighbours.
package struct KeyFetcher: Sendable {
    package enum Source: Sendable, Hashable {
        /// OpenID Connect Discovery 1.0 section 4, or RFC 8414 section 3.
        case discovery
        case url(String)
    }

    package var issuer: String
    package var source: Source
    package var trust = OutboundRequest.Trust.system
    /// Blocks that a discovered address may lead to although they are not public.
    package var allowedBlocks: [String] = []
    /// `sig`, or `jwt-svid` for a SPIFFE bundle.
    package var use = "sig"
    package var timeoutMilliseconds = 5_000

    private static let documentBytesMax = 256 * 1024

    package init(issuer: String, source: Source) {
        self.issuer = issuer
        self.source = source
    }

    package func fetch(_ http: OutboundHTTP) async throws -> FetchedKeys {
        switch source {
        case .url(let url): return try await keys(at: url, reach: .configured, http)
        case .discovery:
            let url = try await discover(http)
            let isOwn = try KeyFetcher.isSameOrigin(url, issuer)
            return try await keys(at: url, reach: isOwn ? .configured : .guarded(allowing: allowedBlocks), http)
        }
    }

    // MARK: Discovery

    private func discover(_ http: OutboundHTTP) async throws -> String {
        let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
        var answer = try await get("\(base)/.well-known/openid-configuration", .configured, http)
        if answer.status == 404 {
            let url = try OutboundURL(base)
            let path = url.target == "/" ? "" : url.target
            let scheme = url.isTLS ? "https" : "http"
            answer = try await get(
                "\(scheme)://\(url.authority)/.well-known/oauth-authorization-server\(path)", .configured, http)
        }
        guard answer.status == 200 else { throw problem("its discovery document answers \(answer.status)") }
        guard let tree = try? JSONTree.parse(answer.body) else { throw problem("its discovery document is no JSON") }
        // Otherwise one issuer could speak for another (OpenID Connect Discovery 1.0 section 4.3).
        guard let named = tree["issuer"]?.string?.value, named.utf8.elementsEqual(issuer.utf8) else {
            throw problem("its discovery document is another issuer's")
        }
        guard let url = tree["jwks_uri"]?.string?.value else { throw problem("its discovery document names no keys") }
        // What was secured is not fetched in clear because the document says so.
        if try OutboundURL(issuer).isTLS, try !OutboundURL(url).isTLS {
            throw problem("its keys are to be fetched in clear")
        }
        return url
    }

    static func isSameOrigin(_ one: String, _ other: String) throws(GatewayError) -> Bool {
        let (one, other) = (try OutboundURL(one), try OutboundURL(other))
        return one.isTLS == other.isTLS && one.host == other.host && one.port == other.port
    }

    // MARK: Keys

    private func keys(
        at url: String, reach: OutboundRequest.Reach, _ http: OutboundHTTP
    ) async throws -> FetchedKeys {
        let answer = try await get(url, reach, http, bytesMax: VerificationKeySet.bytesMax)
        // A redirect would lead where nobody has looked.
        guard answer.status == 200 else { throw problem("its key set answers \(answer.status)") }
        let keys = try VerificationKeySet.parse(answer.body, use: use)
        var fresh = answer.value("cache-control").flatMap(KeyFetcher.maxAge)
        if use == "jwt-svid", let tree = try? JSONTree.parse(answer.body), let hint = tree["spiffe_refresh_hint"]?.int {
            fresh = hint
        }
        return FetchedKeys(keys: keys, freshSeconds: fresh)
    }

    private func get(
        _ url: String, _ reach: OutboundRequest.Reach, _ http: OutboundHTTP, bytesMax: Int = documentBytesMax
    ) async throws -> OutboundResponse {
        try await http.send(
            OutboundRequest(
                "GET", url, fields: [OutboundField("accept", "application/json")],
                timeoutMilliseconds: timeoutMilliseconds, responseBytesMax: bytesMax, trust: trust, reach: reach))
    }

    /// RFC 9111 section 5.2.2: `no-store` and `no-cache` as well as `max-age`.
    static func maxAge(_ field: String) -> Int? {
        for directive in field.lowercased().split(separator: ",") {
            let words = directive.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " && $0 != "\"" } }
            if words.first == "no-store" || words.first == "no-cache" { return 0 }
            if words.first == "max-age", words.count == 2, let seconds = Int(words[1]), seconds >= 0 { return seconds }
        }
        return nil
    }

    private func problem(_ what: String) -> GatewayError {
        GatewayError(.identityUnavailable, "the issuer \(issuer) cannot be used: \(what)")
    }
}
