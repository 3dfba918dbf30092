package import GatewayIdentity
import GatewayModel
package import GatewayRecords

/// What all event loops share: the published snapshot, the live state of endpoints, traces that are asked for, and what
/// is known of credentials beyond a snapshot. Everything in it is safe to use from any thread.
package final class SharedState: Sendable {
    package let snapshots: SnapshotStore
    package let directory: EndpointDirectory
    package let traces: TraceBoard
    /// What is not believed any more.
    package let revocations: RevocationList
    /// Checks proofs of possession.
    package let proofs: ProofRules

    /// Where phases and rooms tell what must be remembered.
    package let audit: AuditTrail

    package init(
        snapshots: SnapshotStore = SnapshotStore(), directory: EndpointDirectory, traces: TraceBoard = TraceBoard(),
        revocations: RevocationList = RevocationList(), proofs: ProofRules = SharedState.ownProofs,
        audit: AuditTrail = .off
    ) {
        self.snapshots = snapshots
        self.directory = directory
        self.traces = traces
        self.revocations = revocations
        self.proofs = proofs
        self.audit = audit
    }

    /// With nonces that end with the process.
    package static var ownProofs: ProofRules {
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return ProofRules(nonces: ProofNonces(secret: Secret(secret)))
    }
}
