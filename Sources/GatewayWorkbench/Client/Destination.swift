/// Where a client connects to, which need not be what the URL says.
package enum Address: Sendable, Hashable, CustomStringConvertible {
    case host(String, port: Int)
    case unix(path: String)

    package var description: String {
        switch self {
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// Everything a connection needs to know before its first request.
package struct Destination: Sendable {
    package enum HTTPVersion: String, Sendable, CaseIterable {
        /// HTTP/1.1, over TLS too.
        case http1 = "h1"
        /// HTTP/2: with prior knowledge in clear text, by ALPN over TLS.
        case http2 = "h2"
        /// ALPN decides over TLS; HTTP/1.1 in clear text.
        case automatic = "auto"
    }

    package var address: Address
    /// The default of `Host`/`:authority`.
    package var authority: String
    /// nil: clear text.
    package var tls: ClientTLS?
    /// The host of the URL, for SNI and verification.
    package var host: String
    package var version: HTTPVersion
    package var connectTimeoutMilliseconds = 30_000

    /// `via` connects elsewhere than the URL says (curl's `--connect-to`).
    package init(
        _ target: CallTarget, version: HTTPVersion = .automatic, via: Address? = nil, tls: ClientTLS = ClientTLS()
    ) {
        address = via ?? .host(target.host, port: target.port)
        authority = target.authority
        host = target.host
        self.tls = target.isSecure ? tls : nil
        self.version = version
    }
}
