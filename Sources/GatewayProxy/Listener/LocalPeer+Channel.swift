import GatewayModel
import Glibc
import NIOCore

extension LocalPeer {
    /// `struct ucred` of unix(7): what `SO_PEERCRED` fills in when a unix socket is connected.
    private struct Credentials {
        var processID: Int32 = 0
        var userID: UInt32 = 0
        var groupID: UInt32 = 0
    }

    /// Who connected; nil for other sockets. On the channel's loop, where the answer is there at once.
    static func of(_ channel: any Channel) -> LocalPeer? {
        guard let channel = channel as? any SocketOptionProvider else { return nil }
        // The kernel fills in three words of 32 bits, which is what is asked for.
        let found: EventLoopFuture<Credentials> = channel.unsafeGetSocketOption(
            level: NIOBSDSocket.OptionLevel(rawValue: SOL_SOCKET), name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
        var peer: LocalPeer?
        found.assumeIsolated().whenSuccess { credentials in
            peer = LocalPeer(
                processID: credentials.processID, userID: credentials.userID, groupID: credentials.groupID)
        }
        return peer
    }
}
