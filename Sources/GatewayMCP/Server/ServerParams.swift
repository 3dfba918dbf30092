import Crypto
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
    /// Members of the client's that the server does not get; those in `extra` it gets anew.
    var removed: [StaticString] = []
    /// The client's wish for a task goes on to a server of the same time; another does not know it.
    var keepsTask = false
    /// Members to add or replace, each JSON already; names without escapes.
    var extra: [(name: StaticString, value: [UInt8])] = []

    /// For a server whose requests stand for themselves. A client of the same kind has said who it is and what it can.
    func stateless(_ params: RequestParams, _ caller: ServerCaller) throws(JSONScanError) -> JSONSplice {
        try edits(params, keepsTask: false) { meta, outline, input in
            meta.set(MCPName.protocolVersionMeta, to: ServerParams.version, in: outline, of: input)
            meta.set(MCPName.capabilitiesMeta, to: caller.capabilities, in: outline, of: input)
            if let info = caller.clientInfo { meta.set(MCPName.clientInfoMeta, to: info, in: outline, of: input) }
            if let level = caller.logLevel {
                meta.set(MCPName.logLevelMeta, toText: level.utf8Span.span, in: outline, of: input)
            }
            if let traceparent { meta.set("traceparent", to: traceparent, in: outline, of: input) }
        }
    }

    private static let version = Array("\"\(MCPRevision.stateless.rawValue)\"".utf8)

    /// For a server that was told all this when its session began.
    func session(_ params: RequestParams) throws(JSONScanError) -> JSONSplice {
        try edits(params, keepsTask: keepsTask) { meta, outline, input in
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

    private func edits(
        _ params: RequestParams, keepsTask: Bool,
        _ edit: (inout JSONSplice, JSONOutline, Span<UInt8>) -> Void
    ) throws(JSONScanError) -> JSONSplice {
        let (text, outline) = (params.text, params.outline)
        let input = text.span
        var splice = JSONSplice()
        if let renamed { splice.set(renamed.member, to: renamed.value, in: outline, of: input) }
        var gone = removed.compactMap { name in
            // What is replaced is gone already.
            extra.contains { $0.name.isSame(name) } ? nil : outline.index(of: name, in: input)
        }
        if !keepsTask, let task = outline.index(of: "task", in: input) { gone.append(task) }
        if !gone.isEmpty { splice.remove(from: outline) { gone.contains($0) } }
        for each in extra { splice.set(each.name, to: each.value, in: outline, of: input) }
        if let meta = params.meta {
            edit(&splice, meta, input)
        } else {
            let empty = Array("{}".utf8)
            var own = JSONSplice()
            edit(&own, try JSONOutline(empty.span), empty.span)
            if !own.isEmpty { splice.set("_meta", to: own.applied(to: empty.span), in: outline, of: input) }
        }
        return splice
    }
}

extension StaticString {
    fileprivate func isSame(_ other: StaticString) -> Bool { description == other.description }
}

/// The `params` of a request as they were written, and where their members lie. A reference, since a call hands them
/// on.
final class RequestParams: Sendable {
    /// What they are written in: a whole message, or nothing else.
    let text: [UInt8]
    let outline: JSONOutline
    /// Of `_meta`, where that is an object.
    let meta: JSONOutline?

    /// Reads all of a text, or the object at a place in it. Nothing is an object without members.
    init(_ text: [UInt8], at place: Range<Int>? = nil) throws(JSONScanError) {
        let text = text.isEmpty ? Array("{}".utf8) : text
        self.text = text
        var (outer, inner) = (JSONOutline(), JSONOutline())
        try outer.read(text.span, range: place)
        outline = outer
        guard let member = outer.member("_meta", in: text.span), member.kind == .object else {
            meta = nil
            return
        }
        try inner.read(text.span, range: member.value)
        meta = inner
    }

    var byteCount: Int { outline.extent.count }

    /// All of them; nil where a name comes twice.
    var tree: JSONTree? { tree(at: outline.extent) }

    /// Names a call over its rounds: method, and params without what changes from round to round. Params of which no
    /// tree can be made count as they are written: a next round of theirs has other bytes, and is another call.
    func digest(method: String) -> [UInt8] {
        var hash = SHA256()
        hash.update(data: Array(method.utf8) + [0])
        if var params = tree?.object {
            for name in ["_meta", "inputResponses", "requestState"] { params[name] = nil }
            hash.update(data: JSONTree.object(params).bytes)
        } else {
            hash.update(data: [0] + text[outline.extent])
        }
        return Array(hash.finalize())
    }

    func tree(at place: Range<Int>) -> JSONTree? {
        let text = text
        return try? JSONTree.parse(text.span.extracting(place))
    }

    func member(_ name: StaticString) -> JSONOutline.Member? {
        let text = text
        return outline.member(name, in: text.span)
    }

    func metaMember(_ name: StaticString) -> JSONOutline.Member? {
        let text = text
        return meta?.member(name, in: text.span)
    }

    func string(_ name: StaticString) -> String? {
        let text = text
        return outline.string(name, in: text.span)
    }

    /// The client's progress token as it was written.
    var progressToken: [UInt8]? {
        guard let token = metaMember("progressToken"), token.kind.isString || token.kind == .number
        else { return nil }
        return Array(text[token.value])
    }
}
