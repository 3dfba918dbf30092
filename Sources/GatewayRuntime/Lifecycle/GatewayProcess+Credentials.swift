import GatewayIdentity
import GatewayModel
import GatewayProxy

/// Credentials for upstreams: how they are fetched, and how it goes.
extension GatewayProcess {
    static func makeCredentials(_ plane: DataPlane, _ tokens: TokenService) -> CredentialServices {
        CredentialServices(http: OutboundClient(plane).http, isLoud: true) { token, subject in
            try tokens.assertion(
                subject: subject, audience: token.audience, lifetimeSeconds: token.lifetime.milliseconds / 1_000)
        }
    }

    /// Statuses with what became of the fetches.
    func withCredentials(_ statuses: [ObjectStatus]) -> [ObjectStatus] {
        let active = credentials.active
        guard !active.isEmpty else { return statuses }
        return statuses.map { status in
            guard status.key.kind == ObjectKind.credentialSource.rawValue else { return status }
            let name = "\(status.key.namespace)/\(status.key.name)"
            return status.with(active.first { $0.name == name }?.status)
        }
    }

    /// One line for each source that has no new credential.
    var failingCredentials: [String] {
        credentials.active.compactMap { credential in
            credential.status.failure.map { "\(credential.name): \($0.message)" }
        }
    }
}
