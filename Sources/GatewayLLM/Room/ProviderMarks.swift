import GatewayModel
import GatewayState
import GatewayWire
import NIOCore

/// Writes whose they are into the ids of files and batches, as a provider tells them of one, and remembers them.
struct ProviderMarks {
    let kind: ProviderObject.Kind?
    let place: FixedPlace
    let owner: String
    /// The object is told of because it was deleted.
    let isDeleted: Bool
    let mark: @Sendable ([UInt8]) -> [UInt8]
    let book: ProviderObjectBook

    /// A document about one object; as it was if it is none.
    func marked(_ document: ByteBuffer) -> ByteBuffer {
        let span = document.readableBytesUInt8Span
        var outline = JSONOutline()
        guard (try? outline.read(span)) != nil else { return document }
        return ByteBuffer(bytes: spliced(span, outline))
    }

    /// One element of a list, if it is the owner's.
    func marked(element: JSONTree, among own: Set<String>) -> [UInt8]? {
        guard case .object(let object) = element, case .string(let id) = object["id"], own.contains(id.value) else {
            return nil
        }
        var bytes: [UInt8] = []
        element.write(to: &bytes)
        var outline = JSONOutline()
        guard (try? outline.read(bytes.span)) != nil else { return nil }
        return spliced(bytes.span, outline)
    }

    private static let idNames: [StaticString] = [
        "id", "input_file_id", "output_file_id", "error_file_id", "upload_id",
    ]

    private func spliced(_ span: Span<UInt8>, _ outline: JSONOutline) -> [UInt8] {
        var splice = JSONSplice()
        for name in ProviderMarks.idNames {
            guard let text = outline.text(name, in: span) else { continue }
            let id = JSONString.decoded(span, text.range)
            splice.replace(text.range.upperBound..<text.range.upperBound, with: [0x2E] + mark(id))
            guard let kind = ProviderMarks.kind(name, of: self.kind) else { continue }
            note(id, kind)
        }
        // What an upload has become.
        var file = JSONOutline()
        if let member = outline.member("file", in: span), member.kind == .object,
            (try? file.read(span, range: member.value)) != nil, let text = file.text("id", in: span)
        {
            let id = JSONString.decoded(span, text.range)
            splice.replace(text.range.upperBound..<text.range.upperBound, with: [0x2E] + mark(id))
            note(id, .file)
        }
        return splice.applied(to: span)
    }

    private static func kind(_ name: StaticString, of kind: ProviderObject.Kind?) -> ProviderObject.Kind? {
        switch name.description {
        case "id": kind
        case "output_file_id", "error_file_id": .file
        default: nil
        }
    }

    private func note(_ id: [UInt8], _ kind: ProviderObject.Kind) {
        let key = ProviderObject.Key(place: place.name, id: String(decoding: id, as: UTF8.self))
        // Longer names are nobody's; they would only take room.
        guard !id.isEmpty, id.count <= ModelTable.nameBytesMax else { return }
        if isDeleted { book.forget(key) } else { book.note(ProviderObject(key, kind, owner: owner)) }
    }
}
