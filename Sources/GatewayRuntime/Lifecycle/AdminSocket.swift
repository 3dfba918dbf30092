import GatewayControl
import GatewayModel
import Glibc
import NIOCore
import NIOPosix

/// The admin API's socket in the state folder. It also shows that the folder is in use: two gateways with one folder
/// would share history, token and, by `SO_REUSEPORT`, even ports.
enum AdminSocket {
    /// What `sockaddr_un` holds, without its final zero.
    private static let pathBytesMax = 107

    static func path(_ stateDirectory: String) -> String { "\(stateDirectory)/\(AdminToken.socketName)" }

    /// Throws when another gateway answers there, or no socket could have that name.
    static func claim(_ stateDirectory: String) async throws {
        let path = path(stateDirectory)
        guard path.utf8.count <= pathBytesMax else {
            throw GatewayError(
                .usage, "the path of the admin socket is longer than \(pathBytesMax) bytes: \(path)",
                hint: "give a shorter --state")
        }
        let probe = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connectTimeout(.seconds(1))
        guard let channel = try? await probe.connect(unixDomainSocketPath: path).get() else { return }
        try? await channel.close().get()
        throw GatewayError(
            .conflict, "another gateway uses the state folder \"\(stateDirectory)\"",
            hint: "stop it, or give this one another --state")
    }

    static func release(_ stateDirectory: String) { unsafe unlink(path(stateDirectory)) }
}
