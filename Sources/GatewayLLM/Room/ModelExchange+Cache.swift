import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// Answers that are given again: only where the catalogue says so, only to whom they were given first, and free.
extension ModelExchange {
    /// Answers from the cache; false when a provider must be asked.
    func answerFromCache() -> Bool {
        guard let exchange, let match, let cache = match.model.cache,
            endpoint.hasOutputTokens || endpoint == .embeddings,
            request.previousResponse == nil
        else { return false }
        let key = ReplyCache.key(
            principal, scope: cache.scope, model: match.model.key, path: endpoint.upstreamPath(dialect), body: body)
        guard let entry = room.services.cache.find(key, now: worker.now) else {
            cacheKey = key
            cacheMark = .miss
            return false
        }
        cacheMark = .hit
        stage = .over
        settle()
        respond(exchange, status: 200, type: entry.type, body: entry.body)
        return true
    }

    /// Keeps a whole answer that was not too long, and that calls no tools: what a tool answers changes.
    func keepInCache() {
        guard let key = cacheKey, let cache = match?.model.cache, let kept = reply.whole,
            kept.body.readableBytes <= Int(clamping: cache.maxEntryBytes.bytes)
        else { return }
        if let reason = reply.facts?.finishReason, reason == "tool_calls" || reason == "tool_use" { return }
        room.services.cache.keep(
            ReplyCache.Entry(
                type: kept.type, body: kept.body,
                untilNanoseconds: worker.now &+ UInt64(max(0, cache.ttl.milliseconds)) &* 1_000_000), for: key)
    }
}
