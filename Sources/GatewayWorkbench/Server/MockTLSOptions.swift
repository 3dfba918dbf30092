package import NIOSSL

/// How a mock terminates TLS; PEM texts, so that tests can make them where they need them.
package struct MockTLSOptions: Sendable {
    package var certificatePEM: String
    package var privateKeyPEM: String
    /// Certificates asked of clients are checked against these; empty: none is asked for.
    package var clientAuthorityPEM: String = ""
    package var requiresClientCertificate = false
    package var applicationProtocols: [String] = ["h2", "http/1.1"]
    package var minimumVersion: TLSVersion = .tlsv12

    package init(certificatePEM: String, privateKeyPEM: String) {
        self.certificatePEM = certificatePEM
        self.privateKeyPEM = privateKeyPEM
    }

    func context() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificatePEM.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(privateKeyPEM.utf8), format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.applicationProtocols = applicationProtocols
        configuration.minimumTLSVersion = minimumVersion
        if !clientAuthorityPEM.isEmpty {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(clientAuthorityPEM.utf8)))
            configuration.certificateVerification =
                requiresClientCertificate ? .noHostnameVerification : .optionalVerification
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
