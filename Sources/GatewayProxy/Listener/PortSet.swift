import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// The listening sockets: one per port, address and event loop, all bound with `SO_REUSEPORT` so that the kernel
/// spreads connections and none ever changes loops.
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
    }

    private let open = Mutex<[Int: Opened]>([:])

    var bound: [Int: Int] { open.withLock { $0.mapValues(\.bound) } }

    /// Opens what `snapshot` has and we have not. Nothing is kept open if one of them fails.
    func open(missingFor snapshot: Snapshot, loops: [DataPlane.LoopHandle]) async throws -> [Opened] {
        let known = open.withLock { $0 }
        var opened: [Opened] = []
        do {
            for table in snapshot.ports where known[table.port]?.serves(table) != true {
                opened.append(try await listen(table, loops: loops))
            }
        } catch {
            for port in opened { await Self.close(port) }
            throw error
        }
        return opened
    }

    /// Takes over what was opened; closes the sockets it replaces and returns their numbers.
    func commit(_ opened: [Opened]) async -> [Int] {
        let replaced = open.withLock { open in
            opened.compactMap { open.updateValue($0, forKey: $0.number) }
        }
        for port in replaced { await Self.close(port) }
        return replaced.map(\.number)
    }

    /// Closes what `snapshot` has no more; returns their numbers.
    func close(notIn snapshot: Snapshot) async -> [Int] {
        let gone = open.withLock { open in
            let numbers = open.keys.filter { snapshot.table(port: $0) == nil }
            return numbers.compactMap { open.removeValue(forKey: $0) }
        }
        for port in gone { await Self.close(port) }
        return gone.map(\.number)
    }

    func closeAll() async {
        let all = open.withLock { open in
            defer { open.removeAll() }
            return Array(open.values)
        }
        for port in all { await Self.close(port) }
    }

    private static func close(_ port: Opened) async {
        for channel in port.channels { try? await channel.close().get() }
    }

    private func listen(_ table: PortTable, loops: [DataPlane.LoopHandle]) async throws -> Opened {
        var bound = table.bindPort
        var channels: [any Channel] = []
        do {
            for address in table.settings.addresses {
                // A path belongs to one socket; the first loop serves it.
                for loop in address.hasPrefix("unix:") ? loops.prefix(1) : loops[...] {
                    let channel = try await bind(table, address: address, port: bound, loop: loop)
                    channels.append(channel)
                    // Port 0: the first socket asks the kernel, the others join it.
                    bound = channel.localAddress?.port ?? bound
                }
            }
        } catch {
            for channel in channels { try? await channel.close().get() }
            throw ListenError(port: table.port, cause: String(describing: error))
        }
        return Opened(
            number: table.port, addresses: table.settings.addresses, isTLS: table.isTLS, bound: bound,
            channels: channels)
    }

    private func bind(
        _ table: PortTable, address: String, port: Int, loop: DataPlane.LoopHandle
    ) async throws -> any Channel {
        if address.hasPrefix("unix:") {
            return try await bindSocket(table, path: String(address.dropFirst("unix:".count)), loop: loop)
        }
        let boundPort = BoundPort(number: table.port, isTLS: table.isTLS)
        let worker = loop.worker
        let reusePort = ChannelOptions.Types.SocketOption(level: .socket, name: .init(rawValue: SO_REUSEPORT))
        return try await ServerBootstrap(group: loop.eventLoop, childGroup: loop.eventLoop)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(reusePort, value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Acceptor.accept(channel, on: boundPort, worker.value) }
            }
            .bind(host: address, port: port).get()
    }

    /// A socket in the file system, for its owner only; what an earlier process left there is replaced.
    private func bindSocket(
        _ table: PortTable, path: String, loop: DataPlane.LoopHandle
    ) async throws -> any Channel {
        let boundPort = BoundPort(number: table.port, isTLS: table.isTLS)
        let worker = loop.worker
        let channel = try await ServerBootstrap(group: loop.eventLoop, childGroup: loop.eventLoop)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Acceptor.accept(channel, on: boundPort, worker.value) }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        unsafe chmod(path, 0o600)
        return channel
    }
}

/// A port that could not be opened.
package struct ListenError: Error, CustomStringConvertible {
    package var port: Int
    package var cause: String
    package var description: String { "cannot listen on port \(port): \(cause)" }
}
