import GatewayModel

/// One path and method of the admin API. The table below is all there is: routing, `GET /v1`, the nearest path of a
/// 404 and Documentation/AdminAPI.md come from it.
struct AdminEndpoint: Sendable {
    var method: String
    /// With `{name}` where any segment fits.
    var path: String
    /// Query parameters.
    var query: [String]
    var summary: String
    var handle: @Sendable (AdminAPI, AdminCall) async throws -> AdminResponse

    init(
        _ method: String, _ path: String, query: [String] = [], _ summary: String,
        _ handle: @escaping @Sendable (AdminAPI, AdminCall) async throws -> AdminResponse
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.summary = summary
        self.handle = handle
    }

    /// What fills the placeholders, nil when the path is another one.
    func match(_ segments: [String]) -> [String: String]? { AdminEndpoint.match(path, segments) }

    static func match(_ path: String, _ segments: [String]) -> [String: String]? {
        let template = path.split(separator: "/")
        guard template.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (part, segment) in zip(template, segments) {
            if part.first == "{" {
                parameters[String(part.dropFirst().dropLast())] = segment
            } else if part != segment {
                return nil
            }
        }
        return parameters
    }

    private static let change = ["dryRun", "file"]

    /// What would never serve once the gateway drains.
    var changesConfiguration: Bool { query.contains("dryRun") || path == "/v1/reload" }

    /// Literal paths stand before those with placeholders.
    static let all: [AdminEndpoint] = plain + state + audit + objects

    private static let state = StateAPI.endpoints.map { endpoint in
        AdminEndpoint(endpoint.method, endpoint.path, query: endpoint.query, endpoint.summary) { api, call in
            try endpoint.handle(try await api.state(), call)
        }
    }

    private static let audit = AuditAPI.endpoints.map { endpoint in
        AdminEndpoint("GET", endpoint.path, query: endpoint.query, endpoint.summary) { api, call in
            try await endpoint.handle(try api.auditAPI(), call)
        }
    }

    private static let plain: [AdminEndpoint] = [
        AdminEndpoint("GET", "/v1", "this list") { api, _ in api.index() },
        AdminEndpoint("GET", "/v1/kinds", "the kinds of objects") { api, _ in api.kinds() },
        AdminEndpoint("GET", "/v1/kinds/{kind}", "the JSON Schema of a kind") { try $0.schema($1) },
        AdminEndpoint("POST", "/v1/apply", query: change, "create or replace objects, all or none") {
            try await $0.apply($1)
        },
        AdminEndpoint("POST", "/v1/check", query: ["file"], "what would be said about objects; changes nothing") {
            try await $0.check($1)
        },
        AdminEndpoint("POST", "/v1/diff", query: ["prune", "file"], "how objects differ from what serves") {
            try await $0.diff($1)
        },
        AdminEndpoint("GET", "/v1/diff", query: ["from", "to"], "how two revisions differ") {
            try await $0.diffRevisions($1)
        },
        AdminEndpoint("GET", "/v1/snapshot", "the compiled configuration") { api, _ in try await api.compiled() },
        AdminEndpoint("POST", "/v1/explain", "which rule a request would get, and why") { try await $0.explain($1) },
        AdminEndpoint("GET", "/v1/watch", "every accepted change, as server-sent events") { api, _ in
            try await api.watch()
        },
        AdminEndpoint("GET", "/v1/history", "the revisions, newest first") { api, _ in await api.history() },
        AdminEndpoint("GET", "/v1/history/{revision}", "the objects of a revision") { try await $0.revision($1) },
        AdminEndpoint("POST", "/v1/rollback/{revision}", query: ["dryRun"], "serve a revision again") {
            try await $0.rollback($1)
        },
        AdminEndpoint("POST", "/v1/reload", "read the files again at once") { api, _ in try await api.reload() },
        AdminEndpoint("GET", "/v1/tap", query: TapQuery.names, "live requests, redacted") { try $0.tap($1) },
        AdminEndpoint("POST", "/v1/traces", "trace the next request that shows x-sluice-trace with the token given") {
            api, _ in try api.expectTrace()
        },
        AdminEndpoint("GET", "/v1/traces/{token}", "the phases of a traced request; handed out once") {
            try $0.trace($1)
        },
        AdminEndpoint("POST", "/v1/tokens", "make a token with an identity, a scope and a budget; shown once") {
            try await $0.mintToken($1)
        },
        AdminEndpoint("GET", "/v1/revocations", "what is believed no more, and until when it matters") { api, _ in
            try api.revocations()
        },
        AdminEndpoint("POST", "/v1/revocations", "revoke a token, run, agent, user, grant or session") {
            try await $0.revoke($1)
        },
        AdminEndpoint("GET", "/v1/status", "what serves, and what is wrong") { api, _ in await api.status() },
        AdminEndpoint("GET", "/v1/health", "whether the process answers") { api, _ in api.health() },
        AdminEndpoint("GET", "/v1/ready", "whether it takes traffic: 200 or 503") { api, _ in api.ready() },
        AdminEndpoint("GET", "/v1/metrics", "the metrics, as on the telemetry port") { try $0.metrics($1) },
        AdminEndpoint("POST", "/v1/drain", "finish what is under way and end") { api, _ in try api.drain() },
        AdminEndpoint("GET", "/debug/{view}", "connections, pools, endpoints or workers") {
            try await $0.debug($1)
        },
    ]

    private static let objects: [AdminEndpoint] = [
        AdminEndpoint("GET", "/v1/{kind}", query: ["namespace", "labelSelector"], "the objects of a kind") {
            try await $0.list($1)
        },
        AdminEndpoint("GET", "/v1/{kind}/{name}", query: ["labelSelector"], "a namespace's, or one without namespace") {
            try await $0.getShort($1)
        },
        AdminEndpoint("PUT", "/v1/{kind}/{name}", query: change, "create or replace one without namespace") {
            try await $0.put($1)
        },
        AdminEndpoint("PATCH", "/v1/{kind}/{name}", query: change, "merge into one without namespace") {
            try await $0.patch($1)
        },
        AdminEndpoint("DELETE", "/v1/{kind}/{name}", query: ["dryRun"], "remove one without namespace") {
            try await $0.delete($1)
        },
        AdminEndpoint("GET", "/v1/{kind}/{namespace}/{name}", "an object, with its version as ETag") {
            try await $0.get($1)
        },
        AdminEndpoint("PUT", "/v1/{kind}/{namespace}/{name}", query: change, "create or replace an object") {
            try await $0.put($1)
        },
        AdminEndpoint("PATCH", "/v1/{kind}/{namespace}/{name}", query: change, "merge into an object (RFC 7396)") {
            try await $0.patch($1)
        },
        AdminEndpoint("DELETE", "/v1/{kind}/{namespace}/{name}", query: ["dryRun"], "remove an object") {
            try await $0.delete($1)
        },
    ]
}
