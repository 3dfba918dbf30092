import GatewayModel
import GatewayProxy
import GatewayWire

/// One message of a client, read and checked: what its fields say is what its body says.
struct ClientCall {
    let bytes: [UInt8]
    let message: JSONRPCMessage
    private(set) var revision = MCPRevision.unsaid
    /// Nil where every request stands for itself, or where the client opened none.
    let session: ClientSession?
    /// A JSON object, or empty.
    let params: [UInt8]
    private var paramsOutline = JSONOutline()
    /// What it says of itself.
    private(set) var capabilities = Array("{}".utf8)
    private(set) var clientInfo: [UInt8]?
    private(set) var logLevel: String?
    /// The trace that the client's message is a part of; it outranks that of the connection.
    private(set) var traceparent: String?

    var method: String { message.method }
    var id: [UInt8]? { message.id.map { Array(bytes[$0]) } }
    var isStateless: Bool { revision.isStateless }

    /// Reads and checks a body against the head it came with. Throws the answer.
    init(_ bytes: [UInt8], _ head: borrowing RequestHead, _ session: ClientSession?) throws(ClientFault) {
        self.bytes = bytes
        self.session = session
        do throws(JSONRPCFault) { message = try JSONRPCMessage(bytes.span) } catch { throw ClientFault(error) }
        let id = message.id.map { Array(bytes[$0]) }
        params = message.params.map { Array(bytes[$0]) } ?? []
        var outline = JSONOutline()
        var meta = JSONOutline()
        var hasMeta = false
        if !params.isEmpty {
            do throws(JSONScanError) {
                try outline.read(params.span)
                if let member = outline.member("_meta", in: params.span) {
                    try meta.read(params.span, range: member.value)
                    hasMeta = true
                }
            } catch {
                throw ClientFault(
                    JSONRPCCode.invalidParams, "params and its _meta are objects without a name twice", status: 400,
                    id: id)
            }
        }
        paramsOutline = outline
        let said = hasMeta ? meta.string(MCPName.protocolVersionMeta, in: params.span, bytesMax: 64) : nil
        if hasMeta { traceparent = meta.string("traceparent", in: params.span, bytesMax: 64) }
        let field = try ClientCall.value(MCPName.protocolVersion, head, id)
        let isResponse = message.kind == .result || message.kind == .error
        let isOpening = message.method == "initialize" && said == nil
        // What names a revision with sessions in its field and says nothing in its body is of that time.
        let known = field.flatMap { MCPRevision(rawValue: $0) }
        let isOld = said == nil && (field == nil || known.map { !$0.isStateless } ?? false)
        if isOpening || session != nil && said == nil || isOld || isResponse {
            if let field, known == nil, !isOpening { throw ClientCall.unsupported(field, id) }
            revision = session?.revision ?? known ?? .unsaid
            capabilities = session?.capabilities ?? capabilities
            clientInfo = session?.clientInfo
            return
        }
        revision = .stateless
        try checkVersion(field, said, hasMeta ? meta : nil, id)
        if message.kind == .request { try checkFields(head, id) }
        if let level = meta.string(MCPName.logLevelMeta, in: params.span, bytesMax: 32) { logLevel = level }
        if let member = meta.member(MCPName.capabilitiesMeta, in: params.span) {
            capabilities = Array(params[member.value])
        }
        if let member = meta.member(MCPName.clientInfoMeta, in: params.span), member.kind == .object {
            clientInfo = Array(params[member.value])
        }
    }

    // MARK: What is in params

    func string(_ name: StaticString) -> String? { paramsOutline.string(name, in: params.span) }

    func has(_ name: StaticString) -> Bool { paramsOutline.member(name, in: params.span) != nil }

    /// The JSON of a member; nil without it.
    func json(_ name: StaticString) -> [UInt8]? {
        paramsOutline.member(name, in: params.span).map { Array(params[$0.value]) }
    }

    // MARK: Checks

    private func checkVersion(
        _ field: String?, _ said: String?, _ meta: JSONOutline?, _ id: [UInt8]?
    ) throws(ClientFault) {
        func missing(_ what: String) -> ClientFault {
            ClientFault(JSONRPCCode.invalidParams, "the request's \(what) is missing", status: 400, id: id)
        }
        guard message.kind == .request || said != nil else { return }
        guard let meta else { throw missing("_meta") }
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
        guard let capabilities = meta.member(MCPName.capabilitiesMeta, in: params.span),
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
        guard let decoded = HeaderValue.decoded(Array(field.utf8)), decoded.elementsEqual(wanted.utf8) else {
            throw ClientFault(
                JSONRPCCode.headerMismatch,
                "header mismatch: Mcp-Name is not the \("\(member)") of the body", id: id)
        }
    }

    /// The value of a field that may come once; nil without it.
    static func value(
        _ name: String, _ head: borrowing RequestHead, _ id: [UInt8]?
    ) throws(ClientFault) -> String? {
        let name = Array(name.utf8)
        var found: String?
        for entry in head.fields.entries where head.fields.equals(entry.name, name) {
            guard found == nil else {
                throw ClientFault(
                    JSONRPCCode.headerMismatch,
                    "header mismatch: \(String(decoding: name, as: UTF8.self)) comes twice", id: id)
            }
            found = head.fields.text(entry.value)
        }
        return found
    }
}
