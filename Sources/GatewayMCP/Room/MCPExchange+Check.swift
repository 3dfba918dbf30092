import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire

/// What a call must fit: the scopes of its caller's token, and the schemas of its tool.
extension MCPExchange {
    /// Step-up: the client is told all scopes that this call needs, so that it can ask for them at once.
    func checkScopes(_ terms: ToolTerms, _ call: ClientCall) throws(ClientFault) {
        let held = principal.scopes
        guard let lacking = terms.scopes.first(where: { !held.contains($0) }) else { return }
        exchange?.record.errorCode = .forbidden
        var fault = ClientFault(
            GatewayError(
                .forbidden, "the caller's token does not have the scope: \(lacking)",
                hint: "get a token with \(terms.scopes.joined(separator: " "))"), id: call.id, status: 403)
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
        _ tool: ToolDefinition, at server: CompiledServer, _ arguments: JSONTree, _ call: ClientCall
    ) throws(ClientFault) -> Bool {
        let terms = self.terms(of: tool.name, at: server)
        guard terms.validation != .off, let schema = tool.tree["inputSchema"] else { return false }
        let value: JSONTree = arguments.isNull ? .object(JSONObject()) : arguments
        let mismatch: SchemaCheck.Mismatch
        do throws(SchemaCheck.Mismatch) {
            try SchemaCheck.check(value, against: schema)
            return false
        } catch { mismatch = error }
        if terms.validate == nil, let problem = mismatch.schemaProblem {
            // Nobody has asked for the check, and what the server means by its schema only the server knows.
            note?.unchecked = problem
            return false
        }
        exchange?.record.errorCode = .malformedRequest
        let place = mismatch.place.isEmpty ? "the arguments" : "argument \(mismatch.place)"
        let text = "the arguments do not fit the tool's schema: \(place): \(mismatch.message)"
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
