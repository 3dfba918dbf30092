/// What all event loops share: the published snapshot and the live state of endpoints. Everything in it is safe to
/// use from any thread.
package final class SharedState: Sendable {
    package let snapshots: SnapshotStore
    package let directory: EndpointDirectory

    package init(snapshots: SnapshotStore = SnapshotStore(), directory: EndpointDirectory) {
        self.snapshots = snapshots
        self.directory = directory
    }
}
