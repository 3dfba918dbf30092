import GatewayWire

/// What a batch's file asks for: written into the file's id, so that whoever makes a batch of it knows.
struct BatchNote: Equatable {
    /// The path that its lines name, such as `/v1/chat/completions`.
    var path: String
    /// The catalogue's name of the model that all of its lines ask for.
    var model: String
    /// The most that all lines together can come to.
    var inputTokens = 0
    var outputTokens = 0

    /// `path` and what its calls are.
    static let paths: [(path: String, endpoint: ModelEndpoint)] = [
        ("/v1/chat/completions", .chatCompletions), ("/v1/completions", .completions),
        ("/v1/embeddings", .embeddings), ("/v1/responses", .responses),
    ]

    init(path: String, model: String) { (self.path, self.model) = (path, model) }

    var endpoint: ModelEndpoint { BatchNote.paths.first { $0.path == path }?.endpoint ?? .chatCompletions }

    var text: String { "\(inputTokens) \(outputTokens) \(path) \(model)" }

    /// Reads `text` again; nil for what is none.
    init?(_ text: String) {
        let words = text.split(separator: " ", maxSplits: 3).map(String.init)
        guard words.count == 4, let input = Int(words[0]), let output = Int(words[1]),
            BatchNote.paths.contains(where: { $0.path == words[2] })
        else { return nil }
        (inputTokens, outputTokens, path, model) = (input, output, words[2], words[3])
    }
}
