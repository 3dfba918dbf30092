import GatewayModel
import Synchronization

/// A client of MCP of either era, over HTTP, for tests and `sluice tool call`: it lists, calls, and answers what it is
/// asked as it was told beforehand.
package final class ToolClient: Sendable {
    package enum Era: String, Sendable, CaseIterable {
        /// 2026-07-28.
        case new
        /// 2025-11-25, with a session.
        case old
        /// The new one, where the server has it.
        case auto
    }

    package struct Options: Sendable {
        package var era = Era.auto
        package var revision = MCPRevision.november2025
        package var headers: [Header] = []
        /// Answers to forms, by the name of the field; a form without them is declined. A text is read as the form's
        /// schema has it.
        package var answers: [String: JSONDocument] = [:]
        /// Whether servers are told that there is somebody to ask.
        package var canBeAsked = true
        package var timeoutMilliseconds = 60_000
        package var bodyBytesMax = 64 << 20

        package init() {}
    }

    private struct State {
        var isNew: Bool?
        var session: [Header] = []
        var count = 0
        var tools: [String: JSONDocument] = [:]
    }

    package let url: String
    let options: Options
    private let client: WorkbenchClient
    private let state = Mutex(State())
    private static let roundsMax = 10

    package init(
        _ url: String, _ options: Options = Options(), client: WorkbenchClient = WorkbenchClient(version: .http1)
    ) {
        (self.url, self.options, self.client) = (url, options, client)
    }

    /// Finds the era out, and opens a session where there is one. Says what the server says of itself.
    @discardableResult
    package func open() async throws -> JSONDocument {
        guard options.era != .old else { return try await initialize() }
        do {
            let discovery = try await post("server/discover", [:], isNew: true).result
            state.withLock { $0.isNew = true }
            return discovery
        } catch let failure as Failure where options.era == .auto && failure.mayBeOld {
            return try await initialize()
        }
    }

    package var isNew: Bool { state.withLock { $0.isNew } ?? (options.era != .old) }

    private func initialize() async throws -> JSONDocument {
        let params: JSONDocument = [
            "protocolVersion": .string(options.revision.rawValue), "capabilities": capabilities,
            "clientInfo": Self.info,
        ]
        let reply = try await post("initialize", params, isNew: false)
        var session = [
            Header("MCP-Protocol-Version", reply.result["protocolVersion"]?.text ?? options.revision.rawValue)
        ]
        if let id = reply.headers.first("mcp-session-id") { session.append(Header("Mcp-Session-Id", id)) }
        let opened = session
        state.withLock { state in
            state.isNew = false
            state.session = opened
        }
        try await send(["jsonrpc": "2.0", "method": "notifications/initialized"])
        return reply.result
    }

    /// Ends the session, where there is one.
    package func close() async {
        let session = state.withLock { $0.session }
        guard session.has("mcp-session-id") else { return }
        _ = try? await client.call("DELETE", url, headers: options.headers + session)
    }

    // MARK: what it asks

    /// All pages.
    package func list(_ method: String = "tools/list", _ member: String = "tools") async throws -> [JSONDocument] {
        var (items, cursor): ([JSONDocument], JSONDocument?) = ([], nil)
        repeat {
            let result = try await post(method, cursor.map { ["cursor": $0] } ?? [:], isNew: isNew).result
            items += result[member]?.items ?? []
            cursor = result["nextCursor"]
        } while cursor != nil && items.count < 100_000
        if member == "tools" {
            let all = items
            state.withLock { state in
                for item in all { if let name = item["name"]?.text { state.tools[name] = item } }
            }
        }
        return items
    }

    /// A listed tool.
    package func tool(_ name: String) -> JSONDocument? { state.withLock { $0.tools[name] } }

    /// The result of a tool, whatever it says; `told` hears the notifications before it.
    package func call(
        _ name: String, _ arguments: JSONDocument, told: @escaping @Sendable (JSONDocument) -> Void = { _ in }
    ) async throws -> JSONDocument {
        var params: JSONDocument = ["name": .string(name), "arguments": arguments]
        for _ in 0..<Self.roundsMax {
            let result = try await post("tools/call", params, isNew: isNew, told: told).result
            guard result["resultType"] == "input_required" else { return result }
            let answers = (result["inputRequests"]?.members ?? []).map {
                JSONDocument.Member(
                    name: $0.name,
                    value: answer($0.value["method"]?.text ?? "", $0.value["params"] ?? [:]) ?? ["action": "decline"])
            }
            params.set("inputResponses", .object(answers))
            if let requestState = result["requestState"] { params.set("requestState", requestState) }
        }
        throw GatewayError(.upstreamProtocolError, "the server asks again and again")
    }

    /// Any request; its result.
    package func ask(_ method: String, _ params: JSONDocument = [:]) async throws -> JSONDocument {
        try await post(method, params, isNew: isNew).result
    }

    // MARK: what it is asked

    /// nil: it cannot.
    private func answer(_ method: String, _ params: JSONDocument) -> JSONDocument? {
        guard method == "elicitation/create", params["mode"] != "url" else { return nil }
        let names = (params["requestedSchema"]?["properties"]?.members ?? []).map(\.name)
        let content = names.compactMap { name in
            options.answers[name].map {
                let type = params["requestedSchema"]?["properties"]?[name]?["type"]?.text
                return JSONDocument.Member(name: name, value: Self.read($0, as: type))
            }
        }
        let needed = (params["requestedSchema"]?["required"]?.items ?? []).compactMap(\.text)
        guard !content.isEmpty, needed.allSatisfy({ options.answers[$0] != nil }) else { return ["action": "decline"] }
        return ["action": "accept", "content": .object(content)]
    }

    private static func read(_ answer: JSONDocument, as type: String?) -> JSONDocument {
        guard type != "string", let text = answer.text else { return answer }
        return JSONDocument(json: text) ?? answer
    }

    // MARK: the wire

    private var capabilities: JSONDocument { options.canBeAsked ? ["elicitation": ["form": [:]]] : [:] }
    static let info: JSONDocument = ["name": "sluice tool call", "version": "1"]

    /// What a server, or something before it, refused a request with.
    package struct Failure: Error, CustomStringConvertible {
        package let status: Int
        /// Of JSON-RPC; nil: the answer was none.
        package let code: Int?
        package let message: String
        /// What a gateway adds: its own code, such as `SL-3020`, and what may help.
        package let ownCode: String?
        package let hint: String?

        /// A modern server says so in its error, whatever the error is.
        var mayBeOld: Bool {
            (400..<500).contains(status) && status != 401 && status != 403
                && !(code.map { (-32099 ... -32020).contains($0) } ?? false)
        }

        package var description: String { "\(ownCode ?? code.map { "\($0)" } ?? "HTTP \(status)"): \(message)" }
    }

    private struct Reply {
        var headers: [Header]
        var result: JSONDocument
    }

    private func send(_ message: JSONDocument) async throws {
        let session = state.withLock { $0.session }
        _ = try await client.call(
            "POST", url, headers: Self.standard + options.headers + session, body: .bytes(message.bytes),
            timeoutMilliseconds: options.timeoutMilliseconds)
    }

    private static let standard = [
        Header("Content-Type", "application/json"), Header("Accept", "application/json, text/event-stream"),
    ]

    private func post(
        _ method: String, _ params: JSONDocument, isNew: Bool,
        told: @escaping @Sendable (JSONDocument) -> Void = { _ in }
    ) async throws -> Reply {
        let (id, session) = state.withLock { state in
            state.count += 1
            return (state.count, state.session)
        }
        var (params, headers) = (params, Self.standard + options.headers)
        if isNew {
            params.set(
                "_meta",
                [
                    MCPMeta.protocolVersion: .string(MCPRevision.july2026.rawValue), MCPMeta.clientInfo: Self.info,
                    MCPMeta.clientCapabilities: capabilities, MCPMeta.logLevel: "info",
                    "progressToken": .int(id),
                ])
            headers += mirrored(method, params)
        } else {
            headers += session
            if method == "tools/call" { params.set("_meta", ["progressToken": .int(id)]) }
        }
        let target = try CallTarget(url)
        let connection = try await client.connection(url)
        do {
            var request = CallRequest(
                "POST", target.target, headers: headers,
                body: .bytes(MCPMessage.request(.int(id), method, params).bytes))
            request.timeoutMilliseconds = options.timeoutMilliseconds
            let response = try await connection.start(request)
            let message = try await read(response, id: id, told: told)
            await connection.close()
            return Reply(headers: response.headers, result: try result(message, response.status))
        } catch {
            await connection.close()
            throw error
        }
    }

    private func result(_ message: JSONDocument?, _ status: Int) throws -> JSONDocument {
        if let result = message?["result"] { return result }
        guard let error = message?["error"], error["message"] != nil else {
            // What is no endpoint of MCP may still say why (RFC 9457).
            throw Failure(
                status: status, code: nil, message: message?["detail"]?.text ?? "there was no answer",
                ownCode: message?["code"]?.text, hint: message?["hint"]?.text)
        }
        throw Failure(
            status: status, code: error["code"]?.integer, message: error["message"]?.text ?? "",
            ownCode: error["data"]?["code"]?.text, hint: error["data"]?["hint"]?.text)
    }

    /// What the headers have to say again.
    private func mirrored(_ method: String, _ params: JSONDocument) -> [Header] {
        var headers = [
            Header("MCP-Protocol-Version", MCPRevision.july2026.rawValue), Header("Mcp-Method", method),
        ]
        if let name = params["name"]?.text ?? params["uri"]?.text, method != "completion/complete" {
            headers.append(Header("Mcp-Name", Self.field(name)))
        }
        guard method == "tools/call", let tool = params["name"]?.text.flatMap(tool) else { return headers }
        for property in tool["inputSchema"]?["properties"]?.members ?? [] {
            guard let header = property.value["x-mcp-header"]?.text, let value = params["arguments"]?[property.name]
            else { continue }
            headers.append(Header("Mcp-Param-\(header)", Self.field(value.text ?? value.json)))
        }
        return headers
    }

    private static func field(_ text: String) -> String {
        let isPlain =
            text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && text.first != " " && text.last != " "
            && !(text.hasPrefix("=?base64?") && text.hasSuffix("?="))
        return isPlain ? text : "=?base64?\(base64(Array(text.utf8), lineLength: .max).filter { $0 != "\n" })?="
    }

    /// The message that answers; on the way to it notifications are told and questions answered.
    private func read(
        _ response: CallResponse, id: Int, told: @Sendable (JSONDocument) -> Void
    ) async throws -> JSONDocument? {
        let isStream = (response.headers.first("content-type") ?? "").hasPrefix("text/event-stream")
        guard isStream else {
            let whole = try await response.collect(bodyBytesMax: options.bodyBytesMax)
            return JSONDocument(json: whole.body)
        }
        var (events, total) = (ToolEvents(), 0)
        for try await chunk in response.body {
            total += chunk.content.count
            guard total <= options.bodyBytesMax else { throw CallError.bodyTooLarge(options.bodyBytesMax) }
            for data in events.add(chunk.content) {
                guard let message = JSONDocument(json: data) else { continue }
                guard message["method"] != nil else {
                    if message["id"]?.integer == id { return message }
                    continue
                }
                guard let question = message["id"] else {
                    told(message)
                    continue
                }
                let answer = answer(message["method"]?.text ?? "", message["params"] ?? [:])
                try await send(
                    answer.map { MCPMessage.result(question, $0) }
                        ?? MCPError.method(message["method"]?.text ?? "").document(id: question))
            }
        }
        return nil
    }
}

/// The data of server-sent events, however their bytes come.
struct ToolEvents {
    private var held: [UInt8] = []

    /// The data of the events that are now whole; without data there is none.
    mutating func add(_ bytes: [UInt8]) -> [[UInt8]] {
        held += bytes
        var found: [[UInt8]] = []
        while let end = Self.end(held) {
            let lines = held[..<end].split(separator: 0x0A, omittingEmptySubsequences: true)
            var data: [[UInt8]] = []
            for line in lines {
                let line = line.last == 0x0D ? line.dropLast() : line
                guard line.starts(with: Array("data:".utf8)) else { continue }
                let rest = line.dropFirst(5)
                data.append(Array(rest.first == 0x20 ? rest.dropFirst() : rest))
            }
            held.removeFirst(end)
            let joined = Array(data.joined(separator: [0x0A]))
            if !joined.isEmpty { found.append(joined) }
        }
        return found
    }

    /// Behind the blank line of the first event.
    private static func end(_ bytes: [UInt8]) -> Int? {
        var isLineEmpty = false
        for (index, byte) in bytes.enumerated() {
            if byte == 0x0A {
                if isLineEmpty { return index + 1 }
                isLineEmpty = true
            } else if byte != 0x0D {
                isLineEmpty = false
            }
        }
        return nil
    }
}
