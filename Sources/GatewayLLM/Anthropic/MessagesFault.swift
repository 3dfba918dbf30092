import GatewayWire

/// Errors in Anthropic's shape: `{"type":"error","error":{"type":…,"message":…}}`.
enum MessagesFault {
    /// Nil if the body is no error.
    static func read(_ tree: JSONTree, status: Int?) -> ProviderFault? {
        guard let error = tree["error"], !error.isNull else { return nil }
        let type = error["type"]?.string?.value
        return ProviderFault(
            kind: kind(type) ?? ProviderFault.Kind(status: status ?? 500),
            message: error["message"]?.string?.value ?? error.string?.value ?? "the provider gave no reason",
            code: error["details"]?["error_code"]?.string?.value ?? type)
    }

    private static func kind(_ word: String?) -> ProviderFault.Kind? {
        switch word {
        case "invalid_request_error": .invalidRequest
        case "authentication_error": .authentication
        case "permission_error": .permission
        case "not_found_error": .notFound
        case "request_too_large": .tooLarge
        case "rate_limit_error": .rateLimited
        case "billing_error": .quota
        case "timeout_error": .timeout
        case "overloaded_error": .overloaded
        case "api_error": .server
        default: nil
        }
    }

    static func tree(_ fault: ProviderFault) -> JSONTree {
        ["type": "error", "error": ["type": .text(word(fault.kind)), "message": .text(fault.message)]]
    }

    private static func word(_ kind: ProviderFault.Kind) -> String {
        switch kind {
        case .invalidRequest: "invalid_request_error"
        case .notFound: "not_found_error"
        case .tooLarge: "request_too_large"
        case .rateLimited, .quota: "rate_limit_error"
        case .timeout: "timeout_error"
        case .overloaded: "overloaded_error"
        case .authentication, .permission, .server: "api_error"
        }
    }
}
