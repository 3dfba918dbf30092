import GatewayWire
import NIOSSL

/// Whom a backend's certificate must name: the configured server name, else the endpoint's own host. The chain is
/// BoringSSL's to check; names are checked here as well, because the library also takes a certificate that names the
/// dialled address, whatever host was meant.
struct UpstreamIdentity: Sendable {
    /// Lower case, without brackets.
    let expected: String
    private let address: IPAddress?

    init(_ tls: UpstreamTLS, _ endpoint: Endpoint) { self.init(tls.serverName ?? endpoint.host) }

    init(_ host: String) {
        var name = host.lowercased()
        if name.hasPrefix("["), name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
        address = IPAddress(name)
        if address == nil, name.hasSuffix(".") { name.removeLast() }
        expected = name
    }

    /// What is sent as SNI; an address never is (RFC 6066 section 3).
    var serverName: String? { address == nil ? expected : nil }

    /// Whether the certificate's subject alternative names have it; a common name counts for nothing (RFC 9525).
    func isNamed(by certificate: NIOSSLCertificate?) -> Bool {
        guard let certificate else { return false }
        for name in certificate._subjectAlternativeNames() {
            let bytes = Array(name.contents)
            switch name.nameType {
            case .dnsName where address == nil:
                if UpstreamIdentity.matches(bytes, expected) { return true }
            case .ipAddress:
                if let address, UpstreamIdentity.address(bytes) == address { return true }
            default: continue
            }
        }
        return false
    }

    /// A wildcard stands for exactly one whole label, and never for one below a top-level domain.
    static func matches(_ pattern: [UInt8], _ host: String) -> Bool {
        guard var pattern = String(validating: pattern, as: UTF8.self)?.lowercased() else { return false }
        if pattern.hasSuffix(".") { pattern.removeLast() }
        guard pattern.hasPrefix("*.") else { return !pattern.contains("*") && pattern == host }
        let rest = pattern.dropFirst(2)
        guard rest.contains("."), !rest.contains("*"), let dot = host.firstIndex(of: "."), dot > host.startIndex
        else { return false }
        return host[host.index(after: dot)...] == rest
    }

    private static func address(_ bytes: [UInt8]) -> IPAddress? {
        func word(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: return IPAddress(v4: UInt32(truncatingIfNeeded: word(0..<4)))
        case 16: return IPAddress(v6High: word(0..<8), low: word(8..<16))
        default: return nil
        }
    }
}
