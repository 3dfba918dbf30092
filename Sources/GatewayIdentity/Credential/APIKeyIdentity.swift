package import GatewayModel
package import GatewayWire

/// Identifies callers by API key: the scan and the look-up in one step.
package struct APIKeyIdentity: Sendable {
    package var keys: APIKeySet
    /// Whether a request without a key is refused.
    package var isRequired: Bool

    package init(keys: APIKeySet, isRequired: Bool = true) {
        self.keys = keys
        self.isRequired = isRequired
    }

    /// The principal, and the fields to strip before going upstream; a principal of nil and no fields for a
    /// request without a key where none is required. Throws `unauthenticated`.
    package func identify(
        _ head: RequestHead, nowSeconds: Int
    ) throws(GatewayError) -> (principal: Principal?, sources: CredentialScanner.Sources) {
        switch CredentialScanner.scan(head) {
        case .none:
            guard isRequired else { return (nil, []) }
            throw GatewayError(
                .unauthenticated, "the request carries no API key",
                hint: "send it as authorization: Bearer KEY or x-api-key: KEY")
        case .ambiguous:
            throw GatewayError(.unauthenticated, "the request carries two different API keys")
        case .found(let key, let sources):
            let bytes = head.fields.bytes.span.extracting(key.range)
            switch keys.find(bytes, nowSeconds: nowSeconds) {
            case .accepted(let principal): return (principal, sources)
            case .unknown: throw GatewayError(.unauthenticated, "the API key is not known")
            case .blocked(let id): throw GatewayError(.unauthenticated, "the API key is blocked: \(id)")
            case .expired(let id): throw GatewayError(.unauthenticated, "the API key has expired: \(id)")
            }
        }
    }
}
