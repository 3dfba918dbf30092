/// What a mock received: the proof of what a gateway forwarded, or that it forwarded nothing.
package struct MockRequest: Sendable {
    /// Counts from 1 in order of arrival on one server.
    package var id: Int
    /// Numbers the TCP connection, so that tests see reuse and never-reused connections.
    package var connection: Int
    package var method: String
    /// The request target exactly as received.
    package var target: String
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`, as Go writes it.
    package var proto: String
    package var host: String
    /// In wire order, `Host` included; names as received (lower case over HTTP/2).
    package var headers: [Header]
    package var trailers: [Header] = []
    /// The start of the body, up to the server's `keptBodyBytesMax`.
    package var body: [UInt8] = []
    package var bodyBytes = 0
    /// The whole request arrived; false while it is under way and when it was cut off.
    package var complete = false
    package var tls: MockTLS?

    package var path: String { String(target.prefix { $0 != "?" }) }
    package var bodyText: String { String(decoding: body, as: UTF8.self) }
}

/// The TLS side of a connection to a mock.
package struct MockTLS: Sendable, Hashable {
    package var version: String
    package var serverName: String
    package var negotiatedProtocol: String
    /// PEM, leaf first.
    package var peerCertificates: [String]
}
