import GatewayModel
import GatewayWire

/// Formats one exchange as one line of JSON. Never writes a credential, a cookie or (unless told) a query value:
/// of the request's fields only `user-agent` is read.
struct AccessLogLine {
    private var timestamps = TimestampCache()
    var settings: AccessLogSettings

    init(settings: AccessLogSettings) { self.settings = settings }

    /// The object without a line end.
    mutating func write(
        _ record: RequestRecord, _ request: RequestHead, to line: inout LineWriter
    ) {
        line.raw("{\"time\":\"")
        timestamps.write(record.wallNanoseconds, to: &line)
        line.raw("\",\"request_id\":\"")
        line.hex(record.requestID.0)
        line.hex(record.requestID.1)
        if record.traceID.0 | record.traceID.1 != 0 {
            line.raw("\",\"trace_id\":\"")
            line.hex(record.traceID.0)
            line.hex(record.traceID.1)
        }
        line.raw("\",\"client\":\"")
        line.escaped(record.clientAddress, bytesMax: 64)
        line.byte(0x22)
        if record.part > 0 {
            line.raw(",\"part\":")
            line.number(record.part)
        }
        if let principal = record.principal { AccessLogLine.write(principal, to: &line) }
        writeRequest(record, request, to: &line)
        AccessLogLine.writeOutcome(record, to: &line)
        if let call = record.modelCall?.call { AccessLogLine.write(call, to: &line) }
        if let note = record.toolCall { AccessLogLine.write(note.call, to: &line) }
        line.byte(0x7D)
    }

    private static func write(_ principal: Principal, to line: inout LineWriter) {
        if let user = principal.user { field(",\"user\":\"", user, to: &line) }
        if let tenant = principal.tenant { field(",\"tenant\":\"", tenant, to: &line) }
        if let agent = principal.agent { field(",\"agent\":\"", agent, to: &line) }
        if let credential = principal.credentialID { field(",\"credential\":\"", credential, to: &line) }
    }

    private static func field(_ key: StaticString, _ value: String, to line: inout LineWriter) {
        line.raw(key)
        line.escaped(value)
        line.byte(0x22)
    }

    private func writeRequest(
        _ record: RequestRecord, _ request: RequestHead, to line: inout LineWriter
    ) {
        let bytes = request.fields.bytes.span
        line.raw(",\"method\":\"")
        if request.method == .other {
            line.escaped(bytes.extracting(request.methodName.range), bytesMax: 32)
        } else {
            line.raw(request.method.logName)
        }
        line.raw("\",\"host\":\"")
        line.escaped(bytes.extracting(request.authority.range))
        line.raw("\",\"path\":\"")
        line.escaped(bytes.extracting(request.path.range), bytesMax: settings.pathBytesMax)
        if !request.query.isEmpty {
            QueryRedaction.write(
                bytes.extracting(request.query.range), settings.query, bytesMax: settings.pathBytesMax, to: &line)
        }
        line.raw("\",\"protocol\":\"")
        line.raw(record.downstreamProtocol.name)
        line.raw(record.isTLS ? "\",\"tls\":true" : "\",\"tls\":false")
        if settings.userAgentBytesMax > 0, let agent = request.fields.first(.userAgent) {
            line.raw(",\"user_agent\":\"")
            line.escaped(bytes.extracting(agent.value.range), bytesMax: settings.userAgentBytesMax)
            line.byte(0x22)
        }
    }

    private static func writeOutcome(_ record: RequestRecord, to line: inout LineWriter) {
        line.raw(",\"status\":")
        line.number(record.status)
        line.raw(",\"outcome\":\"")
        line.raw(record.outcome.logName)
        line.byte(0x22)
        if let code = record.errorCode {
            field(",\"error\":\"", code.rawValue, to: &line)
            if !record.errorCause.isEmpty { field(",\"error_cause\":\"", record.errorCause, to: &line) }
        }
        if !record.listener.isEmpty { field(",\"listener\":\"", record.listener, to: &line) }
        if !record.route.isEmpty {
            field(",\"route\":\"", record.route, to: &line)
            line.raw(",\"rule\":")
            line.number(record.rule)
        }
        if !record.backend.isEmpty { field(",\"backend\":\"", record.backend, to: &line) }
        if !record.upstreamAddress.isEmpty {
            line.raw(",\"upstream\":\"")
            line.escaped(record.upstreamAddress)
            line.raw("\",\"attempts\":")
            line.number(record.attempts)
        }
        if !record.verdictRule.isEmpty { field(",\"verdict_rule\":\"", record.verdictRule, to: &line) }
        line.raw(",\"bytes_in\":")
        line.number(record.requestBytes)
        line.raw(",\"bytes_out\":")
        line.number(record.responseBytes)
        line.raw(",\"duration_us\":")
        line.number(elapsed(record.startedNanoseconds, record.endedNanoseconds))
        if record.upstreamConnectedNanoseconds != 0 {
            line.raw(",\"upstream_connect_us\":")
            let from = record.admittedNanoseconds == 0 ? record.startedNanoseconds : record.admittedNanoseconds
            line.number(elapsed(from, record.upstreamConnectedNanoseconds))
        }
        if record.upstreamFirstByteNanoseconds != 0 {
            line.raw(",\"first_byte_us\":")
            line.number(elapsed(record.startedNanoseconds, record.upstreamFirstByteNanoseconds))
        }
    }

    /// A model call, by its names and counts: never a word of prompt or answer.
    private static func write(_ call: ModelCallRecord, to line: inout LineWriter) {
        field(",\"model\":\"", call.requestModel, to: &line)
        if !call.provider.isEmpty { field(",\"provider\":\"", call.provider, to: &line) }
        if let usage = call.usage {
            line.raw(",\"input_tokens\":")
            line.number(usage.inputTotal)
            line.raw(",\"output_tokens\":")
            line.number(usage.outputTotal)
        }
        if let cost = call.cost {
            line.raw(",\"cost_usd\":\"")
            cost.withText { line.raw($0) }
            line.byte(0x22)
        }
        for (index, loss) in call.losses.enumerated() { field(index == 0 ? ",\"lost\":[\"" : ",\"", loss, to: &line) }
        if !call.losses.isEmpty { line.byte(0x5D) }
        if call.cache != .none { field(",\"cache\":\"", call.cache == .hit ? "hit" : "miss", to: &line) }
    }

    /// A call of a tool, by its names and digests: never an argument or a result.
    private static func write(_ call: ToolCallRecord, to line: inout LineWriter) {
        field(",\"mcp_method\":\"", call.method, to: &line)
        if !call.server.isEmpty { field(",\"server\":\"", call.server, to: &line) }
        if !call.item.isEmpty { field(",\"item\":\"", call.item, to: &line) }
        field(",\"result\":\"", call.result.name, to: &line)
        if !call.verdict.isEmpty { field(",\"verdict\":\"", call.verdict, to: &line) }
        if let risk = call.risk { field(",\"risk\":\"", risk.rawValue, to: &line) }
        if !call.pin.isEmpty { field(",\"pin\":\"", call.pin, to: &line) }
        if !call.argumentsDigest.isEmpty { field(",\"arguments_sha256\":\"", call.argumentsDigest, to: &line) }
        if !call.resultDigest.isEmpty { field(",\"result_sha256\":\"", call.resultDigest, to: &line) }
        if !call.unchecked.isEmpty { field(",\"unchecked\":\"", call.unchecked, to: &line) }
        if call.redactions > 0 {
            line.raw(",\"redactions\":")
            line.number(call.redactions)
        }
        if let count = call.shownCount {
            line.raw(",\"shown\":")
            line.number(count)
        }
        if !call.approval.isEmpty { field(",\"approval\":\"", call.approval, to: &line) }
        if !call.approvedBy.isEmpty { field(",\"approved_by\":\"", call.approvedBy, to: &line) }
    }

    private static func elapsed(_ from: UInt64, _ to: UInt64) -> UInt64 { to > from ? (to &- from) / 1_000 : 0 }
}

extension GatewayWire.HTTPMethod {
    /// The method on the wire; empty for `.other`.
    var logName: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .other: ""
        }
    }
}

extension RequestRecord.Outcome {
    /// The name in logs, metrics and traces.
    var logName: StaticString {
        switch self {
        case .completed: "completed"
        case .clientAborted: "client_aborted"
        case .upstreamFailed: "upstream_failed"
        case .refused: "refused"
        case .timedOut: "timed_out"
        case .upgraded: "upgraded"
        }
    }
}
