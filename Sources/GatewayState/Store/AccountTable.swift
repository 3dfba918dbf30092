import GRDB
import GatewayModel
import GatewayPolicy

/// Accounts, counters and open reservations as rows.
enum AccountTable {
    static func fact(_ name: String, _ database: Database) throws -> Int {
        try Int.fetchOne(database, sql: "SELECT value FROM facts WHERE name = ?", arguments: [name]) ?? 0
    }

    static func setFact(_ name: String, _ value: Int, _ database: Database) throws {
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO facts VALUES (?, ?)")
            .execute(arguments: [name, value])
    }

    /// The row of an account, made if need be.
    static func id(_ key: BudgetAccountKey, _ database: Database) throws -> Int64 {
        let arguments: StatementArguments = [key.policy, Int(key.scope.code), key.tenant, key.value]
        let find = try database.cachedStatement(
            sql: "SELECT id FROM accounts WHERE policy = ? AND scope = ? AND tenant = ? AND value = ?")
        if let id = try Int64.fetchOne(find, arguments: arguments) { return id }
        try database.cachedStatement(sql: "INSERT INTO accounts (policy, scope, tenant, value) VALUES (?, ?, ?, ?)")
            .execute(arguments: arguments)
        return database.lastInsertedRowID
    }

    static func write(_ counter: BudgetCounter, account: Int64, _ database: Database) throws {
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?, ?, ?)").execute(
            arguments: [
                account, Int(counter.unit.code), counter.window.seconds, counter.index, String(counter.max),
                String(counter.spent),
            ])
    }

    static func insert(_ opened: SegmentSummary.Opened, accounts: [Int64], _ database: Database) throws {
        let (record, demand) = (opened.record, opened.record.demand)
        var arguments: StatementArguments = [
            Int64(bitPattern: record.id), record.timeMilliseconds, record.leaseMilliseconds,
            String(demand.cost.picodollars), demand.inputTokens, demand.outputTokens, demand.requests,
        ]
        arguments += StatementArguments(opened.call.texts)
        let marks = Array(repeating: "?", count: 15).joined(separator: ", ")
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO reservations VALUES (\(marks))")
            .execute(arguments: arguments)
        for account in accounts {
            try database.cachedStatement(sql: "INSERT OR IGNORE INTO reservation_accounts VALUES (?, ?)")
                .execute(arguments: [Int64(bitPattern: record.id), account])
        }
    }

    static func deleteReservation(_ id: UInt64, _ database: Database) throws {
        try database.cachedStatement(sql: "DELETE FROM reservations WHERE id = ?")
            .execute(arguments: [Int64(bitPattern: id)])
    }

    // MARK: Reading

    static func counter(_ row: Row) -> BudgetCounter? {
        guard let code: Int = row["unit"], let unit = UInt8(exactly: code).flatMap({ BudgetUnit(code: $0) }),
            let seconds: Int = row["window"], let window = BudgetWindow(checkedSeconds: seconds),
            let number: Int = row["number"], let limited: String = row["limited"], let max = Int128(limited),
            let text: String = row["spent"], let spent = Int128(text)
        else { return nil }
        return BudgetCounter(unit: unit, window: window, kept: max, index: number, spent: spent)
    }

    static func key(_ row: Row) -> BudgetAccountKey? {
        guard let code: Int = row["scope"], let scope = UInt8(exactly: code).flatMap({ BudgetScope(code: $0) }) else {
            return nil
        }
        return BudgetAccountKey(policy: row["policy"], scope: scope, tenant: row["tenant"], value: row["value"])
    }

    static func account(_ key: BudgetAccountKey, _ database: Database) throws -> BudgetAccount? {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT counters.* FROM counters JOIN accounts ON accounts.id = counters.account
                WHERE policy = ? AND scope = ? AND tenant = ? AND value = ?
                """, arguments: [key.policy, Int(key.scope.code), key.tenant, key.value])
        let counters = rows.compactMap { counter($0) }
        return counters.isEmpty ? nil : BudgetAccount(counters: counters)
    }

    /// Every account with its counters, one after the other, until `body` returns false.
    static func forEach(_ database: Database, _ body: (BudgetAccountKey, BudgetAccount) throws -> Bool) throws {
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT policy, scope, tenant, value, counters.* FROM accounts
                JOIN counters ON counters.account = accounts.id ORDER BY accounts.id
                """)
        var current: (key: BudgetAccountKey, counters: [BudgetCounter])?
        while let row = try rows.next() {
            guard let key = key(row), let counter = counter(row) else { continue }
            if current?.key == key {
                current?.counters.append(counter)
                continue
            }
            if let whole = current, try !body(whole.key, BudgetAccount(counters: whole.counters)) { return }
            current = (key, [counter])
        }
        if let whole = current { _ = try body(whole.key, BudgetAccount(counters: whole.counters)) }
    }

    static func reservations(_ database: Database) throws -> [SegmentSummary.Opened] {
        try Row.fetchAll(database, sql: "SELECT * FROM reservations").map { row in
            let id: Int64 = row["id"]
            let accounts = try Row.fetchAll(
                database,
                sql: """
                    SELECT accounts.* FROM reservation_accounts
                    JOIN accounts ON accounts.id = reservation_accounts.account WHERE reservation = ?
                    """, arguments: [id])
            let cost: String = row["cost"]
            let demand = BudgetAmounts(
                cost: Money(picodollars: Int128(cost) ?? 0), inputTokens: row["input"], outputTokens: row["output"],
                requests: row["requests"], concurrent: 0)
            let names = ["request_id", "tenant", "team", "user", "agent", "run", "key", "model"]
            let record = JournalRecord.Reserve(
                id: UInt64(bitPattern: id), timeMilliseconds: row["time"], leaseMilliseconds: row["lease"],
                demand: demand, accounts: [])
            return SegmentSummary.Opened(
                record: record, call: OpenCall(texts: names.map { row[$0] ?? "" }),
                accounts: accounts.compactMap { key($0) })
        }
    }
}
