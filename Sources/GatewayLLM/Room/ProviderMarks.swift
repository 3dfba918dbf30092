import GatewayModel
import GatewayState
import GatewayWire
import NIOCore

/// Writes whose they are into the ids of files and batches, as a provider tells them of one, and remembers them.
struct ProviderMarks {
    /// What the document is about.
    let kind: ProviderObject.Kind
    let place: FixedPlace
    let owner: ObjectOwner
    /// The object is told of because it was deleted.
    let isDeleted: Bool
    /// Whether the object itself is one that is listed.
    let isNoted: Bool
    /// What is to be known of the object; nil for one that was made earlier.
    let note: String?
    let services: ModelServices
    /// The batch is one that is made now.
    var opened: OpenBatch?
    var nowMilliseconds = 0

    /// A document about one object. Throws for what is none: what has been made would be nobody's.
    func marked(_ document: ByteBuffer) throws(GatewayError) -> ByteBuffer {
        let span = document.readableBytesUInt8Span
        var outline = JSONOutline()
        do { try outline.read(span) } catch { throw ResponseMarks.unreadable }
        guard let id = outline.text("id", in: span), !id.range.isEmpty else { throw ResponseMarks.unreadable }
        var splice = JSONSplice()
        mark(span, id.range, kind, note, isNoted: isNoted, &splice)
        for name in ["input_file_id", "output_file_id", "error_file_id"] as [StaticString] {
            guard let text = outline.text(name, in: span), !text.range.isEmpty else { continue }
            mark(span, text.range, .file, nil, isNoted: true, &splice)
        }
        if let text = outline.text("upload_id", in: span) {
            mark(span, text.range, .upload, nil, isNoted: false, &splice)
        }
        // What an upload has become.
        var file = JSONOutline()
        if kind == .upload, let member = outline.member("file", in: span), member.kind == .object,
            (try? file.read(span, range: member.value)) != nil, let text = file.text("id", in: span)
        {
            mark(span, text.range, .file, nil, isNoted: true, &splice)
        }
        if kind == .batch { settle(span, outline, id.range) }
        return ByteBuffer(bytes: splice.applied(to: span))
    }

    private func mark(
        _ span: Span<UInt8>, _ range: Range<Int>, _ kind: ProviderObject.Kind, _ note: String?, isNoted: Bool,
        _ splice: inout JSONSplice
    ) {
        let id = JSONString.decoded(span, range)
        let key = key(id)
        let note = note ?? services.objects.object(key).flatMap { $0.owner == owner ? $0.note : nil } ?? ""
        let suffix = services.origins.suffix(id, kind, note: note, place, owner)
        splice.replace(range.upperBound..<range.upperBound, with: suffix)
        // Longer names are nobody's; they would only take room.
        guard isNoted, kind == .file || kind == .batch, id.count <= ModelTable.nameBytesMax else { return }
        if isDeleted {
            services.objects.forget(key)
        } else {
            services.objects.note(ProviderObject(key, kind, owner: owner, note: note))
        }
    }

    private func key(_ id: [UInt8]) -> ProviderObject.Key {
        ProviderObject.Key(place: place.name, id: String(decoding: id, as: UTF8.self))
    }

    /// A batch that has ended is paid for.
    private func settle(_ span: Span<UInt8>, _ outline: JSONOutline, _ id: Range<Int>) {
        let key = key(JSONString.decoded(span, id))
        if let opened { services.batches.begin(key, opened) }
        let end = BatchEnd(span, outline)
        guard end != .open else { return }
        services.batches.end(key, end, nowMilliseconds: nowMilliseconds)
    }
}
