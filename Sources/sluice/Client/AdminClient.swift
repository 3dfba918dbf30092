import Foundation
import GatewayControl
import GatewayModel
import GatewayWorkbench

/// Speaks to a running gateway over the socket in its state folder, with the token beside it.
struct AdminClient: Sendable {
    let stateFolder: String
    private static let timeoutMilliseconds = 30_000

    /// An answer that is not an error.
    struct Answer: Sendable {
        var status: Int
        var headers: [Header]
        var node: ConfigNode
    }

    func get(_ path: String, query: [(String, String)] = []) async throws -> Answer {
        try await send("GET", path, query: query)
    }

    /// Throws `unreachable`, `denied`, or what the gateway said.
    func send(
        _ method: String, _ path: String, query: [(String, String)] = [], body: [UInt8]? = nil,
        headers: [Header] = []
    ) async throws -> Answer {
        let response = try await exchange(method, path, query: query, body: body, headers: headers)
        let node = try Self.node(response.body)
        if response.status >= 400 { throw refusal(response.status, node) }
        return Answer(status: response.status, headers: response.headers, node: node)
    }

    /// An answer that is not JSON.
    func text(_ path: String, query: [(String, String)]) async throws -> String {
        let response = try await exchange("GET", path, query: query, body: nil, headers: [])
        if response.status >= 400 { throw refusal(response.status, try Self.node(response.body)) }
        return String(decoding: response.body, as: UTF8.self)
    }

    private func exchange(
        _ method: String, _ path: String, query: [(String, String)], body: [UInt8]?, headers: [Header]
    ) async throws -> CompletedResponse {
        do {
            return try await WorkbenchClient(version: .http1, via: .unix(path: try socket())).call(
                method, "http://sluice\(Self.target(path, query))", headers: headers + [try authorization()],
                body: body.map { .bytes($0) } ?? .none, timeoutMilliseconds: Self.timeoutMilliseconds)
        } catch let error as CallError {
            throw unreachable("\(error)")
        }
    }

    /// A JSON body.
    func post(_ path: String, query: [(String, String)] = [], json: ConfigNode) async throws -> Answer {
        try await send(
            "POST", path, query: query, body: Array(JSONPrinter.print(json).utf8),
            headers: [Header("Content-Type", "application/json")])
    }

    /// Lines as they come, until the gateway ends the stream or `take` returns false.
    func lines(_ path: String, query: [(String, String)], take: (String) -> Bool) async throws {
        let target = try CallTarget("http://sluice\(Self.target(path, query))")
        let destination = Destination(target, version: .http1, via: .unix(path: try socket()))
        do {
            let connection = try await ClientConnection.open(destination)
            var request = CallRequest("GET", target.target, headers: [try authorization()])
            request.timeoutMilliseconds = Int(Int32.max)
            let response = try await connection.start(request)
            guard response.status < 400 else {
                let whole = try await response.collect()
                throw refusal(whole.status, try Self.node(whole.body))
            }
            var rest: [UInt8] = []
            for try await chunk in response.body {
                rest += chunk.content
                while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = String(decoding: rest[..<end], as: UTF8.self)
                    rest.removeSubrange(...end)
                    if !line.isEmpty, !take(line) { return await connection.close() }
                }
            }
        } catch let error as CallError {
            throw unreachable("\(error)")
        }
    }

    // MARK: Inside

    private static func target(_ path: String, _ query: [(String, String)]) -> String {
        query.isEmpty ? path : "\(path)?\(Self.query(query))"
    }

    static func query(_ query: [(String, String)]) -> String {
        query.map { "\(PercentText.encoded($0.0))=\(PercentText.encoded($0.1))" }.joined(separator: "&")
    }

    private func socket() throws(GatewayError) -> String {
        let path = "\(stateFolder)/\(AdminToken.socketName)"
        guard FileManager.default.fileExists(atPath: path) else { throw unreachable(nil) }
        return path
    }

    private func authorization() throws(GatewayError) -> Header {
        guard let token = try AdminToken.read(stateFolder: stateFolder) else { throw unreachable(nil) }
        return Header("Authorization", token.reveal { "Bearer \(String(decoding: $0, as: UTF8.self))" })
    }

    private func unreachable(_ cause: String?) -> GatewayError {
        let why = cause.map { ": \($0)" } ?? ""
        return GatewayError(
            .unreachable, "no gateway answers in state folder \"\(stateFolder)\"\(why)",
            hint: "start one with 'sluice run', or name its folder with --state or SLUICE_STATE", cause: cause)
    }

    static func node(_ body: [UInt8]) throws(GatewayError) -> ConfigNode {
        if body.isEmpty { return .object([]) }
        var diagnostics: [Diagnostic] = []
        let documents = DocumentReader.read(
            body, file: "answer", syntax: .json, unfolding: false, diagnostics: &diagnostics)
        guard let node = documents.first else {
            throw GatewayError(.unreachable, "what answered is not an admin API", hint: "see --state")
        }
        return node
    }

    private func refusal(_ status: Int, _ problem: ConfigNode) -> any Error {
        var error = GatewayError(
            problem["code"]?.string.flatMap(ErrorCode.init(rawValue:)) ?? .internalFault,
            problem["detail"]?.string ?? "the admin API answered \(status)", hint: problem["hint"]?.string)
        if status == 401 || status == 403 {
            error = GatewayError(
                .denied, "the gateway does not accept the token in \"\(stateFolder)\"",
                hint: "is this its state folder? see --state")
        }
        return Refusal(error: error, diagnostics: problem["diagnostics"]?.elements ?? [])
    }
}
