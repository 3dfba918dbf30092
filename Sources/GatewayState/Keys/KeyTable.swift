import Foundation
import GRDB
import GatewayModel

/// Keys in and out of the store.
enum KeyTable {
    static func all(_ database: Database) throws -> [ManagedKey] {
        try Row.fetchAll(database, sql: "SELECT * FROM keys ORDER BY created, id").map { row in
            var key = ManagedKey(id: row["id"], hint: row["hint"], createdSeconds: row["created"])
            (key.tenant, key.team, key.user) = (row["tenant"], row["team"], row["user"])
            (key.agent, key.run) = (row["agent"], row["run"])
            key.groups = list(row["groups"])
            key.models = list(row["models"])
            key.limits = list(row["limits"]).compactMap { BudgetLimit($0) }
            (key.expiresSeconds, key.lastUsedSeconds) = (row["expires"], row["last_used"])
            let state: String = row["state"]
            // A state that this version does not know lets nobody in.
            key.state = ManagedKey.State(rawValue: state) ?? .blocked
            key.changedSeconds = row["changed"]
            key.digest = Array(row["digest"] as Data)
            key.earlierDigest = (row["earlier_digest"] as Data?).map { Array($0) }
            key.earlierUntilSeconds = row["earlier_until"]
            return key
        }
    }

    static func write(_ key: ManagedKey, _ database: Database) throws {
        let marks = Array(repeating: "?", count: 18).joined(separator: ", ")
        try database.execute(
            sql: "INSERT OR REPLACE INTO keys VALUES (\(marks))",
            arguments: [
                key.id, Data(key.digest), key.earlierDigest.map { Data($0) }, key.earlierUntilSeconds, key.hint,
                key.tenant, key.team, key.user, key.agent, key.run, key.groups.joined(separator: ","),
                key.models.joined(separator: ","), key.limits.map(\.description).joined(separator: ","),
                key.createdSeconds, key.expiresSeconds, key.state.rawValue, key.changedSeconds, key.lastUsedSeconds,
            ])
    }

    static func writeLastUses(_ uses: [(id: String, seconds: Int)], _ database: Database) throws {
        for use in uses {
            try database.cachedStatement(sql: "UPDATE keys SET last_used = ? WHERE id = ?")
                .execute(arguments: [use.seconds, use.id])
        }
    }

    private static func list(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }
}
