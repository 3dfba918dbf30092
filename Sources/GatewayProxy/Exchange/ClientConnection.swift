package import GatewayModel
package import GatewayWire

/// What is known of a client's connection before its first byte of HTTP; shared by all its exchanges.
package final class ClientConnection {
    package let port: BoundPort
    /// The peer, or who the PROXY protocol says it is: address text without port, for records.
    package let address: String
    /// The same, parsed; nil for a unix socket.
    package let ip: IPAddress?
    /// The peer may tell us whom it speaks for (`X-Forwarded-For`).
    package let isTrusted: Bool
    /// SNI, lower case; empty in clear.
    package let serverName: [UInt8]
    /// From a verified client certificate.
    package let certificate: ClientCertificate?
    /// The process that connected by a unix socket.
    package let localPeer: LocalPeer?
    /// What each request says of where it came from; made for the first one, since many connections have none.
    private(set) lazy var hopLines: HopLines? = ip.map {
        HopLines(peer: $0, isTLS: port.isTLS, localPort: UInt16(truncatingIfNeeded: port.number))
    }

    package init(
        port: BoundPort, address: String, isTrusted: Bool = false, serverName: [UInt8] = [],
        certificate: ClientCertificate? = nil, localPeer: LocalPeer? = nil
    ) {
        self.port = port
        self.address = address
        ip = IPAddress(address)
        self.isTrusted = isTrusted
        self.serverName = serverName
        self.certificate = certificate
        self.localPeer = localPeer
    }
}

/// The names a verified client certificate carries.
package struct ClientCertificate: Sendable, Equatable {
    /// The subject's distinguished name (RFC 4514), as the identity provider reads it.
    package var subject: String
    package var dnsNames: [String]
    package var uriNames: [String]
    /// SHA-256 of the DER, lower-case hexadecimal.
    package var fingerprint: String

    package init(subject: String, dnsNames: [String], uriNames: [String], fingerprint: String) {
        self.subject = subject
        self.dnsNames = dnsNames
        self.uriNames = uriNames
        self.fingerprint = fingerprint
    }
}
