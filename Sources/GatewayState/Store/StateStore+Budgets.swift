import GRDB
package import GatewayModel
import GatewayPolicy

/// Budgets as lists: what is in memory, and what waits in the store.
extension StateStore {
    package static let linesMax = 10_000

    /// Every limit of the accounts that match, the fullest first.
    package func budgets(_ filter: BudgetFilter = BudgetFilter()) throws(GatewayError) -> [BudgetLine] {
        let time = now()
        var lines = ledger.lines(filter, nowMilliseconds: time)
        try reading { database in
            try AccountTable.forEach(database) { key, account in
                guard filter.matches(key), !ledger.holds(key), !account.isBlank(nowMilliseconds: time) else {
                    return true
                }
                lines += BudgetLine.lines(key, account, callCount: 0, nowMilliseconds: time)
                return lines.count < StateStore.linesMax
            }
        }
        return Array(lines.sorted(by: StateStore.isFuller).prefix(StateStore.linesMax))
    }

    private static func isFuller(_ one: BudgetLine, _ other: BudgetLine) -> Bool {
        func share(_ line: BudgetLine) -> Int128 { line.limit <= 0 ? 0 : line.remaining * 1_000_000 / line.limit }
        func name(_ line: BudgetLine) -> [String] {
            [
                line.account.policy, line.account.scope.rawValue, line.account.tenant, line.account.value,
                "\(line.window)",
            ]
        }
        let shares = (share(one), share(other))
        return shares.0 != shares.1 ? shares.0 < shares.1 : name(one).lexicographicallyPrecedes(name(other))
    }

    /// Starts the accounts that match anew. Returns how many there were.
    package func resetBudgets(_ filter: BudgetFilter) throws(GatewayError) -> Int {
        let held = ledger.reset(filter, nowMilliseconds: now())
        fold()
        var others: [BudgetAccountKey] = []
        try reading { database in
            try AccountTable.forEach(database) { key, _ in
                if filter.matches(key), !held.contains(key) { others.append(key) }
                return true
            }
        }
        let keys = others
        try writing { database in
            for key in keys {
                try database.execute(
                    sql: "UPDATE counters SET spent = '0' WHERE account = ?",
                    arguments: [try AccountTable.id(key, database)])
            }
        }
        return held.count + keys.count
    }

    func reading<Value>(_ body: (Database) throws -> Value) throws(GatewayError) -> Value {
        do { return try database.read(body) } catch let error as GatewayError { throw error } catch {
            throw StateStore.problem("the state cannot be read", error)
        }
    }

    func writing<Value>(_ body: (Database) throws -> Value) throws(GatewayError) -> Value {
        do { return try database.write(body) } catch let error as GatewayError { throw error } catch {
            throw StateStore.problem("the state cannot be written", error)
        }
    }

    private static func problem(_ message: String, _ error: any Error) -> GatewayError {
        GatewayError(
            .unreadableFile, message, hint: "check space and permissions of the state folder", cause: "\(error)")
    }
}
