package import GatewayModel
import GatewayState
package import GatewayWire

/// What a client asks of the models API, from its method and path alone.
package enum ModelEndpoint: Sendable, Equatable {
    case chatCompletions
    case completions
    case embeddings
    /// `POST /v1/responses`.
    case responses
    /// A stored response: retrieve, delete, `cancel`, `input_items`. `id` is as the client knows it.
    case response(id: [UInt8], rest: [UInt8])
    case messages
    case countTokens
    case models
    case model(id: [UInt8])
    /// Forwarded as it is, with accounting: `images/…`, `audio/…`, `moderations`, and `files` and `batches`, which
    /// name no model.
    case passThrough(ModelOperation, path: [UInt8])

    /// The endpoint at the path behind the last `/v1` of a target's path; nil for none.
    package init?(path: [UInt8]) {
        // What nearly every call asks for, without taking the path apart.
        if let usual = ModelEndpoint.usual.first(where: { $0.path == path }) {
            self = usual.endpoint
            return
        }
        let words = ModelEndpoint.words(path)
        guard let first = words.first else { return nil }
        let name = String(decoding: first, as: UTF8.self)
        switch (name, words.count) {
        case ("chat", 2) where words[1].elementsEqual("completions".utf8): self = .chatCompletions
        case ("completions", 1): self = .completions
        case ("embeddings", 1): self = .embeddings
        case ("responses", 1): self = .responses
        case ("responses", 2...3):
            self = .response(id: Array(words[1]), rest: words.count == 3 ? Array(words[2]) : [])
        case ("messages", 1): self = .messages
        case ("messages", 2) where words[1].elementsEqual("count_tokens".utf8): self = .countTokens
        case ("models", 1): self = .models
        // Names of models may have slashes.
        case ("models", _): self = .model(id: Array(words.dropFirst().joined(separator: [0x2F])))
        default:
            guard let operation = ModelEndpoint.passed[name] else { return nil }
            self = .passThrough(operation, path: Array(words.joined(separator: [0x2F])))
        }
    }

    private static let usual: [(path: [UInt8], endpoint: ModelEndpoint)] = [
        (Array("/v1/chat/completions".utf8), .chatCompletions), (Array("/v1/messages".utf8), .messages),
        (Array("/v1/responses".utf8), .responses), (Array("/v1/embeddings".utf8), .embeddings),
    ]

    /// Those that are always asked by POST, at one path, in the order of `usualIndex`.
    static let usualOnes: [ModelEndpoint] = [
        .chatCompletions, .completions, .embeddings, .responses, .messages, .countTokens,
    ]

    var usualIndex: Int? {
        switch self {
        case .chatCompletions: 0
        case .completions: 1
        case .embeddings: 2
        case .responses: 3
        case .messages: 4
        case .countTokens: 5
        case .response, .models, .model, .passThrough: nil
        }
    }

    private static let passed: [String: ModelOperation] = [
        "images": .images, "audio": .audio, "moderations": .moderations, "files": .files, "batches": .batches,
        "uploads": .files,
    ]

    /// The parts of the path behind `/v1`, or of all of it where that is not said.
    private static func words(_ path: [UInt8]) -> [ArraySlice<UInt8>] {
        let parts = path.split(separator: 0x2F)
        guard let version = parts.firstIndex(where: { $0.elementsEqual("v1".utf8) }) else { return Array(parts) }
        return Array(parts[(version + 1)...])
    }

    /// What policies call it; nil for the lists of models, which policy filters instead.
    package var operation: ModelOperation? {
        switch self {
        case .chatCompletions: .chat
        case .completions: .completions
        case .embeddings: .embeddings
        case .responses, .response: .responses
        case .messages: .messages
        case .countTokens: .countTokens
        case .models, .model: nil
        case .passThrough(let operation, _): operation
        }
    }

    /// Whether a method is one of this endpoint's.
    package func accepts(_ method: GatewayWire.HTTPMethod) -> Bool {
        switch self {
        case .chatCompletions, .completions, .embeddings, .responses, .messages, .countTokens: method == .post
        case .response(_, let rest):
            rest.isEmpty ? method == .get || method == .delete : method == (rest == Self.cancel ? .post : .get)
        case .models, .model: method == .get || method == .head
        case .passThrough: method == .get || method == .post || method == .delete
        }
    }

    fileprivate static let cancel = Array("cancel".utf8)

    /// Whether its body is one JSON object that names a model.
    package var hasModelBody: Bool {
        switch self {
        case .chatCompletions, .completions, .embeddings, .responses, .messages, .countTokens: true
        case .response, .models, .model, .passThrough: false
        }
    }

    /// The dialect a client of this endpoint speaks; for lists of models its fields tell.
    package func dialect(of request: borrowing RequestHead) -> ModelDialect {
        switch self {
        case .messages, .countTokens: .anthropic
        case .models, .model: request.fields.firstIndex(named: Self.anthropicVersion) == nil ? .openai : .anthropic
        default: .openai
        }
    }

    package static let anthropicVersion = Array("anthropic-version".utf8)

    /// The path its provider serves it at, behind the provider's own prefix.
    package func upstreamPath(_ dialect: ModelDialect) -> [UInt8] {
        let name: [UInt8]
        switch self {
        case .chatCompletions: name = Array("/chat/completions".utf8)
        case .completions: name = Array("/completions".utf8)
        case .embeddings: name = Array("/embeddings".utf8)
        case .responses: name = Array("/responses".utf8)
        case .response(let id, let rest):
            name =
                Array("/responses/".utf8) + (ResponseOrigin.split(id)?.id ?? id) + (rest.isEmpty ? [] : [0x2F] + rest)
        case .messages: name = Array("/messages".utf8)
        case .countTokens: name = Array("/messages/count_tokens".utf8)
        case .models: name = Array("/models".utf8)
        case .model(let id): name = Array("/models/".utf8) + id
        case .passThrough(_, let path): name = [0x2F] + ModelEndpoint.unmarked(path)
        }
        return dialect == .anthropic ? Array("/v1".utf8) + name : name
    }

    /// Whether a provider of that dialect has it as it is.
    package func isNative(to dialect: ModelDialect) -> Bool {
        switch self {
        case .messages, .countTokens: dialect == .anthropic
        default: dialect == .openai
        }
    }
}

extension ModelEndpoint {
    /// The file, batch or upload it is about, as the client knows it.
    var objectID: [UInt8]? {
        guard case .passThrough(let operation, let path) = self, operation == .files || operation == .batches else {
            return nil
        }
        let words = path.split(separator: 0x2F)
        return words.count > 1 ? Array(words[1]) : nil
    }

    /// What it lists of what a provider keeps, asked by GET.
    var listed: ProviderObject.Kind? {
        switch self {
        case .passThrough(.files, Self.files): .file
        case .passThrough(.batches, _) where objectID == nil: .batch
        default: nil
        }
    }

    /// What its answer tells of; nil for uploads, which nobody lists, and for what is no such thing.
    var keptKind: ProviderObject.Kind? {
        guard case .passThrough(let operation, let path) = self else { return nil }
        switch operation {
        case .files: return path.starts(with: Self.files) ? .file : nil
        case .batches: return .batch
        default: return nil
        }
    }

    /// Whether its answer is a document about what a provider keeps: by name, since whatever else lies under a file may
    /// be its content, and to mark what its owner wrote there would make somebody else's file his.
    var tellsOfKept: Bool {
        guard case .passThrough(let operation, let path) = self, operation == .files || operation == .batches else {
            return false
        }
        let words = path.split(separator: 0x2F)
        return words.count < 3
            || words.count == 3 && Self.actions.contains { words[2].elementsEqual($0.utf8) }
    }

    private static let actions = ["cancel", "complete", "parts"]

    private static let files = Array("files".utf8)

    /// A path of the provider's, which knows no marks.
    fileprivate static func unmarked(_ path: [UInt8]) -> [UInt8] {
        var words = path.split(separator: 0x2F)
        guard words.count > 1, let own = ResponseOrigin.split(Array(words[1]))?.id else { return path }
        words[1] = own[...]
        return Array(words.joined(separator: [0x2F]))
    }

    /// The API of a conversation that can be translated; nil for what only its own dialect has.
    var conversation: ConversationAPI? {
        switch self {
        case .chatCompletions: .chatCompletions
        case .messages: .messages
        case .responses: .responses
        default: nil
        }
    }

    /// Whether it is about one stored response, whose id its answer repeats.
    var isResponse: Bool {
        if case .response(_, let rest) = self { rest.isEmpty || rest == Self.cancel } else { false }
    }

    /// Whether it is about what was made by an earlier call.
    var isStored: Bool { if case .response = self { true } else { false } }

    /// Whether a form of it must name its model.
    var needsModel: Bool {
        switch self {
        case .passThrough(.audio, _), .passThrough(.images, _): true
        default: hasModelBody
        }
    }

    /// Whether its body may be a form with files.
    var takesForm: Bool { if case .passThrough = self { true } else { false } }

    /// The form of its reply in the client's own dialect; nil where nothing of it is metered.
    var shape: ReplyShape? {
        switch self {
        case .chatCompletions: .chatCompletions
        case .completions: .completions
        case .embeddings: .embeddings
        case .responses, .response: .responses
        case .messages: .messages
        // They answer with a usage and no text, if with one at all.
        case .passThrough(.images, _), .passThrough(.audio, _), .passThrough(.moderations, _): .embeddings
        case .countTokens, .models, .model, .passThrough: nil
        }
    }

    /// Whether its calls produce tokens that have to be reserved.
    var hasOutputTokens: Bool {
        switch self {
        case .chatCompletions, .completions, .responses, .messages: true
        default: false
        }
    }

    /// Whether a provider charges for it, so that what it did not count is estimated.
    var isBilled: Bool { hasOutputTokens || self == .embeddings }
}
