import GRDB

extension UsageTable {
    /// The tables, the view of both, and what the table before them held. Rows of one day share their terms.
    static let schema2 = """
        CREATE TABLE usage_terms (
            id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, team TEXT NOT NULL, "user" TEXT NOT NULL,
            agent TEXT NOT NULL, run TEXT NOT NULL, "key" TEXT NOT NULL, groups TEXT NOT NULL, route TEXT NOT NULL,
            model TEXT NOT NULL, provider TEXT NOT NULL, provider_model TEXT NOT NULL, operation TEXT NOT NULL,
            price_version TEXT NOT NULL, status INTEGER NOT NULL, outcome TEXT NOT NULL, flags INTEGER NOT NULL,
            attempts INTEGER NOT NULL);
        CREATE TABLE usage_calls (
            id INTEGER PRIMARY KEY, terms INTEGER NOT NULL, request_id TEXT NOT NULL, duration INTEGER NOT NULL,
            first_token INTEGER, input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write_5m INTEGER NOT NULL,
            cache_write_1h INTEGER NOT NULL, audio_input INTEGER NOT NULL, output INTEGER NOT NULL,
            reasoning INTEGER NOT NULL, audio_output INTEGER NOT NULL, cost_micro INTEGER NOT NULL,
            cost_pico INTEGER NOT NULL);
        CREATE TABLE usage_moved AS
            SELECT *, min(new) OVER (
                PARTITION BY (new >> 21) / 86400000, tenant, team, "user", agent, run, "key", groups, route, model,
                provider, provider_model, operation, price_version, status, outcome, flags, attempts) AS terms
            FROM (
                SELECT *, (min(max(time, 0), (1 << 42) - 1) << 21) | (row_number() OVER (ORDER BY time, id) & 2097151)
                AS new FROM usage);
        INSERT INTO usage_terms
            SELECT new, tenant, team, "user", agent, run, "key", groups, route, model, provider, provider_model,
            operation, price_version, status, outcome, flags, attempts FROM usage_moved WHERE new = terms ORDER BY new;
        INSERT INTO usage_calls
            SELECT new, terms, request_id, duration, first_token, input, cache_read, cache_write_5m, cache_write_1h,
            audio_input, output, reasoning, audio_output, cost_micro, cost_pico FROM usage_moved ORDER BY new;
        DROP TABLE usage_moved;
        DROP TABLE usage;
        CREATE VIEW usage AS
            SELECT usage_calls.id AS id, usage_calls.id >> 21 AS time, request_id, tenant, team, "user", agent, run,
            "key", groups, route, model, provider, provider_model, operation, status, outcome, flags, attempts,
            duration, first_token, price_version, input, cache_read, cache_write_5m, cache_write_1h, audio_input,
            output, reasoning, audio_output, cost_micro, cost_pico
            FROM usage_calls CROSS JOIN usage_terms ON usage_terms.id = usage_calls.terms;
        """

    /// Removes rows from before `oldest`, and terms that no row refers to, a bounded number of each.
    static func clean(oldest: Int, now: Int, _ terms: inout UsageTerms, _ database: Database) throws {
        try database.execute(
            sql: "DELETE FROM usage_calls WHERE id IN (SELECT id FROM usage_calls WHERE id < ? ORDER BY id LIMIT ?)",
            arguments: [firstID(ofMilliseconds: oldest), cleanedMax])
        let first = try Int.fetchOne(database, sql: "SELECT min(id) FROM usage_calls") ?? .max
        try terms.clean(oldest: min(first, firstID(ofMilliseconds: now)), countMax: cleanedMax, database)
    }

    private static let cleanedMax = 50_000
}
