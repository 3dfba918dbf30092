package import GatewayRecords
import NIOCore
package import NIOPosix

/// The whole byte path: one worker per event loop, one listening socket per loop and port, and the snapshot they
/// serve. Start it, publish snapshots, stop it.
package final class DataPlane: Sendable {
    package let group: MultiThreadedEventLoopGroup
    package let shared: SharedState
    let loops: [LoopHandle]
    private let ports = PortSet()

    /// A worker and the loop it lives on. The worker is touched on that loop only.
    struct LoopHandle: Sendable {
        let eventLoop: any EventLoop
        let worker: NIOLoopBound<Worker>
    }

    /// Makes one worker per event loop. `recorder` is called once for each, on its loop.
    package init(
        group: MultiThreadedEventLoopGroup, shared: SharedState,
        recorder: @escaping @Sendable (Int) -> LoopRecorder
    ) async throws {
        self.group = group
        self.shared = shared
        var loops: [LoopHandle] = []
        for (index, eventLoop) in group.makeIterator().enumerated() {
            let bound = try await eventLoop.submit {
                let worker = Worker(eventLoop: eventLoop, shared: shared, recorder: recorder(index))
                worker.start()
                return NIOLoopBound(worker, eventLoop: eventLoop)
            }.get()
            loops.append(LoopHandle(eventLoop: eventLoop, worker: bound))
        }
        self.loops = loops
    }

    /// The ports that listen now: configured port → bound port (they differ when 0 was bound).
    package var boundPorts: [Int: Int] { ports.bound }

    /// Opens the ports that `snapshot` needs and keeps them for its `publish`. All or none: what comes back is why not.
    package func claimPorts(of snapshot: Snapshot) -> [ListenError] {
        ports.claim(for: snapshot, loopCount: loops.count)
    }

    /// Closes what was claimed for a snapshot that will not be published.
    package func releaseClaims() { ports.releaseClaims() }

    /// Opens what `snapshot` needs, makes it the one that new requests see, then closes and drains what it no longer
    /// has. If a port cannot be opened nothing changes.
    package func publish(_ snapshot: Snapshot) async throws {
        let opened = try await ports.open(missingFor: snapshot, loops: loops)
        shared.snapshots.publish(snapshot)
        for port in opened { port.startAccepting() }
        let replaced = await ports.commit(opened)
        let closed = await ports.close(notIn: snapshot)
        for number in replaced + closed { drain(port: number) }
    }

    private func drain(port: Int) {
        for loop in loops { loop.eventLoop.execute { loop.worker.value.drain(port: port) } }
    }

    /// Runs `body` on every worker's loop and waits for all.
    package func onEachWorker(_ body: @escaping @Sendable (Worker) -> Void) async throws {
        for loop in loops { try await loop.eventLoop.submit { body(loop.worker.value) }.get() }
    }

    /// Runs `body` on the loop of one worker, always the same one, and waits for it.
    package func onOneWorker(_ body: @escaping @Sendable (Worker) -> Void) async throws {
        guard let loop = loops.first else { return }
        try await loop.eventLoop.submit { body(loop.worker.value) }.get()
    }

    /// How many client connections are open.
    package func connectionCount() async throws -> Int {
        var count = 0
        for loop in loops { count += try await loop.eventLoop.submit { loop.worker.value.connections.count }.get() }
        return count
    }

    /// Whether a client is connected to a configured port, or a call goes on whose client has gone.
    private func isBusy() async throws -> Bool {
        for loop in loops {
            let isBusy = try await loop.eventLoop.submit {
                let worker = loop.worker.value
                return worker.detachedCalls > 0 || worker.connections.values.contains { !$0.port.isOwn }
            }.get()
            if isBusy { return true }
        }
        return false
    }

    /// Stops listening, lets requests under way finish within `timeout`, then closes what is left. Our own ports listen
    /// until then: whoever watches the gateway sees that it is not ready, and reads the last numbers.
    package func drain(timeout: Duration) async throws {
        await ports.closeConfigured()
        try await onEachWorker { $0.drain() }
        let end = ContinuousClock.now.advanced(by: timeout)
        while try await isBusy(), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(20))
        }
        try await abort { !$0.port.isOwn }
        await ports.closeAll()
        try await onEachWorker { $0.drain() }
        let last = ContinuousClock.now.advanced(by: .seconds(1))
        while try await connectionCount() > 0, ContinuousClock.now < last {
            try await Task.sleep(for: .milliseconds(5))
        }
        try await abort { _ in true }
    }

    private func abort(_ isMeant: @escaping @Sendable (any DownstreamConnection) -> Bool) async throws {
        try await onEachWorker { worker in
            for connection in Array(worker.connections.values) where isMeant(connection) { connection.abort() }
        }
    }

    /// Ends the workers and lets go of what served. The group is the caller's.
    package func stop() async throws {
        shared.snapshots.publish(.empty)
        try await onEachWorker { $0.stop() }
    }
}
