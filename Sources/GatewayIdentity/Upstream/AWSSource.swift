package import GatewayModel

/// Keys of an AWS role for whoever a JWT is of (AssumeRoleWithWebIdentity of the Security Token Service).
package struct AWSSource: Sendable {
    package struct Settings: Sendable {
        package var url: String
        package var region: String
        package var service: String
        package var roleARN: String
        package var sessionName: String
        package var durationSeconds: Int
        package var timeoutMilliseconds = 10_000
        package var trust = OutboundRequest.Trust.system

        /// The token service of the region where no other is said.
        package init(
            url: String?, region: String, service: String, roleARN: String, sessionName: String, durationSeconds: Int
        ) {
            let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
            self.url = url ?? "https://sts.\(region).\(domain)/"
            self.region = region
            self.service = service
            self.roleARN = roleARN
            self.sessionName = sessionName
            self.durationSeconds = durationSeconds
        }
    }

    private let settings: Settings
    private let subject: SubjectTokenSource
    private let http: OutboundHTTP
    private let wallSeconds: @Sendable () -> Int

    package init(
        _ settings: Settings, subject: SubjectTokenSource, http: OutboundHTTP,
        wallSeconds: @escaping @Sendable () -> Int
    ) {
        self.settings = settings
        self.subject = subject
        self.http = http
        self.wallSeconds = wallSeconds
    }

    package func fetch() async throws -> FetchedCredential {
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", settings.roleARN),
            ("RoleSessionName", settings.sessionName), ("DurationSeconds", String(settings.durationSeconds)),
            ("WebIdentityToken", try subject.text()),
        ]
        let body = form.map { "\($0)=\(FormText.encode($1))" }.joined(separator: "&")
        let answer = try await http.send(
            OutboundRequest(
                "POST", settings.url,
                fields: [
                    OutboundField("content-type", "application/x-www-form-urlencoded"),
                    OutboundField("accept", "text/xml"),
                ], body: Array(body.utf8), timeoutMilliseconds: settings.timeoutMilliseconds,
                responseBytesMax: 64 * 1024, trust: settings.trust))
        guard answer.status == 200 else {
            // The code is a word of the protocol, such as InvalidIdentityToken.
            let code = AWSSource.text("Code", in: answer.body).flatMap { AWSSource.isWord($0) ? $0 : nil }
            throw problem("it answers \(answer.status)\(code.map { " \($0)" } ?? "")")
        }
        return try read(answer.body)
    }

    private func read(_ body: [UInt8]) throws -> FetchedCredential {
        guard let id = AWSSource.text("AccessKeyId", in: body), AWSSource.isWord(id),
            let secret = AWSSource.text("SecretAccessKey", in: body),
            let token = AWSSource.text("SessionToken", in: body),
            let end = AWSSource.text("Expiration", in: body).flatMap(AWSSource.seconds)
        else { throw problem("its answer has no keys") }
        let signer = AWSSigner(
            accessKeyID: id, secretKey: Secret(secret), sessionToken: Secret(token), region: settings.region,
            service: settings.service)
        return FetchedCredential(.signer(signer), lifeMilliseconds: (end - wallSeconds()) * 1_000)
    }

    /// What stands in the only element of that name. What has markup, references or blanks in it is no key.
    static func text(_ name: String, in body: [UInt8]) -> String? {
        let (open, close) = (Array("<\(name)>".utf8), Array("</\(name)>".utf8))
        guard let start = body.firstRange(of: open)?.upperBound,
            let end = body[start...].firstRange(of: close)?.lowerBound,
            body[end...].firstRange(of: open) == nil, end > start, end - start <= 16 * 1024,
            body[start..<end].allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x3C && $0 != 0x26 })
        else { return nil }
        return String(decoding: body[start..<end], as: UTF8.self)
    }

    private static func isWord(_ text: String) -> Bool {
        text.utf8.count <= 128
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
            }
    }

    /// `2026-11-26T08:00:00Z`, with or without a fraction.
    private static func seconds(_ text: String) -> Int? {
        guard let dot = text.firstIndex(of: ".") else { return Timestamp.seconds(text) }
        return Timestamp.seconds(text[..<dot] + "Z")
    }

    private func problem(_ what: String) -> GatewayError {
        GatewayError(.credentialUnavailable, "the token service of AWS gives no keys: \(what)")
    }
}
