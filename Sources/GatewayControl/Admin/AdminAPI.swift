package import GatewayModel

/// The admin API: the objects, their history, and views of a running gateway, for whoever has the token.
///
/// Pure towards the network: something else reads requests and writes answers (in the gateway, its own data plane).
package struct AdminAPI: Sendable {
    /// Larger bodies are refused before they are collected.
    package static let bodyBytesMax = 16 * 1024 * 1024

    let store: ObjectStore
    let services: AdminServices
    private let token: Secret

    package init(store: ObjectStore, token: Secret, services: AdminServices = AdminServices()) {
        self.store = store
        self.token = token
        self.services = services
    }

    package func respond(_ request: AdminRequest) async -> AdminResponse {
        guard isAllowed(request) else {
            let error = GatewayError(
                .unauthenticated, "the admin API needs its token",
                hint: "send Authorization: Bearer with the content of \(AdminToken.fileName) in the state folder")
            recordRefusal(request, error)
            return AdminProblem(error, fields: [("www-authenticate", "Bearer realm=\"sluice admin\"")]).response
        }
        guard request.body.count <= Self.bodyBytesMax else {
            return AdminProblem(GatewayError(.bodyTooLarge, "the body is larger than \(Self.bodyBytesMax) bytes"))
                .response
        }
        do {
            return try await dispatch(request)
        } catch let problem as AdminProblem {
            return problem.response
        } catch let error as GatewayError {
            return AdminProblem(error).response
        } catch {
            return AdminProblem(GatewayError(.internalFault, "the admin API failed", cause: "\(error)")).response
        }
    }

    private func isAllowed(_ request: AdminRequest) -> Bool {
        guard let value = request.field("authorization") else { return false }
        let words = value.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return false }
        return token.matches(Array(words[1].utf8))
    }

    private func dispatch(_ request: AdminRequest) async throws -> AdminResponse {
        let segments = try request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            .map { part throws(GatewayError) -> String in
                guard let text = PercentText.decoded(part), !text.isEmpty, !text.contains("/") else {
                    throw notFound(request.path)
                }
                return text
            }
        let method = request.method == "HEAD" ? "GET" : request.method
        var allowed: [String] = []
        for endpoint in AdminEndpoint.all {
            guard let parameters = endpoint.match(segments) else { continue }
            guard endpoint.method == method else {
                if !allowed.contains(endpoint.method) { allowed.append(endpoint.method) }
                continue
            }
            // A word that is no kind is a misspelt path, not a kind without objects.
            if !allowed.isEmpty, parameters["kind"].map({ ObjectKind(word: $0) == nil }) ?? false { continue }
            let query = try AdminQuery(request.query, allowed: endpoint.query)
            return try await recorded(endpoint, AdminCall(request: request, parameters: parameters, query: query))
        }
        if allowed.isEmpty { throw notFound(request.path) }
        throw AdminProblem(
            GatewayError(
                .usage, "\(request.path) does not take \(request.method)",
                hint: "it takes \(allowed.joined(separator: ", "))"),
            status: 405, fields: [("allow", allowed.joined(separator: ", "))])
    }

    /// Names the nearest path there is.
    func notFound(_ path: String) -> GatewayError {
        let first = path.split(separator: "/").prefix(2).joined(separator: "/")
        var names = AdminEndpoint.all.map(\.path).filter { !$0.contains("{kind}") }
        names += ObjectKind.allCases.map { "/v1/\($0.plural)" }
        let literal = names.map { String($0.prefix { $0 != "{" }) }
        let near = NearestName.of(path, among: literal) ?? NearestName.of("/" + first, among: literal)
        return GatewayError(
            .notFound, "no path \(path)", hint: near.map { "did you mean \"\($0)\"?" } ?? "GET /v1 lists them")
    }

    func index() -> AdminResponse {
        .json(
            .object([
                (
                    "endpoints",
                    .list(
                        AdminEndpoint.all.map {
                            .object([
                                ("method", .text($0.method)), ("path", .text($0.path)),
                                ("query", .list($0.query.map { .text($0) })), ("summary", .text($0.summary)),
                            ])
                        })
                )
            ]))
    }
}
