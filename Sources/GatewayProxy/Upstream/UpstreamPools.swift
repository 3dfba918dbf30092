/// All pools of one event loop, by endpoint. An endpoint's number is small and unique, so that finding its pool is
/// one array access; the transport is part of the endpoint's identity.
struct UpstreamPools {
    private var pools: [EndpointPool?] = []

    mutating func pool(of endpoint: Endpoint, backend: CompiledBackend, worker: Worker) -> EndpointPool {
        let index = endpoint.index
        if index < pools.count, let pool = pools[index], pool.endpoint === endpoint { return pool }
        if index >= pools.count { pools.append(contentsOf: repeatElement(nil, count: index + 1 - pools.count)) }
        let pool = EndpointPool(worker: worker, endpoint: endpoint, backend: backend)
        // No other is there: a pool keeps its endpoint, and with it the number, for as long as it is in use.
        pools[index] = pool
        return pool
    }

    func existing(_ endpoint: Endpoint) -> EndpointPool? {
        guard endpoint.index < pools.count, let pool = pools[endpoint.index], pool.endpoint === endpoint else {
            return nil
        }
        return pool
    }

    /// Forgets a pool that has nothing to keep, so that addresses which come and go leave nothing behind.
    mutating func remove(_ pool: EndpointPool) {
        let index = pool.endpoint.index
        if index < pools.count, pools[index] === pool { pools[index] = nil }
    }

    var views: [WorkerView.Pool] { pools.compactMap { $0?.view } }
    var count: Int { pools.count { $0 != nil } }

    /// Forgets them all.
    mutating func takeAll() -> [EndpointPool] {
        defer { pools.removeAll() }
        return pools.compactMap(\.self)
    }
}

extension Worker {
    /// A connection or stream to an endpoint, now or later.
    func lease(_ endpoint: Endpoint, of backend: CompiledBackend, for exchange: Exchange) -> PoolLease {
        pools.pool(of: endpoint, backend: backend, worker: self).lease(for: exchange)
    }

    /// The exchange no longer waits.
    func withdraw(_ exchange: Exchange, from endpoint: Endpoint, of backend: CompiledBackend) {
        pools.existing(endpoint)?.withdraw(exchange)
    }
}
