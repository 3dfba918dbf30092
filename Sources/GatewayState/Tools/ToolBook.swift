import Foundation
import GRDB
package import GatewayModel
import Synchronization

/// Which definitions of tools may be used, and which calls wait for a person: in memory for requests, and in the store
/// for the next life. A request never waits for the disk; what a person decides is on it before the answer.
package final class ToolBook: Sendable {
    private struct State {
        var pins: [String: ToolPin] = [:]
        var approvals: [String: ToolApproval] = [:]
    }

    package static let pinsMax = 200_000
    package static let approvalsMax = 10_000
    /// Of one caller.
    package static let openApprovalsMax = 100

    private let database: any DatabaseWriter
    private let state = Mutex(State())

    init(_ database: any DatabaseWriter) throws {
        self.database = database
        let rows = try database.read { try Row.fetchAll($0, sql: "SELECT kind, body FROM tools") }
        var loaded = State()
        for row in rows {
            let body = Data((row["body"] as String).utf8)
            if row["kind"] == "pin", let pin = try? JSONDecoder().decode(ToolPin.self, from: body) {
                loaded.pins[ToolPin.key(pin.server, pin.tool)] = pin
            } else if let approval = try? JSONDecoder().decode(ToolApproval.self, from: body) {
                loaded.approvals[approval.id] = approval
            }
        }
        let all = loaded
        state.withLock { $0 = all }
    }

    // MARK: Pins

    /// A server lists this definition. With `pinsFirst` the first one that is not suspicious may be used.
    package func see(
        server: String, tool: String, digest: String, definition: @autoclosure () -> String, suspicion: String?,
        pinsFirst: Bool, nowSeconds: Int
    ) {
        let key = ToolPin.key(server, tool)
        let changed = state.withLock { state -> ToolPin? in
            if var known = state.pins[key] {
                guard known.seenDigest != digest || known.suspicion != suspicion else { return nil }
                known.seenDigest = digest
                known.seenDefinition = definition()
                known.suspicion = suspicion
                known.seenSeconds = nowSeconds
                state.pins[key] = known
                return known
            }
            guard state.pins.count < ToolBook.pinsMax else { return nil }
            var pin = ToolPin(
                server: server, tool: tool, seenDigest: digest, seenDefinition: definition(), suspicion: suspicion,
                seenSeconds: nowSeconds)
            if pinsFirst, suspicion == nil {
                pin.approvedDigest = digest
                pin.approvedDefinition = pin.seenDefinition
                pin.decidedBy = ToolPin.firstUse
                pin.decidedSeconds = nowSeconds
            }
            state.pins[key] = pin
            return pin
        }
        if let changed { write("pin", key, changed) }
    }

    /// Whether that definition may be used; nil for a tool that was never seen. `byPerson`: what was merely seen first
    /// counts as new.
    package func state(server: String, tool: String, digest: String, byPerson: Bool) -> ToolPin.State? {
        state.withLock { state in
            guard let pin = state.pins[ToolPin.key(server, tool)] else { return nil }
            guard let approved = pin.approvedDigest, !byPerson || pin.decidedBy != ToolPin.firstUse else { return .new }
            return approved == digest ? .approved : .changed
        }
    }

    package func pin(server: String, tool: String) -> ToolPin? {
        state.withLock { $0.pins[ToolPin.key(server, tool)] }
    }

    /// By server and tool.
    package func pins() -> [ToolPin] {
        state.withLock { Array($0.pins.values) }.sorted { ($0.server, $0.tool) < ($1.server, $1.tool) }
    }

    /// Lets the definition that was seen last be used. `digest` is that of the one the person looked at.
    package func approve(
        server: String, tool: String, digest: String?, by: String, nowSeconds: Int
    ) throws(GatewayError) -> ToolPin {
        let key = ToolPin.key(server, tool)
        let found = state.withLock { state -> Result<ToolPin, GatewayError> in
            guard var pin = state.pins[key] else {
                return .failure(
                    GatewayError(.notFound, "no tool \(server)/\(tool)", hint: "'sluice tool list' shows them"))
            }
            if let digest, digest != pin.seenDigest {
                return .failure(
                    GatewayError(
                        .conflict, "the tool has changed again: \(server)/\(tool)",
                        hint: "look at it once more with 'sluice tool diff'"))
            }
            pin.approvedDigest = pin.seenDigest
            pin.approvedDefinition = pin.seenDefinition
            pin.decidedBy = by
            pin.decidedSeconds = nowSeconds
            state.pins[key] = pin
            return .success(pin)
        }
        let pin = try found.get()
        try writeNow("pin", key, pin)
        return pin
    }

    // MARK: Approvals

    /// The pending item of a call, made where there is none; nil when there are too many.
    package func ask(_ item: ToolApproval, nowSeconds: Int) -> ToolApproval? {
        var dropped: [String] = []
        let found = state.withLock { state -> (ToolApproval, isNew: Bool)? in
            let same = state.approvals.values.first {
                $0.state == .pending && $0.isFor(item.owner, item.digest, item.rule) && $0.expiresSeconds > nowSeconds
            }
            if let same { return (same, false) }
            // One caller's questions must not keep another's from being asked.
            let open = state.approvals.values.count {
                $0.state == .pending && $0.owner == item.owner && $0.expiresSeconds > nowSeconds
            }
            guard open < ToolBook.openApprovalsMax else { return nil }
            if state.approvals.count >= ToolBook.approvalsMax {
                dropped = state.approvals.values.filter { $0.expiresSeconds <= nowSeconds }.map(\.id)
                for id in dropped { state.approvals[id] = nil }
                guard state.approvals.count < ToolBook.approvalsMax else { return nil }
            }
            state.approvals[item.id] = item
            return (item, true)
        }
        forget(dropped)
        if let found, found.isNew { write("approval", item.id, item) }
        return found?.0
    }

    /// Decided and expired items are of the audit log; here they would only grow.
    private func forget(_ ids: [String]) {
        guard !ids.isEmpty else { return }
        database.asyncWrite(
            { database in
                for id in ids {
                    try database.execute(sql: "DELETE FROM tools WHERE kind = 'approval' AND id = ?", arguments: [id])
                }
            }, completion: { _, _ in })
    }

    /// Takes an approval of exactly this call, if there is one; one that counts once is used up by it.
    /// It counts under the rule that asked, for no other.
    package func take(
        owner: String, run: String?, digest: String, rule: String, nowSeconds: Int
    ) -> ToolApproval? {
        let taken = state.withLock { state -> ToolApproval? in
            let found = state.approvals.values.first {
                $0.state == .approved && $0.isFor(owner, digest, rule) && $0.expiresSeconds > nowSeconds
                    && ($0.scope != .run || $0.run == run)
            }
            guard var approval = found else { return nil }
            if approval.scope == .once {
                approval.state = .used
                state.approvals[approval.id] = approval
            }
            return approval
        }
        if let taken, taken.scope == .once { write("approval", taken.id, taken) }
        return taken
    }

    /// What became of the newest item of a call.
    package func decision(owner: String, digest: String, rule: String, nowSeconds: Int) -> ToolApproval? {
        state.withLock { state in
            state.approvals.values.filter {
                $0.isFor(owner, digest, rule) && $0.expiresSeconds > nowSeconds
            }.max { $0.createdSeconds < $1.createdSeconds }
        }
    }

    /// A person decides. Only a pending item can be decided, and only until it expires.
    package func decide(
        _ id: String, isApproved: Bool, scope: ToolApproval.Scope = .once, lifetimeSeconds: Int? = nil, by: String,
        nowSeconds: Int
    ) throws(GatewayError) -> ToolApproval {
        let found = state.withLock { state -> Result<ToolApproval, GatewayError> in
            guard var item = state.approvals[id] else {
                return .failure(
                    GatewayError(.notFound, "no approval \(id)", hint: "'sluice approval list' shows them"))
            }
            guard item.state == .pending, item.expiresSeconds > nowSeconds else {
                return .failure(
                    GatewayError(
                        .conflict, "the approval is \(item.state == .pending ? "expired" : item.state.rawValue): \(id)")
                )
            }
            item.state = isApproved ? .approved : .denied
            item.scope = scope
            item.decidedBy = by
            item.decidedSeconds = nowSeconds
            if let lifetimeSeconds { item.expiresSeconds = nowSeconds + lifetimeSeconds }
            state.approvals[id] = item
            return .success(item)
        }
        let item = try found.get()
        try writeNow("approval", id, item)
        return item
    }

    package func approval(_ id: String) throws(GatewayError) -> ToolApproval {
        guard let found = state.withLock({ $0.approvals[id] }) else {
            throw GatewayError(.notFound, "no approval \(id)", hint: "'sluice approval list' shows them")
        }
        return found
    }

    /// The newest first.
    package func approvals() -> [ToolApproval] {
        state.withLock { Array($0.approvals.values) }
            .sorted { ($0.createdSeconds, $0.id) > ($1.createdSeconds, $1.id) }
    }

    // MARK: The store

    private func statement(_ kind: String, _ id: String, _ body: some Encodable) -> (String, StatementArguments)? {
        guard let data = try? JSONEncoder().encode(body) else { return nil }
        return (
            "INSERT OR REPLACE INTO tools VALUES (?, ?, ?)", [kind, id, String(decoding: data, as: UTF8.self)]
        )
    }

    /// Written when the store gets to it.
    private func write(_ kind: String, _ id: String, _ body: some Encodable) {
        guard let (sql, arguments) = statement(kind, id, body) else { return }
        database.asyncWrite({ try $0.execute(sql: sql, arguments: arguments) }, completion: { _, _ in })
    }

    /// On the disk when it returns.
    private func writeNow(_ kind: String, _ id: String, _ body: some Encodable) throws(GatewayError) {
        guard let (sql, arguments) = statement(kind, id, body) else { return }
        do { try database.write { try $0.execute(sql: sql, arguments: arguments) } } catch {
            throw GatewayError(
                .unreadableFile, "the decision cannot be stored",
                hint: "check space and permissions of the state folder", cause: "\(error)")
        }
    }
}
