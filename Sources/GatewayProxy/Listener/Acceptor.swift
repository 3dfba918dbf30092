import GatewayModel
import GatewayWire
import NIOCore
import NIOSSL

/// Puts together the pipeline of a new connection: PROXY protocol and TLS where the port has them, then HTTP.
enum Acceptor {
    static func accept(_ channel: any Channel, on port: BoundPort, _ worker: Worker) throws {
        let table = worker.currentSnapshot().table(port: port.number)
        let limits = worker.snapshot.limits
        let connectionsMax = table?.settings.connectionsMax ?? 0
        if worker.connections.count >= (connectionsMax > 0 ? connectionsMax : limits.connectionsPerLoopMax)
            || worker.isDraining
        {
            throw ChannelError.ioOnClosedChannel
        }
        let peer = Peer(port: port, address: channel.remoteAddress, table: table)
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
                port: client.port, address: client.address, isTrusted: client.isTrusted)
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
