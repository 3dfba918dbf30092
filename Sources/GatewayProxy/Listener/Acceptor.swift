import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore
import NIOSSL

/// Puts together the pipeline of a new connection: PROXY protocol and TLS where the port has them, then HTTP.
enum Acceptor {
    static func accept(_ channel: any Channel, on port: BoundPort, _ worker: Worker) throws {
        let table = worker.currentSnapshot().table(port: port.number)
        let connectionsMax = table?.settings.connectionsMax ?? 0
        // Counted from here on, not from the first request: what never finishes its handshake holds a socket too.
        if worker.isDraining && !port.isOwn || worker.acceptedCount >= worker.snapshot.limits.connectionsPerLoopMax
            || (connectionsMax > 0 && port.connectionCount >= connectionsMax)
        {
            worker.recorder.metrics.add(.connectionsRefused)
            throw ChannelError.ioOnClosedChannel
        }
        worker.acceptedCount += 1
        port.add(1)
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            worker.acceptedCount -= 1
            port.add(-1)
        }
        var peer = Peer(port: port, address: channel.remoteAddress, table: table)
        if peer.ip == nil { peer.local = LocalPeer.of(channel) }
        let isProxied = table?.settings.proxyProtocol ?? .none != .none
        if isProxied, peer.mayBeProxy(table) {
            try channel.pipeline.syncOperations.addHandler(PROXYProtocolHandler(worker: worker, peer: peer))
        } else {
            try start(channel, client: peer, worker)
        }
    }

    /// The connection's first byte of TLS or HTTP comes next.
    static func start(_ channel: any Channel, client: Peer, _ worker: Worker) throws {
        if client.port.isTLS {
            try channel.pipeline.syncOperations.addHandler(TLSAcceptHandler(worker: worker, peer: client))
        } else {
            let connection = ClientConnection(
                port: client.port, address: client.address, isTrusted: client.isTrusted, localPeer: client.local)
            try channel.pipeline.syncOperations.addHandler(
                HTTP1ServerConnection(worker: worker, client: connection))
        }
    }
}

/// Who connected, before anything was said.
struct Peer {
    var port: BoundPort
    var address: String
    var ip: IPAddress?
    var isTrusted: Bool
    /// The process at the other end of a unix socket.
    var local: LocalPeer?

    init(port: BoundPort, address: SocketAddress?, table: PortTable?) {
        self.init(port: port, address: address?.ipAddress ?? "unix", table: table)
    }

    init(port: BoundPort, address: String, table: PortTable?) {
        self.port = port
        self.address = address
        ip = IPAddress(address)
        isTrusted = table?.settings.trusts(ip) ?? false
    }

    /// Whether a PROXY protocol header of this peer is believed.
    func mayBeProxy(_ table: PortTable?) -> Bool {
        guard let settings = table?.settings else { return false }
        if settings.proxyProtocolSources.isEmpty { return true }
        return ip.map(settings.proxyProtocolSources.contains) ?? false
    }
}
