import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore
import NIOPosix
import NIOSSL

/// The connections of one event loop to one endpoint, over one transport. `PoolState` decides; this class opens,
/// hands out and closes.
final class EndpointPool {
    let worker: Worker
    let endpoint: Endpoint
    private let transport: UpstreamTransport
    private let connectTimeoutNanoseconds: UInt64
    private var state: PoolState<HTTP1ClientConnection, Exchange>
    private var multiplexed = MultiplexedPool()
    private var isClosed = false
    /// Of the backend, for numbers.
    private(set) var metricSlot = 0

    init(worker: Worker, endpoint: Endpoint, backend: CompiledBackend) {
        self.worker = worker
        self.endpoint = endpoint
        transport = backend.transport
        let limits = worker.snapshot.limits
        connectTimeoutNanoseconds = UInt64(limits.connectTimeoutMilliseconds) * 1_000_000
        state = PoolState(pendingMax: limits.upstreamPendingMax, idleMax: limits.upstreamIdleConnectionsMax)
        update(backend)
    }

    /// Takes over limits that a reload may have changed.
    func update(_ backend: CompiledBackend) {
        metricSlot = backend.metricSlot
        state.connectionsMax = backend.circuit.connectionsMax
        multiplexed.streamsMax = backend.circuit.streamsPerConnectionMax
        state.pendingMax =
            backend.circuit.pendingMax > 0 ? backend.circuit.pendingMax : worker.snapshot.limits.upstreamPendingMax
    }

    /// Without TLS.
    var isPlain: Bool { transport.tls == nil }

    var view: WorkerView.Pool {
        WorkerView.Pool(
            endpoint: endpoint.addressText, open: state.openCount, idle: state.idle.count,
            connecting: state.connectingCount, waiting: state.waitingCount)
    }

    // MARK: Leasing

    func lease(for exchange: Exchange) -> PoolLease {
        if transport.http != .http1, let stream = multiplexed.openStream(for: exchange) {
            return .ready(.http2(stream))
        }
        while true {
            switch state.lease(exchange, isSharing: transport.http == .http2) {
            case .use(let connection):
                // It may have been closed by the peer in this very batch of events.
                guard connection.isOpen else { continue }
                connection.assign(exchange)
                return .ready(.http1(connection))
            case .connect:
                connect(timeoutNanoseconds: exchange.rule?.timeouts.connectNanoseconds ?? connectTimeoutNanoseconds)
                return .wait
            case .wait: return .wait
            case .refuse: return .refused
            }
        }
    }

    func withdraw(_ exchange: Exchange) { state.withdraw(exchange) }

    func released(_ connection: HTTP1ClientConnection) {
        if let waiter = state.released(connection) { return give(connection, to: waiter) }
        if isClosed { return connection.close() }
        expire(connection)
        if let surplus = state.surplus() { surplus.close() }
    }

    func closed(_ connection: HTTP1ClientConnection) {
        if state.closed(connection) { connect(timeoutNanoseconds: connectTimeoutNanoseconds) }
        retireIfUnused()
    }

    private func retireIfUnused() {
        if state.isUnused, multiplexed.isEmpty { worker.pools.remove(self) }
    }

    /// Closes what is idle; what is leased closes when it is given back.
    func closeAll() {
        isClosed = true
        for connection in state.idle { connection.close() }
        multiplexed.closeAll()
    }

    /// Closes the connections nobody uses; the next request gets a new one.
    func closeIdle() {
        for connection in state.idle { connection.close() }
    }

    private func give(_ connection: HTTP1ClientConnection, to exchange: Exchange) {
        connection.assign(exchange)
        exchange.upstreamReady(.http1(connection))
    }

    // MARK: Connecting

    private func connect(timeoutNanoseconds: UInt64) {
        let connector = UpstreamConnector(
            endpoint: endpoint, transport: transport, timeoutNanoseconds: timeoutNanoseconds)
        worker.openUpstream(connector) { [self] result in
            worker.refreshClock()
            switch result {
            case .success(let ready): adopt(ready)
            case .failure(let error): connectFailed(error.failure)
            }
        }
    }

    private func adopt(_ ready: UpstreamConnector.Ready) {
        worker.recorder.metrics.add(.upstreamConnections)
        worker.recorder.metrics.add(.connections, backend: metricSlot)
        if ready.isHTTP2 { return adoptMultiplexed(ready.channel) }
        let connection = HTTP1ClientConnection(worker: worker, pool: self)
        do {
            try ready.channel.pipeline.syncOperations.addHandler(connection)
        } catch {
            return connectFailed(.connectFailed("the connection closed at once"))
        }
        connection.count(as: .idle)
        if let waiter = state.connected(connection) { give(connection, to: waiter) } else { expire(connection) }
    }

    private func expire(_ connection: HTTP1ClientConnection) {
        let idleNanoseconds = UInt64(worker.snapshot.limits.upstreamIdleTimeoutMilliseconds) * 1_000_000
        connection.expire(atNanoseconds: worker.now &+ idleNanoseconds)
    }

    private func adoptMultiplexed(_ channel: any Channel) {
        let connection = HTTP2ClientConnection(worker: worker, owner: self, metricSlot: metricSlot)
        do {
            try channel.pipeline.syncOperations.addHandler(connection)
        } catch {
            return connectFailed(.connectFailed("the connection closed at once"))
        }
        state.shared()
        multiplexed.add(connection)
        serveWaiters()
    }

    /// Gives streams to those who wait, as long as there are any.
    private func serveWaiters() {
        while state.waitingCount > 0, multiplexed.hasFreeStream {
            guard let waiter = state.takeWaiter() else { return }
            guard let stream = multiplexed.openStream(for: waiter) else {
                waiter.upstreamFailed(.unprocessed)
                continue
            }
            waiter.upstreamReady(.http2(stream))
        }
        if state.needsSharedConnection() { connect(timeoutNanoseconds: connectTimeoutNanoseconds) }
    }

    private func connectFailed(_ failure: UpstreamFailure) {
        worker.recorder.metrics.add(.upstreamConnectFailures)
        worker.recorder.metrics.add(.connectFailures, backend: metricSlot)
        // A connection to be shared was the hope of everybody who waits; another kind that of one.
        for waiter in state.connectFailed(isSharing: transport.http == .http2) {
            let client = waiter.downstream
            waiter.upstreamFailed(failure)
            client.flush()
        }
        if state.needsConnection() { connect(timeoutNanoseconds: connectTimeoutNanoseconds) }
        retireIfUnused()
    }
}

extension EndpointPool: HTTP2ClientConnectionOwner {
    func capacityChanged(_ connection: HTTP2ClientConnection) { serveWaiters() }

    func connectionClosed(_ connection: HTTP2ClientConnection) {
        multiplexed.remove(connection)
        state.sharedClosed()
        if state.waitingCount > 0 { serveWaiters() }
        retireIfUnused()
    }
}

/// What a pool answers.
enum PoolLease {
    case ready(Upstream)
    case wait
    case refused
}
