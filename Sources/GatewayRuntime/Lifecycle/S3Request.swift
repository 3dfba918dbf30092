import GatewayIdentity
import GatewayModel

/// A PUT of one object to anything that speaks Amazon's protocol, signed with a key of the operator's.
struct S3Request {
    private let sink: AuditS3Sink
    private let signer: AWSSigner

    init(_ sink: AuditS3Sink, secret: Secret) {
        self.sink = sink
        signer = AWSSigner(
            accessKeyID: sink.accessKeyID, secretKey: secret, sessionToken: nil, region: sink.region, service: "s3")
    }

    /// The request that puts `body` under `name`; the same name and body, the same object.
    func put(_ name: String, _ body: [UInt8], nowSeconds: Int) throws(GatewayError) -> OutboundRequest {
        let base = sink.url.hasSuffix("/") ? String(sink.url.dropLast()) : sink.url
        let key = "\(sink.bucket)/\(sink.prefix)\(name)".split(separator: "/", omittingEmptySubsequences: false)
        let place = base + "/" + key.map { AWSSigner.encoded(Array($0.utf8)) }.joined(separator: "/")
        let url = try OutboundURL(place)
        var digest = AWSSigner.BodyDigest()
        digest.add(body.span)
        let time = AWSSigner.timestamp(nowSeconds)
        let fields = [
            OutboundField("content-type", "application/x-ndjson"), OutboundField("x-amz-content-sha256", digest.hex),
            OutboundField("x-amz-date", time),
        ]
        let content = AWSSigner.Content(
            method: "PUT", path: url.target, query: "",
            fields: [("host", url.authority)] + fields.map { ($0.name, $0.value) }, bodyHex: digest.hex)
        let signed = OutboundField("authorization", signer.authorization(content, time: time))
        return OutboundRequest(
            "PUT", place, fields: fields + [signed], body: body, timeoutMilliseconds: 30_000,
            responseBytesMax: 64 * 1024)
    }
}
