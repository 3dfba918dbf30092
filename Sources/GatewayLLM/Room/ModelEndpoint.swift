package import GatewayModel
import GatewayProxy
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
    /// Forwarded as it is, with accounting: `images/…`, `audio/…`, `moderations`.
    case passThrough(ModelOperation, path: [UInt8])
    /// `files`, `uploads` and `batches`, which name no model. `id` is as the client knows it, and the provider's own
    /// once it is known whose it is.
    case kept(KeptCall, id: [UInt8])

    /// The endpoint of the request's path; nil for none.
    init?(_ exchange: Exchange) {
        // What nearly every call asks for, without taking the path apart.
        for usual in ModelEndpoint.usual where exchange.request.fields.equals(exchange.request.path, usual.path) {
            self = usual.endpoint
            return
        }
        self.init(path: exchange.request.fields.copy(exchange.request.path))
    }

    /// The endpoint at the path behind the first `/v1` of a target's path, or at all of it without one; nil for none.
    package init?(path: [UInt8]) {
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
        // Names of models may have slashes, which some clients encode.
        case ("models", _):
            let id = Array(words.dropFirst().joined(separator: [0x2F]))
            self = .model(id: PercentBytes.decoded(id) ?? id)
        default:
            if let (call, id) = KeptCall.find(words) {
                self = .kept(call, id: id)
                return
            }
            let path = Array(words.joined(separator: [0x2F]))
            guard let operation = ModelEndpoint.passed[String(decoding: path, as: UTF8.self)] else { return nil }
            self = .passThrough(operation, path: path)
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
        case .response, .models, .model, .passThrough, .kept: nil
        }
    }

    /// What is not here is refused: nobody has thought about whose it is.
    private static let passed: [String: ModelOperation] = [
        "images/generations": .images, "images/edits": .images, "images/variations": .images,
        "audio/speech": .audio, "audio/transcriptions": .audio, "audio/translations": .audio,
        "moderations": .moderations,
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
        case .kept(let call, _): call.operation
        }
    }

    /// Whether a method is one of this endpoint's.
    package func accepts(_ method: GatewayWire.HTTPMethod) -> Bool {
        switch self {
        case .chatCompletions, .completions, .embeddings, .responses, .messages, .countTokens: method == .post
        case .response(_, let rest):
            rest.isEmpty
                ? method == .get || method == .delete
                : rest == Self.cancel && method == .post || rest == Self.inputItems && method == .get
        case .models, .model: method == .get || method == .head
        case .passThrough: method == .post
        case .kept(let call, _): call.methods.contains(method)
        }
    }

    fileprivate static let cancel = Array("cancel".utf8)
    fileprivate static let inputItems = Array("input_items".utf8)

    /// Whether its body is one JSON object that names a model.
    package var hasModelBody: Bool {
        switch self {
        case .chatCompletions, .completions, .embeddings, .responses, .messages, .countTokens: true
        case .response, .models, .model, .passThrough, .kept: false
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
            name = Array("/responses/".utf8) + id + (rest.isEmpty ? [] : [0x2F] + rest)
        case .messages: name = Array("/messages".utf8)
        case .countTokens: name = Array("/messages/count_tokens".utf8)
        case .models: name = Array("/models".utf8)
        case .model(let id): name = Array("/models/".utf8) + id
        case .passThrough(_, let path): name = [0x2F] + path
        case .kept(let call, let id): name = call.path(id)
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
    /// What it is about of what a provider keeps, as the client knows it.
    var object: (kind: ProviderObject.Kind, id: [UInt8])? {
        switch self {
        case .response(let id, _): (.response, id)
        case .kept(let call, let id) where !id.isEmpty: (call.kind, id)
        default: nil
        }
    }

    /// The same about the provider's own id of it.
    func about(_ id: [UInt8]) -> ModelEndpoint {
        switch self {
        case .response(_, let rest): .response(id: id, rest: rest)
        case .kept(let call, _): .kept(call, id: id)
        default: self
        }
    }

    var kept: KeptCall? { if case .kept(let call, _) = self { call } else { nil } }

    /// Whether its answer tells what a stored response was asked.
    var isInputItems: Bool { if case .response(_, Self.inputItems) = self { true } else { false } }

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
    var takesForm: Bool {
        switch self {
        case .passThrough(let operation, _): operation != .moderations
        case .kept(let call, _): call.takesForm
        default: false
        }
    }

    /// Whether it is sent on with the type it came with.
    var keepsType: Bool {
        switch self {
        case .passThrough, .kept: true
        default: false
        }
    }

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
        case .countTokens, .models, .model, .passThrough, .kept: nil
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
