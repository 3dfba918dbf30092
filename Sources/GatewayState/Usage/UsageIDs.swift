import GRDB

/// Gives rows of usage their ids, which nothing in the store has: an id is a millisecond and a number within it. Rows
/// must be asked for in the order of their times.
struct UsageIDs {
    /// The largest there is.
    private var newest: Int
    /// The one given last.
    private var last: Int

    init(_ database: Database) throws {
        newest = try UsageIDs.newest(0, .max, database) ?? 0
        last = newest
    }

    mutating func next(_ timeMilliseconds: Int, _ database: Database) throws -> Int {
        let first = UsageTable.firstID(ofMilliseconds: timeMilliseconds)
        if UsageTable.milliseconds(ofID: last) == timeMilliseconds {
            last += 1
        } else if first > newest {
            last = first
        } else {
            // The clock went back, or loops see different times: the millisecond may have rows already.
            let end = UsageTable.lastID(ofMilliseconds: timeMilliseconds)
            last = try UsageIDs.newest(first, end, database).map { $0 + 1 } ?? first
        }
        newest = max(newest, last)
        return last
    }

    /// The largest id of rows and terms within these bounds.
    private static func newest(_ first: Int, _ end: Int, _ database: Database) throws -> Int? {
        let statement = try database.cachedStatement(
            sql: """
                SELECT max(id) FROM (
                SELECT max(id) AS id FROM usage_calls WHERE id BETWEEN ? AND ?
                UNION ALL SELECT max(id) FROM usage_terms WHERE id BETWEEN ? AND ?)
                """)
        return try Int.fetchOne(statement, arguments: [first, end, first, end])
    }
}
