package import GatewayModel
import GatewayWire

/// An error as the client's SDK expects it, so that it raises its own exception: status and words of a dialect.
package struct ErrorRendering: Sendable, Equatable {
    /// What the error is, in the words of both dialects.
    package enum Kind: String, Sendable, CaseIterable {
        case invalidRequest, contextTooLong, contentRefused, unauthenticated, forbidden, modelNotFound, notFound
        case conflict, tooLarge, rateLimited, budgetExceeded, overloaded, unavailable, timedOut, serverError
    }

    package var kind: Kind
    package var status: Int
    package var message: String
    /// What the gateway or the provider calls it: shown as `code` where the dialect has no word of its own.
    package var code: String
    package var param: String
    /// The gateway's id of the request, as 32 hexadecimal digits.
    package var requestID: String
    package var retryAfterSeconds: Int?

    /// An error of the gateway's own. `kind` where its code does not say it: a budget, a model.
    package init(
        _ error: GatewayError, kind: Kind? = nil, requestID: String = "", retryAfterSeconds: Int? = nil
    ) {
        let status = error.code.httpStatus == 0 ? 500 : error.code.httpStatus
        self.kind = kind ?? Kind(status: status)
        self.status = kind?.status ?? status
        message = error.hint.map { "\(error.message) (\($0))" } ?? error.message
        code = error.code.rawValue
        param = ""
        self.requestID = requestID
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// A provider's error for the caller. What is wrong with the gateway's own credential or account is not the
    /// caller's fault, and must not look like it.
    package init(_ error: ProviderError, requestID: String = "", retryAfterSeconds: Int? = nil) {
        let kind: Kind =
            switch error.kind {
            case .invalidRequest: .invalidRequest
            case .contextTooLong: .contextTooLong
            case .contentRefused: .contentRefused
            case .tooLarge: .tooLarge
            case .notFound: .notFound
            case .rateLimited: .rateLimited
            case .overloaded: .overloaded
            case .unavailable, .quotaExhausted: .unavailable
            case .timedOut: .timedOut
            case .unauthenticated, .forbidden, .serverError: .serverError
            }
        self.kind = kind
        let isServer = error.kind == .serverError && error.status >= 500
        status =
            switch error.kind {
            case .unauthenticated, .forbidden: 502
            case .invalidRequest where (400..<500).contains(error.status): error.status
            default: isServer ? error.status : kind.status
            }
        message = error.message
        code = error.kind.isAboutRequest || error.kind == .notFound ? error.code : ""
        param = error.param
        self.requestID = requestID
        self.retryAfterSeconds = retryAfterSeconds
    }

    // MARK: Bodies

    /// The body of an answer, JSON.
    package func body(for shape: ReplyShape) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(256)
        if shape.isAnthropic { anthropic(to: &out) } else { openAI(to: &out) }
        return out
    }

    /// The event that ends a stream which had begun. No `[DONE]` and no `message_stop` follow it: the stream failed.
    package func event(for shape: ReplyShape) -> [UInt8] {
        var data: [UInt8] = []
        var out: [UInt8] = []
        switch shape {
        case .messages:
            anthropic(to: &data)
            SSEWriter.append(event: "error", data: data.span, to: &out)
        case .responses:
            responses(to: &data)
            SSEWriter.append(event: "error", data: data.span, to: &out)
        case .chatCompletions, .completions, .embeddings:
            openAI(to: &data)
            SSEWriter.append(data: data.span, to: &out)
        }
        return out
    }

    private func openAI(to out: inout [UInt8]) {
        JSONWriter.append(literal: "{\"error\":{\"message\":", to: &out)
        ErrorRendering.append(message, to: &out)
        JSONWriter.append(literal: ",\"type\":", to: &out)
        ErrorRendering.append(kind.openAIType, to: &out)
        JSONWriter.append(literal: ",\"param\":", to: &out)
        ErrorRendering.append(orNull: param, to: &out)
        JSONWriter.append(literal: ",\"code\":", to: &out)
        ErrorRendering.append(orNull: openAICode, to: &out)
        JSONWriter.append(literal: "}}", to: &out)
    }

    private func anthropic(to out: inout [UInt8]) {
        JSONWriter.append(literal: "{\"type\":\"error\",\"error\":{\"type\":", to: &out)
        ErrorRendering.append(kind.anthropicType, to: &out)
        JSONWriter.append(literal: ",\"message\":", to: &out)
        ErrorRendering.append(message, to: &out)
        JSONWriter.append(literal: "},\"request_id\":", to: &out)
        ErrorRendering.append(orNull: requestID, to: &out)
        JSONWriter.append(literal: "}", to: &out)
    }

    /// The `error` event of the Responses API is flat.
    private func responses(to out: inout [UInt8]) {
        JSONWriter.append(literal: "{\"type\":\"error\",\"code\":", to: &out)
        ErrorRendering.append(responsesCode, to: &out)
        JSONWriter.append(literal: ",\"message\":", to: &out)
        ErrorRendering.append(message, to: &out)
        JSONWriter.append(literal: ",\"param\":", to: &out)
        ErrorRendering.append(orNull: param, to: &out)
        JSONWriter.append(literal: "}", to: &out)
    }

    /// The member `error` of a response that failed.
    var responseError: [UInt8] {
        var out: [UInt8] = []
        JSONWriter.append(literal: "{\"code\":", to: &out)
        ErrorRendering.append(responsesCode, to: &out)
        JSONWriter.append(literal: ",\"message\":", to: &out)
        ErrorRendering.append(message, to: &out)
        JSONWriter.append(literal: "}", to: &out)
        return out
    }

    private var responsesCode: String { openAICode.isEmpty ? kind.openAIType : openAICode }
    private var openAICode: String { kind.openAICode ?? code }

    private static func append(_ text: String, to out: inout [UInt8]) {
        let bytes = Array(text.utf8)
        JSONWriter.append(string: bytes.span, to: &out)
    }

    private static func append(orNull text: String, to out: inout [UInt8]) {
        if text.isEmpty { JSONWriter.appendNull(to: &out) } else { append(text, to: &out) }
    }
}

extension ErrorRendering.Kind {
    /// By the status alone.
    package init(status: Int) {
        self =
            switch status {
            case 401: .unauthenticated
            case 403: .forbidden
            case 404: .notFound
            case 408, 504: .timedOut
            case 409: .conflict
            case 413: .tooLarge
            case 429: .rateLimited
            case 503: .unavailable
            case 529: .overloaded
            case 400..<500: .invalidRequest
            default: .serverError
            }
    }

    /// The status that the dialects' own SDKs turn into this.
    package var status: Int {
        switch self {
        case .invalidRequest, .contextTooLong, .contentRefused: 400
        case .unauthenticated: 401
        case .forbidden: 403
        case .modelNotFound, .notFound: 404
        case .conflict: 409
        case .tooLarge: 413
        case .rateLimited, .budgetExceeded: 429
        case .overloaded: 529
        case .unavailable: 503
        case .timedOut: 504
        case .serverError: 502
        }
    }

    package var openAIType: String {
        switch self {
        case .invalidRequest, .contextTooLong, .contentRefused, .modelNotFound, .notFound, .conflict, .tooLarge:
            "invalid_request_error"
        case .unauthenticated: "authentication_error"
        case .forbidden: "permission_error"
        case .rateLimited: "rate_limit_error"
        case .budgetExceeded: "insufficient_quota"
        case .overloaded: "overloaded_error"
        case .timedOut: "timeout_error"
        case .unavailable, .serverError: "server_error"
        }
    }

    /// The word that OpenAI's clients look for, where there is one.
    package var openAICode: String? {
        switch self {
        case .contextTooLong: "context_length_exceeded"
        case .contentRefused: "content_policy_violation"
        case .unauthenticated: "invalid_api_key"
        case .modelNotFound: "model_not_found"
        case .rateLimited: "rate_limit_exceeded"
        case .budgetExceeded: "insufficient_quota"
        case .overloaded: "overloaded_error"
        default: nil
        }
    }

    package var anthropicType: String {
        switch self {
        case .invalidRequest, .contextTooLong, .contentRefused, .conflict: "invalid_request_error"
        case .unauthenticated: "authentication_error"
        case .forbidden: "permission_error"
        case .modelNotFound, .notFound: "not_found_error"
        case .tooLarge: "request_too_large"
        case .rateLimited, .budgetExceeded: "rate_limit_error"
        case .overloaded: "overloaded_error"
        case .timedOut: "timeout_error"
        case .unavailable, .serverError: "api_error"
        }
    }
}
