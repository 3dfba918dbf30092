import GatewayWire

/// Errors in OpenAI's shape: `{"error":{"message":…,"type":…,"param":…,"code":…}}`.
enum ChatFault {
    /// Nil if the body is no error.
    static func read(_ tree: JSONTree, status: Int?) -> ProviderFault? {
        guard let error = tree["error"], !error.isNull else { return nil }
        let type = error["type"]?.string?.value
        let code = error["code"]?.string?.value ?? error["code"]?.int.map { String($0) }
        let kind = ProviderFault.Kind(status: status ?? 500)
        return ProviderFault(
            kind: refined(kind, type, code, hasStatus: status != nil),
            message: error["message"]?.string?.value ?? error.string?.value ?? "the provider gave no reason",
            code: code ?? type, field: error["param"]?.string?.value)
    }

    /// An error within a stream has no status, and a quota that is used up is no rate.
    private static func refined(
        _ kind: ProviderFault.Kind, _ type: String?, _ code: String?, hasStatus: Bool
    ) -> ProviderFault.Kind {
        let words = [type, code]
        if words.contains("insufficient_quota") { return .quota }
        guard !hasStatus else { return kind }
        if words.contains("rate_limit_exceeded") || words.contains("rate_limit_error") { return .rateLimited }
        if words.contains("invalid_request_error") { return .invalidRequest }
        if words.contains("overloaded_error") || words.contains("server_overloaded") { return .overloaded }
        if let status = code.flatMap({ Int($0) }), (400..<600).contains(status) {
            return ProviderFault.Kind(status: status)
        }
        return kind
    }

    static func tree(_ fault: ProviderFault) -> JSONTree {
        [
            "error": [
                "message": .text(fault.message), "type": .text(word(fault.kind)),
                "param": fault.field.map(JSONTree.text) ?? .null,
                "code": fault.code.map(JSONTree.text) ?? .null,
            ]
        ]
    }

    private static func word(_ kind: ProviderFault.Kind) -> String {
        switch kind {
        case .invalidRequest, .notFound, .tooLarge: "invalid_request_error"
        case .rateLimited: "rate_limit_error"
        case .quota: "insufficient_quota"
        case .timeout: "timeout"
        case .overloaded: "overloaded_error"
        case .authentication, .permission, .server: "server_error"
        }
    }
}
