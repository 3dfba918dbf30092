import GatewayIdentity
import GatewayModel
import GatewayWire

/// Requests to whoever gives out tokens. What the operator wrote may be anywhere; what somebody else named must be
/// public, or in blocks that the operator opened. Redirects are not followed, answers are bounded.
struct OAuthHTTP: Sendable {
    let http: OutboundHTTP
    /// Of authorization servers, and of the server of tools itself.
    let trust: OutboundRequest.Trust
    let serverTrust: OutboundRequest.Trust
    let blocks: [String]
    /// URLs the operator wrote; others of the same origin are as good.
    let ownURLs: [String]
    /// Something the operator wrote is without TLS already.
    let isClear: Bool

    static let documentBytesMax = 256 * 1024
    static let answerBytesMax = 128 * 1024

    init(_ http: OutboundHTTP, _ settings: ConnectionSettings) {
        self.http = http
        trust = settings.trust
        serverTrust = settings.serverTrust
        blocks = settings.blocks
        ownURLs = [settings.url, settings.issuer, settings.provider?.issuer].compactMap(\.self)
        isClear = ownURLs.contains { url in (try? OutboundURL(url)).map { !$0.isTLS } ?? false }
    }

    /// Where a request may lead, and whom it believes.
    private func bounds(
        _ text: String
    ) throws(GatewayError) -> (reach: OutboundRequest.Reach, trust: OutboundRequest.Trust) {
        let url = try OutboundURL(text)
        guard url.isTLS || isClear else {
            throw GatewayError(.forbidden, "what was secured is not asked for in clear: \(url.host)")
        }
        for (index, own) in ownURLs.enumerated() {
            let own = try OutboundURL(own)
            guard own.isTLS == url.isTLS, own.host == url.host, own.port == url.port else { continue }
            // The first is the server's own.
            return (.configured, index == 0 ? serverTrust : trust)
        }
        return (.guarded(allowing: blocks), trust)
    }

    /// What a server answers to who shows nothing: its challenge, if it has one.
    func challenge(_ url: String) async -> ResourceChallenge? {
        let body =
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\",\"params\":{\"_meta\":{"
            + "\"\(MCPName.protocolVersionMeta)\":\"\(MCPRevision.stateless.rawValue)\","
            + "\"\(MCPName.clientInfoMeta)\":\(ServerOpening.ownInfo),\"\(MCPName.capabilitiesMeta)\":{}}}}"
        guard let bounds = try? bounds(url) else { return nil }
        let fields = [
            OutboundField("content-type", "application/json"),
            OutboundField("accept", "application/json, text/event-stream"),
            OutboundField(MCPName.protocolVersion, MCPRevision.stateless.rawValue),
            OutboundField(MCPName.method, "server/discover"),
        ]
        let answer = try? await http.send(
            OutboundRequest(
                "POST", url, fields: fields, body: Array(body.utf8), timeoutMilliseconds: 10_000,
                responseBytesMax: OAuthHTTP.documentBytesMax, trust: bounds.trust, reach: bounds.reach))
        guard let answer, answer.status == 401 else { return nil }
        return ResourceChallenge(answer.fields.filter { $0.name == "www-authenticate" }.map(\.value))
    }

    /// A document in JSON; nil where there is none: for a status that says so, for what is no JSON object, and for what
    /// is larger than any document. A site that answers everything with a page of its own has no document there.
    func document(_ url: String) async throws -> JSONTree? {
        let bounds = try bounds(url)
        let request = OutboundRequest(
            "GET", url,
            fields: [
                OutboundField("accept", "application/json"), OutboundField("mcp-protocol-version", "2026-07-28"),
            ], timeoutMilliseconds: 10_000, responseBytesMax: OAuthHTTP.documentBytesMax,
            trust: bounds.trust, reach: bounds.reach)
        let answer: OutboundResponse
        do { answer = try await http.send(request) } catch let error as GatewayError where error.code == .tooLarge {
            return nil
        }
        guard answer.status == 200 else {
            if (400..<500).contains(answer.status) { return nil }
            throw GatewayError(
                .credentialUnavailable, "a document about tokens cannot be fetched", cause: "\(answer.status) at \(url)"
            )
        }
        let tree = try? JSONTree.parse(answer.body.span, depthMax: 32, valuesMax: 20_000)
        return tree?.object == nil ? nil : tree
    }

    /// Status and JSON of an answer to a form, an object even where it is empty.
    func post(
        _ url: String, form: [(String, String)], authorization: String? = nil
    ) async throws -> (status: Int, body: JSONTree) {
        let text = form.map { "\(FormText.encode($0.0))=\(FormText.encode($0.1))" }.joined(separator: "&")
        return try await post(
            url, Array(text.utf8), type: "application/x-www-form-urlencoded", authorization: authorization)
    }

    func post(
        _ url: String, _ body: [UInt8], type: String, authorization: String? = nil
    ) async throws -> (status: Int, body: JSONTree) {
        var fields = [OutboundField("content-type", type), OutboundField("accept", "application/json")]
        if let authorization { fields.append(OutboundField("authorization", authorization)) }
        let bounds = try bounds(url)
        let answer = try await http.send(
            OutboundRequest(
                "POST", url, fields: fields, body: body, timeoutMilliseconds: 15_000,
                responseBytesMax: OAuthHTTP.answerBytesMax, trust: bounds.trust, reach: bounds.reach))
        let tree = try? JSONTree.parse(answer.body.span, depthMax: 16, valuesMax: 4_000)
        return (answer.status, tree ?? .object(JSONObject()))
    }
}
