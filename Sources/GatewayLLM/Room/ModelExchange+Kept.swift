import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayState
import GatewayWire
import NIOCore

/// What providers keep for callers: files, batches, responses. Everyone's lie together there, under the credentials of
/// the gateway; an id that a client is shown says whose it is and where it lies, and no other is let through.
extension ModelExchange {
    /// The provider's own id, and where it lies. Throws for what is not the caller's.
    func owned(_ id: [UInt8], _ what: String) throws(GatewayError) -> (id: [UInt8], place: FixedPlace) {
        guard let (own, mark) = ResponseOrigin.split(id), let place = room.place(of: own, mark, for: principal) else {
            throw GatewayError(
                .notFound,
                "there is no such \(what), or it is not yours: \(String(decoding: id.prefix(96), as: UTF8.self))",
                hint: "use the id of a \(what) that you got here")
        }
        return (own, place)
    }

    /// One place for all. Throws where there are two.
    func isSame(_ place: FixedPlace, _ other: FixedPlace?) throws(GatewayError) -> FixedPlace {
        guard let other, other.name != place.name else { return place }
        throw GatewayError(
            .malformedRequest, "what the request names is kept at different providers, or by different credentials",
            hint: "files, batches and responses of one request have to be of one provider")
    }

    /// Takes the marks off the files that the body names. Throws for one that is not the caller's.
    func findFiles() throws(GatewayError) {
        guard outline.measure.mayNameFiles else { return }
        let all = try body.whole()
        let span = all.readableBytesUInt8Span
        guard let places = FileReferences.find(in: span) else {
            throw GatewayError(
                .malformedRequest, "the request names more than \(FileReferences.countMax) files", hint: "name fewer")
        }
        for range in places {
            let (own, place) = try owned(JSONString.decoded(span, range), "file")
            filePlace = try isSame(place, filePlace)
            var value: [UInt8] = []
            JSONWriter.append(string: own.span, to: &value)
            // With its quotes.
            fileEdits.append(JSONSplice.Edit(range: (range.lowerBound - 1)..<(range.upperBound + 1), bytes: value))
        }
    }

    // MARK: Answers

    /// What is changed of a document on its way to the client.
    var replyEdit: WholeReply.Edit? {
        if let list {
            return { (page: ByteBuffer) throws(GatewayError) in
                try list.add(page)
                return ByteBuffer(bytes: list.place == nil ? list.document : [])
            }
        }
        if let marks { return { (document: ByteBuffer) throws(GatewayError) in marks.marked(document) } }
        guard endpoint.tellsOfKept, let attempt, let exchange else { return nil }
        let marks = keptMarks(
            FixedPlace(target: attempt.routed, access: attempt.access), isDeleted: exchange.request.method == .delete)
        return { (document: ByteBuffer) throws(GatewayError) in marks.marked(document) }
    }

    private func keptMarks(_ place: FixedPlace, isDeleted: Bool = false) -> ProviderMarks {
        let (origins, principal) = (room.services.origins, principal)
        return ProviderMarks(
            kind: endpoint.keptKind, place: place, owner: ResponseOrigin.scope(principal), isDeleted: isDeleted,
            mark: { origins.mark($0, place, principal) }, book: room.services.objects)
    }

    // MARK: Lists

    /// The list of what the caller has of a kind, at one provider or at all of them.
    func makeList(
        _ kind: ProviderObject.Kind, _ exchange: Exchange, provider wanted: String?
    ) throws(GatewayError) -> ProviderList {
        let own = room.services.objects.ids(ResponseOrigin.scope(principal), kind)
        let sources = room.places.compactMap { place -> ProviderList.Source? in
            let provider = place.target.target.provider
            guard let ids = own[place.name], endpoint.isNative(to: provider.dialect),
                wanted.map({ $0 == provider.shownName }) ?? true,
                let operation = endpoint.operation, decision(operation, at: provider)?.verdict.isAllowed != false
            else { return nil }
            return ProviderList.Source(marks: keptMarks(place), own: ids)
        }
        let query = exchange.request.fields.text(exchange.request.query)
        let list = try ProviderList(kind, query: query, sources: sources)
        if let cursor = ProviderList.cursor(query) {
            let (id, place) = try owned(cursor, kind == .file ? "file" : "batch")
            list.begin(at: place.name, after: String(decoding: id, as: UTF8.self))
        }
        return list
    }

    /// Whether another page has to be read for the list.
    var goesOnListing: Bool { list?.place != nil && exchange != nil }

    /// Of who has nothing no provider is asked.
    func answerList(_ list: ProviderList, _ exchange: Exchange) {
        stage = .over
        settle()
        respond(
            exchange, status: 200, type: Array("application/json".utf8), body: ByteBuffer(bytes: list.document))
    }
}
