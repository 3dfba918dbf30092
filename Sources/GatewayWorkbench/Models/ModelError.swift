/// A vendor's refusal, in the shape of either dialect.
struct ModelError: Error, Sendable {
    var status: Int
    var message: String
    var parameter: String?
    var code: String?

    init(_ status: Int, _ message: String, parameter: String? = nil, code: String? = nil) {
        self.status = status
        self.message = message
        self.parameter = parameter
        self.code = code
    }

    func body(_ dialect: MockDialect, id: String) -> JSONDocument {
        dialect == .anthropic ? anthropic(id: id) : openai
    }

    var openai: JSONDocument {
        [
            "error": [
                "message": .string(message), "type": .string(openaiType),
                "param": parameter.map(JSONDocument.string) ?? nil,
                "code": (code ?? openaiCode).map(JSONDocument.string) ?? nil,
            ]
        ]
    }

    func anthropic(id: String) -> JSONDocument {
        [
            "type": "error", "error": ["type": .string(anthropicType), "message": .string(message)],
            "request_id": "req_\(id)",
        ]
    }

    private var openaiType: String {
        switch status {
        case 401: "invalid_request_error"
        case 429: code == "insufficient_quota" ? "insufficient_quota" : "requests"
        case 500...: "server_error"
        default: "invalid_request_error"
        }
    }

    private var openaiCode: String? {
        switch status {
        case 401: "invalid_api_key"
        case 404: "model_not_found"
        case 429: "rate_limit_exceeded"
        default: nil
        }
    }

    private var anthropicType: String {
        switch status {
        case 401: "authentication_error"
        case 402: "billing_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 504: "timeout_error"
        case 529: "overloaded_error"
        case 500...: "api_error"
        default: "invalid_request_error"
        }
    }

    /// What the vendors say with a status a test asks for.
    static func asked(_ status: Int) -> ModelError {
        let message =
            switch status {
            case 401: "Incorrect API key provided"
            case 403: "Your organization does not have access to this"
            case 404: "The model does not exist or you do not have access to it"
            case 413: "Request exceeds the maximum size"
            case 429: "Rate limit reached"
            case 503: "The engine is currently overloaded, please try again later"
            case 529: "Overloaded"
            case 500...: "The server had an error while processing your request"
            default: "The mock was asked for \(status)"
            }
        return ModelError(status, message)
    }
}
