import Foundation
import GatewayModel
package import GatewayState

/// What the admin API says of the state: keys, usage, budgets. It also answers without a gateway, on the folder of one
/// that does not run.
package struct StateAPI: Sendable {
    let store: StateStore

    /// The BudgetPolicies of the configuration that serves; nil where none does.
    let configured: [String]?

    package init(store: StateStore, configured: [String]? = nil) {
        self.store = store
        self.configured = configured
    }

    var nowSeconds: Int { store.nowMilliseconds / 1_000 }

    /// One path, as `AdminEndpoint` has them.
    struct Endpoint: Sendable {
        var method: String
        var path: String
        var query: [String]
        var summary: String
        var handle: @Sendable (StateAPI, AdminCall) throws -> AdminResponse

        init(
            _ method: String, _ path: String, query: [String] = [], _ summary: String,
            _ handle: @escaping @Sendable (StateAPI, AdminCall) throws -> AdminResponse
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.summary = summary
            self.handle = handle
        }
    }

    static let endpoints: [Endpoint] = [
        Endpoint("GET", "/v1/keys", "managed keys, without their secrets") { api, _ in api.listKeys() },
        Endpoint("POST", "/v1/keys", "make a key; its secret is in the answer, once") { try $0.createKey($1) },
        Endpoint("GET", "/v1/keys/{id}", "a key, without its secret") { try $0.showKey($1) },
        Endpoint("POST", "/v1/keys/{id}/{action}", query: ["grace"], "rotate, block, unblock or revoke a key") {
            try $0.changeKey($1)
        },
        Endpoint("GET", "/v1/usage", query: usageNames + ["by", "limit", "format"], "usage in groups, added up") {
            try $0.usage($1)
        },
        Endpoint("GET", "/v1/usage/calls", query: usageNames + ["limit", "format"], "single calls, newest first") {
            try $0.calls($1)
        },
        Endpoint("GET", "/v1/budgets", query: budgetNames, "budgets and what is left of them, the fullest first") {
            try $0.budgets($1)
        },
        Endpoint("GET", "/v1/tools", "tools that servers have listed, and whether they may be used") { api, _ in
            api.listTools()
        },
        Endpoint("GET", "/v1/tools/{server}/{tool}", "a tool's definitions: the approved one and the newest") {
            try $0.showTool($1)
        },
        Endpoint("POST", "/v1/tools/{server}/{tool}/approve", query: ["digest"], "let the newest definition be used") {
            try $0.approveTool($1)
        },
        Endpoint("GET", "/v1/approvals", query: ["state"], "calls that wait for a person, the newest first") {
            try $0.listApprovals($1)
        },
        Endpoint("GET", "/v1/approvals/{id}", "such a call, with its exact arguments") { try $0.showApproval($1) },
        Endpoint("POST", "/v1/approvals/{id}/{action}", query: ["for", "lifetime", "by"], "approve or deny a call") {
            try $0.decideApproval($1)
        },
        Endpoint("POST", "/v1/budgets/reset", query: budgetNames, "forget what a policy's accounts spent and owe") {
            try $0.resetBudgets($1)
        },
    ]

    // MARK: Without a gateway

    /// Whether a process, most likely a gateway, has a state folder open now.
    package static func isHeld(stateFolder: String) -> Bool { StateStore.isHeld(folder: stateFolder) }

    /// Answers from a state folder that no gateway uses, for whoever may read it: its permissions are the proof.
    package static func offline(
        stateFolder: String, method: String, path: String, query: String, body: [UInt8]
    ) throws -> AdminResponse {
        let isMaking = method == "POST" && path == "/v1/keys"
        guard isMaking || FileManager.default.fileExists(atPath: "\(stateFolder)/\(StateStore.databaseName)") else {
            throw GatewayError(
                .unreachable, "no gateway answers in state folder \"\(stateFolder)\", and it holds no state",
                hint: "start one with 'sluice run', or name its folder with --state or SLUICE_STATE")
        }
        let store = try StateStore(folder: stateFolder) { Int(Date().timeIntervalSince1970 * 1_000) }
        defer { store.close() }
        let request = AdminRequest(method: method, path: path, query: query, body: body)
        let segments = path.split(separator: "/").map { PercentText.decoded($0) ?? "" }
        for endpoint in endpoints where endpoint.method == method {
            guard let parameters = AdminEndpoint.match(endpoint.path, segments) else { continue }
            let call = AdminCall(
                request: request, parameters: parameters, query: try AdminQuery(query, allowed: endpoint.query))
            return try endpoint.handle(StateAPI(store: store), call)
        }
        throw GatewayError(.notFound, "no path \(path)")
    }

    // MARK: Times

    static func text(seconds: Int) -> String {
        Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
    }

    /// An instant, or a time from now in a direction: `2027-01-31T00:00:00Z`, `24h`, `30d`.
    static func seconds(_ text: String, nowSeconds: Int, direction: Int) throws(GatewayError) -> Int {
        if let window = BudgetWindow(text), window != .total { return nowSeconds + direction * window.seconds }
        if let date = try? Date(text, strategy: .iso8601) { return Int(date.timeIntervalSince1970) }
        if let day = try? Date(text, strategy: .iso8601.year().month().day()) {
            return Int(day.timeIntervalSince1970)
        }
        throw GatewayError(
            .invalidValue, "not a time: \(text)",
            hint: "write 2027-01-31T00:00:00Z, 2027-01-31, or a length such as 24h")
    }
}

extension AdminAPI {
    func state() async throws(GatewayError) -> StateAPI {
        guard let state = services.state else { throw GatewayError(.notFound, "this gateway keeps no state") }
        let policies = await store.snapshot.set.budgetPolicies
        return StateAPI(store: state, configured: policies.map(\.metadata.qualifiedName))
    }
}
