import GatewayWire

/// What a server gives for a request, read once: most of what the gateway has to know of it are a few members at the
/// top.
struct ServerResult: Sendable {
    /// What it says of itself.
    private enum Kind {
        /// Nothing, which means complete.
        case unsaid
        case complete
        case question
        case task
        case unknown
    }

    let bytes: [UInt8]
    /// Nil for what is no object, or one with a name twice.
    private let outline: JSONOutline?
    private let kind: Kind

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        outline = try? JSONOutline(comparingNames: bytes.span)
        kind = outline.map { ServerResult.kind($0, bytes.span) } ?? .unknown
    }

    private static func kind(_ outline: JSONOutline, _ bytes: Span<UInt8>) -> Kind {
        guard outline.member("resultType", in: bytes) != nil else { return .unsaid }
        switch outline.string("resultType", in: bytes, bytesMax: 32) {
        case "complete": return .complete
        case "input_required": return .question
        case "task": return .task
        default: return .unknown
        }
    }

    /// Whether a tree can be made of it, as a cheap look tells (`JSONScanner.isPlainTree`).
    var isPlainTree: Bool { outline?.isPlainTree ?? false }

    func has(_ name: StaticString) -> Bool { outline?.member(name, in: bytes.span) != nil }

    /// Whether it is no object, or one whose members can be told apart: others may hide a question or a task.
    var isReadable: Bool { outline != nil || bytes.first != 0x7B }

    /// What a result says of itself where requests stand for themselves must be understood.
    var isKnown: Bool { kind != .unknown }

    /// The server needs something of the client first.
    var isQuestion: Bool { kind == .question }

    /// The call goes on as a task, where requests stand for themselves.
    var isTask: Bool { kind == .task }

    /// The tool itself says that it has failed.
    var isFailure: Bool { outline?.bool("isError", in: bytes.span) ?? false }

    /// With what a reply of a server with sessions lacks, for a client without one.
    func completed(isReading: Bool) -> [UInt8] {
        guard kind == .unsaid, let outline else { return bytes }
        var splice = JSONSplice()
        splice.insert("resultType", Array("\"complete\"".utf8), in: outline)
        if isReading {
            if !has("ttlMs") { splice.insert("ttlMs", [0x30], in: outline) }
            if !has("cacheScope") { splice.insert("cacheScope", Array("\"private\"".utf8), in: outline) }
        }
        return splice.applied(to: bytes.span)
    }
}
