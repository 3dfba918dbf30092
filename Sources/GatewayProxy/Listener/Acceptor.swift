import GatewayModel
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
        let peer = channel.remoteAddress
        if table?.settings.proxyProtocol ?? false {
            try channel.pipeline.syncOperations.addHandler(
                PROXYProtocolHandler(worker: worker, port: port, peer: peer))
        } else {
            try start(channel, client: Peer(port: port, address: peer, table: table), worker)
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
    var isTrusted: Bool

    init(port: BoundPort, address: SocketAddress?, table: PortTable?) {
        self.port = port
        self.address = address?.ipAddress ?? "unix"
        isTrusted = table?.settings.trusts(self.address) ?? false
    }

    init(port: BoundPort, address: String, isTrusted: Bool) {
        self.port = port
        self.address = address
        self.isTrusted = isTrusted
    }
}
