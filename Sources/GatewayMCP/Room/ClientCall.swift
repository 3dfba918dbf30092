import GatewayModel
import GatewayProxy
import GatewayWire

/// One message of a client, read and checked: what its fields say is what its body says.
final class ClientCall: Sendable {
    let bytes: [UInt8]
    let message: JSONRPCMessage
    /// As it is written; nil for a notification.
    let id: [UInt8]?
    let revision: MCPRevision
    /// Nil where every request stands for itself, or where the client opened none.
    let session: ClientSession?
    let params: RequestParams
    /// What it says of itself.
    let capabilities: [UInt8]
    let clientInfo: [UInt8]?
    let logLevel: String?
    /// The trace that the client's message is a part of; it outranks that of the connection.
    let traceparent: String?

    var method: String { message.method }
    var isStateless: Bool { revision.isStateless }

    /// Reads and checks a body against the head it came with. Throws the answer.
    init(_ bytes: [UInt8], _ head: borrowing RequestHead, _ session: ClientSession?) throws(ClientFault) {
        self.bytes = bytes
        self.session = session
        let message: JSONRPCMessage
        do throws(JSONRPCFault) { message = try JSONRPCMessage(bytes.span) } catch { throw ClientFault(error) }
        let id = message.id.map { Array(bytes[$0]) }
        let params = try ClientCall.params(bytes, message.params, id)
        (self.message, self.id, self.params) = (message, id, params)
        let (meta, text) = (params.meta, params.text)
        let input = text.span
        let said = meta?.string(MCPName.protocolVersionMeta, in: input, bytesMax: 64)
        traceparent = meta?.string("traceparent", in: input, bytesMax: 64)
        let field = try ClientCall.value(MCPName.protocolVersion, head, id)
        let isResponse = message.kind == .result || message.kind == .error
        let isOpening = message.method == "initialize" && said == nil
        // What names a revision with sessions in its field and says nothing in its body is of that time.
        // Nearly always the newest; for the others a list is searched.
        let isNewest = field == MCPRevision.stateless.rawValue
        let known = isNewest ? MCPRevision.stateless : field.flatMap { MCPRevision(rawValue: $0) }
        let isOld = said == nil && (field == nil || known.map { !$0.isStateless } ?? false)
        if isOpening || session != nil && said == nil || isOld || isResponse {
            if let field, known == nil, !isOpening { throw ClientCall.unsupported(field, id) }
            revision = session?.revision ?? known ?? .unsaid
            capabilities = session?.capabilities ?? ClientCall.nothing
            clientInfo = session?.clientInfo
            logLevel = nil
            return
        }
        revision = .stateless
        let member = meta?.member(MCPName.capabilitiesMeta, in: input)
        // Nearly always without members, which is all that has two bytes.
        let isNothing = member.map { $0.kind == .object && $0.value.count == 2 } ?? true
        capabilities = isNothing ? ClientCall.nothing : Array(text[member?.value ?? 0..<0])
        let info = meta?.member(MCPName.clientInfoMeta, in: input)
        clientInfo = info.flatMap { $0.kind == .object ? Array(text[$0.value]) : nil }
        logLevel = meta?.string(MCPName.logLevelMeta, in: input, bytesMax: 32)
        try checkVersion(field, said, id)
        if message.kind == .request { try checkFields(head, id) }
    }

    private static let nothing = Array("{}".utf8)

    private static func params(
        _ bytes: [UInt8], _ place: Range<Int>?, _ id: [UInt8]?
    ) throws(ClientFault) -> RequestParams {
        if let params = try? place.map({ try RequestParams(bytes, at: $0) }) ?? RequestParams([]),
            params.meta != nil || params.member("_meta") == nil
        {
            return params
        }
        throw ClientFault(
            JSONRPCCode.invalidParams, "params and its _meta are objects without a name twice", status: 400, id: id)
    }

    // MARK: What is in params

    func string(_ name: StaticString) -> String? { params.string(name) }

    func has(_ name: StaticString) -> Bool { params.member(name) != nil }

    /// The JSON of a member; nil without it.
    func json(_ name: StaticString) -> [UInt8]? { params.member(name).map { Array(params.text[$0.value]) } }

    /// A member's value as a tree; nil without it, or where a name comes twice in it.
    func tree(_ name: StaticString) -> JSONTree? { params.member(name).flatMap { params.tree(at: $0.value) } }

    // MARK: Checks

    private func checkVersion(_ field: String?, _ said: String?, _ id: [UInt8]?) throws(ClientFault) {
        func missing(_ what: String) -> ClientFault {
            ClientFault(JSONRPCCode.invalidParams, "the request's \(what) is missing", status: 400, id: id)
        }
        guard message.kind == .request || said != nil else { return }
        guard params.meta != nil else { throw missing("_meta") }
        guard let said else { throw missing("_meta member \(MCPName.protocolVersionMeta)") }
        guard let field else {
            throw ClientFault(
                JSONRPCCode.headerMismatch, "header mismatch: MCP-Protocol-Version is missing", id: id)
        }
        guard field == said else {
            throw ClientFault(
                JSONRPCCode.headerMismatch,
                "header mismatch: MCP-Protocol-Version is not the version that the body says", id: id)
        }
        guard said == MCPRevision.stateless.rawValue else { throw ClientCall.unsupported(said, id) }
        guard let capabilities = params.metaMember(MCPName.capabilitiesMeta),
            capabilities.kind == .object
        else { throw missing("_meta member \(MCPName.capabilitiesMeta)") }
    }

    /// A revision that is not served, or not in this way.
    static func unsupported(_ version: String, _ id: [UInt8]?) -> ClientFault {
        var data = Array("{\"supported\":".utf8)
        data.append(contentsOf: MCPRevision.servedJSON)
        data.append(contentsOf: ",\"requested\":".utf8)
        JSONWriter.append(string: version.utf8Span.span, to: &data)
        data.append(0x7D)
        return ClientFault(JSONRPCCode.unsupportedVersion, "unsupported protocol version", data: data, id: id)
    }

    /// `Mcp-Method` and `Mcp-Name` say what the body says: who routes by them and who acts by the body agree.
    private func checkFields(_ head: borrowing RequestHead, _ id: [UInt8]?) throws(ClientFault) {
        guard let method = try ClientCall.value(MCPName.method, head, id) else {
            throw ClientFault(JSONRPCCode.headerMismatch, "header mismatch: Mcp-Method is missing", id: id)
        }
        guard method == message.method else {
            throw ClientFault(
                JSONRPCCode.headerMismatch, "header mismatch: Mcp-Method is not the method of the body", id: id)
        }
        let member: StaticString
        switch message.method {
        case "tools/call", "prompts/get": member = "name"
        case "resources/read": member = "uri"
        case "tasks/get", "tasks/update", "tasks/cancel": member = "taskId"
        default: return
        }
        // What the body lacks is told by whoever needs it.
        guard let wanted = string(member) else { return }
        guard let field = try ClientCall.value(MCPName.name, head, id) else {
            throw ClientFault(JSONRPCCode.headerMismatch, "header mismatch: Mcp-Name is missing", id: id)
        }
        guard HeaderValue.isExactly(wanted, field) else {
            throw ClientFault(
                JSONRPCCode.headerMismatch,
                "header mismatch: Mcp-Name is not the \("\(member)") of the body", id: id)
        }
    }

    /// The value of a field that may come once; nil without it.
    static func value(
        _ name: String, _ head: borrowing RequestHead, _ id: [UInt8]?
    ) throws(ClientFault) -> String? {
        var found: String?
        let (store, wanted) = (head.fields.bytes.span, name.utf8Span.span)
        for entry in head.fields.entries where Word.equals(store, entry.name, wanted) {
            guard found == nil else {
                throw ClientFault(JSONRPCCode.headerMismatch, "header mismatch: \(name) comes twice", id: id)
            }
            found = head.fields.text(entry.value)
        }
        return found
    }
}
