import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// Answers that are given again: only where the catalogue says so, only to whom they were given first, and free.
extension ModelExchange {
    /// Answers from the cache; false when a provider must be asked.
    func answerFromCache() -> Bool {
        guard let exchange, let match, let cache = match.model.cache, isCacheable, !body.isSpilled,
            let all = try? body.whole()
        else { return false }
        let key = ReplyCache.key(
            principal, scope: cache.scope, model: match.model.key, path: endpoint.upstreamPath(dialect), body: all,
            also: [
                exchange.request.fields.copy(exchange.request.query), Array(String(policyOutputMax ?? 0).utf8),
                field("anthropic-beta", exchange), field("anthropic-version", exchange),
            ])
        guard let entry = room.services.cache.find(key, now: worker.now) else {
            cacheKey = key
            cacheMark = .miss
            return false
        }
        cacheMark = .hit
        stage = .over
        keepForAudit(entry.body)
        unsentBytes = entry.body.readableBytes
        settle()
        respond(exchange, status: 200, type: entry.type, body: entry.body)
        return true
    }

    /// What a provider stores, or only it can translate back, is not given twice.
    private var isCacheable: Bool {
        switch endpoint {
        // A sound is its owner's.
        case .chatCompletions: !outline.measure.hasAudio
        case .completions, .embeddings, .messages: true
        default: false
        }
    }

    private static let plainEndings: Set<String> = ["stop", "length", "end_turn", "max_tokens", "stop_sequence"]

    private func field(_ name: String, _ exchange: Exchange) -> [UInt8] {
        Array((exchange.request.fields.value(named: name) ?? "").utf8)
    }

    /// Keeps a whole answer that was not too long, and that calls no tools: what a tool answers changes.
    func keepInCache() {
        guard let key = cacheKey, let cache = match?.model.cache, let kept = reply.whole,
            kept.body.readableBytes <= Int(clamping: cache.maxEntryBytes.bytes)
        else { return }
        // Of a translated answer, and of one that does not say why it stopped, nobody knows that.
        guard endpoint == .embeddings || ModelExchange.plainEndings.contains(reply.facts?.finishReason ?? "") else {
            return
        }
        // A copy: what came lies in what was read from the network, which is larger.
        room.services.cache.keep(
            ReplyCache.Entry(
                type: kept.type, body: ByteBuffer(bytes: kept.body.readableBytesView),
                untilNanoseconds: worker.now &+ UInt64(max(0, cache.ttl.milliseconds)) &* 1_000_000), for: key)
    }
}
