/// What a case's traffic brought about, on both sides of the gateway.
struct AttackSight: Sendable {
    var outcome: RawOutcome
    /// What the mock behind the gateway received; nil when there is none of ours.
    var forwarded: [MockRequest]?
    /// Whether a peer that is never cut off is a failure or only unknown.
    var slowMustEnd: Bool
    var waitedMilliseconds: Int
}

/// Judges a sight. A verdict says what was seen, so that a failure can be read without a capture.
enum AttackVerdict {
    typealias Judgement = (outcome: CheckOutcome, detail: String)

    static func judge(_ attack: AttackCase, _ sight: AttackSight) -> Judgement {
        if let fault = forwardingFault(attack, sight.forwarded) { return (.failed, fault) }
        switch attack.traffic {
        case .http1: return http1(attack, sight)
        case .http2: return http2(attack, sight)
        }
    }

    // MARK: the upstream side

    private static func forwardingFault(_ attack: AttackCase, _ forwarded: [MockRequest]?) -> String? {
        for request in forwarded ?? [] {
            let what = "\(request.method) \(request.target)"
            if request.target.contains("smuggled") { return "the smuggled request reached the upstream: \(what)" }
            if let fault = canonicalFault(request) { return "forwarded \(what): \(fault)" }
            switch attack.forwarding {
            case .nothing: return "forwarded \(what)"
            case .nothingComplete: if request.complete { return "forwarded \(what) as complete" }
            case .canonical(let check): if let fault = check(request) { return fault }
            }
        }
        return nil
    }

    /// What no forwarded request may ever look like.
    static func canonicalFault(_ request: MockRequest) -> String? {
        if request.headers.has("content-length"), request.headers.has("transfer-encoding") { return "both lengths" }
        if request.headers.all("content-length").count > 1 { return "two lengths" }
        if request.headers.all("host").count != 1 { return "\(request.headers.all("host").count) Hosts" }
        for header in request.headers {
            if header.name.isEmpty || !header.name.utf8.allSatisfy(isTokenByte) { return "the name \(header.name)" }
            if header.value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) {
                return "a control character in \(header.name)"
            }
        }
        if request.target.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) {
            return "a control character in the target"
        }
        return nil
    }

    // MARK: HTTP/1

    private static func http1(_ attack: AttackCase, _ sight: AttackSight) -> Judgement {
        let scan = HTTP1Scan(sight.outcome.bytes)
        let seen = describe(scan, sight.outcome.end)
        if scan.statuses.count > 1 { return (.failed, "more than one answer: \(seen)") }
        if scan.garbage { return (.failed, "what came back is not HTTP: \(seen)") }
        let ended = sight.outcome.end != .open
        switch attack.expectation {
        case .refused(let statuses):
            guard let status = scan.statuses.first else {
                return ended ? (.passed, seen) : (.inconclusive, "neither answered nor closed: \(seen)")
            }
            guard statuses.contains(status) else { return (.failed, seen) }
            return ended ? (.passed, seen) : (.failed, "the connection stays open after the refusal: \(seen)")
        case .refusedOrHarmless(let statuses):
            return harmless(statuses, scan.statuses.first, ended, seen, sight)
        case .cutOff:
            if let status = scan.statuses.first, status < 400 { return (.failed, seen) }
            return cutOff(ended || !scan.statuses.isEmpty, seen, sight)
        case .connectionError, .streamError, .streamCutOff:
            return (.inconclusive, "the case expects HTTP/2")
        }
    }

    private static func harmless(
        _ statuses: Set<Int>, _ status: Int?, _ ended: Bool, _ seen: String, _ sight: AttackSight
    ) -> Judgement {
        guard let status else {
            return ended ? (.passed, seen) : (.inconclusive, "neither answered nor closed: \(seen)")
        }
        if statuses.contains(status) { return (.passed, seen) }
        guard let forwarded = sight.forwarded else {
            return (.inconclusive, "served, and no mock shows what was forwarded: \(seen)")
        }
        return (.passed, forwarded.isEmpty ? seen : "\(seen), forwarded as \(forwarded[0].target)")
    }

    private static func cutOff(_ ended: Bool, _ seen: String, _ sight: AttackSight) -> Judgement {
        if ended { return (.passed, seen) }
        let detail = "still open after \(sight.waitedMilliseconds) ms"
        return (sight.slowMustEnd ? .failed : .inconclusive, detail)
    }

    private static func describe(_ scan: HTTP1Scan, _ end: RawEnd) -> String {
        let answer = scan.statuses.isEmpty ? "no answer" : scan.statuses.map(String.init).joined(separator: " then ")
        return "\(answer), \(end.rawValue)"
    }

    // MARK: HTTP/2

    private static func http2(_ attack: AttackCase, _ sight: AttackSight) -> Judgement {
        let scan = HTTP2Scan(sight.outcome.bytes)
        let seen = describe(scan, sight.outcome.end)
        let connectionEnded = scan.goAwayCode != nil || sight.outcome.end != .open
        switch attack.expectation {
        case .connectionError:
            return connectionEnded ? (.passed, seen) : (.failed, "the connection goes on: \(seen)")
        case .streamError:
            if let status = scan.statuses[1] {
                if (400..<500) ~= status { return (.passed, seen) }
                return (status == -1 ? .inconclusive : .failed, seen)
            }
            let ended = connectionEnded || scan.resets[1] != nil
            return ended ? (.passed, seen) : (.failed, "neither answered nor reset: \(seen)")
        case .refusedOrHarmless(let statuses):
            if scan.resets[1] != nil { return (.passed, seen) }
            return harmless(statuses, scan.statuses[1], connectionEnded, seen, sight)
        case .streamCutOff:
            return cutOff(connectionEnded || scan.resets[1] != nil, seen, sight)
        case .refused, .cutOff:
            return (.inconclusive, "the case expects HTTP/1")
        }
    }

    private static func describe(_ scan: HTTP2Scan, _ end: RawEnd) -> String {
        var parts: [String] = []
        for stream in scan.statuses.keys.sorted().prefix(3) { parts.append("status \(scan.statuses[stream] ?? 0)") }
        if scan.statuses.count > 3 { parts.append("and \(scan.statuses.count - 3) more") }
        for stream in scan.resets.keys.sorted().prefix(1) { parts.append("RST_STREAM \(scan.resets[stream] ?? 0)") }
        if let code = scan.goAwayCode { parts.append("GOAWAY \(code)") }
        parts.append(end.rawValue)
        return parts.joined(separator: ", ")
    }
}
