import GatewayModel
import GatewayState

/// Managed keys.
extension StateAPI {
    private static let names = ["tenant", "team", "user", "agent", "run", "groups", "models", "budgets", "expires"]
    private static let actions = ["rotate", "block", "unblock", "revoke"]

    func listKeys() -> AdminResponse {
        .json(.object([("items", .list(store.keys.all().map(node)))]))
    }

    func showKey(_ call: AdminCall) throws -> AdminResponse { .json(node(try store.keys.find(call["id"]))) }

    func createKey(_ call: AdminCall) throws -> AdminResponse {
        let made = try store.keys.create(try draft(call.json()), nowSeconds: nowSeconds)
        return .json(withSecret(made), status: 201)
    }

    func changeKey(_ call: AdminCall) throws -> AdminResponse {
        let (id, action) = (call["id"], call["action"])
        guard action == "rotate" || call.query["grace"] == nil else {
            throw GatewayError(.usage, "only rotate takes a grace")
        }
        switch action {
        case "rotate":
            var grace = 0
            if let text = call.query["grace"] {
                guard let window = BudgetWindow(text), window != .total else {
                    throw GatewayError(.usage, "not a length of time: \(text)", hint: "write it as 1h or 7d")
                }
                grace = window.seconds
            }
            return .json(
                withSecret(try store.keys.rotate(id, graceSeconds: grace, nowSeconds: nowSeconds)), status: 201)
        case "block": return .json(node(try store.keys.set(id, .blocked, nowSeconds: nowSeconds)))
        case "unblock": return .json(node(try store.keys.set(id, .active, nowSeconds: nowSeconds)))
        case "revoke": return .json(node(try store.keys.set(id, .revoked, nowSeconds: nowSeconds)))
        default:
            throw GatewayError(
                .notFound, "no action \"\(action)\"", hint: NearestName.hint(action, among: Self.actions))
        }
    }

    // MARK: Bodies

    private func draft(_ node: ConfigNode) throws(GatewayError) -> ManagedKey {
        var key = ManagedKey(id: "", hint: "", createdSeconds: nowSeconds)
        for field in node.fields ?? [] {
            switch field.key {
            case "tenant": key.tenant = try text(field)
            case "team": key.team = try text(field)
            case "user": key.user = try text(field)
            case "agent": key.agent = try text(field)
            case "run": key.run = try text(field)
            case "groups": key.groups = try texts(field)
            case "models": key.models = try texts(field)
            case "budgets":
                key.limits = try texts(field).map { text throws(GatewayError) in
                    if let limit = BudgetLimit(text) { return limit }
                    throw GatewayError(
                        .invalidValue, "not a budget: \(text)",
                        hint: "write 5usd/1d, 100000tokens/1m, 60requests/1m or 8concurrent")
                }
            case "expires":
                key.expiresSeconds = try Self.seconds(try text(field), nowSeconds: nowSeconds, direction: 1)
            default:
                throw GatewayError(
                    .unknownField, "unknown field \"\(field.key)\"",
                    hint: NearestName.hint(field.key, among: Self.names))
            }
        }
        return key
    }

    private func text(_ field: ConfigNode.Field) throws(GatewayError) -> String {
        guard let text = field.value.string else {
            throw GatewayError(.wrongType, "the value is not a string: \(field.key)")
        }
        return text
    }

    private func texts(_ field: ConfigNode.Field) throws(GatewayError) -> [String] {
        guard let elements = field.value.elements else {
            throw GatewayError(.wrongType, "the value is not a list: \(field.key)")
        }
        return try elements.map { element throws(GatewayError) in
            guard let text = element.string else {
                throw GatewayError(.wrongType, "the list has something that is not a string: \(field.key)")
            }
            return text
        }
    }

    /// The one answer that shows a secret.
    private func withSecret(_ made: (key: ManagedKey, secret: String)) -> ConfigNode {
        let fields = node(made.key).fields ?? []
        return .object(
            [("id", .text(made.key.id)), ("key", .text(made.secret))]
                + fields.filter { $0.key != "id" }.map { ($0.key, $0.value) })
    }

    func node(_ key: ManagedKey) -> ConfigNode {
        var pairs: [(String, ConfigNode)] = [
            ("id", .text(key.id)), ("hint", .text(key.hint + "…")), ("state", .text(state(key))),
        ]
        let names = [
            ("tenant", key.tenant), ("team", key.team), ("user", key.user), ("agent", key.agent), ("run", key.run),
        ]
        for (name, value) in names { if let value { pairs.append((name, .text(value))) } }
        if !key.groups.isEmpty { pairs.append(("groups", .list(key.groups.map { .text($0) }))) }
        if !key.models.isEmpty { pairs.append(("models", .list(key.models.map { .text($0) }))) }
        if !key.limits.isEmpty { pairs.append(("budgets", .list(key.limits.map { .text($0.description) }))) }
        let times = [
            ("created", key.createdSeconds), ("changed", key.changedSeconds), ("expires", key.expiresSeconds),
            ("lastUsed", key.lastUsedSeconds), ("earlierUntil", key.earlierUntilSeconds),
        ]
        for (name, seconds) in times {
            if let seconds { pairs.append((name, .text(Self.text(seconds: seconds)))) }
        }
        return .object(pairs)
    }

    private func state(_ key: ManagedKey) -> String {
        if key.state == .active, let end = key.expiresSeconds, end <= nowSeconds { return "expired" }
        return key.state.rawValue
    }
}
