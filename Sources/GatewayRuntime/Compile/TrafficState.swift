package import GatewayModel
package import GatewayPolicy
package import GatewayProxy
import Synchronization

/// What rate limits, concurrency limits and caches remember, by name, so that a reload forgets nothing. Nothing is
/// kept alive here: what no snapshot has any more is gone with the last one that had it, and compiling a snapshot
/// only to look at it changes nothing.
package final class TrafficState: Sendable {
    private struct Weak<Object: AnyObject> {
        weak var object: Object?
    }

    private struct Contents {
        var rates: [String: Weak<RateLimitTable>] = [:]
        var limiters: [String: Weak<ConcurrencyLimiter>] = [:]
        var stores: [String: (settings: ResponseCache, store: Weak<ResponseStore>)] = [:]
    }

    private let contents = Mutex(Contents())

    package init() {}

    /// The states of a rate limit; one count for all needs next to no room.
    package func rates(_ name: String, isKeyed: Bool) -> RateLimitTable {
        contents.withLock { contents in
            let name = isKeyed ? name : "\(name)#"
            if let table = contents.rates[name]?.object { return table }
            contents.rates = contents.rates.filter { $0.value.object != nil }
            let table = isKeyed ? RateLimitTable() : RateLimitTable(keysMax: 1)
            contents.rates[name] = Weak(object: table)
            return table
        }
    }

    package func limiter(_ name: String) -> ConcurrencyLimiter {
        contents.withLock { contents in
            if let limiter = contents.limiters[name]?.object { return limiter }
            contents.limiters = contents.limiters.filter { $0.value.object != nil }
            let limiter = ConcurrencyLimiter()
            contents.limiters[name] = Weak(object: limiter)
            return limiter
        }
    }

    /// The answers a policy keeps; with other settings it begins anew.
    package func store(_ name: String, _ settings: ResponseCache) -> ResponseStore {
        contents.withLock { contents in
            if let known = contents.stores[name], known.settings == settings, let store = known.store.object {
                return store
            }
            contents.stores = contents.stores.filter { $0.value.store.object != nil }
            let store = ResponseStore(
                bytesMax: Int(clamping: settings.maxBytes.bytes),
                entryBytesMax: Int(clamping: settings.maxEntryBytes.bytes))
            contents.stores[name] = (settings, Weak(object: store))
            return store
        }
    }
}
