import GatewayModel
import NIOCore

/// What a gateway passes through and only counts: moderations, images, audio, files, batches.
extension ModelProviderMock {
    func moderations(_ visit: ModelVisit) throws -> [MockStep] {
        let body = try visit.document()
        guard let input = body["input"] else { throw ModelCall.Rejection("Missing required parameter: 'input'") }
        let names = [
            "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent",
            "self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence",
            "violence/graphic",
        ]
        func each(_ value: (String) -> JSONDocument) -> JSONDocument {
            .object(names.map { JSONDocument.Member(name: $0, value: value($0)) })
        }
        let texts = input.text.map { [$0] } ?? input.items.map { $0.text ?? $0["text"]?.text ?? "" }
        let results = texts.map { text -> JSONDocument in
            let flagged = text.lowercased().contains("violence")
            return [
                "flagged": .bool(flagged), "categories": each { .bool(flagged && $0 == "violence") },
                "category_scores": each { .number(flagged && $0 == "violence" ? "0.97" : "0.0001") },
                "category_applied_input_types": each { _ in ["text"] },
            ]
        }
        return free(
            visit,
            [
                "id": "modr-\(visit.token)", "model": body["model"] ?? "omni-moderation-latest",
                "results": .array(results),
            ])
    }

    func images(_ visit: inout ModelVisit, action: String) throws -> [MockStep] {
        visit.entry.operation = "images"
        guard ["generations", "edits", "variations"].contains(action) else { throw ModelError.asked(404) }
        let prompt = visit.body?["prompt"]?.text ?? visit.form?["prompt"]
        guard prompt != nil || action == "variations" else {
            throw ModelCall.Rejection("Missing required parameter: 'prompt'", parameter: "prompt")
        }
        let asked = visit.body?["n"]?.integer ?? visit.form?["n"].flatMap { Int($0) }
        let count = min(max(asked ?? 1, 1), 10)
        // A picture of one dot.
        let dot =
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        var usage = TokenUsage()
        usage.input = max(1, ModelOutput.tokens(prompt ?? ""))
        usage.output = 272 * count
        return billed(
            visit,
            [
                "created": .int(visit.created),
                "data": .array(Array(repeating: ["b64_json": .string(dot)], count: count)),
                "output_format": "png", "quality": "low", "size": "1024x1024",
                "usage": [
                    "input_tokens": .int(usage.input),
                    "input_tokens_details": ["text_tokens": .int(usage.input), "image_tokens": 0],
                    "output_tokens": .int(usage.output), "total_tokens": .int(usage.total),
                ],
            ], usage: usage)
    }

    func audio(_ visit: inout ModelVisit, action: String) throws -> [MockStep] {
        visit.entry.operation = "audio/\(action)"
        switch action {
        case "speech":
            let input = (try visit.document())["input"]?.text ?? ""
            // Speech says no usage: it is priced by what it was given. A second is what sixteen letters sound like.
            var numbers = SeededNumbers(seed: options.seed ^ fingerprint(input.utf8))
            let sound = (0..<(256 * max(1, input.utf8.count))).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
            return bytes(visit, type: "audio/mpeg", sound)
        case "transcriptions", "translations":
            guard let file = visit.form?.file else {
                throw ModelCall.Rejection("Missing required parameter: 'file'", parameter: "file")
            }
            guard visit.form?["model"] != nil else {
                throw ModelCall.Rejection("you must provide a model parameter", parameter: "model")
            }
            let text = "This is what \(file.bytes.count) bytes of \(file.filename ?? "sound") sound like."
            if visit.form?["response_format"] == "text" { return bytes(visit, type: "text/plain", Array(text.utf8)) }
            var usage = TokenUsage()
            usage.audioInput = max(1, file.bytes.count / 256)
            usage.output = ModelOutput.tokens(text)
            return billed(
                visit,
                [
                    "text": .string(text),
                    "usage": [
                        "type": "tokens", "input_tokens": .int(usage.inputTotal),
                        "input_token_details": ["text_tokens": 0, "audio_tokens": .int(usage.audioInput)],
                        "output_tokens": .int(usage.output), "total_tokens": .int(usage.total),
                    ],
                ], usage: usage)
        default: throw ModelError.asked(404)
        }
    }

    // MARK: files and batches

    func files(_ visit: ModelVisit, _ parts: [String]) throws -> [MockStep] {
        switch (visit.request.method, parts.count) {
        case ("POST", 0):
            guard let file = visit.form?.file, let purpose = visit.form?["purpose"] else {
                throw ModelCall.Rejection("'file' and 'purpose' are required", parameter: "file")
            }
            let id = "file-\(visit.token)"
            let document = description(id, visit, file.bytes.count, file.filename ?? "", purpose)
            shelf.put(id, document, content: file.bytes)
            return free(visit, document)
        case ("GET", 0): return free(visit, try list(shelf.documents(prefix: "file-"), visit))
        case ("GET", 1):
            guard let document = shelf.document(parts[0]) else { throw missing(parts[0]) }
            return free(visit, document)
        case ("DELETE", 1):
            guard shelf.remove(parts[0]) else { throw missing(parts[0]) }
            return free(visit, ["id": .string(parts[0]), "object": "file", "deleted": true])
        case ("GET", 2) where parts[1] == "content":
            guard let content = shelf.content(parts[0]) else { throw missing(parts[0]) }
            return bytes(visit, type: "application/octet-stream", content)
        default: throw ModelError(404, "Invalid URL (\(visit.request.method) \(visit.request.path))")
        }
    }

    func batches(_ visit: ModelVisit, _ parts: [String]) throws -> [MockStep] {
        switch (visit.request.method, parts.count) {
        case ("POST", 0):
            let body = try visit.document()
            guard let file = body["input_file_id"], let endpoint = body["endpoint"] else {
                throw ModelCall.Rejection("'input_file_id' and 'endpoint' are required")
            }
            guard let name = file.text, shelf.document(name) != nil else { throw missing(file.text ?? "") }
            let id = "batch_\(visit.token)"
            var document: JSONDocument = [
                "id": .string(id), "object": "batch", "endpoint": endpoint, "input_file_id": file,
                "completion_window": body["completion_window"] ?? "24h", "status": "in_progress",
                "created_at": .int(visit.created), "metadata": body["metadata"] ?? nil,
                "request_counts": ["total": 1, "completed": 0, "failed": 0],
            ]
            // Nothing here takes a day: who wants a batch that is done says so.
            if body["metadata"]?["mock"]?.text == "completed" {
                let output = "file-\(visit.token)o"
                let lines = shelf.content(name) ?? []
                shelf.put(
                    output, description(output, visit, lines.count, "output.jsonl", "batch_output"), content: lines)
                document.set("status", "completed")
                document.set("output_file_id", .string(output))
                // Each request costs the same, so that whoever counts can say what it must come to.
                let count = lines.split(separator: 0x0A).count
                document.set("request_counts", ["total": .int(count), "completed": .int(count), "failed": 0])
                document.set(
                    "usage",
                    [
                        "input_tokens": .int(10 * count), "output_tokens": .int(5 * count),
                        "total_tokens": .int(15 * count),
                    ])
            }
            shelf.put(id, document)
            return free(visit, document)
        case ("GET", 0): return free(visit, try list(shelf.documents(prefix: "batch_"), visit))
        case ("GET", 1):
            guard let document = shelf.document(parts[0]) else { throw missing(parts[0]) }
            return free(visit, document)
        case ("POST", 2) where parts[1] == "cancel":
            guard let document = shelf.change(parts[0], "status", "cancelling") else { throw missing(parts[0]) }
            return free(visit, document)
        default: throw ModelError(404, "Invalid URL (\(visit.request.method) \(visit.request.path))")
        }
    }

    private func missing(_ id: String) -> ModelError {
        ModelError(404, "No such object: \(id)", parameter: "id", code: "not_found")
    }

    private func description(
        _ id: String, _ visit: ModelVisit, _ bytes: Int, _ name: String, _ purpose: String
    ) -> JSONDocument {
        [
            "id": .string(id), "object": "file", "bytes": .int(bytes), "created_at": .int(visit.created),
            "filename": .string(name), "purpose": .string(purpose), "status": "processed",
        ]
    }

    /// A page: the newest first unless `order=asc`, behind `after`, of at most `limit`.
    private func list(_ oldestFirst: [JSONDocument], _ visit: ModelVisit) throws -> JSONDocument {
        var values: [Substring: Substring] = [:]
        for pair in visit.request.target.drop(while: { $0 != "?" }).dropFirst().split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        var documents = values["order"] == "asc" ? oldestFirst : oldestFirst.reversed()
        if let after = values["after"] {
            guard let index = documents.firstIndex(where: { $0["id"]?.text == String(after) }) else {
                throw missing(String(after))
            }
            documents.removeFirst(index + 1)
        }
        let page = Array(documents.prefix(values["limit"].flatMap { Int($0) } ?? 20))
        return [
            "object": "list", "data": .array(page), "has_more": .bool(page.count < documents.count),
            "first_id": page.first?["id"] ?? nil, "last_id": page.last?["id"] ?? nil,
        ]
    }
}
