import GRDB
import GatewayModel

/// Usage rows in and out of the store.
enum UsageTable {
    private static let picodollarsPerMicrodollar: Int128 = 1_000_000
    private static let insertion =
        "INSERT INTO usage VALUES (NULL, \(Array(repeating: "?", count: 31).joined(separator: ", ")))"

    static func insert(_ row: UsageRow, _ database: Database) throws {
        let (micro, pico) = row.cost.picodollars.quotientAndRemainder(dividingBy: picodollarsPerMicrodollar)
        let usage = row.usage
        var values = RowBinding(try database.cachedStatement(sql: insertion))
        values.add([row.timeMilliseconds])
        values.add([row.requestID, row.tenant, row.team, row.user, row.agent, row.run, row.key])
        values.add([row.groups.joined(separator: ","), row.route, row.model, row.provider, row.providerModel])
        values.add([row.operation])
        values.add([row.status])
        values.add([row.outcome.rawValue])
        values.add([Int(row.flags.rawValue), row.attempts, row.durationMilliseconds, row.firstTokenMilliseconds])
        values.add([row.priceVersion])
        values.add([usage.input, usage.cacheRead, usage.cacheWrite5m, usage.cacheWrite1h, usage.audioInput])
        values.add([usage.output, usage.reasoning, usage.audioOutput, Int(micro), Int(pico)])
        try values.execute(database)
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
