package import GatewayWire

/// How a port treats connections; the same for all listeners that share it.
package struct PortSettings: Sendable {
    package enum PROXYProtocol: Sendable {
        case none
        /// Believed when a trusted source sends it.
        case optional
        /// A connection without it is closed.
        case required
    }

    /// `unix:PATH` for a socket in the file system.
    package var addresses: [String] = ["0.0.0.0"]
    /// Offer HTTP/2 in TLS, and accept it in clear by prior knowledge.
    package var http2 = true
    package var h2c = true
    package var streamsMax = 0
    /// How many proxies before us added to `X-Forwarded-For`; 0 believes nobody.
    package var trustedHops = 0
    /// Where those proxies connect from; empty means any address.
    package var trustedSources = CIDRSet()
    package var proxyProtocol = PROXYProtocol.none
    package var proxyProtocolSources = CIDRSet()
    /// Go on answering after the client has finished sending, instead of taking it for gone.
    package var allowsHalfClose = false
    /// At once, over all event loops, from accept on; 0 means no bound but the gateway's.
    package var connectionsMax = 0
    /// 0 means the gateway's bounds.
    package var headTimeoutMilliseconds = 0
    package var idleTimeoutMilliseconds = 0

    package init() {}

    /// Whether a peer may tell us whom it speaks for.
    package func trusts(_ address: IPAddress?) -> Bool {
        guard trustedHops > 0 else { return false }
        if trustedSources.isEmpty { return true }
        return address.map(trustedSources.contains) ?? false
    }
}
