import GatewayModel
import GatewayWire

/// What a request asks of its model beyond text in, text out, and the field that asks for it. Markers of prompt caches
/// are hints and ask for nothing.
struct CapabilityNeeds {
    struct Need {
        var capability: ModelCapability
        var field: String
    }

    private(set) var all: [Need] = []

    /// `body` is nil for a form.
    init(_ endpoint: ModelEndpoint, _ body: JSONTree?) {
        switch endpoint {
        case .embeddings: add(.embeddings, "the path")
        case .passThrough(.images, _): add(.imageGeneration, "the path")
        case .passThrough(.moderations, _): add(.moderation, "the path")
        case .passThrough(.audio, let path):
            add(path.suffix(6) == Array("speech".utf8)[...] ? .audioOutput : .audioInput, "the path")
        default: break
        }
        guard let body, endpoint.conversation != nil else { return }
        tools(body)
        options(body)
        for name in ["messages", "input", "system"] {
            for (index, item) in (body[name]?.array ?? []).enumerated() {
                let place = "\(name)[\(index)]"
                part(item, place)
                parts(item["content"], "\(place).content")
            }
        }
    }

    /// The first need that is not among these; nil stands for all of them.
    func firstLacking(in capabilities: Set<ModelCapability>?) -> Need? {
        guard let capabilities else { return nil }
        return all.first { !capabilities.contains($0.capability) }
    }

    private mutating func add(_ capability: ModelCapability, _ field: String) {
        all.append(Need(capability: capability, field: field))
    }

    private mutating func tools(_ body: JSONTree) {
        let tools = body["tools"]?.array ?? []
        for (index, tool) in tools.enumerated() {
            let type = tool["type"]?.string?.value ?? ""
            switch type {
            case _ where type.hasPrefix("web_search"): add(.webSearch, "tools[\(index)]")
            case "image_generation": add(.imageGeneration, "tools[\(index)]")
            default: add(.tools, "tools[\(index)]")
            }
        }
        if let functions = body["functions"]?.array, !functions.isEmpty { add(.tools, "functions") }
        if !tools.isEmpty, body["parallel_tool_calls"]?.bool == true { add(.parallelTools, "parallel_tool_calls") }
        if let options = body["web_search_options"], !options.isNull { add(.webSearch, "web_search_options") }
    }

    private mutating func options(_ body: JSONTree) {
        let formats: [(JSONTree?, String)] = [
            (body["response_format"], "response_format"), (body["text"]?["format"], "text.format"),
            (body["output_config"]?["format"], "output_config.format"), (body["output_format"], "output_format"),
        ]
        for (format, field) in formats {
            if let type = format?["type"]?.string?.value, type.hasPrefix("json") { add(.structuredOutput, field) }
        }
        for (word, field) in [
            (body["reasoning_effort"]?.string, "reasoning_effort"),
            (body["reasoning"]?["effort"]?.string, "reasoning.effort"), (body["thinking"]?["type"]?.string, "thinking"),
        ] {
            if let word = word?.value, word != "none", word != "disabled" { add(.reasoning, field) }
        }
        if body["modalities"]?.array?.contains(where: { $0.string?.value == "audio" }) == true {
            add(.audioOutput, "modalities")
        }
    }

    /// The parts of a message, and of the results of tools in it.
    private mutating func parts(_ content: JSONTree?, _ place: String) {
        for (index, item) in (content?.array ?? []).enumerated() {
            part(item, "\(place)[\(index)]")
            for (inner, result) in (item["content"]?.array ?? []).enumerated() {
                part(result, "\(place)[\(index)].content[\(inner)]")
            }
        }
    }

    private mutating func part(_ part: JSONTree, _ place: String) {
        switch part["type"]?.string?.value {
        case "image_url", "input_image", "image": add(.vision, place)
        case "file", "input_file", "document": add(.documents, place)
        case "input_audio": add(.audioInput, place)
        default: break
        }
    }
}
