import GRDB
package import GatewayModel

/// Revocations in and out of the store. Few, and read once: whoever checks callers has them in memory.
extension StateStore {
    /// Keeps them; what they say counts for callers once this has returned.
    package func keep(_ revocations: [Revocation]) throws(GatewayError) {
        do {
            try database.write { database in
                for entry in revocations { try RevocationTable.write(entry, database) }
                try database.execute(
                    sql: "DELETE FROM revocations WHERE until <= ?", arguments: [nowMilliseconds / 1_000])
            }
        } catch {
            throw GatewayError(
                .unreadableFile, "the revocation cannot be stored",
                hint: "check space and permissions of the state folder", cause: "\(error)")
        }
    }

    /// Those that still matter, the newest first.
    package func revocations() throws(GatewayError) -> [Revocation] {
        do {
            return try database.read { try RevocationTable.all($0, nowSeconds: nowMilliseconds / 1_000) }
        } catch {
            throw GatewayError(.unreadableFile, "the revocations cannot be read", cause: "\(error)")
        }
    }
}

enum RevocationTable {
    static let schema = """
        CREATE TABLE revocations (
            kind TEXT NOT NULL, value TEXT NOT NULL, tenant TEXT NOT NULL, before INTEGER NOT NULL,
            until INTEGER NOT NULL, PRIMARY KEY (kind, value, tenant)) WITHOUT ROWID;
        """

    static func write(_ entry: Revocation, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO revocations VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
                before = max(before, excluded.before), until = max(until, excluded.until)
                """,
            arguments: [entry.kind.rawValue, entry.value, entry.tenant ?? "", entry.beforeSeconds, entry.untilSeconds])
    }

    static func all(_ database: Database, nowSeconds: Int) throws -> [Revocation] {
        try Row.fetchAll(
            database, sql: "SELECT * FROM revocations WHERE until > ? ORDER BY before DESC, kind, value",
            arguments: [nowSeconds]
        ).compactMap { row in
            let name: String = row["kind"]
            // A kind that this version does not know cannot be checked by it either.
            guard let kind = Revocation.Kind(rawValue: name) else { return nil }
            let tenant: String = row["tenant"]
            return Revocation(
                kind: kind, value: row["value"], tenant: tenant.isEmpty ? nil : tenant, beforeSeconds: row["before"],
                untilSeconds: row["until"])
        }
    }
}
