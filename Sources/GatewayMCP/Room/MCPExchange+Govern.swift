import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayState
import GatewayWire

/// What policies ask of tools beside access: that they are what was approved, that a person agrees, that results are
/// small and hold no secrets.
extension MCPExchange {
    /// What policies ask of a tool.
    func terms(of tool: String, at server: CompiledServer) -> ToolTerms {
        room.catalog.governance.terms(server: server.shownName, tool: tool)
    }

    /// What holds for all tools of a server, for what it says that is of none.
    func rules(of server: CompiledServer) -> ResultRules {
        ResultRules(
            view: view, server: server, terms: room.catalog.governance.terms(server: server.shownName), definition: nil)
    }

    /// Why a tool may not be used as its server defines it now; nil if it may.
    func refusal(of tool: ToolDefinition, at server: CompiledServer) -> GatewayError? {
        refusal(of: tool, terms(of: tool.name, at: server), at: server)
    }

    func refusal(of tool: ToolDefinition, _ terms: ToolTerms, at server: CompiledServer) -> GatewayError? {
        guard terms.pin != .off || tool.suspicion != nil else { return nil }
        let state = services.book.state(
            server: server.shownName, tool: tool.name, digest: tool.digest, byPerson: terms.pin == .approved)
        return terms.refusal(of: tool.name, at: server.shownName, state)
    }

    /// The refusal, with what differs.
    func changed(
        _ tool: ToolDefinition, _ refusal: GatewayError, _ server: CompiledServer, _ call: ClientCall
    ) -> ClientFault {
        exchange?.record.errorCode = .toolChanged
        var fault = ClientFault(refusal, id: call.id, status: 200)
        var data = fault.data.flatMap { (try? JSONTree.parse($0))?.object } ?? JSONObject()
        data["digest"] = .text(tool.digest)
        if let pin = services.book.pin(server: server.shownName, tool: tool.name) {
            if let approved = pin.approvedDigest { data["approvedDigest"] = .text(approved) }
            if let old = pin.approvedDefinition.flatMap({ try? JSONTree.parse(Array($0.utf8)) }) {
                data["changed"] = .array(ToolDigest.changes(from: old, to: tool.tree).map { .text($0) })
            }
        }
        if let suspicion = tool.suspicion { data["suspicion"] = .text(suspicion) }
        fault.data = JSONTree.object(data).bytes
        return fault
    }

    // MARK: Results

    /// A result as policies let it through, with the URIs of this path.
    func governed(_ result: ServerResult, _ call: ClientCall) throws(ClientFault) -> ServerResult {
        do throws(GatewayError) {
            let edited = try withRules { rules throws(GatewayError) in
                try rules.governed(
                    result.bytes, isPlainTree: result.isPlainTree, renames: call.method != "completion/complete")
            }
            return edited.map { ServerResult($0) } ?? result
        } catch {
            exchange?.record.errorCode = error.code
            throw ClientFault(error, id: call.id, status: 200)
        }
    }

    /// The params of a message before the result, without what policies hide.
    func redacted(_ tree: JSONTree) -> JSONTree { withRules { $0.redacted(tree) } }

    /// A message before the result; nil for one that must not be shown.
    func redacted(_ message: [UInt8]) -> [UInt8]? { withRules { $0.redacted(message: message) } }

    func withRules<Result, Failure: Error>(
        _ body: (inout ResultRules) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var rules = ResultRules(view: view, server: server, terms: terms, definition: definition)
        defer { note?.redactions += rules.redactions }
        return try body(&rules)
    }
}

/// URIs of resources in results, as a path of several servers has them, so that the client can read what it is shown.
struct ResourceNames {
    private let view: ToolView
    private let server: CompiledServer

    init(_ view: ToolView, _ server: CompiledServer) {
        self.view = view
        self.server = server
    }

    func renamed(_ result: JSONTree) -> JSONTree {
        guard var object = result.object else { return result }
        if let content = object["content"]?.array { object["content"] = .array(content.map { block($0) }) }
        if let contents = object["contents"]?.array { object["contents"] = .array(contents.map { resource($0) }) }
        if let messages = object["messages"]?.array {
            object["messages"] = .array(
                messages.map { message in
                    guard var each = message.object, let content = each["content"] else { return message }
                    each["content"] = block(content)
                    return .object(each)
                })
        }
        return .object(object)
    }

    private func block(_ tree: JSONTree) -> JSONTree {
        guard var object = tree.object else { return tree }
        switch object["type"]?.string?.value {
        case "resource_link": return resource(tree)
        case "resource":
            object["resource"] = object["resource"].map { resource($0) }
            return .object(object)
        default: return tree
        }
    }

    private func resource(_ tree: JSONTree) -> JSONTree {
        guard var object = tree.object, let uri = object["uri"]?.string?.value else { return tree }
        object["uri"] = .text(view.uri(uri, of: server))
        return .object(object)
    }
}
