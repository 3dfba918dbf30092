import GatewayModel
import NIOCore
import NIOEmbedded

@testable import GatewayProxy

/// Random words that are the same in every run.
struct FixedRandom {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return KeyHash.mix(state)
    }
}

/// A directory on a loop that only tests move.
struct UpstreamFixture {
    static let second: UInt64 = 1_000_000_000

    let loop = EmbeddedEventLoop()
    let directory: EndpointDirectory

    init(
        lookup: NameLookup = UpstreamFixture.noNames, secret: String = "a test's secret",
        onEvent: @escaping @Sendable (EndpointEvent) -> Void = { _ in }
    ) {
        directory = EndpointDirectory(
            eventLoop: loop, lookup: lookup, sessionSecret: Secret(secret), onEvent: onEvent)
    }

    static let noNames = NameLookup { _, eventLoop in
        eventLoop.makeFailedFuture(LookupFailure(reason: "no names here"))
    }

    /// A backend at `10.0.0.1`, `10.0.0.2` …, with these weights.
    static func backend(
        _ weights: [Int], loadBalancing: GatewayProxy.LoadBalancing = .roundRobin, outlier: OutlierPolicy? = nil,
        slowStart: UInt64 = 0, requestsMax: Int = 0
    ) -> CompiledBackend {
        let specs = weights.enumerated().map {
            EndpointSpec(host: "10.0.0.\($0.offset + 1)", port: 80, weight: $0.element)
        }
        return backend(
            specs: specs, loadBalancing: loadBalancing, outlier: outlier, slowStart: slowStart, requestsMax: requestsMax
        )
    }

    static func backend(
        specs: [EndpointSpec], name: String = "Backend/default/app", transport: UpstreamTransport = UpstreamTransport(),
        loadBalancing: GatewayProxy.LoadBalancing = .roundRobin, outlier: OutlierPolicy? = nil, slowStart: UInt64 = 0,
        requestsMax: Int = 0
    ) -> CompiledBackend {
        var circuit = CircuitLimits()
        circuit.requestsMax = requestsMax
        return CompiledBackend(
            name: name, metricSlot: 0, endpoints: specs, transport: transport, loadBalancing: loadBalancing,
            outlier: outlier, circuit: circuit, slowStartNanoseconds: slowStart)
    }

    static func snapshot(_ backends: [CompiledBackend]) -> Snapshot {
        Snapshot(revision: 1, limits: .standard, ports: [], backends: backends)
    }

    /// A loop's balancer of a backend, ready to choose.
    func balancer(_ backend: CompiledBackend, now: UInt64 = 1) -> LoopBalancer {
        let balancer = LoopBalancer(directory.live(of: backend), start: 0)
        balancer.refresh(slowStart: backend.slowStartNanoseconds, now: now)
        return balancer
    }

    func hosts(_ backend: CompiledBackend) -> [String] {
        directory.endpoints(of: backend).endpoints.map(\.addressText)
    }
}
