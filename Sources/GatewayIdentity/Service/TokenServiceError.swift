package import GatewayWire

/// Why a token is not given out, in the words of OAuth (RFC 6749 section 5.2, RFC 8693 section 2.2.2, RFC 9449).
package struct TokenServiceError: Error, Sendable, Equatable {
    package enum Code: String, Sendable {
        case invalidRequest = "invalid_request"
        case invalidClient = "invalid_client"
        case invalidGrant = "invalid_grant"
        case unauthorizedClient = "unauthorized_client"
        case unsupportedGrantType = "unsupported_grant_type"
        case invalidScope = "invalid_scope"
        case invalidTarget = "invalid_target"
        case invalidProof = "invalid_dpop_proof"
        case useNonce = "use_dpop_nonce"
        case unavailable = "temporarily_unavailable"
    }

    package var code: Code
    package var description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    package var status: Int {
        switch code {
        case .invalidClient: 401
        case .unavailable: 503
        default: 400
        }
    }

    package var body: JSONTree { ["error": .text(code.rawValue), "error_description": .text(description)] }
}
