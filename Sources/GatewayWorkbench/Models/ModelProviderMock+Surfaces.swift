import GatewayModel
import NIOCore

/// Everything that is not a stream of text: models, counts, embeddings, stored responses.
extension ModelProviderMock {
    func serve(_ visit: inout ModelVisit) throws -> [MockStep] {
        let parts = visit.path.split(separator: "/").map(String.init)
        visit.entry.operation = parts.first ?? ""
        switch (visit.request.method, parts.first ?? "", parts.count) {
        case ("GET", "models", 1): return free(visit, models(visit))
        case ("GET", "models", _):
            let id = visit.path.dropFirst("/models/".count)
            guard let name = options.models.first(where: { $0 == percentDecoded(id) }) else {
                throw ModelError.asked(404)
            }
            return free(visit, model(name, visit.entry.dialect))
        case ("POST", "messages", 2) where parts[1] == "count_tokens":
            visit.entry.operation = "count_tokens"
            let call = try ModelCall.message(try visit.document(), model: try visit.model(), counts: true)
            return free(visit, ["input_tokens": .int(call.inputTokens)])
        case ("POST", "responses", 2) where parts[1] == "input_tokens":
            visit.entry.operation = "input_tokens"
            let call = try ModelCall.response(try visit.document(), model: try visit.model(), earlierBytes: 0)
            return free(visit, ["object": "response.input_tokens", "input_tokens": .int(call.inputTokens)])
        case (_, "responses", 2...): return try stored(visit, id: parts[1], rest: Array(parts.dropFirst(2)))
        case ("POST", "embeddings", 1): return try embeddings(visit)
        case ("POST", "moderations", 1): return try moderations(visit)
        case ("POST", "images", 2): return try images(&visit, action: parts[1])
        case ("POST", "audio", 2): return try audio(&visit, action: parts[1])
        case (_, "files", _): return try files(visit, Array(parts.dropFirst()))
        case (_, "batches", _): return try batches(visit, Array(parts.dropFirst()))
        default:
            throw ModelError(404, "Invalid URL (\(visit.request.method) \(visit.request.path))", code: "unknown_url")
        }
    }

    /// An answer that costs nothing.
    func free(_ visit: ModelVisit, _ document: JSONDocument) -> [MockStep] {
        billed(visit, document, usage: .zero)
    }

    /// An answer that costs what its usage says.
    func billed(_ visit: ModelVisit, _ document: JSONDocument, usage: TokenUsage) -> [MockStep] {
        var entry = visit.entry
        entry.status = 200
        let meter = ModelMeter(ledger: ledger, entry: entry) { _, _ in usage }
        let isTold = document["usage"] != nil || usage == .zero
        return visit.delays
            + deliver(document, visit, meter) { meter.said(output: 0, reasoning: 0, told: $0 && isTold) }
    }

    /// Bytes instead of a document, in pieces.
    func bytes(_ visit: ModelVisit, type: String, _ content: [UInt8]) -> [MockStep] {
        var entry = visit.entry
        entry.status = 200
        ledger.end(entry, .told, usage: .zero)
        let size = 4096
        let pieces = stride(from: 0, to: content.count, by: size).map {
            ByteBuffer(bytes: content[$0..<min($0 + size, content.count)])
        }
        return visit.delays + [
            .head(200, visit.headers(type: type, length: content.count)),
            .stream(count: pieces.count, intervalMilliseconds: 0) { pieces[$0] }, .end([]),
        ]
    }

    // MARK: models

    private func models(_ visit: ModelVisit) -> JSONDocument {
        let list = options.models.map { model($0, visit.entry.dialect) }
        guard visit.entry.dialect == .anthropic else { return ["object": "list", "data": .array(list)] }
        return [
            "data": .array(list), "has_more": false, "first_id": options.models.first.map(JSONDocument.string) ?? nil,
            "last_id": options.models.last.map(JSONDocument.string) ?? nil,
        ]
    }

    private func model(_ name: String, _ dialect: MockDialect) -> JSONDocument {
        guard dialect == .anthropic else {
            return ["id": .string(name), "object": "model", "created": 1_764_000_000, "owned_by": "mock"]
        }
        return [
            "type": "model", "id": .string(name), "display_name": .string(name), "created_at": "2025-11-24T00:00:00Z",
            "lifecycle": "active", "max_input_tokens": 200_000, "max_tokens": 16_384,
        ]
    }

    // MARK: stored responses

    private func stored(_ visit: ModelVisit, id: String, rest: [String]) throws -> [MockStep] {
        let missing = ModelError(404, "Response with id '\(id)' not found.", code: "not_found")
        switch (visit.request.method, rest.first) {
        case ("GET", nil):
            guard let document = shelf.document(id) else { throw missing }
            guard Query(target: visit.request.target)["stream"] == "true", let events = shelf.events(id) else {
                return free(visit, document)
            }
            return bytes(visit, type: "text/event-stream; charset=utf-8", events.flatMap(\.bytes))
        case ("GET", "input_items"?):
            guard let items = shelf.inputItems(id) else { throw missing }
            return free(
                visit,
                [
                    "object": "list", "data": .array(items.items.reversed()), "has_more": false,
                    "first_id": items.items.last?["id"] ?? nil, "last_id": items.items.first?["id"] ?? nil,
                ])
        case ("DELETE", nil):
            guard shelf.remove(id) else { throw missing }
            return free(visit, ["id": .string(id), "object": "response", "deleted": true])
        case ("POST", "cancel"?):
            guard let document = shelf.document(id) else { throw missing }
            guard document["background"] == true else {
                throw ModelError(400, "Only responses with background=true can be canceled.")
            }
            return free(visit, shelf.change(id, "status", "cancelled") ?? document)
        default: throw ModelError(404, "Invalid URL (\(visit.request.method) \(visit.request.path))")
        }
    }

    // MARK: embeddings

    private func embeddings(_ visit: ModelVisit) throws -> [MockStep] {
        let body = try visit.document()
        let model = try visit.model()
        guard let input = body["input"] else { throw ModelCall.Rejection("Missing required parameter: 'input'") }
        // One text, several, one list of tokens, several.
        let isOne = input.text != nil || input.items.first?.integer != nil
        let inputs = isOne ? [input] : input.items
        guard !inputs.isEmpty else { throw ModelCall.Rejection("'input' must not be empty", parameter: "input") }
        let dimensions = min(max(body["dimensions"]?.integer ?? 256, 1), 4096)
        var tokens = 0
        var data: [JSONDocument] = []
        for (index, text) in inputs.enumerated() {
            tokens += text.text.map { max(1, ModelOutput.tokens($0)) } ?? text.items.count
            let seed = options.seed ^ fingerprint(text.json.utf8) ^ fingerprint(model.utf8)
            let vector = Self.vector(dimensions, seed: seed)
            let embedding: JSONDocument =
                body["encoding_format"] == "base64"
                ? .string(Self.base64Text(vector)) : .array(vector.map { .number("\(Double($0))") })
            data.append(["object": "embedding", "index": .int(index), "embedding": embedding])
        }
        var usage = TokenUsage()
        usage.input = tokens
        var document: JSONDocument = ["object": "list", "data": .array(data), "model": .string(visit.entry.model)]
        if visit.directive["fault"] != "no-usage" {
            document.set("usage", ["prompt_tokens": .int(tokens), "total_tokens": .int(tokens)])
        }
        return billed(visit, document, usage: usage)
    }

    /// Numbers that a 32-bit float holds exactly and that are short as text.
    private static func vector(_ count: Int, seed: UInt64) -> [Float] {
        var numbers = SeededNumbers(seed: seed)
        return (0..<count).map { _ in Float(numbers.below(513) - 256) / 1024 }
    }

    /// Little-endian floats, as the vendor encodes them.
    private static func base64Text(_ vector: [Float]) -> String {
        var bytes: [UInt8] = []
        for number in vector {
            let bits = number.bitPattern
            for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: bits >> shift)) }
        }
        return String(base64(bytes, lineLength: .max).dropLast())
    }
}
