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
        do {
            return try await AdminClient(stateFolder: folder).send(
                method, path, query: query, body: body,
                headers: json == nil ? [] : [.init("Content-Type", "application/json")]
            ).node
        } catch let error as GatewayError where error.code == .unreachable {
            let answer = try StateAPI.offline(
                stateFolder: folder, method: method, path: path, query: AdminClient.query(query), body: body ?? [])
            return try AdminClient.node(Self.bytes(answer))
        }
    }

    /// The answer as text, as the gateway wrote it.
    func text(_ path: String, query: [(String, String)]) async throws -> String {
        do {
            return try await AdminClient(stateFolder: folder).text(path, query: query)
        } catch let error as GatewayError where error.code == .unreachable {
            let answer = try StateAPI.offline(
                stateFolder: folder, method: "GET", path: path, query: AdminClient.query(query), body: [])
            return String(decoding: Self.bytes(answer), as: UTF8.self)
        }
    }

    private static func bytes(_ answer: AdminResponse) -> [UInt8] {
        if case .bytes(let bytes) = answer.body { bytes } else { [] }
    }
}

extension StateOptions {
    var stateClient: StateClient { StateClient(folder: folder) }
}
