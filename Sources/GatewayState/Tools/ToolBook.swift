import Foundation
import GRDB
package import GatewayModel
import Synchronization

/// Which definitions of tools may be used, and which calls wait for a person: in memory for requests, and in the store
/// for the next life. No event loop waits for the disk. What a person decides is on it before the answer, and that an
/// approval was used before the call goes out, so that no death of the process lets the call run twice.
package final class ToolBook: Sendable {
    struct State {
        var pins: [ExactName: ToolPin] = [:]
        /// How many of each server: one that lists ever new names takes no other's place.
        var pinCounts: [String: Int] = [:]
        var approvals: [String: ToolApproval] = [:]
        /// Digests of states of approved calls that were used, each good for one more round, with when they expire.
        var usedStates: [String: Int] = [:]
    }

    /// Of one server; as many as one may list.
    package static let pinsMax = 100_000
    package static let approvalsMax = 10_000
    /// Of one caller.
    package static let openApprovalsMax = 100

    let database: any DatabaseWriter
    let state = Mutex(State())
    package static let usedStatesMax = 10_000

    init(_ database: any DatabaseWriter) throws {
        self.database = database
        let rows = try database.read { try Row.fetchAll($0, sql: "SELECT kind, id, body FROM tools") }
        var loaded = State()
        for row in rows {
            let body = Data((row["body"] as String).utf8)
            if row["kind"] == "pin", let pin = try? JSONDecoder().decode(ToolPin.self, from: body) {
                loaded.pins[ToolPin.key(pin.server, pin.tool)] = pin
                loaded.pinCounts[pin.server, default: 0] += 1
            } else if row["kind"] == "state" {
                loaded.usedStates[row["id"]] = Int(row["body"] as String) ?? 0
            } else if let approval = try? JSONDecoder().decode(ToolApproval.self, from: body) {
                loaded.approvals[approval.id] = approval
            }
        }
        let all = loaded
        state.withLock { $0 = all }
    }

    // MARK: Pins

    /// A server lists this definition. With `pinsFirst` the first one that is not suspicious may be used. True when it
    /// is not the one that was seen last.
    @discardableResult
    package func see(
        server: String, tool: String, digest: String, definition: @autoclosure () -> String, suspicion: String?,
        pinsFirst: Bool, nowSeconds: Int, limit: Int = ToolBook.pinsMax
    ) -> Bool {
        let key = ToolPin.key(server, tool)
        var isOther = false
        let changed = state.withLock { state -> ToolPin? in
            if var known = state.pins[key] {
                isOther = known.seenDigest != digest
                guard known.seenDigest != digest || known.suspicion != suspicion else { return nil }
                known.seenDigest = digest
                known.seenDefinition = definition()
                known.suspicion = suspicion
                known.seenSeconds = nowSeconds
                state.pins[key] = known
                return known
            }
            guard state.pinCounts[server, default: 0] < limit else { return nil }
            state.pinCounts[server, default: 0] += 1
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
        if let changed { write("pin", key.text, changed) }
        return isOther
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
        try writeNow("pin", key.text, pin)
        return pin
    }

    // MARK: The store

    private static func statement(_ kind: String, _ id: String, _ body: some Encodable) -> (String, StatementArguments)?
    {
        guard let data = try? JSONEncoder().encode(body) else { return nil }
        return (
            "INSERT OR REPLACE INTO tools VALUES (?, ?, ?)", [kind, id, String(decoding: data, as: UTF8.self)]
        )
    }

    /// Written when the store gets to it; `done` on a thread of the store, with whether it is on the disk.
    func write(
        _ kind: String, _ id: String, _ body: some Encodable, then done: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        guard let (sql, arguments) = ToolBook.statement(kind, id, body) else { return done(false) }
        database.asyncWrite(
            { try $0.execute(sql: sql, arguments: arguments) },
            completion: { _, result in
                if case .success = result { done(true) } else { done(false) }
            })
    }

    /// On the disk when it returns.
    func writeNow(_ kind: String, _ id: String, _ body: some Encodable) throws(GatewayError) {
        guard let (sql, arguments) = ToolBook.statement(kind, id, body) else { return }
        do { try database.write { try $0.execute(sql: sql, arguments: arguments) } } catch {
            throw GatewayError(
                .unreadableFile, "the decision cannot be stored",
                hint: "check space and permissions of the state folder", cause: "\(error)")
        }
    }
}
