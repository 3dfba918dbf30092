import GatewayWire

/// What a provider refused or failed with, in words of no vendor, so that routing can judge it and any client be told.
/// Nothing in it names the vendor's account: no key, no organisation, no project.
package struct ProviderError: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// The request is wrong: no other provider would take it.
        case invalidRequest
        /// The prompt is longer than the model reads.
        case contextTooLong
        /// The provider's own rules forbid the content.
        case contentRefused
        case tooLarge
        /// The gateway's credential is not believed, or may not do this.
        case unauthenticated, forbidden
        case notFound
        case rateLimited
        /// The account's money or quota is used up: waiting does not help.
        case quotaExhausted
        /// The provider as a whole has too much to do (529 and `overloaded_error`).
        case overloaded
        case unavailable
        case timedOut
        case serverError
    }

    package var kind: Kind
    /// What it came with, 0 within a stream.
    package var status: Int
    /// For the caller: the provider's own words where they are about the request, else the gateway's.
    package var message: String
    /// The provider's word for it, such as `context_length_exceeded` or `overloaded_error`.
    package var code: String
    /// The field of the request that is blamed.
    package var param: String

    package static let messageBytesMax = 2_048

    /// The body of an answer that is no success, of either dialect, or of none.
    package init(body: Span<UInt8>, status: Int) {
        var outline = JSONOutline()
        guard (try? outline.read(body)) != nil else {
            self.init(type: "", code: "", message: "", status: status)
            return
        }
        if let error = outline.member("error", in: body), error.kind != .null {
            self.init(body, error, status: status)
            return
        }
        let bytes = ProviderError.messageBytesMax
        let message = outline.string("message", in: body, bytesMax: bytes)
        self.init(
            type: outline.string("type", in: body, bytesMax: 128) ?? "",
            code: outline.string("code", in: body, bytesMax: 128) ?? "",
            message: message ?? outline.string("detail", in: body, bytesMax: bytes) ?? "", status: status)
    }

    /// The value of an `error` member within a stream.
    package init(errorValue json: Span<UInt8>) {
        let wrapped = Array("{\"error\":".utf8) + ProviderError.copy(json) + Array("}".utf8)
        self.init(body: wrapped.span, status: 0)
    }

    private init(_ body: Span<UInt8>, _ error: JSONOutline.Member, status: Int) {
        var outline = JSONOutline()
        guard error.kind == .object, (try? outline.read(body, range: error.value)) != nil else {
            var text: [UInt8] = []
            JSONString.append(decoded: body, error.text, bytesMax: ProviderError.messageBytesMax, to: &text)
            self.init(type: "", code: "", message: String(decoding: text, as: UTF8.self), status: status)
            return
        }
        func text(_ name: StaticString, _ bytesMax: Int) -> String {
            outline.string(name, in: body, bytesMax: bytesMax)
                ?? outline.integer(name, in: body).map { String($0) } ?? ""
        }
        self.init(
            type: text("type", 128), code: text("code", 128), message: text("message", ProviderError.messageBytesMax),
            param: text("param", 128), status: status)
    }

    /// From the words of an error; `status` is 0 within a stream.
    package init(type: String, code: String, message: String, param: String = "", status: Int = 0) {
        let fromCode = Kind(word: code) ?? Kind(word: type)
        // A code of three digits is a status, as some gateways write it.
        let status = status == 0 ? Int(code) ?? 0 : status
        var kind = fromCode ?? Kind(status: status)
        // A word of the request's does not make a refused credential the caller's fault.
        if kind == .invalidRequest, status == 401 || status == 403 { kind = Kind(status: status) }
        if kind == .invalidRequest { kind = Kind(invalid: message) }
        if kind == .serverError, status != 500, status != 0 { kind = Kind(status: status) }
        self.kind = kind
        self.status = (400..<600).contains(status) ? status : 0
        self.code = RedactedText.word(code.isEmpty || Int(code) != nil ? type : code)
        self.param = RedactedText.word(param)
        let own = kind.isAboutRequest ? RedactedText.message(message) : ""
        self.message = own.isEmpty ? kind.message : own
    }

    private static func copy(_ span: Span<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(span.count)
        for index in 0..<span.count { bytes.append(span[index]) }
        return bytes
    }
}

extension ProviderError.Kind {
    /// By the status alone.
    package init(status: Int) {
        self =
            switch status {
            case 401: .unauthenticated
            case 402: .quotaExhausted
            case 403: .forbidden
            case 404: .notFound
            case 408, 504: .timedOut
            case 413: .tooLarge
            case 429: .rateLimited
            case 503: .unavailable
            case 529: .overloaded
            case 400..<500: .invalidRequest
            default: .serverError
            }
    }

    /// By the provider's word: OpenAI's codes and types, Anthropic's types, and those of the ones that copy them.
    init?(word: String) {
        switch word {
        case "rate_limit_error", "rate_limit_exceeded", "rate_limited", "requests", "tokens", "too_many_requests":
            self = .rateLimited
        case "overloaded_error", "server_overloaded", "engine_overloaded", "overloaded", "slow_down":
            self = .overloaded
        case "insufficient_quota", "billing_error", "billing_hard_limit_reached", "billing_not_active",
            "access_terminated":
            self = .quotaExhausted
        case "authentication_error", "invalid_api_key", "invalid_authentication", "no_such_organization":
            self = .unauthenticated
        case "permission_error", "permission_denied", "insufficient_permissions",
            "unsupported_country_region_territory":
            self = .forbidden
        case "not_found_error", "model_not_found", "not_found": self = .notFound
        case "context_length_exceeded", "context_window_exceeded", "string_above_max_length": self = .contextTooLong
        case "content_filter", "content_policy_violation", "moderation_blocked": self = .contentRefused
        case "request_too_large", "payload_too_large": self = .tooLarge
        case "timeout_error", "timeout": self = .timedOut
        case "api_error", "server_error", "internal_server_error", "internal_error": self = .serverError
        case "invalid_request_error", "invalid_prompt", "invalid_value", "invalid_type", "unsupported_parameter",
            "unsupported_value", "missing_required_parameter", "unknown_parameter":
            self = .invalidRequest
        default: return nil
        }
    }

    /// What an invalid request is about, where only its message says so.
    fileprivate init(invalid message: String) {
        let text = message.lowercased()
        if text.contains("prompt is too long") || text.contains("maximum context length")
            || text.contains("context window")
        {
            self = .contextTooLong
        } else if text.contains("credit balance is too low") {
            self = .quotaExhausted
        } else {
            self = .invalidRequest
        }
    }

    /// About the request and not about the account: the provider's own words help the caller.
    var isAboutRequest: Bool {
        switch self {
        case .invalidRequest, .contextTooLong, .contentRefused, .tooLarge: true
        default: false
        }
    }

    /// The gateway's own words.
    var message: String {
        switch self {
        case .invalidRequest: "the provider refused the request as invalid"
        case .contextTooLong: "the prompt is longer than the model's context"
        case .contentRefused: "the provider refused the content"
        case .tooLarge: "the request is larger than the provider takes"
        case .unauthenticated, .forbidden: "the provider refused the gateway's credential"
        case .notFound: "the provider does not know what was asked for"
        case .rateLimited: "the provider's rate limit is reached"
        case .quotaExhausted: "the provider's quota for the gateway is used up"
        case .overloaded: "the provider is overloaded"
        case .unavailable: "the provider is unavailable"
        case .timedOut: "the provider took too long"
        case .serverError: "the provider failed"
        }
    }

    /// Whether another provider, credential or moment may do better.
    package var isRetryable: Bool {
        switch self {
        case .invalidRequest, .contextTooLong, .contentRefused, .tooLarge: false
        default: true
        }
    }
}
