import GatewayModel
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

/// The whole way in memory: a client of frames, the server connection, exchanges, the client connection, and a
/// backend of frames at its end.
final class HTTP2UpstreamRig: HTTP2ClientConnectionOwner {
    let front: HTTP2Rig
    private(set) var back: HTTP2ClientConnection?
    let channel: EmbeddedChannel
    private var reader = HTTP2FrameReader(afterPreface: true)
    /// Everything the gateway has said to the backend.
    private(set) var frames: [HTTP2Frame] = []
    private(set) var capacityChanges = 0
    private(set) var closes = 0
    /// The exchange of the latest request.
    private(set) var exchange: Exchange?

    init(_ limits: Limits = Limits(), settings: [(UInt16, UInt32)] = []) throws {
        front = try HTTP2Rig(limits)
        channel = EmbeddedChannel(loop: front.loop)
        let connection = HTTP2ClientConnection(worker: front.worker, owner: self)
        back = connection
        try channel.pipeline.syncOperations.addHandler(connection)
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.2", port: 80)).wait()
        try answer(.settings(settings))
        front.serve { [weak self] exchange in
            exchange.state = .seeking
            exchange.receiver = .upstream
            // As after a first attempt: failures are the client's to see.
            exchange.attempt.usedStaleRetry = true
            self?.exchange = exchange
            guard let stream = self?.back?.openStream(for: exchange) else {
                return exchange.upstreamFailed(.overloaded)
            }
            exchange.upstreamReady(.http2(stream))
        }
    }

    func capacityChanged(_ connection: HTTP2ClientConnection) { capacityChanges += 1 }
    func connectionClosed(_ connection: HTTP2ClientConnection) { closes += 1 }

    /// The client says something.
    func ask(_ frames: HTTP2Frame...) throws {
        try front.send(bytes: frames.flatMap(\.bytes))
        try settle()
    }

    /// The backend says something.
    func answer(_ frames: HTTP2Frame...) throws {
        try channel.writeInbound(ByteBuffer(bytes: frames.flatMap(\.bytes)))
        try settle()
    }

    func settle() throws {
        for _ in 0..<3 {
            try front.settle()
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) { frames += reader.read(buffer) }
        }
    }

    func frames(_ id: UInt32, type: UInt8? = nil) -> [HTTP2Frame] {
        frames.filter { $0.id == id && (type == nil || $0.type == type) }
    }

    func fields(_ frame: HTTP2Frame) throws -> [String: String] { try reader.fields(frame) }
    func resetCode(_ id: UInt32) -> UInt32? { frames(id, type: 3).first?.code }
    func body(_ id: UInt32) -> [UInt8] { frames(id, type: 0).flatMap(\.payload) }

    /// What the client of the gateway was told.
    func status(_ id: UInt32) throws -> String? { try front.status(front.frames(id, type: 1).first) }
}
