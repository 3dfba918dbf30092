import GatewayModel
import GatewayWire
import Testing

@testable import GatewayIdentity

/// The values are those that AWS publishes: its Signature Version 4 test suite, and the example of its IAM pages.
@Suite("Requests to AWS are signed as AWS does it")
struct AWSSignerTests {
    private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    private static let time = "20150830T123600Z"

    private static func signer(_ service: String, token: String? = nil) -> AWSSigner {
        AWSSigner(
            accessKeyID: "AKIDEXAMPLE", secretKey: Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            sessionToken: token.map { Secret($0) }, region: "us-east-1", service: service)
    }

    @Test(
        "the published signatures",
        arguments: [
            ("GET", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "GET", "Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
            ),
        ])
    func vectors(_ method: String, _ query: String, _ signature: String) {
        let content = AWSSigner.Content(
            method: method, path: "/", query: query,
            fields: [("Host", "example.amazonaws.com"), ("X-Amz-Date", Self.time)], bodyHex: Self.empty)
        #expect(
            Self.signer("service").authorization(content, time: Self.time)
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                + "SignedHeaders=host;x-amz-date, Signature=\(signature)")
    }

    @Test("a further signed field, and a query of a service")
    func iam() {
        let content = AWSSigner.Content(
            method: "GET", path: "/", query: "Action=ListUsers&Version=2010-05-08",
            fields: [
                ("host", "iam.amazonaws.com"), ("x-amz-date", Self.time),
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ], bodyHex: Self.empty)
        let value = Self.signer("iam").authorization(content, time: Self.time)
        #expect(value.hasSuffix("Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"))
        #expect(value.contains("SignedHeaders=content-type;host;x-amz-date,"))
    }

    @Test(
        "paths are made plain and encoded once more",
        arguments: [
            ("", "/"), ("/", "/"), ("/./", "/"), ("/a/../b", "/b"), ("//a//b", "/a/b"), ("/a/", "/a/"),
            ("/model/anthropic.claude%3A0/invoke", "/model/anthropic.claude%253A0/invoke"),
        ])
    func paths(_ path: String, _ canonical: String) {
        #expect(AWSSigner.path(path) == canonical)
    }

    @Test("a head gets date, session token and signature; what it had of them goes")
    func head() {
        var head = RequestHead()
        head.methodName = head.fields.store(Array("POST".utf8))
        head.target = head.fields.store(Array("/model/m/invoke".utf8))
        head.path = Slice(start: Int(head.target.start), count: 15)
        head.authority = head.fields.store(Array("bedrock-runtime.us-east-1.amazonaws.com".utf8))
        head.fields.append("content-type", "application/json")
        head.fields.append("authorization", "Bearer of-the-caller")
        head.fields.append("x-amz-security-token", "of-the-caller")
        var digest = AWSSigner.BodyDigest()
        digest.add(Array("{}".utf8).span)
        Self.signer("bedrock", token: "session").sign(&head, bodyHex: digest.hex, wallSeconds: 1_440_938_160)
        #expect(head.fields.value(named: "x-amz-date") == Self.time)
        #expect(head.fields.value(named: "x-amz-security-token") == "session")
        let value = head.fields.value(named: "authorization") ?? ""
        #expect(value.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,"))
        #expect(!value.contains("of-the-caller"))
    }
}
