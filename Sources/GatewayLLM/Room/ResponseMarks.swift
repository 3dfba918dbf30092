import GatewayModel
import GatewayState
import GatewayWire
import NIOCore

/// Writes where a stored response came from into its id and those of its items, in whatever form the provider tells
/// it: a document with an `id`, or events with a `response.id`, an `item.id` or an `item_id`. So with the sounds of
/// Chat Completions. Everything else passes byte for byte.
struct ResponseMarks {
    let place: FixedPlace
    let owner: ObjectOwner
    let services: ModelServices
    private let isChat: Bool
    private var parser = SSEParser()
    private let last = LastSuffix()

    /// An item is named in each event about it.
    private final class LastSuffix {
        var id: [UInt8] = []
        var suffix: [UInt8] = []
    }

    init(place: FixedPlace, owner: ObjectOwner, services: ModelServices, isChat: Bool) {
        self.isChat = isChat
        self.place = place
        self.owner = owner
        self.services = services
    }

    /// A whole document. Throws for what is none: its ids would be of no use to anybody.
    func marked(_ document: ByteBuffer) throws(GatewayError) -> ByteBuffer {
        let span = document.readableBytesUInt8Span
        var outline = JSONOutline()
        do { try outline.read(span) } catch { throw ResponseMarks.unreadable }
        return ByteBuffer(bytes: spliced(span, outline))
    }

    /// What a response was asked: its files are named as the client knows them, if it is known that they are his. What
    /// stands there is his own words, and would be no proof.
    func markedItems(_ document: ByteBuffer) throws(GatewayError) -> ByteBuffer {
        let span = document.readableBytesUInt8Span
        var outline = JSONOutline()
        do { try outline.read(span) } catch { throw ResponseMarks.unreadable }
        guard outline.measure.mayNameKept else { return document }
        var splice = JSONSplice()
        // More than so many of them stay as they are.
        for reference in KeptReferences.find(in: span) ?? [] {
            guard case .object(let kind) = reference.kind else { continue }
            let id = JSONString.decoded(span, reference.range)
            let key = ProviderObject.Key(place: place.name, id: String(decoding: id, as: UTF8.self))
            guard let known = services.objects.object(key), known.owner == owner, known.kind == kind else { continue }
            let suffix = services.origins.suffix(id, kind, note: known.note, place, owner)
            splice.replace(reference.range.upperBound..<reference.range.upperBound, with: suffix)
        }
        return ByteBuffer(bytes: splice.applied(to: span))
    }

    static let unreadable = GatewayError(.upstreamProtocolError, "the provider's answer cannot be read")

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
            guard (try? outline.read(data)) != nil else { return }
            var splice = JSONSplice()
            if isChat {
                markSounds("delta", data, outline, &splice)
            } else if let response = outline.member("response", in: data), response.kind == .object {
                var inner = JSONOutline()
                if (try? inner.read(data, range: response.value)) != nil { mark(data, inner, &splice) }
            } else if let item = outline.member("item", in: data), item.kind == .object {
                markItem(data, item.value, &splice)
            } else if let id = outline.text("item_id", in: data) {
                append(.item, data, id.range, &splice)
            }
            guard !splice.isEmpty else { return }
            isMarked = true
            // Of several lines, if the provider wrote so.
            let event = splice.applied(to: data)
            SSEWriter.append(event: name, data: event.span, to: &out)
        }
        return isMarked
    }

    private func spliced(_ span: Span<UInt8>, _ outline: JSONOutline) -> [UInt8] {
        var splice = JSONSplice()
        if isChat { markSounds("message", span, outline, &splice) } else { mark(span, outline, &splice) }
        return splice.applied(to: span)
    }

    /// What a response builds upon is at the same place.
    private func mark(_ span: Span<UInt8>, _ outline: JSONOutline, _ splice: inout JSONSplice) {
        for id in [outline.text("id", in: span), outline.text("previous_response_id", in: span)].compactMap(\.self) {
            append(.response, span, id.range, &splice)
        }
        guard let output = outline.member("output", in: span), output.kind == .array else { return }
        var items = JSONOutline()
        guard (try? items.readElements(span, range: output.value)) != nil else { return }
        for item in items.members where item.kind == .object { markItem(span, item.value, &splice) }
    }

    private func markItem(_ span: Span<UInt8>, _ range: Range<Int>, _ splice: inout JSONSplice) {
        var item = JSONOutline()
        guard (try? item.read(span, range: range)) != nil else { return }
        for id in [item.text("id", in: span), item.text("approval_request_id", in: span)].compactMap(\.self) {
            append(.item, span, id.range, &splice)
        }
        // Where the provider ran code, which is told in the call that ran it and nowhere else.
        guard item.measure.mayNameKept, item.string("type", in: span) == "code_interpreter_call",
            let id = item.text("container_id", in: span)
        else { return }
        append(.container, span, id.range, &splice)
        let key = ProviderObject.Key(
            place: place.name, id: String(decoding: JSONString.decoded(span, id.range), as: UTF8.self))
        if id.range.count <= ModelTable.nameBytesMax {
            services.objects.note(ProviderObject(key, .container, owner: owner))
        }
    }

    /// What each choice of an answer of Chat Completions says in sound.
    private func markSounds(
        _ part: StaticString, _ span: Span<UInt8>, _ outline: JSONOutline, _ splice: inout JSONSplice
    ) {
        guard outline.measure.hasAudio, let choices = outline.member("choices", in: span), choices.kind == .array
        else { return }
        var list = JSONOutline()
        guard (try? list.readElements(span, range: choices.value)) != nil else { return }
        for choice in list.members where choice.kind == .object {
            var inner = JSONOutline()
            guard (try? inner.read(span, range: choice.value)) != nil, let message = inner.member(part, in: span),
                message.kind == .object, (try? inner.read(span, range: message.value)) != nil,
                let audio = inner.member("audio", in: span), audio.kind == .object,
                (try? inner.read(span, range: audio.value)) != nil, let id = inner.text("id", in: span)
            else { continue }
            append(.audio, span, id.range, &splice)
        }
    }

    private func append(
        _ kind: ProviderObject.Kind, _ span: Span<UInt8>, _ range: Range<Int>, _ splice: inout JSONSplice
    ) {
        guard !range.isEmpty else { return }
        let id = JSONString.decoded(span, range)
        if kind != .item || last.id != id {
            let suffix = services.origins.suffix(id, kind, place, owner)
            guard kind == .item else { return splice.replace(range.upperBound..<range.upperBound, with: suffix) }
            (last.id, last.suffix) = (id, suffix)
        }
        splice.replace(range.upperBound..<range.upperBound, with: last.suffix)
    }
}
