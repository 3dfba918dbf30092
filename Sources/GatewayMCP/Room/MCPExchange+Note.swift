import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayWire

/// What is remembered of a message: names, digests and what came of it, never what was said.
extension MCPExchange {
    /// Taken down just before the client's answer ends, which settles its record.
    func keepNote(_ exchange: Exchange) {
        // Moved, not copied: it is many texts.
        guard let note = note.take() else { return }
        account?.settle(
            note.result, bytes: (call?.bytes.count ?? 0) + answeredBytes, nowMilliseconds: nowMilliseconds)
        exchange.record.toolCall = ToolCallNote(note)
        account = nil
    }

    /// What a client's message is a part of, where it says so itself (`params._meta`).
    func adopt(_ traceparent: String?, _ exchange: Exchange) {
        guard let traceparent, let context = TraceContext(traceparent: traceparent.utf8Span.span) else { return }
        exchange.record.traceID = (context.traceHigh, context.traceLow)
        exchange.record.parentSpanID = context.span
        exchange.record.traceSampled = context.isSampled
    }

    /// What the server's part of the trace hangs on; nil where nobody follows it.
    var ownTraceparent: [UInt8]? {
        guard let record = exchange?.record, record.traceSampled || call?.traceparent != nil else { return nil }
        let context = TraceContext(
            traceHigh: record.traceID.0, traceLow: record.traceID.1, span: record.spanID,
            flags: record.traceSampled ? TraceContext.sampled : 0)
        var out: [UInt8] = [0x22]
        context.append(to: &out)
        out.append(0x22)
        return out
    }

    /// A result on its way to the client.
    func noteResult(_ result: [UInt8]) {
        guard note != nil else { return }
        note?.resultBytes = result.count
        note?.resultDigest = ToolDigest.of(bytes: result)
        switch note?.result {
        case .waiting, .toolError, .failed: return
        default: note?.result = .ok
        }
    }
}

extension String {
    /// So many characters of it; looked at one by one only where it may have more.
    func first(_ count: Int) -> String { utf8.count <= count ? self : String(prefix(count)) }
}

extension Verdict.Decision {
    /// For records.
    var name: String {
        switch self {
        case .allow: "allow"
        case .deny: "deny"
        case .ask: "ask"
        }
    }
}
