import GatewayWire

/// The `params` of a request on its way to a server: the client's own bytes, with `_meta` as the server's protocol
/// wants it and names as the server knows them.
struct ServerParams {
    /// Name or URI in the server's own words, where that differs.
    var renamed: (member: StaticString, value: [UInt8])?
    /// In place of the client's token, where a session is shared; nil leaves it.
    var progressToken: [UInt8]?
    /// In place of the client's: what the server's part of the trace hangs on, as JSON.
    var traceparent: [UInt8]?
    /// Members that the server does not get.
    var removed: [StaticString] = []
    /// The client's wish for a task goes on to a server of the same time; another does not know it.
    var keepsTask = false
    /// Members to add or replace, each JSON already; names without escapes.
    var extra: [(name: StaticString, value: [UInt8])] = []

    /// For a server whose requests stand for themselves. A client of the same kind has said who it is and what it can.
    func stateless(_ params: [UInt8], _ caller: ServerCaller) throws(JSONScanError) -> [UInt8] {
        try edited(params, removed + ["task"]) { meta, outline, input in
            let version = Array("\"\(MCPRevision.stateless.rawValue)\"".utf8)
            meta.set(MCPName.protocolVersionMeta, to: version, in: outline, of: input)
            meta.set(MCPName.capabilitiesMeta, to: caller.capabilities, in: outline, of: input)
            if let info = caller.clientInfo { meta.set(MCPName.clientInfoMeta, to: info, in: outline, of: input) }
            if let level = caller.logLevel {
                var value: [UInt8] = []
                JSONWriter.append(string: level.utf8Span.span, to: &value)
                meta.set(MCPName.logLevelMeta, to: value, in: outline, of: input)
            }
            if let traceparent { meta.set("traceparent", to: traceparent, in: outline, of: input) }
        }
    }

    /// For a server that was told all this when its session began.
    func session(_ params: [UInt8]) throws(JSONScanError) -> [UInt8] {
        try edited(params, keepsTask ? removed : removed + ["task"]) { meta, outline, input in
            let token = outline.index(of: "progressToken", in: input)
            let known = [
                MCPName.protocolVersionMeta, MCPName.capabilitiesMeta, MCPName.clientInfoMeta, MCPName.logLevelMeta,
            ].compactMap { outline.index(of: $0, in: input) }
            let gone = Set(known)
            if let traceparent, gone.count == outline.members.count {
                // Nothing of the client's is left beside it.
                let own = Array("{\"traceparent\":".utf8) + traceparent + [0x7D]
                return meta.replace(outline.extent, with: own)
            }
            if !gone.isEmpty { meta.remove(from: outline) { gone.contains($0) } }
            if let token, let progressToken { meta.replace(outline.members[token].value, with: progressToken) }
            if let traceparent { meta.set("traceparent", to: traceparent, in: outline, of: input) }
        }
    }

    /// The client's progress token as it was written.
    static func progressToken(_ params: [UInt8]) -> [UInt8]? {
        let input = params.span
        guard let outline = try? JSONOutline(input), let meta = outline.member("_meta", in: input),
            meta.kind == .object
        else { return nil }
        var inner = JSONOutline()
        guard (try? inner.read(input, range: meta.value)) != nil,
            let token = inner.member("progressToken", in: input), token.kind.isString || token.kind == .number
        else { return nil }
        return Array(params[token.value])
    }

    private func edited(
        _ params: [UInt8], _ removed: [StaticString], _ edit: (inout JSONSplice, JSONOutline, Span<UInt8>) -> Void
    ) throws(JSONScanError) -> [UInt8] {
        let params = params.isEmpty ? Array("{}".utf8) : params
        var (outline, splice) = (JSONOutline(), JSONSplice())
        try outline.read(params.span)
        if let renamed {
            splice.set(renamed.member, to: renamed.value, in: outline, of: params.span)
        }
        let gone = Set(removed.compactMap { outline.index(of: $0, in: params.span) })
        if !gone.isEmpty { splice.remove(from: outline) { gone.contains($0) } }
        for each in extra { splice.set(each.name, to: each.value, in: outline, of: params.span) }
        if let meta = outline.member("_meta", in: params.span), meta.kind == .object {
            var inner = JSONOutline()
            try inner.read(params.span, range: meta.value)
            edit(&splice, inner, params.span)
        } else {
            let empty = Array("{}".utf8)
            var (inner, own) = (JSONOutline(), JSONSplice())
            try inner.read(empty.span)
            edit(&own, inner, empty.span)
            if !own.isEmpty { splice.set("_meta", to: own.applied(to: empty.span), in: outline, of: params.span) }
        }
        return splice.isEmpty ? params : splice.applied(to: params.span)
    }
}
