import GatewayProxy

/// What a rule does to requests and answers on their way, in words.
extension Explanation {
    static func changes(_ rule: CompiledRule) -> [String] {
        var changes = edits(rule.requestEdits, of: "request") + edits(rule.responseEdits, of: "response")
        if let rewrite = rule.rewrite { changes += rewrites(rewrite) }
        for mirror in rule.mirrors {
            changes.append("mirror \(mirror.numerator) of \(mirror.denominator) requests to \(mirror.backend.name)")
        }
        if let cors = rule.cors {
            let credentials = cors.allowsCredentials ? ", with credentials" : ""
            changes.append("answer preflight requests of other origins\(credentials)")
        }
        changes += times(rule.timeouts)
        if let retry = rule.retry { changes.append("try up to \(retry.attemptsMax) more times") }
        if let persistence = rule.persistence {
            let carrier = persistence.carrier == .cookie ? "cookie" : "header"
            changes.append("keep sessions together by the \(carrier) \(text(persistence.name))")
        }
        return changes
    }

    private static func edits(_ edits: HeaderEdits, of message: String) -> [String] {
        edits.set.map { "set \(message) header \(text($0.name))" }
            + edits.add.map { "add \(message) header \(text($0.name))" }
            + edits.remove.map { "remove \(message) header \(text($0))" }
    }

    private static func rewrites(_ rewrite: URLRewrite) -> [String] {
        var changes: [String] = []
        if let host = rewrite.hostname { changes.append("rewrite the host to \(text(host))") }
        switch rewrite.path {
        case .full(let path): changes.append("rewrite the path to \(text(path))")
        case .prefix(let path): changes.append("rewrite the matched prefix to \(path.isEmpty ? "/" : text(path))")
        case nil: break
        }
        return changes
    }

    private static func times(_ timeouts: RouteTimeouts) -> [String] {
        [
            (timeouts.totalNanoseconds, "the request"), (timeouts.attemptNanoseconds, "one attempt"),
            (timeouts.firstByteNanoseconds, "the first byte"), (timeouts.idleNanoseconds, "a silence"),
        ].filter { $0.0 > 0 }.map { "\($1) may take \($0 / 1_000_000) ms" }
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
