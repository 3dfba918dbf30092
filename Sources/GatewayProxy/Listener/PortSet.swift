import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// The listening sockets: one per port, address and event loop, joined by `SO_REUSEPORT` so that the kernel spreads
/// connections and none ever changes loops.
final class PortSet: Sendable {
    struct Opened: Sendable {
        var number: Int
        var addresses: [String]
        var isTLS: Bool
        var bound: Int
        var channels: [any Channel]

        /// Whether these sockets are what `table` wants; others must be bound when the answer is no.
        func serves(_ table: PortTable) -> Bool {
            isTLS == table.isTLS && addresses == table.settings.addresses
        }

        /// Until then the kernel completes connections and holds them: nobody is answered by a snapshot that does not
        /// know the port yet.
        func startAccepting() {
            for channel in channels { channel.setOption(.autoRead, value: true).whenFailure { _ in } }
        }
    }

    private struct State {
        var open: [Int: Opened] = [:]
        /// For a configuration that has been accepted and does not serve yet.
        var claims: [Int: ListeningSockets] = [:]
    }

    private let state = Mutex(State())

    var bound: [Int: Int] { state.withLock { $0.open.mapValues(\.bound) } }

    /// Opens what `snapshot` has and we have not, and keeps it for `open`; or, with any of them refused, opens nothing.
    func claim(for snapshot: Snapshot, loopCount: Int) -> [ListenError] {
        state.withLock { state in
            var claims: [Int: ListeningSockets] = [:]
            var errors: [ListenError] = []
            for table in snapshot.ports where state.open[table.port]?.serves(table) != true {
                if let earlier = state.claims[table.port], earlier.addresses == table.settings.addresses {
                    claims[table.port] = earlier
                    continue
                }
                do throws(ListenError) {
                    claims[table.port] = try ListeningSockets(
                        table, loopCount: loopCount, held: state.open[table.port]?.addresses ?? [])
                } catch {
                    errors.append(error)
                }
            }
            // What neither set of claims shares with the other is not needed any more.
            let (kept, dropped) = errors.isEmpty ? (claims, state.claims) : (state.claims, claims)
            for (port, sockets) in dropped where kept[port] == nil { sockets.close() }
            state.claims = kept
            return errors
        }
    }

    /// Gives back what was claimed and not opened.
    func releaseClaims() {
        state.withLock { state in
            for sockets in state.claims.values { sockets.close() }
            state.claims = [:]
        }
    }

    /// Opens what `snapshot` has and we have not. Nothing is kept open if one of them fails.
    func open(missingFor snapshot: Snapshot, loops: [DataPlane.LoopHandle]) async throws -> [Opened] {
        let known = state.withLock { $0.open }
        var opened: [Opened] = []
        do {
            for table in snapshot.ports where known[table.port]?.serves(table) != true {
                let claim = state.withLock { $0.claims.removeValue(forKey: table.port) }
                opened.append(
                    try await listen(table, claim: claim, held: known[table.port]?.addresses ?? [], loops: loops))
            }
        } catch {
            for port in opened { await Self.close(port) }
            throw error
        }
        return opened
    }

    /// Takes over what was opened; closes the sockets it replaces and returns their numbers.
    func commit(_ opened: [Opened]) async -> [Int] {
        let replaced = state.withLock { state in
            opened.compactMap { state.open.updateValue($0, forKey: $0.number) }
        }
        for port in replaced { await Self.close(port) }
        return replaced.map(\.number)
    }

    /// Closes what `snapshot` has no more; returns their numbers.
    func close(notIn snapshot: Snapshot) async -> [Int] {
        let gone = state.withLock { state in
            let numbers = state.open.keys.filter { snapshot.table(port: $0) == nil }
            return numbers.compactMap { state.open.removeValue(forKey: $0) }
        }
        for port in gone { await Self.close(port) }
        return gone.map(\.number)
    }

    func closeAll() async { await close { _ in true } }

    /// Closes all but our own.
    func closeConfigured() async { await close { !BoundPort.isOwn($0) } }

    private func close(_ isMeant: (Int) -> Bool) async {
        releaseClaims()
        let meant = state.withLock { state in
            state.open.keys.filter(isMeant).compactMap { state.open.removeValue(forKey: $0) }
        }
        for port in meant { await Self.close(port) }
    }

    private static func close(_ port: Opened) async {
        for channel in port.channels { try? await channel.close().get() }
    }

    private func listen(
        _ table: PortTable, claim: ListeningSockets?, held: [String], loops: [DataPlane.LoopHandle]
    ) async throws -> Opened {
        var sockets: ListeningSockets
        if let claim, claim.addresses == table.settings.addresses {
            sockets = claim
        } else {
            claim?.close()
            sockets = try ListeningSockets(table, loopCount: loops.count, held: held)
        }
        let port = BoundPort(number: table.port, isTLS: table.isTLS)
        var channels: [any Channel] = []
        do {
            for address in table.settings.addresses {
                if address.hasPrefix(ListeningSockets.socketPrefix), let loop = loops.first {
                    // A path belongs to one socket; the first loop serves it.
                    channels.append(try await bind(address, as: port, on: loop))
                    continue
                }
                for loop in loops {
                    guard let socket = sockets.take(address) else { continue }
                    channels.append(try await Self.bootstrap(port, on: loop).withBoundSocket(socket).get())
                }
            }
        } catch {
            for channel in channels { try? await channel.close().get() }
            sockets.close()
            throw ListenError(
                port: table.port, address: table.settings.addresses.first ?? "", bindPort: table.bindPort,
                cause: String(describing: error))
        }
        return Opened(
            number: table.port, addresses: table.settings.addresses, isTLS: table.isTLS, bound: sockets.bound,
            channels: channels)
    }

    /// An idle connection keeps one, so they begin small; they grow when a client sends more.
    private static let receiveBuffers = AdaptiveRecvByteBufferAllocator(
        minimum: 1024, initial: 1024, maximum: 64 * 1024)

    private static func bootstrap(_ port: BoundPort, on loop: DataPlane.LoopHandle) -> ServerBootstrap {
        let worker = loop.worker
        return ServerBootstrap(group: loop.eventLoop, childGroup: loop.eventLoop)
            .serverChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.recvAllocator, value: Self.receiveBuffers)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Acceptor.accept(channel, on: port, worker.value) }
            }
    }

    /// A socket in the file system, for its owner only; what an earlier process left there is replaced.
    private func bind(_ address: String, as port: BoundPort, on loop: DataPlane.LoopHandle) async throws -> any Channel
    {
        let path = String(address.dropFirst(ListeningSockets.socketPrefix.count))
        let worker = loop.worker
        let channel = try await ServerBootstrap(group: loop.eventLoop, childGroup: loop.eventLoop)
            .serverChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Acceptor.accept(channel, on: port, worker.value) }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        unsafe chmod(path, 0o600)
        return channel
    }
}
