/// All pools of one event loop, by endpoint. An endpoint's number is small and unique, so that finding its pool is
/// one array access; the transport is part of the endpoint's identity.
struct UpstreamPools {
    private var pools: [EndpointPool?] = []

    mutating func pool(of endpoint: Endpoint, backend: CompiledBackend, worker: Worker) -> EndpointPool {
        let index = endpoint.index
        if index < pools.count, let pool = pools[index], pool.endpoint === endpoint { return pool }
        if index >= pools.count { pools.append(contentsOf: repeatElement(nil, count: index + 1 - pools.count)) }
        let pool = EndpointPool(worker: worker, endpoint: endpoint, backend: backend)
        pools[index]?.closeAll()
        pools[index] = pool
        return pool
    }

    func existing(_ endpoint: Endpoint) -> EndpointPool? {
        endpoint.index < pools.count ? pools[endpoint.index] : nil
    }

    var views: [WorkerView.Pool] { pools.compactMap { $0?.view } }

    /// Closes what is idle; what is leased closes when it is given back.
    mutating func closeAll() {
        for pool in pools { pool?.closeAll() }
        pools.removeAll()
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
