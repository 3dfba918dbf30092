import GatewayModel

@testable import GatewayControl

/// An admin API over a store in memory, asked without any socket.
struct AdminFixture {
    static let token = "0123456789abcdef0123456789abcdef"
    static let secretValue = "hunter2-do-not-show"

    /// Beside the example an object of the API's own, and a Secret.
    static let own = """
        apiVersion: sluice.dev/v1alpha1
        kind: Backend
        metadata: {name: own, labels: {tier: test}}
        spec: {endpoints: [{host: 127.0.0.1, port: 9001}]}
        ---
        apiVersion: v1
        kind: Secret
        metadata: {name: key}
        stringData: {token: \(secretValue)}
        """

    let store: ObjectStore
    let api: AdminAPI

    init(services: AdminServices = AdminServices(), stateFolder: String? = nil) async throws {
        store = try ObjectStore(stateFolder: stateFolder)
        await store.replaceFiles(load(exampleText, file: "gateway.yaml"))
        _ = try await store.apply([ConfigurationLoad.Text(bytes: Array(Self.own.utf8), file: "admin")])
        api = AdminAPI(store: store, token: Secret(Self.token), services: services)
    }

    struct Answer {
        var status: Int
        var fields: [(name: String, value: String)]
        var text: String

        func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

        var node: ConfigNode {
            var diagnostics: [Diagnostic] = []
            return DocumentReader.read(
                Array(text.utf8), file: "answer", syntax: .json, unfolding: false, diagnostics: &diagnostics
            ).first ?? ConfigNode(.null)
        }

        /// The findings of a refusal as `line:column code`.
        var findings: [String] {
            (node["diagnostics"]?.elements ?? []).map {
                "\($0.number("line")):\($0.number("column")) \($0["code"]?.string ?? "")"
            }
        }
    }

    func ask(
        _ method: String, _ path: String, _ body: String = "", fields: [(name: String, value: String)] = [],
        token: String? = AdminFixture.token
    ) async -> Answer {
        let parts = path.split(separator: "?", maxSplits: 1).map(String.init)
        var fields = fields
        if let token { fields.append(("Authorization", "Bearer \(token)")) }
        let response = await api.respond(
            AdminRequest(
                method: method, path: parts[0], query: parts.count > 1 ? parts[1] : "", fields: fields,
                body: Array(body.utf8)))
        switch response.body {
        case .bytes(let bytes):
            return Answer(
                status: response.status, fields: response.fields, text: String(decoding: bytes, as: UTF8.self))
        case .stream: return Answer(status: response.status, fields: response.fields, text: "")
        }
    }

    func stream(_ path: String, fields: [(name: String, value: String)] = []) async -> AsyncStream<[UInt8]>? {
        let parts = path.split(separator: "?", maxSplits: 1).map(String.init)
        let response = await api.respond(
            AdminRequest(
                path: parts[0], query: parts.count > 1 ? parts[1] : "",
                fields: fields + [("authorization", "bearer \(Self.token)")]))
        guard case .stream(let stream) = response.body else { return nil }
        return stream
    }

    static func backend(_ name: String, port: Int, extra: String = "") -> String {
        """
        {"apiVersion": "sluice.dev/v1alpha1", "kind": "Backend",
         "metadata": {"name": "\(name)"\(extra)},
         "spec": {"endpoints": [{"host": "127.0.0.1", "port": \(port)}]}}
        """
    }
}

extension ConfigNode {
    func number(_ name: String) -> Int {
        if case .number(let text)? = self[name]?.value { return Int(text) ?? -1 }
        return -1
    }
}
