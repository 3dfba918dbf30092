package import GatewayModel
import GatewayWire
import Synchronization

/// What the gateway signs for others who believe its issuer: vendors of models, clouds, vaults. With keys of its own,
/// ES256, which all of them take; none of it is good for the gateway itself, whose tokens are of another type and key.
package final class AssertionKeys: Sendable {
    package typealias Save = @Sendable (Secret) throws(GatewayError) -> Void

    private let ring: Mutex<KeyRing>
    private let save: Save
    private let wallSeconds: @Sendable () -> Int

    /// `ring` is one of P-256 that is on the disk.
    package init(_ ring: KeyRing, wallSeconds: @escaping @Sendable () -> Int, save: @escaping Save) {
        self.ring = Mutex(ring)
        self.wallSeconds = wallSeconds
        self.save = save
    }

    /// Members of the published key set.
    var published: [JSONTree] { ring.withLock { $0.published["keys"]?.array ?? [] } }

    func sign(
        issuer: String, subject: String, audience: String, lifetimeSeconds: Int
    ) throws(GatewayError) -> Secret {
        let now = wallSeconds()
        let key = try signer(now)
        let claims: JSONObject = [
            "iss": .text(issuer), "sub": .text(subject), "aud": .text(audience), "iat": .integer(now),
            "nbf": .integer(now), "exp": .integer(now + lifetimeSeconds), "jti": .text(TokenID.make("jti_")),
        ]
        return Secret(try key.sign(claims, header: ["typ": "JWT", "kid": .text(key.thumbprint)]))
    }

    private func signer(_ now: Int) throws(GatewayError) -> SigningKey {
        let save = save
        return try ring.withLock { ring -> Result<SigningKey, GatewayError> in
            var copy = ring
            if copy.advance(nowSeconds: now) {
                do throws(GatewayError) { try save(copy.serialized) } catch { return .failure(error) }
                ring = copy
            }
            return .success(ring.signer(nowSeconds: now))
        }.get()
    }
}

extension TokenService {
    /// A JWT of the gateway's issuer for somebody else.
    package func assertion(
        subject: String, audience: String, lifetimeSeconds: Int
    ) throws(GatewayError) -> Secret {
        guard let assertions else { throw GatewayError(.notFound, "the gateway signs nothing for others") }
        return try assertions.sign(
            issuer: issuer, subject: subject, audience: audience, lifetimeSeconds: lifetimeSeconds)
    }
}
