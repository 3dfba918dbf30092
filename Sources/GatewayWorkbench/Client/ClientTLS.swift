import NIOCore
import NIOSSL

/// How a client trusts and identifies itself. PEM texts.
package struct ClientTLS: Sendable {
    /// Empty: the system's authorities.
    package var authorityPEM = ""
    package var certificatePEM = ""
    package var privateKeyPEM = ""
    /// What SNI says and the certificate is checked against; nil: the URL's host.
    package var serverName: String?
    package var applicationProtocols: [String]?
    /// Accepts any certificate.
    package var insecure = false
    /// Offers nothing newer than TLS 1.2.
    package var isTLS12AtMost = false

    package init() {}

    func context(_ protocols: [String]) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = .milliseconds(200)
        configuration.applicationProtocols = applicationProtocols ?? protocols
        if !authorityPEM.isEmpty {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authorityPEM.utf8)))
        }
        if isTLS12AtMost { configuration.maximumTLSVersion = .tlsv12 }
        if insecure { configuration.certificateVerification = .none }
        if !certificatePEM.isEmpty {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(certificatePEM.utf8))
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(
                try NIOSSLPrivateKey(bytes: Array(privateKeyPEM.utf8), format: .pem))
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
