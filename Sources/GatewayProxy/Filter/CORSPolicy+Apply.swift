import GatewayWire

/// What a browser is told about calls from another origin's page (Fetch standard, CORS protocol).
extension Exchange {
    private static let allowOrigin = Array("access-control-allow-origin".utf8)
    private static let allowCredentials = Array("access-control-allow-credentials".utf8)
    private static let allowMethods = Array("access-control-allow-methods".utf8)
    private static let allowHeaders = Array("access-control-allow-headers".utf8)
    private static let exposeHeaders = Array("access-control-expose-headers".utf8)
    private static let maxAge = Array("access-control-max-age".utf8)
    private static let originWord = Array("Origin".utf8)
    private static let trueWord = Array("true".utf8)
    private static let anyWord: [UInt8] = [0x2A]

    /// Answers a preflight by itself and says so. An origin that is not allowed gets an answer without the fields
    /// that would allow the call.
    func answerPreflight(_ cors: CORSPolicy) -> Bool {
        guard request.method == .options, let origin = request.fields.first(.origin),
            let method = request.fields.first(.accessControlRequestMethod)
        else { return false }
        response.reset()
        response.status = 204
        if cors.allows(origin.value, in: request.fields) {
            let asked = request.fields.first(.accessControlRequestHeaders)
            allow(cors.methods, asked: method.value, name: Exchange.allowMethods, cors)
            allow(cors.headers, asked: asked?.value, name: Exchange.allowHeaders, cors)
            response.fields.set(name: Exchange.maxAge, value: cors.maxAgeSeconds)
        }
        respond(body: [])
        return true
    }

    /// A wildcard is answered with what was asked for: right with credentials and without.
    private func allow(_ words: CORSPolicy.Words, asked: Slice?, name: [UInt8], _ cors: CORSPolicy) {
        if words.isAny {
            guard let asked else { return }
            response.fields.set(name: name, value: request.fields.copy(asked))
        } else if !words.isEmpty {
            response.fields.set(name: name, value: words.joined)
        }
    }

    /// Puts the fields of the rule's CORS filter into `response`; what a backend said of it is replaced.
    func applyCORS() {
        guard let cors = rule?.cors else { return }
        for name in [
            Exchange.allowOrigin, Exchange.allowCredentials, Exchange.exposeHeaders,
        ] { response.fields.remove(named: name) }
        addVaryOrigin()
        guard let origin = request.fields.first(.origin),
            cors.allows(origin.value, in: request.fields)
        else { return }
        response.fields.append(name: Exchange.allowOrigin, value: request.fields.copy(origin.value))
        if cors.allowsCredentials { response.fields.append(name: Exchange.allowCredentials, value: Exchange.trueWord) }
        // With credentials `*` would be taken for a field of that name.
        if !cors.exposed.isEmpty, !(cors.exposed.isAny && cors.allowsCredentials) {
            response.fields.append(name: Exchange.exposeHeaders, value: cors.exposed.joined)
        }
    }

    /// The answer differs by origin, and caches must know.
    private func addVaryOrigin() {
        for entry in response.fields.entries where entry.known == .vary {
            if response.fields.equals(entry.value, Exchange.anyWord) { return }
            if response.fields.equals(entry.value, Exchange.originWord) { return }
        }
        response.fields.append(.vary, Exchange.originWord)
    }
}
