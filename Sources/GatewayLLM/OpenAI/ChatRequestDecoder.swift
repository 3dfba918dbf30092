import GatewayModel
import GatewayWire

/// Reads a Chat Completions request into the neutral one. Everything is checked before anything is sent; what no other
/// API has is listed as lost.
struct ChatRequestDecoder {
    var request = NeutralRequest()
    var losses: TranslationLosses
    /// Calls met so far, for the results that answer them.
    var callIDs: Set<JSONText> = []
    private var toolNames: Set<JSONText> = []

    private init(losses: TranslationLosses) { self.losses = losses }

    static func decode(
        _ tree: JSONTree, _ losses: inout TranslationLosses
    ) throws(GatewayError) -> NeutralRequest {
        var decoder = ChatRequestDecoder(losses: losses)
        let body = try BodyObject(tree, .body)
        try decoder.messages(body)
        try decoder.tools(body)
        try decoder.toolChoice(body)
        try decoder.settings(body)
        try decoder.outputFormat(body)
        decoder.request.extras = body.others(than: known).filter { !isDefault($0) }
        losses = decoder.losses
        return decoder.request
    }

    private static let known = [
        "model", "messages", "tools", "functions", "tool_choice", "function_call", "parallel_tool_calls",
        "max_completion_tokens", "max_tokens", "temperature", "top_p", "top_k", "stop", "response_format",
        "reasoning_effort", "user", "safety_identifier", "service_tier", "stream", "stream_options",
    ]

    /// Whether the field says only what holds without it.
    private static func isDefault(_ member: JSONObject.Member) -> Bool {
        switch member.name.escaped {
        case "n": member.value == 1
        case "frequency_penalty", "presence_penalty", "top_logprobs": member.value.number?.double == 0
        case "logprobs", "store": member.value == false
        case "logit_bias", "metadata": member.value.object?.isEmpty ?? false
        case "modalities": member.value == ["text"]
        case "verbosity": member.value == "medium"
        default: false
        }
    }

    // MARK: Settings

    private mutating func settings(_ body: BodyObject) throws(GatewayError) {
        request.model = try body.string("model")
        let tokens = try body.int("max_tokens", in: 1...Int.max)
        request.outputTokensMax = try body.int("max_completion_tokens", in: 1...Int.max) ?? tokens
        request.temperature = try body.number("temperature", in: 0...2)
        request.topP = try body.number("top_p", in: 0...1)
        request.topK = try body.number("top_k", in: 0...Double.greatestFiniteMagnitude)
        request.user = try body.string("user")
        if let identifier = try body.string("safety_identifier") {
            if let user = request.user, user != identifier {
                losses.add(Place.body.field("user"), "safety_identifier is sent in its place", weight: .hint)
            }
            request.user = identifier
        }
        request.serviceTier = try body.string("service_tier")
        let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]
        if let effort = try body.word("reasoning_effort", of: efforts) {
            request.reasoning = NeutralRequest.Reasoning(effort: effort, isOff: effort == "none")
        }
        request.isStream = try body.bool("stream") ?? false
        request.includesUsage = try body.object("stream_options")?.bool("include_usage") ?? false
        try stop(body)
    }

    private mutating func stop(_ body: BodyObject) throws(GatewayError) {
        guard let value = body["stop"] else { return }
        if let one = value.string {
            request.stopSequences = [one]
            return
        }
        guard let many = value.array else {
            throw BodyObject.mistyped(value, body.place.field("stop"), "a string or an array of strings")
        }
        for (index, item) in many.enumerated() {
            guard let text = item.string else {
                throw BodyObject.mistyped(item, body.place.item("stop", index), "a string")
            }
            request.stopSequences.append(text)
        }
    }

    private mutating func outputFormat(_ body: BodyObject) throws(GatewayError) {
        guard let format = try body.object("response_format") else { return }
        guard let type = try format.word("type", of: ["text", "json_object", "json_schema"]) else {
            throw format.missing("type", "text, json_object or json_schema")
        }
        switch type {
        case "json_object": request.outputFormat = .json
        case "json_schema":
            let schema = try format.requiredObject("json_schema")
            request.outputFormat = .schema(
                .object(try schema.object("schema")?.object ?? [:]), name: try schema.string("name"),
                description: try schema.string("description"), isStrict: try schema.bool("strict"))
        default: break
        }
    }

    // MARK: Tools

    private mutating func tools(_ body: BodyObject) throws(GatewayError) {
        for (index, item) in (try body.array("tools") ?? []).enumerated() {
            let place = body.place.item("tools", index)
            let tool = try BodyObject(item, place)
            let type = try tool.requiredString("type")
            guard type.isExactly("function") else {
                losses.add(place, "a tool that is no function exists only in Chat Completions")
                continue
            }
            request.tools.append(try function(try tool.requiredObject("function"), place, tool["cache_control"]))
        }
        for (index, item) in (try body.array("functions") ?? []).enumerated() {
            let place = body.place.item("functions", index)
            request.tools.append(try function(try BodyObject(item, place), place, nil))
        }
    }

    private mutating func function(
        _ function: BodyObject, _ place: Place, _ cache: JSONTree?
    ) throws(GatewayError) -> NeutralRequest.Tool {
        let tool = NeutralRequest.Tool(
            name: try function.requiredString("name"), description: try function.string("description"),
            schema: try function.object("parameters")?.object, isStrict: try function.bool("strict"),
            cache: cache ?? function["cache_control"], place: place)
        guard !tool.name.isEmpty else { throw BodyObject.error("\(place.path) has an empty name", "name the tool") }
        guard toolNames.insert(tool.name).inserted else {
            throw BodyObject.error("\(place.path) has a name used before", "give every tool its own name")
        }
        for member in function.others(than: ["name", "description", "parameters", "strict", "cache_control"]) {
            losses.add(place, member: member.name, "exists only in Chat Completions")
        }
        return tool
    }

    private mutating func toolChoice(_ body: BodyObject) throws(GatewayError) {
        request.parallelToolCalls = try body.bool("parallel_tool_calls")
        guard let value = body["tool_choice"] ?? body["function_call"] else { return }
        let place = body.place.field(body["tool_choice"] == nil ? "function_call" : "tool_choice")
        if let word = value.string {
            request.toolChoice = try mode(word, place)
            return
        }
        let choice = try BodyObject(value, place)
        let type = try choice.string("type")
        if type == nil || type?.isExactly("function") == true {
            let named = try choice.object("function") ?? choice
            try choose(try named.requiredString("name"), named.place.field("name"))
        } else if type?.isExactly("allowed_tools") == true {
            try allowed(try choice.requiredObject("allowed_tools"))
        } else {
            throw BodyObject.untranslatable(place, "a tool that is no function exists only in Chat Completions")
        }
    }

    private func mode(_ word: JSONText, _ place: Place) throws(GatewayError) -> NeutralRequest.ToolChoice {
        switch word.escaped {
        case "auto": .auto
        case "none": .forbidden
        case "required": .required
        default: throw BodyObject.invalid(place, word, ["auto", "none", "required"])
        }
    }

    private mutating func choose(_ name: JSONText, _ place: Place) throws(GatewayError) {
        guard toolNames.contains(name) else {
            throw BodyObject.error("\(place.path) names no tool of the request", "name one of tools")
        }
        request.toolChoice = .named(name)
    }

    /// Only some of the tools may be called: the others are not shown to the model.
    private mutating func allowed(_ allowed: BodyObject) throws(GatewayError) {
        let mode = try allowed.word("mode", of: ["auto", "required"])
        var names: Set<JSONText> = []
        for (index, item) in (try allowed.array("tools") ?? []).enumerated() {
            let tool = try BodyObject(item, allowed.place.item("tools", index))
            names.insert(try (try tool.object("function") ?? tool).requiredString("name"))
        }
        request.tools.removeAll { !names.contains($0.name) }
        guard !request.tools.isEmpty else {
            throw BodyObject.error("\(allowed.place.path) names no tool of the request", "name some of tools")
        }
        request.toolChoice = mode == "required" ? .required : .auto
    }
}
