import Crypto
import NIOSSL
import SwiftASN1
import X509

extension ClientCertificate {
    /// The names of a certificate the TLS handshake has verified.
    init?(_ certificate: NIOSSLCertificate) {
        guard let der = try? certificate.toDERBytes(), let parsed = try? Certificate(derEncoded: der) else {
            return nil
        }
        var dns: [String] = []
        var uris: [String] = []
        for name in certificate._subjectAlternativeNames() {
            let text = String(decoding: name.contents, as: UTF8.self)
            switch name.nameType {
            case .dnsName: dns.append(text)
            case .uri: uris.append(text)
            default: continue
            }
        }
        let digest = SHA256.hash(data: der).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        self.init(subject: parsed.subject.description, dnsNames: dns, uriNames: uris, fingerprint: digest)
    }
}
