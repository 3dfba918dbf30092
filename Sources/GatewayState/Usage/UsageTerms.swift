import GRDB
import GatewayWire

/// What rows of usage have in common: who called what by which provider, and how it ended. Most calls repeat what an
/// earlier one said, so that it is written once, and found again by its bytes as the journal has them.
///
/// Terms have the id of the first row that refers to them, and no row refers to any that are more than a day away from
/// it. So those that no row has any more are told by their age, and nothing has to be counted.
struct UsageTerms {
    static let ageMaxMilliseconds = 86_400_000
    /// What is remembered at most, and of how many bytes each: other terms are written anew for each row.
    private static let knownMax = 2_048
    private static let bytesMax = 1_024

    private struct Known {
        var bytes: [UInt8]
        var ending: UsageRecord.Ending
        var id: Int
    }

    /// By a hash of all of it; of two with one hash the later is remembered.
    private var known: [UInt64: Known] = [:]

    /// What was written since is not in the store.
    mutating func forget() { known = [:] }

    /// The id of a row's terms, which are written under the row's own `id` if need be.
    mutating func id(of row: UsageRecord, in bytes: [UInt8], id: Int, _ database: Database) throws -> Int {
        let text = bytes.span.extracting(row.terms)
        let ending = row.ending
        var hash = Hash64()
        hash.add(text)
        hash.add(UInt64(truncatingIfNeeded: ending.status &* 1_024 &+ ending.attempts))
        hash.add(UInt64(ending.outcome) << 8 | UInt64(ending.flags))
        let key = hash.value
        if let found = known[key], found.ending == ending, Word.equals(found.bytes.span, text),
            UsageTerms.mayRefer(id, to: found.id)
        {
            return found.id
        }
        try UsageTerms.write(row, in: bytes, id: id, database)
        guard row.terms.count <= UsageTerms.bytesMax else { return id }
        if known.count == UsageTerms.knownMax { forget() }
        known[key] = Known(bytes: Array(bytes[row.terms]), ending: ending, id: id)
        return id
    }

    private static func mayRefer(_ row: Int, to terms: Int) -> Bool {
        abs(UsageTable.milliseconds(ofID: row) - UsageTable.milliseconds(ofID: terms)) <= ageMaxMilliseconds
    }

    private static func write(_ row: UsageRecord, in bytes: [UInt8], id: Int, _ database: Database) throws {
        let statement = try database.cachedStatement(sql: insertion)
        var reader = RecordReader(bytes, row.terms)
        // Safe: the binding is used within the closure only.
        try unsafe bytes.withUnsafeBufferPointer { bytes in
            var values = unsafe RowBinding(statement, texts: bytes)
            values.add(id)
            for _ in 0..<UsageRecord.termCount { values.add(reader.range() ?? 0..<0) }
            var groups: [Range<Int>] = []
            for _ in 0..<(reader.count() ?? 0) { groups.append(reader.range() ?? 0..<0) }
            values.add(joined: groups)
            values.add(row.ending.status)
            values.add(UsageRow.Outcome.allCases[Int(row.ending.outcome)].rawValue)
            values.add(Int(row.ending.flags))
            values.add(row.ending.attempts)
            try values.execute(database)
        }
    }

    /// In the order of the journal.
    private static let insertion = """
        INSERT INTO usage_terms (id, tenant, team, "user", agent, run, "key", route, model, provider, provider_model,
        operation, price_version, groups, status, outcome, flags, attempts)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """

    /// Removes some of those that no row refers to; `oldest` is the id of the oldest row.
    mutating func clean(oldest: Int, countMax: Int, _ database: Database) throws {
        let oldestTime = UsageTable.milliseconds(ofID: oldest)
        let end = UsageTable.firstID(ofMilliseconds: oldestTime - 2 * UsageTerms.ageMaxMilliseconds)
        // A clock that goes back may ask for them again.
        known = known.filter { $0.value.id >= end }
        try database.execute(
            sql: "DELETE FROM usage_terms WHERE id IN (SELECT id FROM usage_terms WHERE id < ? ORDER BY id LIMIT ?)",
            arguments: [end, countMax])
    }
}
