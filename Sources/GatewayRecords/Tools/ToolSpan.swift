import GatewayModel

/// What a span tells of a call of a tool, in OpenTelemetry's words for MCP (semantic-conventions-genai, mcp.md, server
/// spans). Never what was given or came back.
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
        switch call.kind {
        case .toolCall:
            OTLPResource.attribute("gen_ai.operation.name", "execute_tool", to: &text)
            OTLPResource.attribute("gen_ai.tool.name", call.item, to: &text)
        case .prompt: OTLPResource.attribute("gen_ai.prompt.name", call.item, to: &text)
        case .resource: OTLPResource.attribute("mcp.resource.uri", call.item, to: &text)
        case .list, .other: break
        }
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
