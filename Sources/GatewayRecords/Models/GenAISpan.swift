import GatewayModel

/// What a span tells of a model call. Never what was asked or answered.
enum GenAISpan {
    /// `chat gpt-5-mini`.
    static func name(_ call: ModelCallRecord) -> String {
        call.requestModel.isEmpty ? call.operation.rawValue : "\(call.operation.rawValue) \(call.requestModel)"
    }

    static func attributes(_ call: ModelCallRecord, _ names: GenAINames, to text: inout JSONText) {
        OTLPResource.attribute(GenAI.operation, call.operation.rawValue, to: &text)
        OTLPResource.attribute(GenAI.provider, call.provider, to: &text)
        OTLPResource.attribute(GenAI.requestModel, call.requestModel, to: &text)
        if call.isStream { attribute(GenAI.requestStream, true, to: &text) }
        if let maxTokens = call.maxTokens { OTLPResource.attribute(GenAI.maxTokens, maxTokens, to: &text) }
        OTLPResource.attribute(GenAI.responseID, call.responseID, to: &text)
        OTLPResource.attribute(GenAI.responseModel, call.responseModel, to: &text)
        if !call.finishReason.isEmpty { list(GenAI.finishReasons, [call.finishReason], to: &text) }
        if call.isStream, call.firstTokenNanoseconds > 0 {
            seconds(GenAI.timeToFirstChunk, call.firstTokenNanoseconds, to: &text)
        }
        usage(call, names, to: &text)
        OTLPResource.attribute("sluice.model.attempts", call.attempts, to: &text)
        if let cost = call.cost { OTLPResource.attribute("sluice.model.cost_usd", cost.description, to: &text) }
        if !call.losses.isEmpty { list("sluice.model.lost", call.losses, to: &text) }
        if call.cache != .none {
            OTLPResource.attribute("sluice.model.cache", call.cache == .hit ? "hit" : "miss", to: &text)
        }
    }

    private static func usage(_ call: ModelCallRecord, _ names: GenAINames, to text: inout JSONText) {
        guard let usage = call.usage else { return }
        OTLPResource.attribute(GenAI.inputTokens, usage.inputTotal, to: &text)
        OTLPResource.attribute(GenAI.outputTokens, usage.outputTotal, to: &text)
        if usage.cacheRead > 0 { OTLPResource.attribute(GenAI.cacheReadTokens, usage.cacheRead, to: &text) }
        let written = usage.cacheWrite5m + usage.cacheWrite1h
        if written > 0 { OTLPResource.attribute(GenAI.cacheWriteTokens(names), written, to: &text) }
        if usage.reasoning > 0 { OTLPResource.attribute(GenAI.reasoningTokens, usage.reasoning, to: &text) }
        if call.isUsageEstimated { attribute("sluice.model.usage_estimated", true, to: &text) }
    }

    private static func attribute(_ name: String, _ value: Bool, to text: inout JSONText) {
        text.object { text in
            text.member("key", name)
            text.key("value")
            text.object { text in text.member("boolValue", value) }
        }
    }

    private static func seconds(_ name: String, _ nanoseconds: UInt64, to text: inout JSONText) {
        text.object { text in
            text.member("key", name)
            text.key("value")
            text.object { text in
                text.key("doubleValue")
                text.literal(PrometheusText.seconds(nanoseconds))
            }
        }
    }

    private static func list(_ name: String, _ values: [String], to text: inout JSONText) {
        text.object { text in
            text.member("key", name)
            text.key("value")
            text.object { text in
                text.key("arrayValue")
                text.object { text in
                    text.key("values")
                    text.array { text in
                        for value in values { text.object { text in text.member("stringValue", value) } }
                    }
                }
            }
        }
    }
}
