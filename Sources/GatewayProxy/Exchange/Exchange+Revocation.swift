import GatewayIdentity
import GatewayModel
import GatewayRecords

extension Exchange {
    /// Ends a request whose caller has been revoked while it was under way: a stream or a tunnel is cut, what has not
    /// begun to answer is refused.
    func endIfRevoked(_ revocations: RevocationList) {
        guard state != .idle, state != .settled, principal.proof != .none,
            let revocation = revocations.reason(against: principal)
        else { return }
        record.outcome = .refused
        leavePool()
        upstream.cancel()
        upstream = .none
        fail(TokenAuthority.refusal(revocation))
        flushDownstream()
    }
}
