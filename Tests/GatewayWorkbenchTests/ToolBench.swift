import GatewayModel
import GatewayWorkbench
import Testing

/// One mock of tools and a client that writes its messages by hand.
struct ToolBench {
    let server: MockToolServer
    let client = WorkbenchClient(version: .http1)

    static func with(
        _ options: MockToolServer.Options = MockToolServer.Options(), _ body: (ToolBench) async throws -> Void
    ) async throws {
        let bench = ToolBench(server: try await MockToolServer.start(options))
        do {
            try await body(bench)
        } catch {
            await bench.server.stop()
            throw error
        }
        await bench.server.stop()
    }

    static let accept = Header("accept", "application/json, text/event-stream")
    static let json = Header("content-type", "application/json")

    func post(_ document: JSONDocument, _ headers: [Header]) async throws -> CompletedResponse {
        try await client.call(
            "POST", server.url, headers: [Self.accept, Self.json] + headers, body: .bytes(document.bytes))
    }

    // MARK: the new revision

    static func params(
        _ params: JSONDocument, can capabilities: JSONDocument = [:], more: JSONDocument = [:]
    ) -> JSONDocument {
        var meta: JSONDocument = [
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        ]
        for (name, value) in more.pairs { meta = meta.with(name, value) }
        return params.with("_meta", meta)
    }

    static func headers(_ method: String, name: String? = nil) -> [Header] {
        [Header("MCP-Protocol-Version", "2026-07-28"), Header("Mcp-Method", method)]
            + (name.map { [Header("Mcp-Name", $0)] } ?? [])
    }

    static func request(_ method: String, _ params: JSONDocument, id: JSONDocument = 1) -> JSONDocument {
        ["jsonrpc": "2.0", "id": id, "method": .string(method), "params": params]
    }

    func ask(
        _ method: String, _ params: JSONDocument = [:], can capabilities: JSONDocument = [:], more: JSONDocument = [:],
        headers: [Header] = []
    ) async throws -> CompletedResponse {
        let name = params["name"]?.text ?? params["uri"]?.text
        return try await post(
            Self.request(method, Self.params(params, can: capabilities, more: more)),
            Self.headers(method, name: name) + headers)
    }

    func call(
        _ tool: String, _ arguments: JSONDocument = [:], can capabilities: JSONDocument = [:], more: JSONDocument = [:],
        headers: [Header] = []
    ) async throws -> CompletedResponse {
        try await ask(
            "tools/call", ["name": .string(tool), "arguments": arguments], can: capabilities, more: more,
            headers: headers)
    }

    // MARK: the old ones

    /// The headers of a session that has begun.
    func open(_ revision: String = "2025-11-25", can capabilities: JSONDocument = [:]) async throws -> [Header] {
        let reply = try await post(
            Self.request(
                "initialize",
                [
                    "protocolVersion": .string(revision), "capabilities": capabilities,
                    "clientInfo": ["name": "bench", "version": "1"],
                ]), [])
        let id = try #require(reply.headers.first("mcp-session-id"))
        let headers = [Header("Mcp-Session-Id", id), Header("MCP-Protocol-Version", revision)]
        let done = try await post(["jsonrpc": "2.0", "method": "notifications/initialized"], headers)
        #expect(done.status == 202)
        return headers
    }
}

extension CompletedResponse {
    /// The messages of a body, whichever form it has.
    var messages: [JSONDocument] {
        if let document = JSONDocument(json: body) { return [document] }
        return ToolBench.events(text)
    }

    var result: JSONDocument? { messages.last?["result"] }
    var code: Int? { messages.last?["error"]?["code"]?.integer }
    /// Of the first part of a tool's result.
    var said: String? { result?["content"]?.items.first?["text"]?.text }
}

extension ToolBench {
    static func events(_ text: String) -> [JSONDocument] {
        text.split(separator: "\n").filter { $0.hasPrefix("data: ") }
            .compactMap { JSONDocument(json: String($0.dropFirst(6))) }
    }
}

extension JSONDocument {
    var pairs: [(String, JSONDocument)] {
        guard case .object(let members) = self else { return [] }
        return members.map { ($0.name, $0.value) }
    }

    func with(_ name: String, _ value: JSONDocument) -> JSONDocument {
        let others = pairs.filter { $0.0 != name }
        return .object((others + [(name, value)]).map { JSONDocument.Member(name: $0.0, value: $0.1) })
    }
}
