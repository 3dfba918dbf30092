import GRDB
import GatewayModel

/// Usage rows in and out of the store. What many rows have in common lies in `usage_terms`, the rest of each in
/// `usage_calls`, and the view `usage` is both. An id is a millisecond and a number within it, so that rows lie in the
/// order of their times and are found by them.
enum UsageTable {
    private static let picodollarsPerMicrodollar: Int128 = 1_000_000
    private static let numberBits = 21
    /// The last millisecond that an id has room for.
    static let timeMax = 1 << 42 - 1
    /// Rows of one statement: to run one costs as much as five values of a row.
    private static let rowsPerRun = 16

    static func firstID(ofMilliseconds time: Int) -> Int { min(max(time, 0), timeMax) << numberBits }
    static func lastID(ofMilliseconds time: Int) -> Int { firstID(ofMilliseconds: time) | ((1 << numberBits) - 1) }
    static func milliseconds(ofID id: Int) -> Int { id >> numberBits }

    /// Writes rows whose texts lie in `bytes`.
    static func insert(
        _ rows: [UsageRecord], of bytes: [UInt8], _ terms: inout UsageTerms, _ database: Database
    ) throws {
        guard !rows.isEmpty else { return }
        // Loops see slightly different times.
        let order = rows.indices.sorted { (rows[$0].timeMilliseconds, $0) < (rows[$1].timeMilliseconds, $1) }
        var ids = try UsageIDs(database)
        var rest = order[...]
        for count in [rowsPerRun, 1] {
            let statement = try database.cachedStatement(sql: insertion(count))
            while rest.count >= count {
                try insert(rest.prefix(count).lazy.map { rows[$0] }, of: bytes, &terms, &ids, statement, database)
                rest = rest.dropFirst(count)
            }
        }
    }

    /// As many as the statement takes.
    private static func insert(
        _ rows: some Sequence<UsageRecord>, of bytes: [UInt8], _ terms: inout UsageTerms, _ ids: inout UsageIDs,
        _ statement: Statement, _ database: Database
    ) throws {
        // Safe: the binding is used within the closure only.
        try unsafe bytes.withUnsafeBufferPointer { texts in
            var values = unsafe RowBinding(statement, texts: texts)
            for row in rows {
                let id = try ids.next(row.timeMilliseconds, database)
                values.add(id)
                values.add(try terms.id(of: row, in: bytes, id: id, database))
                bind(row, to: &values)
            }
            try values.execute(database)
        }
    }

    private static func insertion(_ rows: Int) -> String {
        let row = "(\(Array(repeating: "?", count: 15).joined(separator: ", ")))"
        return "INSERT INTO usage_calls VALUES \(Array(repeating: row, count: rows).joined(separator: ", "))"
    }

    private static func bind(_ row: UsageRecord, to values: inout RowBinding) {
        values.add(row.requestID)
        values.add(row.durationMilliseconds)
        values.add(row.firstTokenMilliseconds)
        for index in row.usage.indices { values.add(row.usage[index]) }
        // Nearly every amount fits into half the width, where division costs a tenth.
        if let cost = UInt64(exactly: row.picodollars) {
            let (micro, pico) = cost.quotientAndRemainder(dividingBy: UInt64(picodollarsPerMicrodollar))
            values.add(Int(micro))
            values.add(Int(pico))
        } else {
            let (micro, pico) = row.picodollars.quotientAndRemainder(dividingBy: picodollarsPerMicrodollar)
            values.add(Int(clamping: micro))
            values.add(Int(pico))
        }
    }

    static func row(_ row: Row) -> UsageRow {
        var result = UsageRow(
            .anonymous, model: row["model"], requestID: row["request_id"], timeMilliseconds: row["time"])
        (result.tenant, result.team, result.user) = (row["tenant"], row["team"], row["user"])
        (result.agent, result.run, result.key) = (row["agent"], row["run"], row["key"])
        let groups: String = row["groups"]
        result.groups = groups.split(separator: ",").map(String.init)
        (result.route, result.provider, result.providerModel) = (row["route"], row["provider"], row["provider_model"])
        (result.operation, result.priceVersion) = (row["operation"], row["price_version"])
        let outcome: String = row["outcome"]
        result.outcome = UsageRow.Outcome(rawValue: outcome) ?? .completed
        result.flags = UsageRow.Flags(rawValue: row["flags"])
        (result.status, result.attempts, result.durationMilliseconds) =
            (row["status"], row["attempts"], row["duration"])
        result.firstTokenMilliseconds = row["first_token"]
        result.usage = usage(row)
        result.cost = cost(micro: row["cost_micro"], pico: row["cost_pico"])
        return result
    }

    static func usage(_ row: Row) -> TokenUsage {
        var usage = TokenUsage()
        (usage.input, usage.cacheRead) = (row["input"], row["cache_read"])
        (usage.cacheWrite5m, usage.cacheWrite1h) = (row["cache_write_5m"], row["cache_write_1h"])
        (usage.audioInput, usage.output) = (row["audio_input"], row["output"])
        (usage.reasoning, usage.audioOutput) = (row["reasoning"], row["audio_output"])
        return usage
    }

    static func cost(micro: Int64, pico: Int64) -> Money {
        Money(picodollars: Int128(micro) * picodollarsPerMicrodollar + Int128(pico))
    }
}

extension StateStore {
    /// Every row, the oldest first, what is not folded yet included; for tests and exports.
    package func usageRows(limit: Int = 10_000) throws -> [UsageRow] {
        fold()
        return try database.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM usage ORDER BY id LIMIT ?", arguments: [limit])
                .map { UsageTable.row($0) }
        }
    }
}
