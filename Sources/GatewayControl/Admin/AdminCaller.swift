package import GatewayModel
import Glibc

/// Who holds the admin token, as well as can be told: on the socket the system's user at its other end, by the network
/// the client certificate and the address. The token itself is one for everybody.
package enum AdminCaller {
    package static func principal(_ request: AdminRequest) -> Principal { principal(request, holdsToken: true) }

    static func principal(_ request: AdminRequest, holdsToken: Bool) -> Principal {
        var principal = holdsToken ? Principal(proof: .apiKey, credentialID: "admin-token") : .anonymous
        var (instance, proven): (String?, [ProvenName]) = (nil, [])
        if let peer = request.localPeer {
            principal.user = "unix:\(name(of: peer.userID))"
            instance = "pid \(peer.processID)"
            proven.append(ProvenName("user", by: "uid \(peer.userID) at the admin socket"))
        } else if let certificate = request.certificate {
            principal.user = "certificate:\(certificate)"
            proven.append(ProvenName("user", by: "client certificate of the admin port"))
        }
        if !proven.isEmpty { principal.detail = PrincipalDetail(instance: instance, proven: proven) }
        return principal
    }

    /// This process, when a command reads the state folder itself.
    static var own: LocalPeer { LocalPeer(processID: getpid(), userID: getuid(), groupID: getgid()) }

    /// The name of the system's user; its number where it has none.
    private static func name(of user: UInt32) -> String {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4_096)
        // Safe: the entry's texts lie in the buffer, which outlives them.
        let name = unsafe buffer.withUnsafeMutableBufferPointer { space -> String? in
            guard let start = space.baseAddress,
                unsafe getpwuid_r(user, &entry, start, space.count, &found) == 0, unsafe found != nil
            else { return nil }
            let text: UnsafeMutablePointer<CChar>? = unsafe entry.pw_name
            return unsafe text.map { unsafe String(cString: $0) }
        }
        return name ?? String(user)
    }
}
