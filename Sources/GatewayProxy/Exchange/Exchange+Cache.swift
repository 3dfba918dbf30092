import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

/// Answers that are kept (RFC 9111), and the request's way past them.
extension Exchange {
    private static let cacheStatus = Array("cache-status".utf8)

    /// Answers from what is kept, or remembers what to do with the backend's answer. Returns whether it answered.
    func answerFromCache() -> Bool {
        guard let rule = rule?.policy.cache else { return false }
        let plan = CachePlan(
            rule: rule, key: cacheKey(), scope: cacheScope(), fields: request.fields, isCredentialed: isCredentialed)
        cachePlan = plan
        guard request.method == .get || request.method == .head else {
            plan.forward = .method
            plan.mayStore = false
            return false
        }
        guard isPlainRead else {
            plan.forward = .bypass
            plan.mayStore = false
            return false
        }
        let wishes = CacheDirectives(request.fields)
        plan.mayStore = request.method == .get && !wishes.noStore
        if let stored = find(plan, wishes) {
            worker.recorder.metrics.add(.cacheHits)
            traced?.note("answered from what is kept")
            cachePlan = nil
            send(stored)
            return true
        }
        worker.recorder.metrics.add(.cacheMisses)
        guard wishes.onlyIfCached else { return false }
        cachePlan = nil
        fail(GatewayError(.upstreamTimeout, "no answer is kept and the request asked for a kept one only"))
        return true
    }

    private func find(_ plan: CachePlan, _ wishes: CacheDirectives) -> StoredResponse? {
        if wishes.noCache || wishes.noStore || wishes.maxAgeSeconds == 0 {
            plan.forward = .request
            return nil
        }
        var hasURL = false
        let found = plan.store.find(plan.key) { stored in
            hasURL = true
            return plan.matches(stored)
        }
        guard let found else {
            plan.forward = hasURL ? .varyMiss : .uriMiss
            return nil
        }
        let fresh = found.freshSeconds(now: worker.now)
        if fresh < 1 {
            plan.forward = .stale
            return nil
        }
        if fresh < wishes.minFreshSeconds
            || wishes.maxAgeSeconds >= 0 && found.ageSeconds(now: worker.now) > wishes.maxAgeSeconds
        {
            plan.forward = .request
            return nil
        }
        return found
    }

    // MARK: The request

    /// A request for the whole of a resource, on no condition that only its owner can judge.
    private var isPlainRead: Bool {
        guard request.upgrade.isEmpty, request.framing == .none || request.framing == .length(0) else { return false }
        for index in request.fields.entries.indices {
            let entry = request.fields.entries[index]
            if entry.known == .range { return false }
            guard entry.known == .other else { continue }
            for name in Exchange.preconditions where request.fields.equals(entry.name, name) { return false }
        }
        return true
    }

    private static let preconditions = ["if-match", "if-range", "if-unmodified-since"].map { Array($0.utf8) }
    private static let googleKey = Array("x-goog-api-key".utf8)

    /// Whether the request says who is calling. A key that *identify* has taken out counts as well.
    private var isCredentialed: Bool {
        if principal.proof != .none || rule?.persistence != nil { return true }
        for index in request.fields.entries.indices {
            switch request.fields.entries[index].known {
            case .authorization, .cookie, .proxyAuthorization, .xAPIKey: return true
            case .other where request.fields.equals(request.fields.entries[index].name, Exchange.googleKey): return true
            default: continue
            }
        }
        return false
    }

    /// Scheme, authority, path and query, byte for byte as they are routed.
    private func cacheKey() -> [UInt8] {
        var key: [UInt8] = [isSecure ? 0x73 : 0x70]
        key.append(contentsOf: request.fields.bytes[request.authority.range])
        // Cannot be in an authority.
        key.append(0)
        key.append(contentsOf: request.fields.bytes[request.target.range])
        // What a trusted proxy says of the host goes on to the backend, which may build its answer on it.
        if client.isTrusted {
            for name in Exchange.trustedNames {
                key.append(0)
                key.append(contentsOf: request.fields.joined(name))
            }
        }
        return key
    }

    private static let trustedNames = [FieldName.xForwardedHost, .xForwardedPort].map {
        FieldName.names[Int($0.rawValue)]
    }

    private func cacheScope() -> [UInt8] {
        var scope = Array(record.listener.utf8)
        scope.append(0)
        scope.append(contentsOf: record.route.utf8)
        scope.append(0)
        scope.append(contentsOf: String(record.rule).utf8)
        return scope
    }

    // MARK: The answer of a backend

    /// Looks at the head in `response`, before our own edits.
    func considerStoring() {
        guard let plan = cachePlan else { return }
        if plan.forward == .method {
            // What was read before may be true no longer (RFC 9111 section 4.4).
            let isSafe = request.method == .options || request.method == .trace
            if !isSafe, (200..<400).contains(response.status) { plan.store.remove(plan.key) }
            cachePlan = nil
            return
        }
        let delay = worker.now > attempt.startedNanoseconds ? worker.now - attempt.startedNanoseconds : 0
        if !response.fields.contains(.date) { response.fields.append(.date, worker.dateBytes) }
        let willStore = plan.begin(
            response, edits: attempt.choice?.responseEdits ?? .none, delaySeconds: Int(delay / 1_000_000_000))
        var status = Array("sluice; fwd=".utf8)
        status.append(contentsOf: plan.forward.rawValue.utf8)
        if willStore { status.append(contentsOf: "; stored".utf8) } else { cachePlan = nil }
        response.fields.append(name: Exchange.cacheStatus, value: status)
    }

    /// The answer came to its end.
    func finishStoring(trailers: FieldBlock?) {
        guard let plan = cachePlan else { return }
        if trailers == nil { plan.finish(now: worker.now) }
        cachePlan = nil
    }

    // MARK: A kept answer

    private func send(_ stored: StoredResponse) {
        response = stored.head
        let isUnchanged = meetsCondition(stored.head)
        response.fields.append(.age, Array(String(stored.ageSeconds(now: worker.now)).utf8))
        response.fields.append(
            name: Exchange.cacheStatus,
            value: Array("sluice; hit; ttl=\(stored.freshSeconds(now: worker.now))".utf8))
        finishResponseHead()
        if !stored.edits.isEmpty {
            stored.edits.apply(to: &response.fields)
            response.fields.removeOwnSetCookies()
        }
        state = .responding
        if isUnchanged {
            response.status = 304
            response.fields.remove(.contentType)
            response.fields.remove(.contentEncoding)
            record.status = 304
            downstream.sendHead(&response, framing: .none)
        } else {
            compressResponse()
            record.status = response.status
            let framing: BodyFraming = responseTransform.isNone ? response.framing : .chunked
            downstream.sendHead(&response, framing: framing)
            if request.method != .head, stored.body.readableBytes > 0 {
                record.responseBytes = UInt64(stored.body.readableBytes)
                responseTransform.apply(stored.body, to: downstream.sendBody)
                responseTransform.finish(to: downstream.sendBody)
            }
        }
        downstream.sendEnd(trailers: nil)
        downstream.flush()
        settle()
    }

    /// Whether the client has this answer already (RFC 9110 sections 13.1.2 and 13.1.3).
    private func meetsCondition(_ head: borrowing ResponseHead) -> Bool {
        let fields = request.fields
        if fields.contains(.ifNoneMatch) {
            guard let etag = head.fields.first(.etag) else { return false }
            let own = EntityTag.opaque(head.fields.bytes[etag.value.range])
            for entry in fields.entries where entry.known == .ifNoneMatch {
                var list = FieldList(entry.value.range)
                while let element = list.next(fields.bytes.span) {
                    let bytes = fields.bytes[element]
                    if bytes.count == 1, bytes.first == UInt8(ascii: "*") { return true }
                    if EntityTag.opaque(bytes) == own { return true }
                }
            }
            return false
        }
        guard let since = fields.first(.ifModifiedSince), let last = head.fields.first(.lastModified),
            let wanted = HTTPDate.seconds(fields.bytes.span, since.value.range),
            let own = HTTPDate.seconds(head.fields.bytes.span, last.value.range)
        else { return false }
        return own <= wanted
    }
}

/// Entity tags compared weakly: the prefix that says so does not count (RFC 9110 section 8.8.3.2).
enum EntityTag {
    static func opaque(_ tag: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        tag.starts(with: [0x57, 0x2F]) ? tag.dropFirst(2) : tag
    }
}
