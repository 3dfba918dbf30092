import GatewayModel
import GatewayPolicy
import GatewayState
import GatewayWire

/// Judges the lines of a batch's file as the requests that they are, before any of them goes to a provider: the model
/// has to be one that the caller may use, and what a line names of what providers keep has to be his. One file is for
/// one model at one provider, as the API has it.
final class BatchJudge {
    private let room: ModelRoom
    private let principal: Principal
    private let conditions: AccessTable.Request
    /// The provider that the caller asks for.
    private let wanted: String?
    private(set) var note: BatchNote?
    /// Where the file has to go.
    private(set) var place: FixedPlace?

    /// `conditions` has what conditions are asked about beside the lines.
    init(_ room: ModelRoom, _ principal: Principal, wanted: String?, conditions: AccessTable.Request) {
        self.room = room
        self.principal = principal
        self.wanted = wanted
        self.conditions = conditions
    }

    private struct Line {
        var path = ""
        var body = 0..<0
    }

    /// What has to be changed of a line for its provider. Throws for what the caller may not ask.
    func judge(_ line: Span<UInt8>) throws(GatewayError) -> [JSONSplice.Edit] {
        var outline = JSONOutline()
        let parts = try BatchJudge.parts(line, &outline)
        guard let endpoint = BatchNote.paths.first(where: { $0.path == parts.path })?.endpoint else {
            throw GatewayError(
                .malformedRequest, "a batch cannot ask for this url: \(parts.path.prefix(64))",
                hint: "one of \(BatchNote.paths.map(\.path).joined(separator: ", "))")
        }
        do { try outline.read(line, range: parts.body) } catch {
            throw GatewayError(
                .malformedRequest, ModelExchange.problem(error, of: line.extracting(parts.body)),
                hint: "body must be one JSON object")
        }
        var request = try ModelRequest(outline, of: line, endpoint)
        guard let found = room.table.find(request.name) else {
            throw GatewayError(
                .unknownModel,
                "the model does not exist or you may not use it: "
                    + String(decoding: request.name.prefix(128), as: UTF8.self),
                hint: "GET /v1/models lists those you may use")
        }
        let model = String(decoding: found.name, as: UTF8.self)
        var note = self.note ?? BatchNote(path: parts.path, model: model)
        guard note.path == parts.path, note.model == model else {
            throw GatewayError(
                .malformedRequest, "all lines have to name one url and one model, and the first names another",
                hint: "make a file for each")
        }
        let names = try references(line, parts.body)
        var splice = JSONSplice()
        for name in names { splice.replace(name.range, with: name.bytes) }
        if !names.isEmpty { request.hasHistory = true }
        let decision = try decide(request, found, endpoint, parts.body.count)
        try found.model.checkContext(outputTokens: request.outputTokensMax)
        if found.model.capabilities != nil {
            try found.model.check(CapabilityNeeds(endpoint, json: line.extracting(parts.body)))
        }
        let target = try target(room.routed(found), found)
        let terms = room.budgets.terms(BudgetFacts(principal: principal, model: model))
        let output = request.outputTokensMax ?? decision.outputTokensMax
        if endpoint.hasOutputTokens {
            let each = output ?? found.model.context.outputTokensMax ?? terms.outputTokensDefault
            note.outputTokens = BatchJudge.sum(note.outputTokens, each, request.choices)
        }
        note.inputTokens = BatchJudge.sum(
            note.inputTokens,
            request.inputTokensMax(bytesPerToken: terms.inputBytesPerToken, context: found.model.context), 1)
        self.note = note
        if request.outputTokensMax == nil, let most = decision.outputTokensMax {
            splice.boundOutput(endpoint, most, outline, line)
        }
        if target != request.name, let range = request.nameRange {
            var value: [UInt8] = []
            JSONWriter.append(string: target.span, to: &value)
            splice.replace(range, with: value)
        }
        return splice.edits
    }

    private static func sum(_ sum: Int, _ more: Int, _ times: Int) -> Int {
        let (product, overflows) = more.multipliedReportingOverflow(by: times)
        return overflows ? BudgetAmounts.tokensMax : min(BudgetAmounts.tokensMax, sum + min(product, .max / 2))
    }

    /// What a line has beside its body. A member that is not known could be one that a reader takes for another.
    private static func parts(_ line: Span<UInt8>, _ outline: inout JSONOutline) throws(GatewayError) -> Line {
        do { try outline.read(line) } catch {
            throw GatewayError(.malformedRequest, "it is not one JSON object: \(error)")
        }
        var parts = Line()
        for member in outline.members {
            let name = String(decoding: JSONString.decoded(line, member.name), as: UTF8.self)
            switch name {
            case "custom_id": break
            case "url" where member.kind.isString:
                parts.path = String(decoding: JSONString.decoded(line, member.text), as: UTF8.self)
            case "method"
            where member.kind.isString && JSONString.decoded(line, member.text) == Array("POST".utf8): break
            case "body" where member.kind == .object: parts.body = member.value
            default:
                throw GatewayError(
                    .malformedRequest, "it has a field that a batch does not have, or not so: \(name.prefix(64))",
                    hint: "a line has custom_id, method (POST), url and body")
            }
        }
        guard !parts.body.isEmpty else {
            throw GatewayError(.malformedRequest, "it has no body", hint: "a line has custom_id, method, url and body")
        }
        return parts
    }

    private func references(_ line: Span<UInt8>, _ body: Range<Int>) throws(GatewayError) -> [JSONSplice.Edit] {
        guard let found = KeptReferences.find(in: line, body) else { throw KeptReferences.tooMany }
        var edits: [JSONSplice.Edit] = []
        for reference in found {
            if reference.kind == .copy {
                let owned = room.copy(reference, in: line, by: principal)
                edits.append(owned?.edit(reference.range) ?? JSONSplice.Edit(range: reference.member, bytes: []))
                continue
            }
            let owned = try room.owned(reference, in: line, by: principal)
            if place == nil, wanted.map({ $0 == owned.place.target.target.provider.shownName }) ?? true {
                place = owned.place
            }
            guard owned.place.name == place?.name else { throw FixedPlace.areTwo }
            edits.append(owned.edit(reference.range))
        }
        return edits
    }

    private func decide(
        _ request: ModelRequest, _ found: ModelTable.Match, _ endpoint: ModelEndpoint, _ bytes: Int
    ) throws(GatewayError) -> AccessTable.Decision {
        var asked = conditions
        asked.name = request.name
        asked.catalogName = found.name
        asked.operation = endpoint.operation ?? .chat
        asked.bodyBytes = bytes
        asked.inputTokens = request.inputTokensMax(
            bytesPerToken: room.budgets.terms(
                BudgetFacts(principal: principal, model: String(decoding: found.name, as: UTF8.self))
            ).inputBytesPerToken, context: found.model.context)
        asked.outputTokens = request.outputTokensMax
        let decision = room.table.access.decide(principal, asked)
        if var error = decision.verdict.error {
            error.hint = room.table.access.nextStep(principal, asked, decision.verdict)
            throw error
        }
        return decision
    }

    /// The model's name at the file's provider, which the first line chooses.
    private func target(_ routed: RoutedModel, _ found: ModelTable.Match) throws(GatewayError) -> [UInt8] {
        for target in routed.targets.sorted(by: { $0.target.priority < $1.target.priority }) {
            let provider = target.target.provider
            // What depends on more than the model is not known of a line that is served some day.
            guard provider.dialect == .openai, target.target.when == nil,
                wanted.map({ $0 == provider.shownName }) ?? true,
                let name = target.target.upstreamName(for: found.name),
                let access = target.accesses.first(where: { access in
                    place.map { $0.name == FixedPlace(target: target, access: access).name } ?? true
                })
            else { continue }
            if place == nil { place = FixedPlace(target: target, access: access) }
            return name
        }
        throw GatewayError(
            .malformedRequest, "the model is not served where the batch has to go: \(found.model.name)",
            hint: "ask for a model of one provider that has the OpenAI API; x-sluice-provider names it")
    }
}
