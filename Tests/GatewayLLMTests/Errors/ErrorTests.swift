import GatewayModel
import GatewayWire
import Testing

@testable import GatewayLLM

@Suite("Errors of providers and of the gateway are told in the client's dialect")
struct ErrorTests {
    static func read(_ text: String, _ status: Int) -> ProviderError {
        let bytes = Array(text.utf8)
        return ProviderError(body: bytes.span, status: status)
    }

    @Test(
        arguments: [
            (429, "{\"error\":{\"message\":\"x\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}", .rateLimited),
            (
                429, "{\"error\":{\"message\":\"x\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}",
                .quotaExhausted
            ),
            (401, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"invalid_api_key\"}}", .unauthenticated),
            (404, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"model_not_found\"}}", .notFound),
            (
                400, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"context_length_exceeded\"}}",
                .contextTooLong
            ),
            (
                400, "{\"error\":{\"message\":\"Bad\",\"type\":\"invalid_request_error\",\"code\":null}}",
                .invalidRequest
            ),
            (503, "{\"error\":{\"type\":\"server_error\"}}", .unavailable),
            (503, "{\"error\":{\"type\":\"server_error\",\"code\":\"slow_down\"}}", .overloaded),
            (500, "{\"error\":{\"type\":\"server_error\"}}", .serverError), (504, "", .timedOut),
            (502, "<html>", .serverError),
            (
                529, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
                .overloaded
            ),
            (529, "", .overloaded), (503, "[]", .unavailable), (429, "{}", .rateLimited),
            (429, "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"x\"}}", .rateLimited),
            (
                400,
                "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
                    + "\"message\":\"prompt is too long: 9 > 8\"}}",
                .contextTooLong
            ),
            (
                400,
                "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
                    + "\"message\":\"Your credit balance is too low\"}}",
                .quotaExhausted
            ),
            (413, "{\"type\":\"error\",\"error\":{\"type\":\"request_too_large\"}}", .tooLarge),
            (403, "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\"}}", .forbidden),
            (400, "{\"error\":\"no such thing\"}", .invalidRequest), (422, "{\"detail\":\"x\"}", .invalidRequest),
        ] as [(Int, String, ProviderError.Kind)])
    func `a provider's error is recognised`(status: Int, body: String, kind: ProviderError.Kind) {
        let error = Self.read(body, status)
        #expect(error.kind == kind)
        #expect(error.status == status)
        #expect(!error.message.isEmpty)
    }

    @Test func `the account and its keys are never shown`() {
        let words = "Limit of org-abc123 in organization Acme-Corp, proj_xyz789, key sk-proj-1234567890, user-77ab99"
        for (status, type) in [
            (429, "tokens"), (401, "invalid_request_error"), (400, "invalid_request_error"), (403, "permission_error"),
            (402, "billing_error"), (500, "server_error"),
        ] {
            let error = Self.read(
                "{\"error\":{\"message\":\"\(words)\",\"type\":\"\(type)\",\"param\":\"\(words)\"}}", status)
            for shape in [ReplyShape.chatCompletions, .messages, .responses] {
                let rendering = ErrorRendering(error, requestID: "r")
                let text = String(decoding: rendering.body(for: shape) + rendering.event(for: shape), as: UTF8.self)
                for secret in ["abc123", "Acme", "xyz789", "12345", "77ab"] {
                    #expect(!text.contains(secret), "\(text)")
                }
            }
        }
        let error = Self.read("{\"error\":{\"message\":\"messages.0: field 'role' is wrong\\n(org-abcdef)\"}}", 400)
        #expect(error.message == "messages.0: field 'role' is wrong ([hidden])")
    }

    @Test(
        arguments: [
            (.unauthenticated, nil, 401, "authentication_error", "invalid_api_key", "authentication_error"),
            (.forbidden, nil, 403, "permission_error", "SL-3002", "permission_error"),
            (.forbidden, .modelNotFound, 404, "invalid_request_error", "model_not_found", "not_found_error"),
            (.rateLimited, nil, 429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"),
            (.rateLimited, .budgetExceeded, 429, "insufficient_quota", "insufficient_quota", "rate_limit_error"),
            (.bodyTooLarge, nil, 413, "invalid_request_error", "SL-2004", "request_too_large"),
            (.malformedRequest, nil, 400, "invalid_request_error", "SL-2001", "invalid_request_error"),
            (.upstreamTimeout, nil, 504, "timeout_error", "SL-4007", "timeout_error"),
            (.draining, nil, 503, "server_error", "SL-5002", "api_error"),
            (.internalFault, nil, 500, "server_error", "SL-5001", "api_error"),
        ] as [(ErrorCode, ErrorRendering.Kind?, Int, String, String, String)])
    func `an error of the gateway is the SDK's own`(
        code: ErrorCode, kind: ErrorRendering.Kind?, status: Int, openAIType: String, openAICode: String,
        anthropicType: String
    ) throws {
        let error = GatewayError(code, "no \"way\"", hint: "go on")
        let rendering = ErrorRendering(error, kind: kind, requestID: "0af7")
        #expect(rendering.status == status)
        let openAI = rendering.body(for: .chatCompletions)
        #expect(
            String(decoding: openAI, as: UTF8.self)
                == "{\"error\":{\"message\":\"no \\\"way\\\" (go on)\",\"type\":\"\(openAIType)\",\"param\":null,"
                + "\"code\":\"\(openAICode)\"}}")
        let anthropic = rendering.body(for: .messages)
        #expect(
            String(decoding: anthropic, as: UTF8.self)
                == "{\"type\":\"error\",\"error\":{\"type\":\"\(anthropicType)\","
                + "\"message\":\"no \\\"way\\\" (go on)\"},"
                + "\"request_id\":\"0af7\"}")
        try JSONScanner.validate(openAI.span)
        try JSONScanner.validate(anthropic.span)
    }

    @Test func `overload, unavailability and limits stay apart on their way to either client`() {
        for (body, status, expected, word) in [
            ("{\"error\":{\"type\":\"overloaded_error\"}}", 529, 529, "overloaded_error"),
            ("", 503, 503, "server_error"),
            ("", 429, 429, "rate_limit_error"), ("", 502, 502, "server_error"), ("", 401, 502, "server_error"),
            ("{\"error\":{\"code\":\"insufficient_quota\"}}", 429, 503, "server_error"),
        ] {
            let rendering = ErrorRendering(Self.read(body, status))
            #expect(rendering.status == expected)
            #expect(rendering.kind.openAIType == word)
        }
    }

    @Test func `a stream that had begun ends with the error of its form`() {
        let rendering = ErrorRendering(GatewayError(.upstreamReset, "the provider went away"), requestID: "7")
        #expect(
            String(decoding: rendering.event(for: .chatCompletions), as: UTF8.self)
                == "data: {\"error\":{\"message\":\"the provider went away\",\"type\":\"server_error\",\"param\":null,"
                + "\"code\":\"SL-4006\"}}\n\n")
        #expect(
            String(decoding: rendering.event(for: .messages), as: UTF8.self)
                == "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":"
                + "\"the provider went away\"},\"request_id\":\"7\"}\n\n")
        #expect(
            String(decoding: rendering.event(for: .responses), as: UTF8.self)
                == "event: error\ndata: {\"type\":\"error\",\"code\":\"SL-4006\","
                + "\"message\":\"the provider went away\","
                + "\"param\":null}\n\n")
        for shape in ReplyShape.allCases where shape != .embeddings {
            let text = String(decoding: rendering.event(for: shape), as: UTF8.self)
            let stream = NativeStream(name: "", shape: shape, text: text) { _ in }
            let facts = StreamMeterTests.pass(stream, removing: true).facts
            #expect(facts.ending == .failed && facts.error?.kind == .serverError)
        }
    }

    @Test(
        arguments: [
            (#"{"model":"a","x":[1,]}"#, JSONScanError.unexpectedByte, "unexpected character at byte 20"),
            (#"{"a":1,"a":2}"#, .duplicateName, "names a field twice: a"), (#"{"a":1}}"#, .trailingBytes, "at byte 7"),
            (#"{"a":"\x"}"#, .badEscape, "unknown escape in a string at byte 6"),
        ] as [(String, JSONScanError, String)])
    func whatIsWrongWithABodyIsSaidInWordsWithItsPlace(text: String, error: JSONScanError, ending: String) {
        let said = ModelExchange.problem(error, of: Array(text.utf8).span)
        #expect(said.hasSuffix(ending), "\(said)")
    }
}
