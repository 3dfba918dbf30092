import Glibc
import NIOCore

/// The way out of a plain connection: straight to the socket when the channel has nothing queued, else through the
/// channel. A write through the channel's pipeline costs several times what the system call's own bookkeeping does, and
/// nearly every response leaves in one piece.
///
/// Safe beside NIO, which owns the socket: it closes a descriptor on the channel's event loop only, and `close0` makes
/// the channel inactive before it calls anybody (failed promises, errors, `channelInactive`). Whoever runs on that loop
/// and is told that the channel is active therefore has an open descriptor, and the question is asked before each send.
/// What the socket does not take, errors too, is left to the channel. Order is kept because nothing is sent past the
/// channel's queue, which is why a connection says here whatever it gives to the channel.
///
/// Nothing here calls the channel's handlers: writing to a channel may close it or change its writability, and so come
/// back to the connection in the middle of the call.
struct SocketOutput {
    private var descriptor: CInt = -1
    /// Whose socket it is: held, since looking for it costs more than asking it.
    private var channel: (any Channel)?
    /// The channel was given bytes and may still have some.
    private var isQueued = false

    /// Looks for the socket below `context`, whose handler must be the only one that writes to it.
    mutating func attach(to context: ChannelHandlerContext) {
        let operations = context.channel.pipeline.syncOperations
        let found = try? operations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        descriptor = found ?? -1
        channel = context.channel
    }

    mutating func detach() {
        descriptor = -1
        channel = nil
    }

    /// There is a socket, and nothing of the channel's before it, as far as is known.
    var isFree: Bool { descriptor >= 0 && !isQueued }

    /// The channel is about to be given bytes.
    mutating func channelWrites() { isQueued = true }

    /// Sends what the socket takes. False when bytes are left, which the channel is to be given at once.
    mutating func send(_ bytes: inout ByteBuffer) -> Bool {
        if sendsAll(&bytes) { return true }
        isQueued = true
        return false
    }

    /// Sends what the socket takes. False when bytes are left.
    mutating func sendsAll(_ bytes: inout ByteBuffer) -> Bool {
        guard descriptor >= 0, bytes.readableBytes > 0, channelIsFree() else { return false }
        // Safe: the pointer is used during the call only.
        let sent = unsafe bytes.withUnsafeReadableBytes { memory in
            unsafe Glibc.send(descriptor, memory.baseAddress, memory.count, CInt(MSG_NOSIGNAL))
        }
        if sent > 0 { bytes.moveReaderIndex(forwardBy: sent) }
        return bytes.readableBytes == 0
    }

    private mutating func channelIsFree() -> Bool {
        guard let channel, channel.isActive else { return false }
        if isQueued {
            let queued = try? channel.syncOptions?.getOption(.bufferedWritableBytes)
            isQueued = (queued ?? 1) > 0
        }
        return !isQueued
    }
}
