import GatewayModel
import GatewayWire

/// Writes a neutral request for a provider of OpenAI's Chat Completions API.
struct ChatRequestEncoder {
    let request: NeutralRequest
    let options: TranslationOptions
    var losses: TranslationLosses
    let names: ToolNameMap
    private var body = JSONObject()

    static let nameLengthMax = 64
    static let idLengthMax = 40
    static let stopSequencesMax = 4
    static let userBytesMax = 64
    /// Fields of other APIs that do not change the answer.
    private static let hints = ["diagnostics", "speed", "user_profile_id", "workspace_id"]

    static func encode(
        _ request: NeutralRequest, _ options: TranslationOptions, _ losses: inout TranslationLosses
    ) throws(GatewayError) -> (JSONObject, ToolNameMap) {
        let names = ToolNameMap(request.toolNames, lengthMax: nameLengthMax)
        var encoder = ChatRequestEncoder(request: request, options: options, losses: losses, names: names)
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
        var turns = ChatTurns(names: names)
        for turn in request.turns { try turns.add(turn, &losses) }
        body["messages"] = .array(try turns.finish())
        if let limit = request.outputTokensMax {
            body[options.usesLegacyTokenLimit ? "max_tokens" : "max_completion_tokens"] = .integer(limit)
        }
        tools()
        settings()
        reasoning()
        outputFormat()
        if request.isStream {
            body["stream"] = true
            // Always: what was used must be known whether the client asks or not.
            body["stream_options"] = ["include_usage": true]
        }
        for member in request.extras {
            let isHint = ChatRequestEncoder.hints.contains(where: member.name.isExactly)
            losses.add(
                .body, member: member.name, "Chat Completions has no such field", weight: isHint ? .hint : .meaning)
        }
        for field in options.refusedFields where body[field] != nil {
            body[field] = nil
            losses.add(.body, member: JSONText(field), "the model \(options.clientModel) does not take it")
        }
    }

    private mutating func tools() {
        guard !request.tools.isEmpty else {
            if let choice = request.toolChoice, choice != .auto, choice != .forbidden {
                losses.add(Place.body.field("tool_choice"), "there are no tools to choose from")
            }
            return
        }
        var tools: [JSONTree] = []
        for tool in request.tools {
            var function: JSONObject = ["name": .string(names.outgoing(tool.name))]
            if let description = tool.description { function["description"] = .string(description) }
            if let schema = tool.schema { function["parameters"] = .object(schema) }
            if tool.isStrict == true {
                if tool.schema.map({ StrictSchema.isClosed(.object($0)) }) ?? true {
                    function["strict"] = true
                } else {
                    losses.add(tool.place.field("strict"), StrictSchema.reason)
                }
            }
            tools.append(["type": "function", "function": .object(function)])
        }
        body["tools"] = .array(tools)
        switch request.toolChoice {
        case nil: break
        case .auto: body["tool_choice"] = "auto"
        case .required: body["tool_choice"] = "required"
        case .forbidden: body["tool_choice"] = "none"
        case .named(let name):
            body["tool_choice"] = ["type": "function", "function": ["name": .string(names.outgoing(name))]]
        }
        if let parallel = request.parallelToolCalls { body["parallel_tool_calls"] = .bool(parallel) }
    }

    private mutating func settings() {
        if let temperature = request.temperature { body["temperature"] = .number(temperature) }
        if let topP = request.topP { body["top_p"] = .number(topP) }
        if request.topK != nil { losses.add(Place.body.field("top_k"), "Chat Completions has no such field") }
        if !request.stopSequences.isEmpty {
            let fit = request.stopSequences.prefix(ChatRequestEncoder.stopSequencesMax)
            body["stop"] = .array(fit.map(JSONTree.string))
            if fit.count < request.stopSequences.count {
                losses.add(
                    Place.body.field("stop_sequences"), "Chat Completions takes four, the first four were sent")
            }
        }
        if let user = request.user {
            if user.byteCount <= ChatRequestEncoder.userBytesMax {
                body["user"] = .string(user)
            } else {
                losses.add(
                    Place.body.field("metadata").field("user_id"), "Chat Completions takes 64 characters",
                    weight: .hint)
            }
        }
        switch request.serviceTier?.escaped {
        case nil: break
        case "standard_only": body["service_tier"] = "default"
        case let tier?: body["service_tier"] = .text(tier)
        }
    }

    private mutating func reasoning() {
        guard let reasoning = request.reasoning, !reasoning.isOff else { return }
        if let effort = reasoning.effort ?? reasoning.budgetTokens.map(NeutralRequest.Reasoning.effort) {
            body["reasoning_effort"] = .text(effort)
        }
        if reasoning.display == "summarized" {
            losses.add(
                Place.body.field("thinking").field("display"), "Chat Completions does not show thinking", weight: .hint)
        }
    }

    private mutating func outputFormat() {
        switch request.outputFormat {
        case nil: return
        case .json: body["response_format"] = ["type": "json_object"]
        case .schema(let schema, let name, let description, let isStrict):
            var format: JSONObject = ["name": .string(name ?? "output")]
            if let description { format["description"] = .string(description) }
            format["schema"] = schema
            if isStrict == true {
                if StrictSchema.isClosed(schema) {
                    format["strict"] = true
                } else {
                    losses.add(Place.body.field("output_config").field("format").field("schema"), StrictSchema.reason)
                }
            } else if let isStrict {
                format["strict"] = .bool(isStrict)
            }
            body["response_format"] = ["type": "json_schema", "json_schema": .object(format)]
        }
    }
}

/// What OpenAI demands of a schema it enforces: every object closed, every property required.
enum StrictSchema {
    static let reason = "is enforced only for closed objects whose properties are all required, so here it only guides"

    static func isClosed(_ schema: JSONTree) -> Bool {
        switch schema {
        case .array(let items): return items.allSatisfy(isClosed)
        case .object(let object):
            if object["type"] == "object" || object["properties"] != nil {
                let names = object["properties"]?.object?.members.map(\.name) ?? []
                let required = Set((object["required"]?.array ?? []).compactMap(\.string))
                guard object["additionalProperties"] == false, names.allSatisfy(required.contains) else {
                    return false
                }
            }
            return object.members.allSatisfy { isClosed($0.value) }
        default: return true
        }
    }
}
