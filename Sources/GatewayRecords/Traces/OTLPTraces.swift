import GatewayModel

/// Spans as OTLP/HTTP JSON (opentelemetry-proto: ids in hexadecimal, 64-bit integers as strings, enums as
/// numbers), with the names of the HTTP semantic conventions.
enum OTLPTraces {
    /// `SpanKind` and `StatusCode` of trace.proto.
    private static let kindServer = 2
    private static let kindClient = 3
    private static let statusError = 2

    static func encode(
        _ spans: [SpanRecord], resource: OTLPResource, names: GenAINames = .current
    ) -> [UInt8] {
        var text = JSONText()
        text.object { text in
            text.key("resourceSpans")
            text.array { text in
                text.object { text in
                    resource.write(to: &text)
                    text.key("scopeSpans")
                    text.array { text in
                        text.object { text in
                            OTLPResource.writeScope(to: &text)
                            text.key("spans")
                            text.array { text in
                                for span in spans { write(span, names, to: &text) }
                            }
                        }
                    }
                }
            }
        }
        return text.bytes
    }

    private static func write(_ span: SpanRecord, _ names: GenAINames, to text: inout JSONText) {
        let record = span.record
        text.object { text in
            head(
                record, id: span.serverSpanID, parent: record.parentSpanID, kind: kindServer,
                name: record.toolCall.map { ToolSpan.name($0.call) }
                    ?? (record.route.isEmpty ? span.method : "\(span.method) \(record.route)"), to: &text)
            time(record, record.startedNanoseconds, record.endedNanoseconds, to: &text)
            text.key("attributes")
            text.array { text in
                serverAttributes(span, to: &text)
                if let note = record.toolCall { ToolSpan.attributes(note.call, to: &text) }
            }
            // A client's mistake is no error of the server (semantic conventions, HTTP server spans).
            // Of MCP it is one, as the conventions for it have it.
            let isToolError = record.toolCall.map { ToolSpan.errorType($0.call) != nil } ?? false
            status(
                isError: isToolError || record.status >= 500 || record.outcome == .upstreamFailed, record, to: &text)
        }
        if let call = record.toolCall?.call, let client = call.client, record.spanID != 0 {
            return write(client, of: call, span, to: &text)
        }
        guard !record.upstreamAddress.isEmpty, record.spanID != 0 else { return }
        text.object { text in
            let name = record.modelCall.map { GenAISpan.name($0.call) } ?? span.method
            head(record, id: record.spanID, parent: span.serverSpanID, kind: kindClient, name: name, to: &text)
            let start = record.admittedNanoseconds == 0 ? record.startedNanoseconds : record.admittedNanoseconds
            time(record, start, record.endedNanoseconds, to: &text)
            text.key("attributes")
            text.array { text in
                clientAttributes(span, to: &text)
                if let note = record.modelCall { GenAISpan.attributes(note.call, names, to: &text) }
            }
            events(record, to: &text)
            status(isError: record.status >= 400 || record.outcome == .upstreamFailed, record, to: &text)
        }
    }

    /// What the gateway asked a server of tools.
    private static func write(
        _ client: ToolClientRecord, of call: ToolCallRecord, _ span: SpanRecord, to text: inout JSONText
    ) {
        let record = span.record
        text.object { text in
            head(
                record, id: record.spanID, parent: span.serverSpanID, kind: kindClient, name: ToolSpan.name(call),
                to: &text)
            let end = client.endedNanoseconds == 0 ? record.endedNanoseconds : client.endedNanoseconds
            time(record, client.startedNanoseconds, end, to: &text)
            text.key("attributes")
            text.array { text in ToolSpan.attributes(client, of: call, to: &text) }
            status(isError: client.failure != .none, record, to: &text)
        }
    }

    private static func head(
        _ record: RequestRecord, id: UInt64, parent: UInt64, kind: Int, name: String, to text: inout JSONText
    ) {
        text.member("traceId", JSONText.hex(record.traceID.0) + JSONText.hex(record.traceID.1))
        text.member("spanId", JSONText.hex(id))
        if parent != 0 { text.member("parentSpanId", JSONText.hex(parent)) }
        text.member("name", name)
        text.member("kind", kind)
    }

    /// A monotonic instant as wall time.
    private static func wall(_ record: RequestRecord, _ instant: UInt64) -> String {
        let age = instant > record.startedNanoseconds ? instant - record.startedNanoseconds : 0
        return String(record.wallNanoseconds &+ age)
    }

    private static func time(_ record: RequestRecord, _ start: UInt64, _ end: UInt64, to text: inout JSONText) {
        text.member("startTimeUnixNano", wall(record, start))
        text.member("endTimeUnixNano", wall(record, end))
    }

    private static func serverAttributes(_ span: SpanRecord, to text: inout JSONText) {
        let record = span.record
        common(span, record.downstreamProtocol, to: &text)
        OTLPResource.attribute("url.scheme", record.isTLS ? "https" : "http", to: &text)
        OTLPResource.attribute("server.address", Authority(span.host).host, to: &text)
        if let port = Authority(span.host).port { OTLPResource.attribute("server.port", port, to: &text) }
        OTLPResource.attribute("client.address", record.clientAddress, to: &text)
        OTLPResource.attribute("http.route", record.route, to: &text)
        OTLPResource.attribute("user_agent.original", span.userAgent, to: &text)
        OTLPResource.attribute("http.request.body.size", Int(clamping: record.requestBytes), to: &text)
        OTLPResource.attribute("http.response.body.size", Int(clamping: record.responseBytes), to: &text)
        OTLPResource.attribute("sluice.outcome", record.outcome.logName.description, to: &text)
        OTLPResource.attribute("sluice.listener", record.listener, to: &text)
        OTLPResource.attribute("sluice.backend", record.backend, to: &text)
        OTLPResource.attribute("sluice.verdict.rule", record.verdictRule, to: &text)
        if let principal = record.principal {
            OTLPResource.attribute("user.id", principal.user ?? "", to: &text)
            OTLPResource.attribute("sluice.tenant", principal.tenant ?? "", to: &text)
            OTLPResource.attribute("sluice.agent", principal.agent ?? "", to: &text)
        }
    }

    private static func clientAttributes(_ span: SpanRecord, to text: inout JSONText) {
        let record = span.record
        common(span, record.upstreamProtocol ?? .http11, to: &text)
        let peer = Authority(record.upstreamAddress)
        OTLPResource.attribute("server.address", peer.host, to: &text)
        if let port = peer.port { OTLPResource.attribute("server.port", port, to: &text) }
        OTLPResource.attribute("sluice.backend", record.backend, to: &text)
        if record.attempts > 1 {
            OTLPResource.attribute("http.request.resend_count", record.attempts - 1, to: &text)
        }
    }

    private static func common(_ span: SpanRecord, _ wire: RequestRecord.WireProtocol, to text: inout JSONText) {
        OTLPResource.attribute("http.request.method", span.method, to: &text)
        OTLPResource.attribute("url.path", span.path, to: &text)
        if span.record.status > 0 {
            OTLPResource.attribute("http.response.status_code", span.record.status, to: &text)
        }
        let version =
            switch wire {
            case .http10: "1.0"
            case .http11, .websocket, .upgrade: "1.1"
            case .http2: "2"
            }
        OTLPResource.attribute("network.protocol.name", "http", to: &text)
        OTLPResource.attribute("network.protocol.version", version, to: &text)
        if span.record.toolCall != nil { return }
        if let error = span.record.modelCall?.call.errorType {
            OTLPResource.attribute("error.type", error.rawValue, to: &text)
        } else if let code = span.record.errorCode {
            OTLPResource.attribute("error.type", code.rawValue, to: &text)
        }
    }

    private static func events(_ record: RequestRecord, to text: inout JSONText) {
        text.key("events")
        text.array { text in
            for (name, instant) in [
                ("connected", record.upstreamConnectedNanoseconds), ("first_byte", record.upstreamFirstByteNanoseconds),
            ] where instant != 0 {
                text.object { text in
                    text.member("timeUnixNano", wall(record, instant))
                    text.member("name", name)
                }
            }
        }
    }

    private static func status(isError: Bool, _ record: RequestRecord, to text: inout JSONText) {
        text.key("status")
        text.object { text in
            if isError { text.member("code", statusError) }
        }
    }
}

/// `host:port`, `[v6]:port` or either without a port.
struct Authority: Equatable {
    var host: String
    var port: Int?

    init(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            text.hasPrefix("[") ? text[..<colon].hasSuffix("]") : !text[..<colon].contains(":")
        else {
            host = text
            return
        }
        host = String(text[..<colon])
        self.port = port
    }
}
