import GatewayWire
import NIOCore

/// What a connection of HTTP/1 has to say: gathered, and sent, on a busy loop, when everything that is ready there now
/// has been processed. Peers whose messages were ready together are so woken once and not by each of them, which costs
/// the sender more than the sending. Output of TLS leaves at once: it passes the channel, and nothing was gained.
final class HTTP1Output {
    /// Below this a chunk is copied behind what is gathered already; above it travels in its own buffer.
    private static let copyBytesMax = 16 * 1024

    private let worker: Worker
    private var context: ChannelHandlerContext?
    private var gathered: ByteBuffer?
    private var socket = SocketOutput()
    /// The worker has it among those that leave.
    private var isLeaving = false

    init(_ worker: Worker) { self.worker = worker }

    /// Output leaves by `context`, whose handler must be the only one that writes there; straight to the socket where
    /// there is no TLS.
    func attach(to context: ChannelHandlerContext, isPlain: Bool) {
        self.context = context
        if isPlain { socket.attach(to: context) }
    }

    /// The socket must not be used any more.
    func closed() { socket.detach() }

    func detach() {
        socket.detach()
        context = nil
    }

    func drop() { gathered = nil }

    // MARK: Gathering

    func gather(_ write: (inout ByteBuffer) -> Void) {
        if gathered == nil { gathered = worker.takeBuffer() }
        guard var buffer = gathered.take() else { return }
        write(&buffer)
        gathered = buffer
    }

    /// At most `bytesMax` bytes, written in place.
    @inline(__always)
    func write(bytesMax: Int, _ body: (inout ByteWriter) -> Void) {
        if gathered == nil { gathered = worker.takeBuffer() }
        gathered?.write(bytesMax: bytesMax, body)
    }

    func append(_ bytes: ByteBuffer) {
        if bytes.readableBytes <= Self.copyBytesMax {
            gather {
                var bytes = bytes
                $0.writeBuffer(&bytes)
            }
        } else {
            guard let context else { return }
            socket.channelWrites()
            if let buffer = gathered.take() { context.write(NIOAny(buffer), promise: nil) }
            context.write(NIOAny(bytes), promise: nil)
            // An empty gathering, so that the next flush reaches the channel.
            gathered = worker.takeBuffer()
        }
    }

    // MARK: Leaving

    /// Lets go what is gathered: at the end of the turn of a busy loop, else at once. What is long, or has to pass the
    /// channel, gains nothing by waiting.
    func flush() {
        guard let gathered, !isLeaving else { return }
        guard socket.isFree, gathered.readableBytes <= Self.copyBytesMax, worker.sendsOften() else { return leave() }
        isLeaving = true
        worker.letLeave(self)
    }

    /// What was let go already must not be lost with the channel.
    func leaveBeforeEnd() { if isLeaving { leave() } }

    /// Lets go what is gathered now.
    func leave() {
        isLeaving = false
        guard let context, var buffer = gathered.take() else { return }
        if !socket.send(&buffer) { context.writeAndFlush(NIOAny(buffer), promise: nil) }
        worker.giveBack(buffer)
    }

    /// Leaves if the socket takes it all; nobody is called back from here.
    func leavesAtOnce() -> Bool {
        guard context != nil, var buffer = gathered.take() else {
            isLeaving = false
            return true
        }
        guard socket.sendsAll(&buffer) else {
            gathered = buffer
            return false
        }
        isLeaving = false
        worker.giveBack(buffer)
        return true
    }

    /// Gives everything to the channel, and says when it is out.
    func last() -> EventLoopFuture<Void>? {
        guard let context else { return nil }
        let bytes = gathered.take() ?? ByteBuffer()
        socket.channelWrites()
        return context.writeAndFlush(NIOAny(bytes))
    }
}
