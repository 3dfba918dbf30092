import Synchronization

/// Where the current snapshot is published. Readers compare a version with one relaxed load and take the lock only
/// when it has changed.
package final class SnapshotStore: Sendable {
    private let version = Atomic<UInt64>(1)
    private let current: Mutex<Snapshot>

    package init(_ snapshot: Snapshot = .empty) { current = Mutex(snapshot) }

    /// Makes `snapshot` what new requests see.
    package func publish(_ snapshot: Snapshot) {
        current.withLock { $0 = snapshot }
        version.add(1, ordering: .releasing)
    }

    /// The snapshot of now; for everything that is not a request.
    package func load() -> Snapshot { current.withLock { $0 } }

    /// Replaces `cached` if there is something newer than `seen`.
    func refresh(_ cached: inout Snapshot, seen: inout UInt64) {
        let now = version.load(ordering: .acquiring)
        guard now != seen else { return }
        seen = now
        cached = current.withLock { $0 }
    }
}
