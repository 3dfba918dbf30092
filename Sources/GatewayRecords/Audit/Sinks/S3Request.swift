import Crypto
package import GatewayModel

/// A PUT of one object, signed as Amazon's protocol asks (Signature Version 4), for anything that speaks it.
package struct S3Request: Sendable {
    private let sink: AuditS3Sink
    private let secret: Secret

    package init(_ sink: AuditS3Sink, secret: Secret) {
        self.sink = sink
        self.secret = secret
    }

    /// The request that puts `body` under `name`; the same name and body, the same object.
    package func put(_ name: String, _ body: [UInt8], nowSeconds: Int) throws(GatewayError) -> OutboundRequest {
        let base = sink.url.hasSuffix("/") ? String(sink.url.dropLast()) : sink.url
        let place = base + "/" + S3Request.encoded("\(sink.bucket)/\(sink.prefix)\(name)")
        let url = try OutboundURL(place)
        let host = url.authority
        let time = AuditTime.compact(seconds: nowSeconds)
        let digest = TreeHash.of(body.span).hex
        let scope = "\(time.prefix(8))/\(sink.region)/s3/aws4_request"
        let names = "content-type;host;x-amz-content-sha256;x-amz-date"
        let canonical = [
            "PUT", url.target, "", "content-type:application/x-ndjson", "host:\(host)",
            "x-amz-content-sha256:\(digest)",
            "x-amz-date:\(time)", "", names, digest,
        ].joined(separator: "\n")
        let text = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(TreeHash.of(Array(canonical.utf8).span).hex)"
        let signature = S3Request.hex(S3Request.authenticate(text, key(String(time.prefix(8)))))
        return OutboundRequest(
            "PUT", place,
            fields: [
                OutboundField("content-type", "application/x-ndjson"), OutboundField("x-amz-content-sha256", digest),
                OutboundField("x-amz-date", time),
                OutboundField(
                    "authorization",
                    "AWS4-HMAC-SHA256 Credential=\(sink.accessKeyID)/\(scope), SignedHeaders=\(names), "
                        + "Signature=\(signature)"),
            ], body: body, timeoutMilliseconds: 30_000, responseBytesMax: 64 * 1024)
    }

    /// The key for one day, region and service.
    private func key(_ day: String) -> SymmetricKey {
        var key = secret.reveal { SymmetricKey(data: Array("AWS4".utf8) + $0) }
        for part in [day, sink.region, "s3", "aws4_request"] {
            key = SymmetricKey(data: S3Request.authenticate(part, key))
        }
        return key
    }

    private static func authenticate(_ text: String, _ key: SymmetricKey) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
    }

    private static func hex(_ bytes: [UInt8]) -> String { bytes.map(AuditFolder.hex).joined() }

    /// Percent-encoded but for slashes and what RFC 3986 leaves unreserved.
    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte -> String in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x2F, 0x5F, 0x7E:
                String(UnicodeScalar(byte))
            default: "%" + AuditFolder.hex(byte).uppercased()
            }
        }.joined()
    }
}
