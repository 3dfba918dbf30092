import GatewayWire
import NIOCore

/// Writes where a stored response came from into its id, in whatever form the provider tells it: a document with an
/// `id`, or events with a `response.id`. Everything else passes byte for byte.
struct ResponseMarks {
    /// The mark of an id.
    private let mark: ([UInt8]) -> [UInt8]
    private var parser = SSEParser()

    init(_ mark: @escaping ([UInt8]) -> [UInt8]) { self.mark = mark }

    /// A whole document; as it was if it has no id.
    func marked(_ document: ByteBuffer) -> ByteBuffer {
        let span = document.readableBytesUInt8Span
        var outline = JSONOutline()
        guard (try? outline.read(span)) != nil, outline.text("id", in: span) != nil else { return document }
        return ByteBuffer(bytes: spliced(span, outline))
    }

    /// More of a stream.
    mutating func receive(_ chunk: ByteBuffer) -> ByteBuffer? {
        var out: [UInt8] = []
        let span = chunk.readableBytesUInt8Span
        out.reserveCapacity(span.count + 64)
        var position = 0
        while true {
            let step = parser.next(span, &position)
            if step == .more { break }
            if step == .event, appendMarked(span, to: &out) { continue }
            appendRaw(span, to: &out)
        }
        return out.isEmpty ? nil : ByteBuffer(bytes: out)
    }

    /// What was held back of an event that never ended.
    mutating func finish() -> ByteBuffer? {
        _ = parser.finish()
        return parser.held.isEmpty ? nil : ByteBuffer(bytes: parser.held)
    }

    private func appendRaw(_ span: Span<UInt8>, to out: inout [UInt8]) {
        out.append(contentsOf: parser.held.prefix(parser.heldCount))
        for index in parser.extent { out.append(span[index]) }
    }

    /// Appends the event with its id marked; false if it has none.
    private mutating func appendMarked(_ span: Span<UInt8>, to out: inout [UInt8]) -> Bool {
        var isMarked = false
        parser.withEvent(span) { name, data in
            var outline = JSONOutline()
            guard (try? outline.read(data)) != nil, let response = outline.member("response", in: data),
                response.kind == .object, (try? outline.read(data, range: response.value)) != nil,
                outline.text("id", in: data) != nil
            else { return }
            isMarked = true
            if name.count > 0 {
                out.append(contentsOf: "event: ".utf8)
                for index in 0..<name.count { out.append(name[index]) }
                out.append(0x0A)
            }
            out.append(contentsOf: "data: ".utf8)
            out.append(contentsOf: spliced(data, outline))
            out.append(contentsOf: "\n\n".utf8)
        }
        return isMarked
    }

    /// What a response builds upon is at the same place.
    private func spliced(_ span: Span<UInt8>, _ outline: JSONOutline) -> [UInt8] {
        var splice = JSONSplice()
        for id in [outline.text("id", in: span), outline.text("previous_response_id", in: span)].compactMap(\.self) {
            splice.replace(
                id.range.upperBound..<id.range.upperBound, with: [0x2E] + mark(JSONString.decoded(span, id.range)))
        }
        return splice.applied(to: span)
    }
}
