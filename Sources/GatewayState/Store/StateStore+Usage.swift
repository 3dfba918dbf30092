import GRDB
package import GatewayModel

/// Usage, added up exactly.
extension StateStore {
    private static let sums = """
        COUNT(*) AS calls, SUM(outcome <> 'completed') AS failures, SUM(flags & 2 <> 0) AS hits,
        SUM(flags & 1 <> 0) AS estimates, SUM(input) AS input, SUM(cache_read) AS cache_read,
        SUM(cache_write_5m) AS cache_write_5m, SUM(cache_write_1h) AS cache_write_1h,
        SUM(audio_input) AS audio_input, SUM(output) AS output, SUM(reasoning) AS reasoning,
        SUM(audio_output) AS audio_output, SUM(cost_micro) AS cost_micro, SUM(cost_pico) AS cost_pico
        """

    /// The sums of every group, the costliest first. What has been settled until now is in them.
    package func usage(_ query: UsageQuery) throws(GatewayError) -> [UsageSum] {
        fold()
        let names = query.by.indices.map { "by_\($0)" }
        let columns = zip(query.by, names).map { "\($0.expression) AS \($1), " }.joined()
        let (condition, arguments) = StateStore.condition(query)
        let grouping = names.isEmpty ? "" : " GROUP BY \(names.joined(separator: ", "))"
        let order = (["cost_micro DESC", "calls DESC"] + names).joined(separator: ", ")
        let statement = """
            SELECT \(columns)\(StateStore.sums) FROM usage\(condition)\(grouping)
            ORDER BY \(order) LIMIT \(max(0, query.groupsMax))
            """
        return try reading { database in
            try Row.fetchAll(database, sql: statement, arguments: arguments).compactMap { row in
                let calls: Int = row["calls"]
                guard calls > 0 else { return nil }
                var sum = UsageSum()
                sum.values = names.map { row[$0] ?? "" }
                (sum.calls, sum.failures) = (calls, row["failures"])
                (sum.cacheHits, sum.estimates) = (row["hits"], row["estimates"])
                sum.usage = UsageTable.usage(row)
                sum.cost = UsageTable.cost(micro: row["cost_micro"], pico: row["cost_pico"])
                return sum
            }
        }
    }

    /// Single calls, the newest first.
    package func calls(_ query: UsageQuery, limit: Int) throws(GatewayError) -> [UsageRow] {
        fold()
        let (condition, arguments) = StateStore.condition(query)
        return try reading { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM usage\(condition) ORDER BY id DESC LIMIT \(max(0, limit))",
                arguments: arguments
            ).map { UsageTable.row($0) }
        }
    }

    private static func condition(_ query: UsageQuery) -> (text: String, arguments: StatementArguments) {
        var conditions: [String] = []
        var arguments = StatementArguments()
        if let since = query.sinceMilliseconds {
            conditions.append("id >= ?")
            arguments += [UsageTable.firstID(ofMilliseconds: since)]
        }
        if let until = query.untilMilliseconds {
            conditions.append("id < ?")
            arguments += [UsageTable.firstID(ofMilliseconds: until)]
        }
        for filter in query.filters {
            // A caller is in several groups; every other field is one value.
            if filter.field == .groups {
                conditions.append("instr(',' || groups || ',', ',' || ? || ',') > 0")
            } else {
                conditions.append("\(filter.field.expression) = ?")
            }
            arguments += [filter.value]
        }
        return (conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND "), arguments)
    }
}
