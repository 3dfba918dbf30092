import GatewayModel
import GatewayWire

/// What of a sampled exchange goes to the collector: a copy, since the exchange's own memory is used again.
struct SpanRecord: Sendable {
    static let pathBytesMax = 1_024
    var record: RequestRecord
    var method: String
    var host: String
    var path: String
    var userAgent: String
    /// The span of the server side, when the one that went upstream is the client side's.
    var serverSpanID: UInt64

    init(_ record: borrowing RequestRecord, _ request: borrowing RequestHead, freshSpanID: UInt64) {
        let record = copy record
        self.record = record
        let fields = request.fields
        method =
            request.method == .other
            ? SpanRecord.text(fields, request.methodName, 32) : request.method.logName.description
        host = SpanRecord.text(fields, request.authority, 256)
        path = SpanRecord.text(fields, request.path, SpanRecord.pathBytesMax)
        userAgent = fields.first(.userAgent).map { SpanRecord.text(fields, $0.value, 256) } ?? ""
        let hasClientSpan = !record.upstreamAddress.isEmpty || record.toolCall?.call.client != nil
        serverSpanID = hasClientSpan || record.spanID == 0 ? freshSpanID : record.spanID
    }

    private static func text(_ fields: FieldBlock, _ slice: Slice, _ bytesMax: Int) -> String {
        String(decoding: fields.bytes[slice.range].prefix(bytesMax), as: UTF8.self)
    }
}
