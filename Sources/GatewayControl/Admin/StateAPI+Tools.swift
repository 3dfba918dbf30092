import GatewayModel
import GatewayState

/// Tools of servers and calls that wait for a person.
extension StateAPI {
    func listTools() -> AdminResponse {
        .json(.object([("items", .list(store.tools.pins().map { pin($0, isWhole: false) }))]))
    }

    func showTool(_ call: AdminCall) throws -> AdminResponse { .json(pin(try found(call), isWhole: true)) }

    func approveTool(_ call: AdminCall) throws -> AdminResponse {
        let known = try found(call)
        return .json(
            pin(
                try store.tools.approve(
                    server: known.server, tool: known.tool, digest: call.query["digest"], by: "operator",
                    nowSeconds: nowSeconds), isWhole: false))
    }

    /// A server of another namespace has a dot where its name has a slash: a path has none inside a part.
    private func found(_ call: AdminCall) throws(GatewayError) -> ToolPin {
        let (server, tool) = (call["server"], call["tool"])
        let parts = server.split(separator: ".", maxSplits: 1)
        for name in [server, parts.joined(separator: "/")] {
            if let pin = store.tools.pin(server: name, tool: tool) { return pin }
        }
        let all = store.tools.pins().map { "\($0.server)/\($0.tool)" }
        throw GatewayError(
            .notFound, "no tool \(server)/\(tool)",
            hint: NearestName.hint("\(server)/\(tool)", among: all, word: "there is")
                ?? "a tool is known once a client has listed it")
    }

    private func pin(_ pin: ToolPin, isWhole: Bool) -> ConfigNode {
        var fields: [(String, ConfigNode)] = [
            ("server", .text(pin.server)), ("tool", .text(pin.tool)), ("state", .text(pin.state.rawValue)),
            ("digest", .text(String(pin.seenDigest.prefix(16)))),
            ("seen", .text(Self.text(seconds: pin.seenSeconds))),
        ]
        if let by = pin.decidedBy { fields.append(("approvedBy", .text(by))) }
        if let suspicion = pin.suspicion { fields.append(("suspicion", .text(suspicion))) }
        if isWhole {
            fields.append(("seenDigest", .text(pin.seenDigest)))
            fields.append(("seenDefinition", .text(pin.seenDefinition)))
            if let digest = pin.approvedDigest { fields.append(("approvedDigest", .text(digest))) }
            if let definition = pin.approvedDefinition { fields.append(("approvedDefinition", .text(definition))) }
        }
        return .object(fields)
    }

    // MARK: Approvals

    func listApprovals(_ call: AdminCall) throws(GatewayError) -> AdminResponse {
        let wanted = call.query["state"]
        let known = ToolApproval.State.allCases.map(\.rawValue) + [Self.expired]
        if let wanted, !known.contains(wanted) {
            throw GatewayError(
                .usage, "no approval is \"\(wanted)\"", hint: "known: \(known.joined(separator: ", "))")
        }
        let items = store.tools.approvals().filter { wanted == nil || shown($0) == wanted }
        return .json(.object([("items", .list(items.map { node($0, isWhole: false) }))]))
    }

    func showApproval(_ call: AdminCall) throws -> AdminResponse {
        .json(node(try store.tools.approval(call["id"]), isWhole: true))
    }

    func decideApproval(_ call: AdminCall) throws -> AdminResponse {
        let action = call["action"]
        guard action == "approve" || action == "deny" else {
            throw GatewayError(
                .notFound, "no action \"\(action)\"", hint: NearestName.hint(action, among: ["approve", "deny"]))
        }
        var scope = ToolApproval.Scope.once
        if let text = call.query["for"] {
            guard let known = ToolApproval.Scope(rawValue: text) else {
                throw GatewayError(.usage, "not how often it counts: \(text)", hint: "once, run or time")
            }
            scope = known
        }
        var lifetime: Int?
        if let text = call.query["lifetime"] {
            lifetime = try Self.seconds(text, nowSeconds: nowSeconds, direction: 1) - nowSeconds
        }
        return .json(
            node(
                try store.tools.decide(
                    call["id"], isApproved: action == "approve", scope: scope, lifetimeSeconds: lifetime,
                    by: call.query["by"] ?? "operator", nowSeconds: nowSeconds), isWhole: true))
    }

    private func shown(_ item: ToolApproval) -> String {
        item.state == .pending && item.expiresSeconds <= nowSeconds ? Self.expired : item.state.rawValue
    }

    /// What a pending one becomes by itself.
    private static let expired = "expired"

    private func node(_ item: ToolApproval, isWhole: Bool) -> ConfigNode {
        var fields: [(String, ConfigNode)] = [
            ("id", .text(item.id)), ("state", .text(shown(item))), ("caller", .text(item.caller)),
            ("server", .text(item.server)), ("tool", .text(item.tool)),
            ("arguments", .text(isWhole ? item.arguments : String(item.arguments.prefix(60)))),
            ("expires", .text(Self.text(seconds: item.expiresSeconds))),
        ]
        guard isWhole else { return .object(fields) }
        if let meta = item.meta { fields.append(("meta", .text(meta))) }
        if let others = item.others { fields.append(("others", .text(others))) }
        if let run = item.run { fields.append(("run", .text(run))) }
        fields.append(("rule", .text(item.rule)))
        fields.append(("digest", .text(item.digest)))
        fields.append(("asked", .text(Self.text(seconds: item.createdSeconds))))
        if let by = item.decidedBy {
            fields.append(("decidedBy", .text(by)))
            fields.append(("counts", .text(item.scope.rawValue)))
        }
        return .object(fields)
    }
}
