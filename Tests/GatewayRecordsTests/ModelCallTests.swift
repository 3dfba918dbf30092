import Foundation
import GatewayModel
import GatewayWire
import Testing

@testable import GatewayRecords

@Suite("A model call is told in OpenTelemetry's words and Prometheus' twins")
struct ModelCallTests {
    static func call(_ registry: MetricRegistry) -> ModelCallRecord {
        var call = ModelCallRecord()
        call.slot = registry.modelSlot(operation: .chat, provider: "openai", model: "fast")
        call.provider = "openai"
        call.requestModel = "fast"
        call.responseModel = "gpt-5-mini-2025"
        call.responseID = "chatcmpl-1"
        call.finishReason = "stop"
        call.isStream = true
        var usage = TokenUsage()
        usage.input = 100
        usage.cacheRead = 20
        usage.cacheWrite1h = 7
        usage.audioInput = 3
        usage.output = 40
        usage.reasoning = 11
        call.usage = usage
        call.cost = Money(dollars: "0.000125")
        call.attempts = 2
        call.isFallback = true
        call.cache = .miss
        call.durationNanoseconds = 1_200_000_000
        call.firstTokenNanoseconds = 200_000_000
        call.overheadNanoseconds = 30_000
        return call
    }

    static func scrape(_ names: GenAINames, _ change: (inout ModelCallRecord) -> Void = { _ in }) -> [String] {
        let registry = MetricRegistry(names: names)
        var call = call(registry)
        change(&call)
        for _ in 0..<2 {
            let loop = registry.makeLoop()
            loop.recordModelCall(call)
            loop.publish()
        }
        return String(decoding: PrometheusText.render(registry), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    static let labels = #"gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="fast""#
    static let own = #"operation="chat",provider="openai",model="fast""#

    @Test(arguments: [
        "gen_ai_client_operation_duration_seconds_sum{\(labels)} 2.400000000",
        "gen_ai_client_operation_duration_seconds_bucket{\(labels),le=\"2.5\"} 2",
        "gen_ai_server_time_to_first_token_seconds_sum{\(labels)} 0.400000000",
        "gen_ai_server_time_per_output_token_seconds_sum{\(labels)} 0.040000000",
        "gen_ai_client_token_usage_sum{\(labels),gen_ai_token_type=\"input\"} 260",
        "gen_ai_client_token_usage_sum{\(labels),gen_ai_token_type=\"output\"} 102",
        "gen_ai_client_token_usage_bucket{\(labels),gen_ai_token_type=\"input\",le=\"64\"} 0",
        "gen_ai_client_token_usage_bucket{\(labels),gen_ai_token_type=\"input\",le=\"256\"} 2",
        "sluice_model_calls_total{\(own)} 2", "sluice_model_attempts_total{\(own)} 4",
        "sluice_model_fallbacks_total{\(own)} 2", "sluice_model_cache_total{\(own),result=\"miss\"} 2",
        "sluice_model_tokens_total{\(own),kind=\"cache_write_1h\"} 14",
        "sluice_model_tokens_total{\(own),kind=\"input\"} 200", "sluice_model_cost_usd_total{\(own)} 0.00025",
        "sluice_model_overhead_seconds_bucket{\(own),le=\"0.000025\"} 0",
        "sluice_model_overhead_seconds_bucket{\(own),le=\"0.00005\"} 2",
        "# TYPE gen_ai_client_token_usage histogram",
    ])
    func `lines of a scrape`(line: String) {
        #expect(Self.scrape(.current).contains(line))
    }

    @Test(arguments: [
        "gen_ai_client_inference_operation_input_tokens_sum{\(labels)} 260",
        "gen_ai_client_inference_usage_input_tokens_total{\(labels),gen_ai_token_modality=\"unknown\"} 254",
        "gen_ai_client_inference_usage_input_tokens_total{\(labels),gen_ai_token_modality=\"audio\"} 6",
        "gen_ai_client_inference_usage_cache_write_input_tokens_total{\(labels),gen_ai_token_modality=\"unknown\"} 14",
        "gen_ai_client_inference_usage_reasoning_output_tokens_total{\(labels),gen_ai_token_modality=\"unknown\"} 22",
    ])
    func `lines of a scrape with the names to come`(line: String) {
        let lines = Self.scrape(.pending)
        #expect(lines.contains(line))
        #expect(!lines.contains { $0.hasPrefix("gen_ai_client_token_usage") })
    }

    @Test func `a hit used no tokens, and an error is counted by its type`() {
        let hit = Self.scrape(.current) { $0.cache = .hit }
        #expect(!hit.contains { $0.hasPrefix("sluice_model_tokens_total") })
        #expect(hit.contains("sluice_model_cache_total{\(Self.own),result=\"hit\"} 2"))
        let failed = Self.scrape(.current) {
            $0.errorType = .overloaded
            $0.usage = nil
            $0.cost = nil
        }
        #expect(failed.contains("sluice_model_errors_total{\(Self.own),error_type=\"overloaded\"} 2"))
        #expect(!failed.contains { $0.hasPrefix("gen_ai_client_token_usage_sum") })
    }

    @Test func `names that callers send share one slot, and slots have a bound`() {
        let lines = Self.scrape(.current) { $0.slot = 0 }
        let other = #"operation="_OTHER",provider="_OTHER",model="_OTHER""#
        #expect(lines.contains("sluice_model_calls_total{\(other)} 2"))
        let registry = MetricRegistry()
        let slots = (0..<2_000).map { registry.modelSlot(operation: .chat, provider: "p", model: "m\($0)") }
        #expect(slots.max() == MetricValues.modelSlotsMax - 1 && slots.last == 0)
        #expect(registry.modelSlot(operation: .chat, provider: "p", model: "m7") == 8)
        #expect(Self.scrape(.current) { $0.slot = 1_000_000 }.contains("sluice_model_calls_total{\(other)} 2"))
    }

    @Test(arguments: [
        (0, 0), (1, 0), (2, 1), (4, 1), (5, 2), (16, 2), (17, 3), (67_108_864, 13), (67_108_865, 14), (Int.max, 14),
    ])
    func `token counts fall in buckets of powers of four`(tokens: Int, bucket: Int) {
        #expect(TokenBuckets.index(tokens) == bucket)
    }

    @Test(arguments: [
        ("", GenAINames.current), ("http,database", .current), ("http, gen_ai_latest_experimental", .pending),
    ])
    func `the edition is chosen as OpenTelemetry asks`(words: String, names: GenAINames) {
        #expect(GenAINames(optIn: words) == names)
    }

    @Test func `the page of metrics lists each with its labels, and each error type`() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Documentation/Metrics.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        for metric in GenAINames.allCases.flatMap({ MetricCatalog.all($0) }) {
            let labels = metric.labels.map { "`\($0)`" }.joined(separator: " ")
            let row = "| `\(metric.name)` | \(metric.kind.rawValue) | \(labels) | \(metric.help) |"
            #expect(text.contains(row), "\(row)")
        }
        for error in ModelErrorType.allCases { #expect(text.contains("`\(error.rawValue)`")) }
    }

    @Test func `metrics leave in OpenTelemetry's words`() throws {
        let registry = MetricRegistry()
        let loop = registry.makeLoop()
        loop.recordModelCall(Self.call(registry))
        loop.publish()
        let body = OTLPMetrics.encode(
            registry.collect().families(), resource: OTLPResource(), startNanoseconds: 1, nowNanoseconds: 2)
        try JSONScanner.validate(body.span)
        let text = String(decoding: body, as: UTF8.self)
        for part in [
            #""name":"gen_ai.client.token.usage""#, #""unit":"{token}""#, #"{"key":"gen_ai.token.type","value""#,
            #""name":"sluice_model_cost_usd_total""#, #""asDouble":0.000125"#,
            #""explicitBounds":[1,4,16,64,256,"#,
        ] { #expect(text.contains(part), "\(part)") }
    }

    @Test(arguments: [(GenAINames.current, "cache_creation"), (.pending, "cache_write")])
    func `a span tells of the call and nothing of its content`(names: GenAINames, word: String) throws {
        var (record, head) = exchange()
        record.traceID = (1, 2)
        record.spanID = 3
        record.modelCall = ModelCallNote(Self.call(MetricRegistry()))
        let span = SpanRecord(record, head, freshSpanID: 5)
        let body = OTLPTraces.encode([span], resource: OTLPResource(), names: names)
        head.reset()
        try JSONScanner.validate(body.span)
        let text = String(decoding: body, as: UTF8.self)
        for part in [
            #""name":"chat fast""#, #"{"key":"gen_ai.provider.name","value":{"stringValue":"openai"}}"#,
            #"{"key":"gen_ai.usage.input_tokens","value":{"intValue":"130"}}"#,
            #"{"key":"gen_ai.usage.\#(word).input_tokens","value":{"intValue":"7"}}"#,
            #"{"key":"gen_ai.response.finish_reasons","value":{"arrayValue":{"values":[{"stringValue":"stop"}]}}}"#,
            #"{"key":"gen_ai.response.time_to_first_chunk","value":{"doubleValue":0.200000000}}"#,
            #"{"key":"gen_ai.request.stream","value":{"boolValue":true}}"#,
        ] { #expect(text.contains(part), "\(part)") }
    }
}
