import GatewayWire

/// What of a call its server sees beside the tool's name and arguments.
///
/// Members of `_meta` are no part of which call is approved, since clients number their calls there and would need a
/// new approval each time: but a call that is made by an approval carries those that its approver was shown, and no
/// others.
/// All the rest is part of which call it is.
struct CallExtras {
    /// Of `_meta`, without what is of one sending alone.
    let meta: JSONObject
    /// Members of the params that have no meaning here.
    let others: JSONObject
    /// `Mcp-Param-…` that no definition knows.
    let fields: [JSONTree]

    /// Where an answer is heard, which trace it is part of, and what a client says of itself.
    private static let passing: Set<String> = [
        "progressToken", "traceparent", "tracestate", "baggage", MCPName.protocolVersionMeta.description,
        MCPName.capabilitiesMeta.description, MCPName.clientInfoMeta.description, MCPName.logLevelMeta.description,
    ]
    /// As much as is shown at a client; a call with more cannot wait for a person.
    static let metaBytesMax = 4 * 1024

    /// `removed`: what of the params the server does not get. Throws for params that hold a name twice or cannot be
    /// read, of which nobody knows what a server reads.
    init(
        _ params: RequestParams, removed: [String], fields: [(name: String, value: [UInt8])]
    ) throws(JSONTreeError) {
        let text = params.text
        var others = try JSONTree.parse(text.span.extracting(params.outline.extent)).object ?? JSONObject()
        meta = CallExtras.meta(others)
        for name in ["_meta", "name", "arguments"] + removed { others[name] = nil }
        self.others = others
        self.fields = fields.map { [.text($0.name), .text(String(decoding: $0.value, as: UTF8.self))] }
            .sorted { $0.compactText < $1.compactText }
    }

    /// Why params are not taken, in words.
    static func problem(_ error: JSONTreeError) -> String {
        switch error.reason {
        case .duplicateName: "params hold a name twice in an object"
        case .tooDeep: "params are nested more than \(JSONTree.depthMax) deep"
        case .tooManyValues: "params have more than \(JSONTree.valuesMax) values"
        default: "params of a call that has to be approved cannot be read: \(error.reason)"
        }
    }

    private static func meta(_ params: JSONObject) -> JSONObject {
        JSONObject((params["_meta"]?.object?.members ?? []).filter { !passing.contains($0.name.value) })
    }

    /// `_meta` as an approver is shown it, and as an approval keeps it; empty without any.
    var metaText: String { meta.isEmpty ? "" : JSONTree.object(meta).compactText }

    /// The rest as an approver is shown it; empty without any.
    var othersText: String {
        var all = others
        if !fields.isEmpty { all["fields"] = .array(fields) }
        return all.isEmpty ? "" : JSONTree.object(all).compactText
    }

    /// What names the call beside server, tool and arguments.
    var digested: [JSONTree] { others.isEmpty && fields.isEmpty ? [] : [.object(others), .array(fields)] }

    /// The params as the server gets them by an approval: of `_meta` what the approver was shown. Nil where they cannot
    /// be read.
    static func approved(_ params: RequestParams, meta text: String) -> RequestParams? {
        guard var object = params.tree?.object else { return nil }
        let approved = text.isEmpty ? JSONObject() : (try? JSONTree.parse(Array(text.utf8)))?.object
        guard let approved else { return nil }
        if meta(object) == approved { return params }
        let passed = (object["_meta"]?.object?.members ?? []).filter { passing.contains($0.name.value) }
        let members = passed + approved.members
        object["_meta"] = members.isEmpty ? nil : .object(JSONObject(members))
        return try? RequestParams(JSONTree.object(object).bytes)
    }
}
