import Crypto
import NIOCore
package import NIOSSL
import SwiftASN1
import X509

/// Which client certificates are believed on a listener that lets everybody in (Gateway API `AllowInsecureFallback`):
/// a certificate that is not only makes the client nobody.
package struct ClientTrust: Sendable {
    private let roots: CertificateStore

    /// Throws when a root cannot be read.
    package init(roots: [NIOSSLCertificate]) throws {
        self.roots = CertificateStore(try roots.map { try Certificate(derEncoded: $0.toDERBytes()) })
    }

    /// Takes the place of the library's check, which would end the handshake. The handler's
    /// `peerValidatedCertificateChain` is there afterwards only for a chain that leads to a root.
    var callback: NIOSSLCustomVerificationCallbackWithMetadata {
        { presented, promise in
            let trust = self
            // The verifier is asynchronous; once for a handshake of a listener in this mode, never for a request.
            promise.completeWithTask {
                let chain = await trust.chain(presented)
                return .certificateVerified(VerificationMetadata(chain.map { ValidatedCertificateChain($0) }))
            }
        }
    }

    /// The chain from a presented leaf to a root; nil when there is none.
    private func chain(_ presented: [NIOSSLCertificate]) async -> [NIOSSLCertificate]? {
        let certificates = presented.compactMap { try? Certificate(derEncoded: $0.toDERBytes()) }
        guard certificates.count == presented.count, let leaf = certificates.first, Self.isForClients(leaf) else {
            return nil
        }
        var verifier = Verifier(rootCertificates: roots) { RFC5280Policy() }
        let result = await verifier.validate(
            leaf: leaf, intermediates: CertificateStore(certificates.dropFirst()))
        guard case .validCertificate(let chain) = result else { return nil }
        var verified: [NIOSSLCertificate] = []
        for certificate in chain {
            var serializer = DER.Serializer()
            guard (try? serializer.serialize(certificate)) != nil,
                let known = try? NIOSSLCertificate(bytes: serializer.serializedBytes, format: .der)
            else { return nil }
            verified.append(known)
        }
        return verified
    }

    /// A certificate that says what it is for must say clients (RFC 5280 section 4.2.1.12).
    private static func isForClients(_ leaf: Certificate) -> Bool {
        guard let usage = try? leaf.extensions.extendedKeyUsage else { return true }
        return usage.contains(.clientAuth) || usage.contains(.any)
    }
}
