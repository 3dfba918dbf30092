import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire

/// What a call must fit: the scopes of its caller's token, and the schemas of its tool.
extension MCPExchange {
    /// Step-up: the client is told all scopes that this call needs, so that it can ask for them at once.
    func checkScopes(_ terms: ToolTerms, _ call: ClientCall) throws(ClientFault) {
        guard let lacking = terms.scopeLacking(principal.scopes) else { return }
        exchange?.record.errorCode = .forbidden
        var fault = ClientFault(terms.refusal(lacking: lacking), id: call.id, status: 403)
        var parts = ["error=\"insufficient_scope\"", "scope=\"\(terms.scopes.joined(separator: " "))\""]
        if let authorization = view.authorization {
            parts.append("resource_metadata=\"\(authorization.metadataURL)\"")
        }
        fault.challenge = "Bearer " + parts.joined(separator: ", ")
        throw fault
    }

    /// Arguments that do not fit never reach the server. Newer clients get a result that says so, which their model
    /// reads and mends. True when the call is answered with it.
    func isAnswered(
        _ tool: ToolDefinition, _ terms: ToolTerms, _ arguments: JSONTree, _ call: ClientCall
    ) throws(ClientFault) -> Bool {
        let text: String
        switch terms.fit(arguments, tool.inputSchema) {
        case .fits: return false
        case .unchecked(let problem):
            note?.unchecked = problem
            return false
        case .mismatch(let mismatch): text = mismatch
        }
        exchange?.record.errorCode = .malformedRequest
        guard call.revision >= .v20251125 else {
            throw ClientFault(JSONRPCCode.invalidParams, text, id: call.id)
        }
        var result: JSONObject = ["content": .array([["type": "text", "text": .text(text)]]), "isError": true]
        if call.isStateless { result["resultType"] = "complete" }
        note?.result = .toolError
        finish(result: JSONTree.object(result).bytes, of: call)
        return true
    }
}
