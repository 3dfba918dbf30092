import GatewayModel
import GatewayWire

/// What policies let through of what a server says to a call, whichever way it comes: as the call's own answer, or on a
/// stream that was taken up again.
struct ResultRules {
    let view: ToolView
    let server: CompiledServer?
    /// Of the tool that was called, or of what else was asked for; nil for what no policy is about.
    let terms: ToolTerms?
    let definition: ToolDefinition?
    /// Words made unreadable so far.
    private(set) var redactions = 0

    init(view: ToolView, server: CompiledServer?, terms: ToolTerms?, definition: ToolDefinition?) {
        self.view = view
        self.server = server
        self.terms = terms
        self.definition = definition
    }

    /// A result that is small, fits its schema and holds no secrets, with the URIs of this path; nil for one that is so
    /// already.
    mutating func governed(
        _ result: [UInt8], isPlainTree: @autoclosure () -> Bool, renames: Bool
    ) throws(GatewayError) -> [UInt8]? {
        try measure(result)
        let mustRename = renames && !view.isSingle
        let redacts = terms?.redacts ?? false
        let schema = terms?.validation == .results ? definition?.outputSchema : nil
        guard mustRename || redacts || schema != nil else { return nil }
        // Nearly always nothing is to be hidden, as is seen without taking the result apart.
        if !mustRename, schema == nil, !mayHide(result.span), isPlainTree() { return nil }
        guard var tree = try? JSONTree.parse(result) else {
            // What cannot be read cannot be cleaned.
            guard redacts else { return nil }
            throw GatewayError(.upstreamProtocolError, "the tool's result cannot be read")
        }
        if let schema { try check(tree, schema) }
        guard mustRename || redacts else { return nil }
        let before = redactions
        tree = redacted(tree)
        // Nearly always there is nothing to hide: the server's own bytes go on.
        if redactions == before, !mustRename { return nil }
        if mustRename, let server { tree = ResourceNames(view, server).renamed(tree) }
        return tree.bytes
    }

    private func mayHide(_ result: Span<UInt8>) -> Bool {
        terms.map { ResultRedaction($0) }?.mayHide(written: result) ?? false
    }

    func measure(_ result: [UInt8]) throws(GatewayError) {
        guard let terms, result.count > terms.resultBytesMax else { return }
        throw GatewayError(
            .upstreamProtocolError, "the result is larger than \(terms.resultBytesMax) bytes", hint: "ask for less")
    }

    /// What makes a message one stays as it is.
    private static let messageNames: Set<String> = ["jsonrpc", "id", "method"]

    /// A message before the result, cleaned; nil for one that cannot be read, and so not be cleaned.
    mutating func redacted(message: [UInt8]) -> [UInt8]? {
        guard terms?.redacts ?? false else { return message }
        guard let object = (try? JSONTree.parse(message))?.object else { return nil }
        let before = redactions
        let members = object.members.flatMap { member in
            if ResultRules.messageNames.contains(member.name.value) { return [member] }
            return redacted(.object(JSONObject([member]))).object?.members ?? []
        }
        return redactions > before ? JSONTree.object(JSONObject(members)).bytes : message
    }

    mutating func redacted(_ tree: JSONTree) -> JSONTree {
        guard let terms, terms.redacts else { return tree }
        var redaction = ResultRedaction(terms)
        guard redaction.mayHide(tree) else { return tree }
        let clean = redaction.redacted(tree)
        redactions += redaction.count
        return redaction.count > 0 ? clean : tree
    }

    /// What a tool says in structure must be what it promised. A question is no result yet; whatever else it says of
    /// itself, it is one.
    private func check(_ tree: JSONTree, _ schema: JSONTree) throws(GatewayError) {
        guard !(tree["isError"]?.bool ?? false), tree["resultType"] != "input_required" else { return }
        let problem: String
        if let content = tree["structuredContent"] {
            do throws(SchemaCheck.Mismatch) {
                return try SchemaCheck.check(content, against: schema)
            } catch { problem = "\(error.place.isEmpty ? "it" : error.place) \(error.message)" }
        } else {
            problem = "there is none"
        }
        throw GatewayError(
            .upstreamProtocolError, "the tool's structured result is not what its schema promises: \(problem)")
    }
}
