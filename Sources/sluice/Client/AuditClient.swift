import GatewayControl
import GatewayModel

/// Asks a running gateway about its audit log, or, when none runs, the folder itself.
struct AuditClient {
    let folder: String

    func node(_ path: String, query: [(String, String)] = []) async throws -> ConfigNode {
        try await StateAccess.ask(folder) {
            try await AdminClient(stateFolder: folder).get(path, query: query).node
        } offline: {
            var bytes: [UInt8] = []
            try await AuditAPI.offline(stateFolder: folder, path: path, query: AdminClient.query(query)) { bytes += $0 }
            return try AdminClient.node(bytes)
        }
    }

    /// JSON lines, one by one.
    func lines(_ path: String, query: [(String, String)], take: (String) -> Void) async throws {
        try await StateAccess.ask(folder) {
            try await AdminClient(stateFolder: folder).lines(path, query: query) { line in
                take(line)
                return true
            }
        } offline: {
            try await AuditAPI.offline(stateFolder: folder, path: path, query: AdminClient.query(query)) { bytes in
                for line in bytes.split(separator: 0x0A) { take(String(decoding: line, as: UTF8.self)) }
            }
        }
    }
}
