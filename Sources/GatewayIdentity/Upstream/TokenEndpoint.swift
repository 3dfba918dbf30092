package import GatewayModel
import GatewayWire

/// The token endpoint of an OAuth server: asks it once, and reads what it gives out.
package struct TokenEndpoint: Sendable {
    package var url: String
    package var trust = OutboundRequest.Trust.system
    package var timeoutMilliseconds = 10_000
    private let http: OutboundHTTP

    private static let answerBytesMax = 64 * 1024
    package static let tokenBytesMax = 16 * 1024
    /// What a token without a lifetime is believed for (RFC 6749 section 5.1 lets a server leave it out).
    private static let lifeSecondsUnsaid = 300

    package init(_ url: String, http: OutboundHTTP) {
        self.url = url
        self.http = http
    }

    func ask(form: [(String, String)], fields: [OutboundField] = []) async throws -> FetchedCredential {
        let body = form.map { FormText.encode($0) + "=" + FormText.encode($1) }.joined(separator: "&")
        return try TokenEndpoint.read(try await post(Array(body.utf8), "application/x-www-form-urlencoded", fields))
    }

    func ask(json: JSONObject, fields: [OutboundField] = []) async throws -> FetchedCredential {
        try TokenEndpoint.read(try await post(json: json, fields: fields))
    }

    /// What it answers, whatever that is, when it says it went well.
    func post(json: JSONObject, fields: [OutboundField] = []) async throws -> [UInt8] {
        try await post(JSONTree.object(json).bytes, "application/json", fields)
    }

    private func post(_ body: [UInt8], _ type: String, _ fields: [OutboundField]) async throws -> [UInt8] {
        let answer = try await http.send(
            OutboundRequest(
                "POST", url,
                fields: [OutboundField("content-type", type), OutboundField("accept", "application/json")] + fields,
                body: body, timeoutMilliseconds: timeoutMilliseconds,
                responseBytesMax: TokenEndpoint.answerBytesMax, trust: trust))
        // A redirect would lead where nobody has looked.
        guard (200..<300).contains(answer.status) else { throw TokenEndpoint.refusal(answer) }
        return answer.body
    }

    /// RFC 6749 section 5.1. Nothing of the answer is quoted.
    static func read(_ body: [UInt8]) throws -> FetchedCredential {
        guard let tree = try? JSONTree.parse(body.span, depthMax: 16, valuesMax: 1_000), let object = tree.object
        else { throw problem("it answers no object of JSON") }
        guard let token = object["access_token"]?.string?.value, isToken(token) else {
            throw problem("it answers without a token")
        }
        let type = object["token_type"]?.string?.value ?? "Bearer"
        guard ["bearer", "n_a"].contains(type.lowercased()) else {
            throw problem("its token is none that is shown as it is")
        }
        let life = object["expires_in"].map { $0.int ?? $0.string.flatMap { Int($0.value) } ?? seconds($0.number) }
        guard let seconds = life ?? lifeSecondsUnsaid else {
            throw problem("its token has no lifetime that makes sense")
        }
        let bounded = min(max(seconds, 0), 366 * 86_400)
        return FetchedCredential(.token(Secret(token)), lifeMilliseconds: bounded * 1_000)
    }

    /// What a field can carry (RFC 6750 section 2.1, and what servers send beyond it).
    package static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= tokenBytesMax && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func seconds(_ number: JSONNumber?) -> Int? {
        guard let value = number?.double, value.isFinite, abs(value) < 1e12 else { return nil }
        return Int(value)
    }

    /// RFC 6749 section 5.2: the code is a word of the protocol; its description is anybody's.
    private static func refusal(_ answer: OutboundResponse) -> GatewayError {
        var what = "it answers \(answer.status)"
        if let tree = try? JSONTree.parse(answer.body.span, depthMax: 16, valuesMax: 1_000),
            let code = tree["error"]?.string?.value ?? tree["error"]?["type"]?.string?.value, code.utf8.count <= 64,
            code.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F })
        {
            what += " \(code)"
        }
        return problem(what)
    }

    static func problem(_ what: String) -> GatewayError {
        GatewayError(.credentialUnavailable, "the token endpoint gives no token: \(what)")
    }
}
