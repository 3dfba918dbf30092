import GatewayModel
import GatewayState
import GatewayWire

/// Something that a provider keeps, which is the caller's.
struct KeptObject {
    let kind: ProviderObject.Kind
    /// The provider's own.
    let id: [UInt8]
    let note: String
    let place: FixedPlace

    var key: ProviderObject.Key {
        ProviderObject.Key(place: place.name, id: String(decoding: id, as: UTF8.self))
    }

    /// The provider's own id in place of the one that stands, without its quotes, at `range`.
    func edit(_ range: Range<Int>) -> JSONSplice.Edit {
        var value: [UInt8] = []
        JSONWriter.append(string: id.span, to: &value)
        return JSONSplice.Edit(range: (range.lowerBound - 1)..<(range.upperBound + 1), bytes: value)
    }
}

extension ModelRoom {
    /// What a client means by an id. Throws for what is not his.
    func owned(
        _ id: [UInt8], _ kind: ProviderObject.Kind, by principal: Principal
    ) throws(GatewayError) -> KeptObject {
        if let owner = ResponseOrigin.owner(principal) {
            for parts in ResponseOrigin.split(id) {
                for place in places {
                    let mark = services.origins.mark(parts.id, kind, note: parts.note, place, owner)
                    guard ResponseOrigin.isEqual(mark, parts.mark) else { continue }
                    return KeptObject(kind: kind, id: parts.id, note: parts.note, place: place)
                }
            }
        }
        throw GatewayError(
            .notFound,
            "there is no such \(kind.word), or it is not yours: \(String(decoding: id.prefix(96), as: UTF8.self))",
            hint: kind == .item
                ? "send whole items, reasoning with its encrypted_content, or use previous_response_id"
                : "use the id of \(kind == .upload ? "an" : "a") \(kind.word) that you got here")
    }

    /// What a request names at a place in it.
    func owned(
        _ reference: KeptReferences.Found, in body: Span<UInt8>, by principal: Principal
    ) throws(GatewayError) -> KeptObject {
        let id = JSONString.decoded(body, reference.range)
        let shown = String(decoding: id.prefix(96), as: UTF8.self)
        switch reference.kind {
        case .object(let kind): return try owned(id, kind, by: principal)
        case .conversation:
            throw GatewayError(
                .malformedRequest, "conversations are not kept here: \(shown)",
                hint: "build upon a response by previous_response_id, or send the items")
        case .vectorStore:
            throw GatewayError(
                .malformedRequest, "vector stores are not kept here: \(shown)", hint: "name files by file_id")
        case .copy: return try owned(id, .item, by: principal)
        case .prompt:
            throw GatewayError(
                .malformedRequest, "a stored prompt cannot be named here: \(shown)", hint: "send its text")
        case .skill: throw GatewayError(.malformedRequest, "a skill cannot be named here: \(shown)")
        }
    }
}

extension ModelRoom {
    /// The name of an item that is sent again: the provider's own if it is the caller's; else nil, and it has to go.
    func copy(_ reference: KeptReferences.Found, in body: Span<UInt8>, by principal: Principal) -> KeptObject? {
        try? owned(reference, in: body, by: principal)
    }
}

extension JSONSplice {
    mutating func replace(_ copy: KeptReferences.Found, _ owned: KeptObject?) {
        guard let edit = owned?.edit(copy.range) else { return replace(copy.member, with: []) }
        replace(edit.range, with: edit.bytes)
    }
}

extension KeptReferences {
    static let tooMany = GatewayError(
        .malformedRequest, "the request names more than \(countMax) files, or has more than \(copiesMax) items",
        hint: "name fewer")
}

extension FixedPlace {
    static let areTwo = GatewayError(
        .malformedRequest, "what the request names is kept at different providers, or by different credentials",
        hint: "files, batches and responses of one request have to be of one provider")
}

extension ProviderObject.Kind {
    var word: String {
        switch self {
        case .file: "file"
        case .batch: "batch"
        case .response: "response"
        case .upload: "upload"
        case .container: "container"
        case .item: "item of an earlier answer"
        case .audio: "sound of an earlier answer"
        }
    }
}

extension ResponseOrigin {
    func mark(
        _ id: [UInt8], _ kind: ProviderObject.Kind, note: String, _ place: FixedPlace, _ owner: ObjectOwner
    ) -> [UInt8] {
        mark(
            id, kind, note: note, provider: place.target.target.provider.name,
            credential: place.access.credential?.name ?? "", owner: owner)
    }

    func suffix(
        _ id: [UInt8], _ kind: ProviderObject.Kind, note: String = "", _ place: FixedPlace, _ owner: ObjectOwner
    ) -> [UInt8] {
        suffix(
            id, kind, note: note, provider: place.target.target.provider.name,
            credential: place.access.credential?.name ?? "", owner: owner)
    }
}
