import GRDB
package import GatewayModel
import Synchronization

/// Connections of users to servers, and what the gateway is registered as at authorization servers: in memory for
/// requests, and in the store for the next life. A change is on the disk before anybody goes by it: a refresh token
/// that was rotated and lost is a connection lost.
package final class ConnectionBook: Sendable {
    private struct State {
        var connections: [UpstreamConnection.Key: UpstreamConnection] = [:]
        /// Sealed, by what they are for.
        var clients: [String: String] = [:]
    }

    package static let connectionsMax = 200_000
    package static let clientsMax = 10_000

    static let schema = """
        CREATE TABLE connections (
            tenant TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, server TEXT NOT NULL, id TEXT NOT NULL UNIQUE,
            issuer TEXT NOT NULL, scopes TEXT NOT NULL, state TEXT NOT NULL, created INTEGER NOT NULL,
            changed INTEGER NOT NULL, sealed TEXT NOT NULL,
            PRIMARY KEY (tenant, kind, name, server)) WITHOUT ROWID;
        CREATE TABLE oauth_clients (name TEXT PRIMARY KEY, sealed TEXT NOT NULL) WITHOUT ROWID;
        """

    private let database: any DatabaseWriter
    private let state = Mutex(State())
    /// One change at a time, on the disk and in memory alike; who only reads does not wait for it.
    private let changing = Mutex(())

    init(_ database: any DatabaseWriter) throws {
        self.database = database
        let loaded = try database.read { database in
            var loaded = State()
            for row in try Row.fetchAll(database, sql: "SELECT * FROM connections") {
                let key = UpstreamConnection.Key(
                    tenant: row["tenant"], kind: row["kind"], name: row["name"], server: row["server"])
                let scopes: String = row["scopes"]
                loaded.connections[key] = UpstreamConnection(
                    key: key, id: row["id"], issuer: row["issuer"],
                    scopes: scopes.split(separator: " ").map(String.init),
                    state: UpstreamConnection.State(rawValue: row["state"]) ?? .expired,
                    createdSeconds: row["created"], changedSeconds: row["changed"], sealed: row["sealed"])
            }
            for row in try Row.fetchAll(database, sql: "SELECT * FROM oauth_clients") {
                let name: String = row["name"]
                loaded.clients[name] = row["sealed"]
            }
            return loaded
        }
        state.withLock { $0 = loaded }
    }

    // MARK: Connections

    package func connection(_ key: UpstreamConnection.Key) -> UpstreamConnection? {
        state.withLock { $0.connections[key] }
    }

    /// On the disk when it returns. Throws `overloaded` when there are too many, or what the store says.
    package func keep(_ connection: UpstreamConnection) throws(GatewayError) {
        try change { () throws(GatewayError) in try store(connection) }
    }

    /// The same, unless the connection has become another one meanwhile, or was removed; false then.
    package func keep(
        _ connection: UpstreamConnection, inPlaceOf known: UpstreamConnection
    ) throws(GatewayError) -> Bool {
        try change { () throws(GatewayError) in
            guard self.connection(known.key)?.sealed == known.sealed else { return false }
            try store(connection)
            return true
        }
    }

    private func change<Result>(_ body: () throws(GatewayError) -> Result) throws(GatewayError) -> Result {
        try changing.withLock { _ throws(GatewayError) in try body() }
    }

    private func store(_ connection: UpstreamConnection) throws(GatewayError) {
        let hasRoom = state.withLock {
            $0.connections[connection.key] != nil || $0.connections.count < ConnectionBook.connectionsMax
        }
        guard hasRoom else {
            throw GatewayError(.overloaded, "there are more connections than \(ConnectionBook.connectionsMax)")
        }
        let key = connection.key
        try write(
            "INSERT OR REPLACE INTO connections VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                key.tenant, key.kind, key.name, key.server, connection.id, connection.issuer,
                connection.scopes.joined(separator: " "), connection.state.rawValue, connection.createdSeconds,
                connection.changedSeconds, connection.sealed,
            ])
        state.withLock { $0.connections[key] = connection }
    }

    /// What was removed; nil when there was none.
    package func remove(_ key: UpstreamConnection.Key) throws(GatewayError) -> UpstreamConnection? {
        try change { () throws(GatewayError) in
            try write(
                "DELETE FROM connections WHERE tenant = ? AND kind = ? AND name = ? AND server = ?",
                [key.tenant, key.kind, key.name, key.server])
            return state.withLock { $0.connections.removeValue(forKey: key) }
        }
    }

    // MARK: Registrations

    package func client(_ name: String) -> String? { state.withLock { $0.clients[name] } }

    package func keep(client sealed: String, _ name: String) throws(GatewayError) {
        guard state.withLock({ $0.clients[name] != nil || $0.clients.count < ConnectionBook.clientsMax }) else {
            throw GatewayError(.overloaded, "there are more registrations than \(ConnectionBook.clientsMax)")
        }
        try write("INSERT OR REPLACE INTO oauth_clients VALUES (?, ?)", [name, sealed])
        state.withLock { $0.clients[name] = sealed }
    }

    package func removeClient(_ name: String) throws(GatewayError) {
        try write("DELETE FROM oauth_clients WHERE name = ?", [name])
        state.withLock { $0.clients[name] = nil }
    }

    private func write(_ sql: String, _ arguments: StatementArguments) throws(GatewayError) {
        do { try database.write { try $0.execute(sql: sql, arguments: arguments) } } catch {
            throw GatewayError(
                .unreadableFile, "the connection cannot be stored",
                hint: "check space and permissions of the state folder", cause: "\(error)")
        }
    }
}
