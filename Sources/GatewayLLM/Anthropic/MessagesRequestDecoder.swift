import GatewayModel
import GatewayWire

/// Reads a Messages request into the neutral one. Everything is checked before anything is sent; what no other API has
/// is listed as lost.
struct MessagesRequestDecoder {
    var request = NeutralRequest()
    var losses: TranslationLosses
    private var toolNames: Set<JSONText> = []

    /// `count_tokens` takes the same body without the limit on output.
    static func decode(
        _ tree: JSONTree, _ losses: inout TranslationLosses, needsLimit: Bool = true
    ) throws(GatewayError) -> NeutralRequest {
        var decoder = MessagesRequestDecoder(losses: losses)
        let body = try BodyObject(tree, .body)
        try decoder.system(body)
        try decoder.messages(body)
        try decoder.tools(body)
        try decoder.toolChoice(body)
        try decoder.limit(body, isNeeded: needsLimit)
        try decoder.settings(body)
        try decoder.thinking(body)
        decoder.request.extras = body.others(than: known).filter { !isDefault($0) }
        losses = decoder.losses
        return decoder.request
    }

    private init(losses: TranslationLosses) { self.losses = losses }

    private static let known = [
        "model", "max_tokens", "messages", "system", "tools", "tool_choice", "metadata", "output_config",
        "output_format", "service_tier", "stop_sequences", "stream", "temperature", "top_p", "top_k", "thinking",
        "cache_control",
    ]

    private static func isDefault(_ member: JSONObject.Member) -> Bool {
        switch member.name.escaped {
        case "speed": member.value == "standard"
        case "betas", "mcp_servers": member.value.array?.isEmpty ?? false
        default: false
        }
    }

    static let foreign = "exists only in Messages"

    // MARK: Settings

    private mutating func limit(_ body: BodyObject, isNeeded: Bool) throws(GatewayError) {
        guard let limit = try body.int("max_tokens", in: 0...Int.max) else {
            guard isNeeded else { return }
            throw body.missing("max_tokens", "the most tokens the answer may have")
        }
        // None at all only fills the provider's prompt cache.
        guard limit > 0 else {
            throw BodyObject.untranslatable(
                .body.field("max_tokens"), "a request without output exists only in Messages")
        }
        request.outputTokensMax = limit
    }

    private mutating func settings(_ body: BodyObject) throws(GatewayError) {
        request.model = try body.string("model")
        request.temperature = try body.number("temperature", in: 0...1)
        request.topP = try body.number("top_p", in: 0...1)
        request.topK = try body.number("top_k", in: 0...Double.greatestFiniteMagnitude)
        request.isStream = try body.bool("stream") ?? false
        request.includesUsage = true
        request.serviceTier = try body.word("service_tier", of: ["auto", "standard_only"]).map { JSONText($0) }
        request.user = try body.object("metadata")?.string("user_id")
        for (index, item) in (try body.array("stop_sequences") ?? []).enumerated() {
            guard let text = item.string else {
                throw BodyObject.mistyped(item, body.place.item("stop_sequences", index), "a string")
            }
            request.stopSequences.append(text)
        }
        if body["cache_control"] != nil { losses.add(Place.body.field("cache_control"), Self.foreign, weight: .hint) }
    }

    private mutating func thinking(_ body: BodyObject) throws(GatewayError) {
        let config = try body.object("output_config")
        var format = try config?.object("format")
        if format == nil { format = try body.object("output_format") }
        if let format {
            guard try format.word("type", of: ["json_schema"]) != nil else {
                throw format.missing("type", "json_schema")
            }
            let schema = try format.requiredObject("schema").object
            request.outputFormat = .schema(.object(schema), name: nil, description: nil, isStrict: true)
        }
        for member in config?.others(than: ["format", "effort"]) ?? [] {
            losses.add(Place.body.field("output_config"), member: member.name, Self.foreign)
        }
        var reasoning = NeutralRequest.Reasoning()
        reasoning.effort = try config?.word("effort", of: ["low", "medium", "high", "xhigh", "max"])
        if let thinking = try body.object("thinking") {
            switch try thinking.word("type", of: ["enabled", "disabled", "adaptive", "between_tools"]) {
            case "enabled":
                guard let budget = try thinking.int("budget_tokens", in: 1024...Int.max) else {
                    throw thinking.missing("budget_tokens", "at least 1024, less than max_tokens")
                }
                reasoning.budgetTokens = budget
            case "disabled": reasoning.isOff = true
            case nil: throw thinking.missing("type", "enabled, disabled or adaptive")
            default: reasoning.isAdaptive = true
            }
            reasoning.display = try thinking.word("display", of: ["summarized", "omitted"])
        }
        if reasoning != NeutralRequest.Reasoning() { request.reasoning = reasoning }
    }

    // MARK: Tools

    private mutating func tools(_ body: BodyObject) throws(GatewayError) {
        for (index, item) in (try body.array("tools") ?? []).enumerated() {
            let place = body.place.item("tools", index)
            let tool = try BodyObject(item, place)
            if let type = try tool.string("type"), !type.isExactly("custom") {
                losses.add(place, "a tool the provider runs itself exists only in Messages")
                continue
            }
            let name = try tool.requiredString("name")
            guard !name.isEmpty, toolNames.insert(name).inserted else {
                throw BodyObject.error(
                    "\(place.path) has a name that is empty or used before", "give every tool its own name")
            }
            request.tools.append(
                NeutralRequest.Tool(
                    name: name, description: try tool.string("description"),
                    schema: try tool.requiredObject("input_schema").object, isStrict: try tool.bool("strict"),
                    cache: nil, place: place))
            if tool["cache_control"] != nil {
                losses.add(place.field("cache_control"), Self.foreign, weight: .hint)
            }
            let known = ["type", "name", "description", "input_schema", "strict", "cache_control"]
            for member in tool.others(than: known) {
                // How a tool's input is streamed changes nothing about the answer.
                let isHint = member.name.isExactly("eager_input_streaming")
                losses.add(place, member: member.name, Self.foreign, weight: isHint ? .hint : .meaning)
            }
        }
    }

    private mutating func toolChoice(_ body: BodyObject) throws(GatewayError) {
        guard let choice = try body.object("tool_choice") else { return }
        switch try choice.word("type", of: ["auto", "any", "none", "tool"]) {
        case "auto": request.toolChoice = .auto
        case "any": request.toolChoice = .required
        case "none": request.toolChoice = .forbidden
        case nil: throw choice.missing("type", "auto, any, none or tool")
        default:
            let name = try choice.requiredString("name")
            guard toolNames.contains(name) else {
                throw BodyObject.error(
                    "\(choice.place.field("name").path) names no tool that can be carried to the provider",
                    "name one of tools that has an input_schema")
            }
            request.toolChoice = .named(name)
        }
        if try choice.bool("disable_parallel_tool_use") == true { request.parallelToolCalls = false }
    }
}
