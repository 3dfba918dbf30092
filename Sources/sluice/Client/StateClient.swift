import GatewayControl
import GatewayModel
import GatewayWorkbench

/// Asks a running gateway about its state, or, when none runs, the folder itself.
struct StateClient {
    let folder: String

    func get(_ path: String, query: [(String, String)] = []) async throws -> ConfigNode {
        try await send("GET", path, query: query)
    }

    func send(
        _ method: String, _ path: String, query: [(String, String)] = [], json: ConfigNode? = nil
    ) async throws -> ConfigNode {
        let body = json.map { Array(JSONPrinter.print($0).utf8) }
        return try await StateAccess.ask(folder) {
            try await AdminClient(stateFolder: folder).send(
                method, path, query: query, body: body,
                headers: json == nil ? [] : [.init("Content-Type", "application/json")]
            ).node
        } offline: {
            try AdminClient.node(try offline(method, path, query, body ?? []))
        }
    }

    /// The answer as text, as the gateway wrote it.
    func text(_ path: String, query: [(String, String)]) async throws -> String {
        try await StateAccess.ask(folder) {
            try await AdminClient(stateFolder: folder).text(path, query: query)
        } offline: {
            String(decoding: try offline("GET", path, query, []), as: UTF8.self)
        }
    }

    private func offline(
        _ method: String, _ path: String, _ query: [(String, String)], _ body: [UInt8]
    ) throws -> [UInt8] {
        let answer = try StateAPI.offline(
            stateFolder: folder, method: method, path: path, query: AdminClient.query(query), body: body)
        return if case .bytes(let bytes) = answer.body { bytes } else { [] }
    }
}

extension StateOptions {
    var stateClient: StateClient { StateClient(folder: folder) }
}
