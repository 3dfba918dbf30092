import GatewayModel
import GatewayWire

/// Reads a request of the Responses API into the neutral one. Only what is said in the request itself can be carried:
/// responses, conversations and files kept by a provider are known to that provider alone.
struct ResponsesRequestDecoder {
    var request = NeutralRequest()
    var losses: TranslationLosses
    private var toolNames: Set<JSONText> = []

    static func decode(
        _ tree: JSONTree, _ losses: inout TranslationLosses
    ) throws(GatewayError) -> NeutralRequest {
        var decoder = ResponsesRequestDecoder(losses: losses)
        let body = try BodyObject(tree, .body)
        try decoder.refuseState(body)
        try decoder.input(body)
        try decoder.tools(body)
        try decoder.toolChoice(body)
        try decoder.settings(body)
        try decoder.text(body)
        decoder.request.extras = body.others(than: known).filter { !isDefault($0) }
        losses = decoder.losses
        return decoder.request
    }

    private init(losses: TranslationLosses) { self.losses = losses }

    private static let known = [
        "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens",
        "temperature", "top_p", "text", "reasoning", "user", "safety_identifier", "service_tier", "stream",
        "stream_options", "store",
    ]

    static let foreign = "exists only in Responses"

    private static func isDefault(_ member: JSONObject.Member) -> Bool {
        switch member.name.escaped {
        // Thinking always comes with what is needed to give it back.
        case "include": member.value.array?.allSatisfy { $0 == "reasoning.encrypted_content" } ?? false
        case "truncation": member.value == "disabled"
        case "background": member.value == false
        case "top_logprobs": member.value == 0
        case "metadata": member.value.object?.isEmpty ?? false
        default: false
        }
    }

    private func refuseState(_ body: BodyObject) throws(GatewayError) {
        for name in ["previous_response_id", "conversation", "prompt"] as [StaticString] where body[name] != nil {
            throw BodyObject.untranslatable(
                body.place.field(name),
                "what a provider keeps is known only to it; send the whole conversation as input")
        }
        if body["background"] == true {
            throw BodyObject.untranslatable(body.place.field("background"), "only OpenAI answers in the background")
        }
    }

    // MARK: Settings

    private mutating func settings(_ body: BodyObject) throws(GatewayError) {
        request.model = try body.string("model")
        request.outputTokensMax = try body.int("max_output_tokens", in: 1...Int.max)
        request.temperature = try body.number("temperature", in: 0...2)
        request.topP = try body.number("top_p", in: 0...1)
        request.user = try body.string("user")
        if let identifier = try body.string("safety_identifier") { request.user = identifier }
        request.serviceTier = try body.string("service_tier")
        request.isStream = try body.bool("stream") ?? false
        request.includesUsage = true
        guard let reasoning = try body.object("reasoning") else { return }
        let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]
        if let effort = try reasoning.word("effort", of: efforts) {
            request.reasoning = NeutralRequest.Reasoning(effort: effort, isOff: effort == "none")
        }
        for member in reasoning.others(than: ["effort", "summary", "generate_summary"]) {
            losses.add(reasoning.place, member: member.name, Self.foreign)
        }
    }

    private mutating func text(_ body: BodyObject) throws(GatewayError) {
        guard let text = try body.object("text") else { return }
        for member in text.others(than: ["format"]) where member.value != "medium" {
            losses.add(text.place, member: member.name, Self.foreign)
        }
        guard let format = try text.object("format") else { return }
        switch try format.word("type", of: ["text", "json_object", "json_schema"]) {
        case "json_object": request.outputFormat = .json
        case "json_schema":
            request.outputFormat = .schema(
                .object(try format.requiredObject("schema").object), name: try format.string("name"),
                description: try format.string("description"), isStrict: try format.bool("strict"))
        case nil: throw format.missing("type", "text, json_object or json_schema")
        default: break
        }
    }

    // MARK: Tools

    private mutating func tools(_ body: BodyObject) throws(GatewayError) {
        for (index, item) in (try body.array("tools") ?? []).enumerated() {
            let tool = try BodyObject(item, body.place.item("tools", index))
            guard try tool.requiredString("type").isExactly("function") else {
                losses.add(tool.place, "a tool that is no function exists only in Responses")
                continue
            }
            let name = try tool.requiredString("name")
            guard !name.isEmpty, toolNames.insert(name).inserted else {
                throw BodyObject.error(
                    "\(tool.place.path) has a name that is empty or used before", "give every tool its own name")
            }
            request.tools.append(
                NeutralRequest.Tool(
                    name: name, description: try tool.string("description"),
                    schema: try tool.object("parameters")?.object, isStrict: try tool.bool("strict"), cache: nil,
                    place: tool.place))
            for member in tool.others(than: ["type", "name", "description", "parameters", "strict"]) {
                losses.add(tool.place, member: member.name, Self.foreign)
            }
        }
    }

    private mutating func toolChoice(_ body: BodyObject) throws(GatewayError) {
        request.parallelToolCalls = try body.bool("parallel_tool_calls")
        guard let value = body["tool_choice"] else { return }
        let place = body.place.field("tool_choice")
        if let word = value.string {
            switch word.escaped {
            case "auto": request.toolChoice = .auto
            case "none": request.toolChoice = .forbidden
            case "required": request.toolChoice = .required
            default: throw BodyObject.invalid(place, word, ["auto", "none", "required"])
            }
            return
        }
        let choice = try BodyObject(value, place)
        let type = try choice.requiredString("type")
        if type.isExactly("function") {
            let name = try choice.requiredString("name")
            guard toolNames.contains(name) else {
                throw BodyObject.error("\(place.field("name").path) names no tool of the request", "name one of tools")
            }
            request.toolChoice = .named(name)
        } else if type.isExactly("allowed_tools") {
            var names: Set<JSONText> = []
            for (index, item) in (try choice.array("tools") ?? []).enumerated() {
                names.insert(try BodyObject(item, place.item("tools", index)).requiredString("name"))
            }
            request.tools.removeAll { !names.contains($0.name) }
            guard !request.tools.isEmpty else {
                throw BodyObject.error("\(place.path) names no tool of the request", "name some of tools")
            }
            request.toolChoice = try choice.word("mode", of: ["auto", "required"]) == "required" ? .required : .auto
        } else {
            throw BodyObject.untranslatable(place, "a tool that is no function exists only in Responses")
        }
    }
}
