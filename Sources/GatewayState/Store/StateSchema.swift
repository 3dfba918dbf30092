import GRDB

/// The tables. Amounts of more than 64 bits are decimal text; what SQL must add up is two integers: microdollars, and
/// the picodollars below them. A version once released never changes; a new one is added.
enum StateSchema {
    static func migrate(_ database: any DatabaseWriter) throws { try migrator.migrate(database) }

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(sql: accounts)
            try database.execute(sql: usage)
            try database.execute(sql: keys)
        }
        migrator.registerMigration("identity-1") { try $0.execute(sql: RevocationTable.schema) }
        migrator.registerMigration("tools-1") { try $0.execute(sql: tools) }
        migrator.registerMigration("connections-1") { try $0.execute(sql: ConnectionBook.schema) }
        migrator.registerMigration("objects-1") { try $0.execute(sql: ProviderObjectBook.schema) }
        migrator.registerMigration("objects-2") { try $0.execute(sql: ProviderObjectBook.schema2) }
        migrator.registerMigration("usage-2") { try $0.execute(sql: UsageTable.schema2) }
        return migrator
    }

    private static let accounts = """
        CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE accounts (
            id INTEGER PRIMARY KEY, policy TEXT NOT NULL, scope INTEGER NOT NULL, tenant TEXT NOT NULL,
            value TEXT NOT NULL, UNIQUE (policy, scope, tenant, value));
        CREATE TABLE counters (
            account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, unit INTEGER NOT NULL,
            window INTEGER NOT NULL, number INTEGER NOT NULL, limited TEXT NOT NULL, spent TEXT NOT NULL,
            PRIMARY KEY (account, unit, window)) WITHOUT ROWID;
        CREATE TABLE reservations (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, lease INTEGER NOT NULL, cost TEXT NOT NULL,
            input INTEGER NOT NULL, output INTEGER NOT NULL, requests INTEGER NOT NULL, request_id TEXT NOT NULL,
            tenant TEXT NOT NULL, team TEXT NOT NULL, "user" TEXT NOT NULL, agent TEXT NOT NULL, run TEXT NOT NULL,
            "key" TEXT NOT NULL, model TEXT NOT NULL);
        CREATE TABLE reservation_accounts (
            reservation INTEGER NOT NULL REFERENCES reservations (id) ON DELETE CASCADE,
            account INTEGER NOT NULL REFERENCES accounts (id), PRIMARY KEY (reservation, account)) WITHOUT ROWID;
        CREATE INDEX reservation_accounts_account ON reservation_accounts (account);
        """

    private static let usage = """
        CREATE TABLE usage (
            id INTEGER PRIMARY KEY, time INTEGER NOT NULL, request_id TEXT NOT NULL, tenant TEXT NOT NULL,
            team TEXT NOT NULL, "user" TEXT NOT NULL, agent TEXT NOT NULL, run TEXT NOT NULL, "key" TEXT NOT NULL,
            groups TEXT NOT NULL, route TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
            provider_model TEXT NOT NULL, operation TEXT NOT NULL, status INTEGER NOT NULL, outcome TEXT NOT NULL,
            flags INTEGER NOT NULL, attempts INTEGER NOT NULL, duration INTEGER NOT NULL, first_token INTEGER,
            price_version TEXT NOT NULL, input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
            cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL, audio_input INTEGER NOT NULL,
            output INTEGER NOT NULL, reasoning INTEGER NOT NULL, audio_output INTEGER NOT NULL,
            cost_micro INTEGER NOT NULL, cost_pico INTEGER NOT NULL);
        CREATE INDEX usage_time ON usage (time);
        """

    /// Definitions of tools and calls that wait, each as JSON.
    private static let tools = """
        CREATE TABLE tools (
            kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
        """

    private static let keys = """
        CREATE TABLE keys (
            id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, earlier_digest BLOB UNIQUE, earlier_until INTEGER,
            hint TEXT NOT NULL, tenant TEXT, team TEXT, "user" TEXT, agent TEXT, run TEXT, groups TEXT NOT NULL,
            models TEXT NOT NULL, limits TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER,
            state TEXT NOT NULL, changed INTEGER NOT NULL, last_used INTEGER) WITHOUT ROWID;
        """
}
