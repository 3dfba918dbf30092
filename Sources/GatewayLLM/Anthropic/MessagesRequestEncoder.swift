import GatewayModel
import GatewayWire

/// Writes a neutral request for a provider of Anthropic's Messages API.
struct MessagesRequestEncoder {
    let request: NeutralRequest
    let options: TranslationOptions
    var losses: TranslationLosses
    var names: ToolNameMap
    private var body = JSONObject()

    /// Without a limit on output a request is refused; this is what the smallest Claude still in service can write.
    static let outputTokensDefault = 4096
    static let nameLengthMax = 128
    /// More markers are refused.
    static let cacheMarkersMax = 4
    /// Fields of other APIs that do not change the answer.
    private static let hints = [
        "metadata", "store", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
    ]

    static func encode(
        _ request: NeutralRequest, _ options: TranslationOptions, _ losses: inout TranslationLosses
    ) throws(GatewayError) -> (JSONObject, ToolNameMap) {
        let names = ToolNameMap(request.toolNames, lengthMax: nameLengthMax)
        var encoder = MessagesRequestEncoder(request: request, options: options, losses: losses, names: names)
        try encoder.encode()
        losses = encoder.losses
        return (encoder.body, encoder.names)
    }

    private init(
        request: NeutralRequest, options: TranslationOptions, losses: TranslationLosses, names: ToolNameMap
    ) {
        self.request = request
        self.options = options
        self.losses = losses
        self.names = names
    }

    private mutating func encode() throws(GatewayError) {
        body["model"] = .text(options.providerModel)
        let limit = request.outputTokensMax ?? options.outputTokensMax ?? MessagesRequestEncoder.outputTokensDefault
        body["max_tokens"] = .integer(limit)
        try conversation()
        tools()
        let isThinking = thinking(limit)
        sampling(isThinking)
        stopSequences()
        outputFormat()
        service()
        if request.isStream { body["stream"] = true }
        for member in request.extras {
            let isHint = MessagesRequestEncoder.hints.contains(where: member.name.isExactly)
            losses.add(.body, member: member.name, "Messages has no such field", weight: isHint ? .hint : .meaning)
        }
        for field in options.refusedFields where body[field] != nil {
            body[field] = nil
            losses.add(.body, member: JSONText(field), "the model \(options.clientModel) does not take it")
        }
        limitCacheMarkers()
    }

    // MARK: Conversation

    private mutating func conversation() throws(GatewayError) {
        var turns = MessagesTurns(names: names, takesSystemTurns: options.takesSystemTurns)
        for (index, turn) in request.turns.enumerated() {
            let next = index + 1 < request.turns.count ? request.turns[index + 1].role : nil
            try turns.add(turn, next: next, &losses)
        }
        let messages = try turns.conversation()
        guard !messages.isEmpty else {
            throw BodyObject.error("messages has no message of the user", "add one with role user")
        }
        if !turns.system.isEmpty { body["system"] = .array(turns.system) }
        body["messages"] = .array(messages)
    }

    // MARK: Tools

    private mutating func tools() {
        var tools: [JSONTree] = []
        for item in request.tools { tools.append(tool(item)) }
        var choice = request.toolChoice
        // A conversation with calls in it needs the tools they were for, even if none may be called any more.
        if tools.isEmpty, !request.calledTools.isEmpty {
            tools = request.calledTools.map { name in
                ["name": .string(names.outgoing(name)), "input_schema": ["type": "object", "properties": [:]]]
            }
            choice = .forbidden
        }
        guard !tools.isEmpty else {
            if let choice, choice != .auto, choice != .forbidden {
                losses.add(Place.body.field("tool_choice"), "there are no tools to choose from")
            }
            return
        }
        body["tools"] = .array(tools)
        let isSerial = request.parallelToolCalls == false
        guard choice != nil || isSerial else { return }
        var object: JSONObject =
            switch choice ?? .auto {
            case .auto: ["type": "auto"]
            case .required: ["type": "any"]
            case .forbidden: ["type": "none"]
            case .named(let name): ["type": "tool", "name": .string(names.outgoing(name))]
            }
        if isSerial, choice != .forbidden { object["disable_parallel_tool_use"] = true }
        body["tool_choice"] = .object(object)
    }

    private mutating func tool(_ tool: NeutralRequest.Tool) -> JSONTree {
        var object: JSONObject = ["name": .string(names.outgoing(tool.name))]
        if let description = tool.description { object["description"] = .string(description) }
        var schema = tool.schema ?? [:]
        if schema["type"] == nil { schema["type"] = "object" }
        if schema.members.count == 1 { schema["properties"] = [:] }
        object["input_schema"] = .object(schema)
        if tool.isStrict == true {
            if options.enforcesSchemas {
                object["strict"] = true
            } else {
                losses.add(tool.place.field("strict"), "the model \(options.clientModel) does not enforce schemas")
            }
        }
        if let cache = tool.cache { object["cache_control"] = cache }
        return .object(object)
    }

    // MARK: Thinking

    /// Whether the request asks for thinking.
    private mutating func thinking(_ limit: Int) -> Bool {
        guard let reasoning = request.reasoning else { return false }
        let place = Place.body.field("reasoning_effort")
        if reasoning.isOff {
            if options.reasoning != .none { body["thinking"] = ["type": "disabled"] }
            return false
        }
        switch options.reasoning {
        case .none:
            losses.add(place, "the model \(options.clientModel) does not think")
            return false
        case _ where forcesTool:
            losses.add(place, "the model \(options.clientModel) does not think when a tool is forced")
            return false
        case .adaptive:
            body["thinking"] = ["type": "adaptive", "display": "summarized"]
            if let effort = reasoning.effort ?? reasoning.budgetTokens.map(NeutralRequest.Reasoning.effort) {
                body["output_config"] = ["effort": .text(effort == "minimal" ? "low" : effort)]
            }
            return true
        case .budget: return budget(reasoning, limit, place)
        }
    }

    private var forcesTool: Bool {
        switch request.toolChoice {
        case .required, .named: !request.tools.isEmpty
        default: false
        }
    }

    private mutating func budget(_ reasoning: NeutralRequest.Reasoning, _ limit: Int, _ place: Place) -> Bool {
        if request.lastCallsHaveNoThinking {
            losses.add(place, "the last tool calls came without thinking blocks, so this turn cannot think either")
            return false
        }
        let wanted = reasoning.budgetTokens ?? NeutralRequest.Reasoning.budget(effort: reasoning.effort ?? "medium")
        // The budget is part of the limit on output, and something must be left to say.
        let budget = min(wanted, limit - max(256, limit / 4))
        guard budget >= 1024 else {
            losses.add(place, "max_tokens leaves no room to think; it takes 1024 tokens at least")
            return false
        }
        body["thinking"] = ["type": "enabled", "budget_tokens": .integer(budget)]
        return true
    }

    // MARK: Settings

    private mutating func sampling(_ isThinking: Bool) {
        if let temperature = request.temperature {
            let place = Place.body.field("temperature")
            if isThinking, temperature.double != 1 {
                losses.add(place, "a model that thinks takes no temperature")
            } else if temperature.double > 1 {
                body["temperature"] = 1
                losses.add(place, "1 is the highest and was sent")
            } else {
                body["temperature"] = .number(temperature)
            }
        }
        if let topP = request.topP {
            if body["temperature"] != nil, !options.takesBothSamplings {
                losses.add(Place.body.field("top_p"), "the model \(options.clientModel) takes it or temperature")
            } else if isThinking, topP.double < 0.95 {
                losses.add(Place.body.field("top_p"), "a model that thinks takes 0.95 to 1")
            } else if topP.double != 1 {
                body["top_p"] = .number(topP)
            }
        }
        if let topK = request.topK {
            if isThinking {
                losses.add(Place.body.field("top_k"), "a model that thinks takes none")
            } else {
                body["top_k"] = .number(topK)
            }
        }
    }

    private mutating func stopSequences() {
        let place = Place.body.field("stop")
        let fit = request.stopSequences.filter { sequence in
            sequence.value.contains { !$0.isWhitespace }
        }
        if fit.count < request.stopSequences.count {
            losses.add(place, "a stop sequence of only white space is not taken")
        }
        if !fit.isEmpty { body["stop_sequences"] = .array(fit.map(JSONTree.string)) }
    }

    private mutating func outputFormat() {
        switch request.outputFormat {
        case nil: return
        case .json:
            losses.add(
                Place.body.field("response_format"),
                "there is no JSON mode without a schema: the model has only the prompt's word for it")
        case .schema where !options.enforcesSchemas:
            losses.add(
                Place.body.field("response_format"), "the model \(options.clientModel) does not enforce schemas")
        case .schema(let schema, _, let description, _):
            if description != nil {
                losses.add(
                    Place.body.field("response_format").field("json_schema").field("description"),
                    "Messages has no such field", weight: .hint)
            }
            var config = body["output_config"]?.object ?? [:]
            config["format"] = ["type": "json_schema", "schema": schema]
            body["output_config"] = .object(config)
        }
    }

    private mutating func service() {
        if let user = request.user { body["metadata"] = ["user_id": .string(user)] }
        guard let tier = request.serviceTier else { return }
        switch tier.escaped {
        case "auto": body["service_tier"] = "auto"
        case "default", "standard_only": body["service_tier"] = "standard_only"
        default:
            losses.add(Place.body.field("service_tier"), "Messages knows auto and default", weight: .hint)
        }
    }

    /// The markers nearest the end matter most: each covers all before it.
    private mutating func limitCacheMarkers() {
        var excess = body.cacheMarkerCount - MessagesRequestEncoder.cacheMarkersMax
        guard excess > 0 else { return }
        losses.add(
            Place.body.field("cache_control"), "Messages takes four markers, the last four were sent", weight: .hint)
        body.removeCacheMarkers(&excess)
    }
}

extension NeutralRequest.Reasoning {
    /// Tokens an effort is worth where thinking is bought by the token.
    static func budget(effort: String) -> Int {
        switch effort {
        case "minimal": 1024
        case "low": 2048
        case "high": 16384
        case "xhigh": 32768
        case "max": 65536
        default: 8192
        }
    }

    static func effort(budget: Int) -> String {
        switch budget {
        case ..<4096: "low"
        case ..<16384: "medium"
        default: "high"
        }
    }
}

extension NeutralRequest {
    /// Every tool name of the request, in the conversation too, each once.
    var toolNames: [JSONText] {
        var seen: Set<JSONText> = []
        return (tools.map(\.name) + allCalls).filter { seen.insert($0).inserted }
    }

    /// Names of the tools called in the conversation, each once.
    var calledTools: [JSONText] {
        var seen: Set<JSONText> = []
        return allCalls.filter { seen.insert($0).inserted }
    }

    private var allCalls: [JSONText] {
        turns.flatMap { turn in
            turn.parts.compactMap { if case .toolCall(_, let name, _) = $0.content { name } else { nil } }
        }
    }

    /// Whether the model is in the middle of tool calls it made without thinking (or whose thinking got lost).
    var lastCallsHaveNoThinking: Bool {
        guard let turn = turns.last(where: { $0.role == .assistant }) else { return false }
        let hasCalls = turn.parts.contains { if case .toolCall = $0.content { true } else { false } }
        let hasThinking = turn.parts.contains {
            switch $0.content {
            case .reasoning, .redactedReasoning: true
            default: false
            }
        }
        return hasCalls && !hasThinking
    }
}
