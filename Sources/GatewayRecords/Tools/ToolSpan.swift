import GatewayModel

/// What a span tells of a call of a tool, in OpenTelemetry's words for MCP (semantic-conventions-genai,
/// mcp.md). Never what was given or came back.
enum ToolSpan {
    /// `tools/call get_weather`.
    static func name(_ call: ToolCallRecord) -> String {
        call.item.isEmpty || call.kind == .resource ? call.method : "\(call.method) \(call.item)"
    }

    static func attributes(_ call: ToolCallRecord, to text: inout JSONText) {
        OTLPResource.attribute("mcp.method.name", call.method, to: &text)
        OTLPResource.attribute("mcp.protocol.version", call.revision, to: &text)
        OTLPResource.attribute("mcp.session.id", call.session, to: &text)
        OTLPResource.attribute("jsonrpc.request.id", call.requestID, to: &text)
        OTLPResource.attribute("network.transport", "tcp", to: &text)
        if let code = call.errorCode { OTLPResource.attribute("rpc.response.status_code", "\(code)", to: &text) }
        OTLPResource.attribute("error.type", errorType(call) ?? "", to: &text)
        subject(call, to: &text)
        OTLPResource.attribute("sluice.tool.server", call.server, to: &text)
        OTLPResource.attribute("sluice.tool.result", call.result.name, to: &text)
        OTLPResource.attribute("sluice.tool.verdict", call.verdict, to: &text)
        OTLPResource.attribute("sluice.tool.pin", call.pin, to: &text)
        OTLPResource.attribute("sluice.tool.arguments.digest", call.argumentsDigest, to: &text)
        OTLPResource.attribute("sluice.tool.result.digest", call.resultDigest, to: &text)
        if let risk = call.risk { OTLPResource.attribute("sluice.tool.risk", risk.rawValue, to: &text) }
        if call.redactions > 0 { OTLPResource.attribute("sluice.tool.redactions", call.redactions, to: &text) }
        OTLPResource.attribute("sluice.tool.approval", call.approval, to: &text)
    }

    /// Of the span of the gateway's own request (mcp.md, client spans). The server's session id is not among them: it
    /// opens the session.
    static func attributes(_ client: ToolClientRecord, of call: ToolCallRecord, to text: inout JSONText) {
        OTLPResource.attribute("mcp.method.name", client.method, to: &text)
        OTLPResource.attribute("mcp.protocol.version", client.revision, to: &text)
        OTLPResource.attribute("jsonrpc.request.id", client.requestID, to: &text)
        OTLPResource.attribute("network.transport", client.address.isEmpty ? "pipe" : "tcp", to: &text)
        if !client.address.isEmpty {
            let peer = Authority(client.address)
            OTLPResource.attribute("network.protocol.name", "http", to: &text)
            OTLPResource.attribute("server.address", peer.host, to: &text)
            if let port = peer.port { OTLPResource.attribute("server.port", port, to: &text) }
        }
        if let code = client.errorCode { OTLPResource.attribute("rpc.response.status_code", "\(code)", to: &text) }
        OTLPResource.attribute("error.type", client.errorCode.map { "\($0)" } ?? client.failure.name, to: &text)
        subject(call, to: &text)
        OTLPResource.attribute("sluice.tool.server", call.server, to: &text)
    }

    /// What is called, got or read.
    private static func subject(_ call: ToolCallRecord, to text: inout JSONText) {
        switch call.kind {
        case .toolCall:
            OTLPResource.attribute("gen_ai.operation.name", "execute_tool", to: &text)
            OTLPResource.attribute("gen_ai.tool.name", call.item, to: &text)
        case .prompt: OTLPResource.attribute("gen_ai.prompt.name", call.item, to: &text)
        case .resource: OTLPResource.attribute("mcp.resource.uri", call.item, to: &text)
        case .list, .other: break
        }
    }

    /// The code of a JSON-RPC error, or that the tool itself has failed; nil for what did not fail.
    static func errorType(_ call: ToolCallRecord) -> String? {
        if let code = call.errorCode { return "\(code)" }
        switch call.result {
        case .toolError: return "tool_error"
        case .failed, .refused: return "_OTHER"
        case .ok, .waiting: return nil
        }
    }
}
