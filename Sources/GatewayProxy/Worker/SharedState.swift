package import GatewayRecords

/// What all event loops share: the published snapshot, the live state of endpoints, and traces that are asked for.
/// Everything in it is safe to use from any thread.
package final class SharedState: Sendable {
    package let snapshots: SnapshotStore
    package let directory: EndpointDirectory
    package let traces: TraceBoard
    /// Where phases and rooms tell what must be remembered.
    package let audit: AuditTrail

    package init(
        snapshots: SnapshotStore = SnapshotStore(), directory: EndpointDirectory, traces: TraceBoard = TraceBoard(),
        audit: AuditTrail = .off
    ) {
        self.snapshots = snapshots
        self.directory = directory
        self.traces = traces
        self.audit = audit
    }
}
