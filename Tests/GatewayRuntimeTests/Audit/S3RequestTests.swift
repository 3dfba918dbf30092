import GatewayIdentity
import GatewayModel
import GatewayWorkbench
import Testing

@testable import GatewayRuntime

@Suite("Records are put into S3 as it wants them")
struct S3RequestTests {
    /// The example of Amazon's own pages: a PUT whose signature they print.
    @Test("the published signature of a PUT")
    func vector() {
        let signer = AWSSigner(
            accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretKey: Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            sessionToken: nil, region: "us-east-1", service: "s3")
        var digest = AWSSigner.BodyDigest()
        digest.add(Array("Welcome to Amazon S3.".utf8).span)
        let content = AWSSigner.Content(
            method: "PUT", path: "/test%24file.text", query: "",
            fields: [
                ("date", "Fri, 24 May 2013 00:00:00 GMT"), ("host", "examplebucket.s3.amazonaws.com"),
                ("x-amz-content-sha256", digest.hex), ("x-amz-date", "20130524T000000Z"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ], bodyHex: digest.hex)
        let value = signer.authorization(content, time: "20130524T000000Z")
        #expect(value.hasSuffix("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"))
    }

    @Test("a sink puts its batches into the bucket: whole, signed over what is sent, under names of its log")
    func sink() async throws {
        let bucket = try await MockHTTPServer.start()
        var options = ModelStand.Options()
        options.more = """
            ---
            {apiVersion: v1, kind: Secret, metadata: {name: s3}, stringData: {key: hush}}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: AuditPolicy
            metadata: {name: default}
            spec:
              sinks:
                - name: bucket
                  s3: {url: "http://127.0.0.1:\(bucket.port)", bucket: audit, prefix: "a b/", accessKeyID: AKID,
                       secretKey: {secretRef: {name: s3, key: key}}}
            """
        try await ModelStand.run(options) { stand in
            let answer = try await stand.call(try stand.key(), "/v1/chat/completions", ModelStand.question("chat"))
            #expect(answer.status == 200)
            try await eventually("a call is in the bucket") {
                bucket.journal.requests.contains { $0.bodyText.contains("\"name\":\"chat\"") }
            }
        }
        for request in bucket.journal.requests {
            #expect(request.method == "PUT" && request.path.hasPrefix("/audit/a%20b/") && request.complete)
            #expect(request.path.hasSuffix(".jsonl"))
            var digest = AWSSigner.BodyDigest()
            digest.add(request.body.span)
            #expect(request.headers.first("x-amz-content-sha256") == digest.hex)
            // Whoever has the key comes to the same signature over what has arrived.
            let names = ["content-type", "host", "x-amz-content-sha256", "x-amz-date"]
            let signer = AWSSigner(
                accessKeyID: "AKID", secretKey: Secret("hush"), sessionToken: nil, region: "us-east-1", service: "s3")
            let content = AWSSigner.Content(
                method: "PUT", path: request.target, query: "",
                fields: names.map { ($0, request.headers.first($0) ?? "") }, bodyHex: digest.hex)
            let time = request.headers.first("x-amz-date") ?? ""
            #expect(request.headers.first("authorization") == signer.authorization(content, time: time))
        }
        await bucket.stop()
    }
}
