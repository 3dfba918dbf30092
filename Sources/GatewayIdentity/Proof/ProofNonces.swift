import Crypto
package import GatewayModel

/// Nonces that need no memory: each is a window of time and its authentication code, so that any replica with the same
/// secret knows its own.
package struct ProofNonces: Sendable {
    private static let windowSeconds = 60
    private let key: SymmetricKey

    package init(secret: Secret) { key = secret.reveal { SymmetricKey(data: $0) } }

    package func current(nowSeconds: Int) -> String { nonce(nowSeconds / ProofNonces.windowSeconds) }

    /// The nonces of this window and the two before it.
    package func accepts(_ nonce: String, nowSeconds: Int) -> Bool {
        let window = nowSeconds / ProofNonces.windowSeconds
        var isKnown = false
        for age in 0...2 { isKnown = Secret(self.nonce(window - age)).matches(Array(nonce.utf8)) || isKnown }
        return isKnown
    }

    private func nonce(_ window: Int) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array("dpop-nonce \(window)".utf8), using: key)
        return Base64URL.encode(Array(code).prefix(16))
    }
}
