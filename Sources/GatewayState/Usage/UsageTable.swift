import GRDB
import GatewayModel

/// Usage rows in and out of the store.
enum UsageTable {
    private static let picodollarsPerMicrodollar: Int128 = 1_000_000
    private static let insertion =
        "INSERT INTO usage VALUES (NULL, \(Array(repeating: "?", count: 31).joined(separator: ", ")))"

    /// Writes rows whose texts lie in `bytes`.
    static func insert(_ rows: [UsageRecord], of bytes: [UInt8], _ database: Database) throws {
        guard !rows.isEmpty else { return }
        let statement = try database.cachedStatement(sql: insertion)
        // Safe: the binding is used within the closure only.
        try unsafe bytes.withUnsafeBufferPointer { bytes in
            for row in rows {
                var values = unsafe RowBinding(statement, texts: bytes)
                bind(row, to: &values)
                try values.execute(database)
            }
        }
    }

    private static func bind(_ row: UsageRecord, to values: inout RowBinding) {
        let (micro, pico) = row.picodollars.quotientAndRemainder(dividingBy: picodollarsPerMicrodollar)
        values.add(row.timeMilliseconds)
        for index in 0..<7 { values.add(row.texts[index]) }
        values.add(joined: row.groups)
        for index in 7..<12 { values.add(row.texts[index]) }
        values.add(row.status)
        values.add(row.outcome.rawValue)
        values.add(row.flags)
        values.add(row.attempts)
        values.add(row.durationMilliseconds)
        values.add(row.firstTokenMilliseconds)
        values.add(row.texts[12])
        for index in row.usage.indices { values.add(row.usage[index]) }
        values.add(Int(clamping: micro))
        values.add(Int(pico))
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
            try Row.fetchAll(database, sql: "SELECT * FROM usage ORDER BY time, id LIMIT ?", arguments: [limit])
                .map { UsageTable.row($0) }
        }
    }
}
