import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayState
import GatewayWire
import NIOCore

/// What providers keep for callers: files, batches, responses. Everyone's lie together there, under the credentials of
/// the gateway; an id that a client is shown says whose it is and where it lies, and no other is let through.
extension ModelExchange {
    /// Takes the marks off what the body names. Throws for what is not the caller's.
    func findKept() throws(GatewayError) {
        guard outline.measure.mayNameKept || mayNameIDs else { return }
        let all = try body.whole()
        let span = all.readableBytesUInt8Span
        guard let references = KeptReferences.find(in: span) else { throw KeptReferences.tooMany }
        for reference in references {
            switch reference.kind {
            case .copy: kept.replace(reference, room.copy(reference, in: span, by: principal))
            case .prompt: try takePrompt(JSONString.decoded(span, reference.range))
            case .skill: skillIDs.append(JSONString.decoded(span, reference.range))
            default:
                let owned = try room.owned(reference, in: span, by: principal)
                keptPlace = try isSame(owned.place, keptPlace)
                let edit = owned.edit(reference.range)
                kept.replace(edit.range, with: edit.bytes)
                named.append(owned)
            }
        }
        let whole = named.filter { $0.kind != .item && $0.kind != .audio }
        // One answer, a prompt or a skill is not a whole history.
        request.namedItems = named.count - whole.count + (promptID == nil ? 0 : 1) + skillIDs.count
        guard !whole.isEmpty else { return }
        // All of it is read again, and how much that is only a response tells.
        request.hasHistory = true
        request.historyTokens = nil
        if whole.allSatisfy({ $0.kind == .response }), let response = whole.first {
            request.historyTokens = room.services.objects.tokens(response.key)
        }
    }

    /// Whether a member `id` may be one that is looked up: of an item or a prompt, or of a sound.
    private var mayNameIDs: Bool {
        outline.measure.hasIDs && (endpoint == .responses || endpoint == .chatCompletions && outline.measure.hasAudio)
    }

    private func takePrompt(_ id: [UInt8]) throws(GatewayError) {
        guard promptID.map({ $0 == id }) ?? true else {
            throw GatewayError(.malformedRequest, "the request names two stored prompts", hint: "name one")
        }
        promptID = id
    }

    /// Stored prompts and skills are the organisation's: those that the operator lists may be used.
    func lets(_ provider: CompiledProvider) -> Bool {
        (promptID.map { provider.hasPrompt($0) } ?? true) && skillIDs.allSatisfy { provider.hasSkill($0) }
    }

    func judgeListed(_ routed: RoutedModel) throws(GatewayError) {
        guard promptID != nil || !skillIDs.isEmpty else { return }
        let models = [routed.model] + room.table.fallbacks(of: routed.model).map(\.model)
        let providers = models.flatMap { $0.targets.map(\.provider) }
        guard !providers.contains(where: { lets($0) }) else { return }
        if let skill = skillIDs.first(where: { id in !providers.contains { $0.hasSkill(id) } }) ?? skillIDs.first {
            throw GatewayError(
                .forbidden,
                "the model's provider lets nobody use this skill: \(String(decoding: skill.prefix(96), as: UTF8.self))",
                hint: "the operator lists it in skills of the ModelProvider")
        }
        guard let promptID else { return }
        let shown = String(decoding: promptID.prefix(96), as: UTF8.self)
        throw GatewayError(
            .forbidden, "the model's provider lets nobody use this stored prompt: \(shown)",
            hint: "send its text; or the operator lists it in prompts of the ModelProvider")
    }

    /// One place for all. Throws where there are two.
    func isSame(_ place: FixedPlace, _ other: FixedPlace?) throws(GatewayError) -> FixedPlace {
        guard let other, other.name != place.name else { return place }
        throw FixedPlace.areTwo
    }

    // MARK: New files and batches

    /// What reads the lines of a new file, if it is for a batch.
    func makeBatchFile(_ exchange: Exchange) {
        guard endpoint.kept == .files, exchange.request.method == .post else { return }
        var conditions = AccessTable.Request(name: [], operation: .chat)
        addConditions(&conditions, exchange)
        let judge = BatchJudge(
            room, principal, wanted: exchange.request.fields.value(named: "x-sluice-provider"), conditions: conditions)
        batchJudge = judge
        batchFile = BatchFile { (line: Span<UInt8>) throws(GatewayError) in try judge.judge(line) }
    }

    /// Where a new file has to go; nil where it may go anywhere.
    func placeOfNew(_ call: KeptCall) throws(GatewayError) -> FixedPlace? {
        switch call {
        case .files:
            guard request.isForm, let batchFile, let isBatch = batchFile.isBatch else {
                throw GatewayError(
                    .malformedRequest, "a new file comes as a form with the fields purpose and file",
                    hint: "send multipart/form-data")
            }
            keptNote = ""
            guard isBatch else { return nil }
            if let failure = batchFile.failure { throw failure }
            keptNote = batchJudge?.note?.text ?? ""
            return batchJudge?.place
        case .uploads:
            let all = try body.whole()
            guard outline.string("purpose", in: all.readableBytesUInt8Span) != "batch" else {
                throw GatewayError(
                    .malformedRequest, "a batch's file cannot be sent in parts: each of its lines is judged",
                    hint: "send it whole, to /v1/files")
            }
            return nil
        case .batches:
            try judgeBatch()
            return keptPlace
        default: return nil
        }
    }

    /// A batch is made of a file whose lines were judged here, for the very path that they were judged for.
    private func judgeBatch() throws(GatewayError) {
        let all = try body.whole()
        let path = outline.string("endpoint", in: all.readableBytesUInt8Span)
        guard named.count == 1, let file = named.first, file.kind == .file, let note = BatchNote(file.note),
            outline.member("input_file_id", in: all.readableBytesUInt8Span)?.kind.isString == true
        else {
            throw GatewayError(
                .malformedRequest, "a batch needs an input_file_id of a file that was sent here for the purpose batch",
                hint: "send the file again with purpose batch, and use its id as it is")
        }
        guard path == note.path else {
            throw GatewayError(
                .malformedRequest,
                "the lines of the batch's file do not ask for its endpoint: \(path?.prefix(64) ?? "")",
                hint: "they ask for \(note.path)")
        }
        batch = note
    }

    /// Whether the caller still may use the model that the batch's lines ask for.
    func judgeModel(of note: BatchNote, _ exchange: Exchange) throws(GatewayError) {
        guard let found = room.table.find(Array(note.model.utf8)), let operation = note.endpoint.operation else {
            throw GatewayError(
                .unknownModel, "the model of the batch does not exist or you may not use it: \(note.model)")
        }
        match = found
        var asked = AccessTable.Request(name: found.name, operation: operation, bodyBytes: body.count)
        addConditions(&asked, exchange)
        if let error = room.table.access.decide(principal, asked).verdict.error { throw error }
    }

    // MARK: Answers

    /// What is changed of a document on its way to the client.
    var replyEdit: WholeReply.Edit? {
        if let list {
            guard let marks = keptMarks(list.kind) else { return nil }
            return { (document: ByteBuffer) throws(GatewayError) in
                list.add(try marks.marked(document))
                return ByteBuffer(bytes: list.place == nil ? list.document : [])
            }
        }
        if let marks {
            let isItems = endpoint.isInputItems
            return { (document: ByteBuffer) throws(GatewayError) in
                isItems ? try marks.markedItems(document) : try marks.marked(document)
            }
        }
        guard let told = endpoint.kept?.told, let marks = keptMarks(told) else { return nil }
        return { (document: ByteBuffer) throws(GatewayError) in try marks.marked(document) }
    }

    private func keptMarks(_ kind: ProviderObject.Kind) -> ProviderMarks? {
        guard let attempt, let owner = ResponseOrigin.owner(principal) else { return nil }
        let place = FixedPlace(target: attempt.target, access: attempt.access)
        return ProviderMarks(
            kind: kind, place: place, owner: owner, isDeleted: method == .delete,
            isNoted: endpoint.kept != .uploadParts, note: keptNote, services: room.services, opened: openBatch,
            nowMilliseconds: nowMilliseconds)
    }

    /// Whether its answer says what has been made, which has to be heard though the client be gone.
    var makesKept: Bool {
        switch endpoint.kept {
        case .files, .uploads, .uploadParts, .uploadComplete, .batches: method == .post
        default: false
        }
    }

    // MARK: Lists

    /// The list of what the caller has of a kind, at one provider or at all of them.
    func makeList(
        _ kind: ProviderObject.Kind, _ owner: ObjectOwner, _ exchange: Exchange, provider wanted: String?
    ) throws(GatewayError) -> ProviderList {
        var places: [String: FixedPlace] = [:]
        for place in room.places {
            let provider = place.target.target.provider
            guard endpoint.isNative(to: provider.dialect), wanted.map({ $0 == provider.shownName }) ?? true,
                let operation = endpoint.operation, decision(operation, at: provider)?.verdict.isAllowed != false
            else { continue }
            places[place.name] = place
        }
        let query = exchange.request.fields.text(exchange.request.query)
        let after: KeptObject? =
            if let cursor = ProviderList.cursor(query) { try room.owned(cursor, kind, by: principal) } else { nil }
        return try ProviderList(
            kind, query: query, of: room.services.objects.objects(owner, kind), places: places, after: after?.key)
    }

    /// Whether another object has to be read for the list.
    var goesOnListing: Bool { list?.place != nil && exchange != nil }

    /// Of who has nothing no provider is asked.
    func answerList(_ list: ProviderList, _ exchange: Exchange) {
        stage = .over
        settle()
        respond(
            exchange, status: 200, type: Array("application/json".utf8), body: ByteBuffer(bytes: list.document))
    }
}
