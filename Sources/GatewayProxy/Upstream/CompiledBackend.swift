package import NIOSSL

/// A backend as a snapshot knows it: where its endpoints are and how to speak to them.
package final class CompiledBackend: Sendable {
    /// `kind/namespace/name[:port]`, the identity that lets live state (pools, health) outlive a reload.
    package let name: String
    /// Index of its metric slot.
    package let metricSlot: Int
    package let endpoints: [EndpointSpec]
    package let transport: UpstreamTransport
    package let loadBalancing: LoadBalancing
    package let health: ActiveHealthCheck?
    package let outlier: OutlierPolicy?
    package let circuit: CircuitLimits
    package let slowStartNanoseconds: UInt64
    /// The live state behind it, found once: requests reach it by one load.
    let live = OnceReference<LiveBackend>()

    package init(
        name: String, metricSlot: Int, endpoints: [EndpointSpec], transport: UpstreamTransport = UpstreamTransport(),
        loadBalancing: LoadBalancing = .roundRobin, health: ActiveHealthCheck? = nil, outlier: OutlierPolicy? = nil,
        circuit: CircuitLimits = CircuitLimits(), slowStartNanoseconds: UInt64 = 0
    ) {
        self.name = name
        self.metricSlot = metricSlot
        self.endpoints = endpoints
        self.transport = transport
        self.loadBalancing = loadBalancing
        self.health = health
        self.outlier = outlier
        self.circuit = circuit
        self.slowStartNanoseconds = slowStartNanoseconds
    }
}

/// One configured address: a literal address or a DNS name that is resolved again and again.
package struct EndpointSpec: Sendable, Hashable {
    package var host: String
    package var port: Int
    package var weight: Int
    package init(host: String, port: Int, weight: Int = 1) {
        self.host = host
        self.port = port
        self.weight = weight
    }
}

/// How bytes travel to an endpoint.
package struct UpstreamTransport: Sendable {
    package enum HTTP: Sendable, Hashable {
        case http1
        /// HTTP/2, by prior knowledge in clear or by ALPN over TLS.
        case http2
        /// Over TLS: whichever ALPN chooses.
        case negotiated
    }
    package var http: HTTP
    package var tls: UpstreamTLS?
    package init(http: HTTP = .http1, tls: UpstreamTLS? = nil) {
        self.http = http
        self.tls = tls
    }
}

/// TLS towards a backend. The context is made when the snapshot is compiled, never per connection.
package struct UpstreamTLS: Sendable {
    package var context: NIOSSLContext
    /// Sent as SNI and checked against the certificate; nil for the endpoint's own host.
    package var serverName: String?
    /// Tells pools of different TLS settings apart.
    package var fingerprint: String
    package init(context: NIOSSLContext, serverName: String?, fingerprint: String) {
        self.context = context
        self.serverName = serverName
        self.fingerprint = fingerprint
    }
}

/// How one of several endpoints is chosen.
package enum LoadBalancing: Sendable {
    case roundRobin
    case random
    /// The less busy of two chosen at random.
    case leastRequest
    case consistentHash(HashKey)

    package enum HashKey: Sendable {
        case clientAddress
        case header([UInt8])
        case cookie([UInt8])
        case query([UInt8])
        case path
    }
}

/// A probe sent to each endpoint.
package struct ActiveHealthCheck: Sendable, Equatable {
    package var path: String
    package var host: String?
    package var intervalNanoseconds: UInt64
    package var timeoutNanoseconds: UInt64
    package var healthyThreshold: Int
    package var unhealthyThreshold: Int
    package var expectedStatuses: [ClosedRange<Int>]
    package init(
        path: String, host: String? = nil, intervalNanoseconds: UInt64 = 5_000_000_000,
        timeoutNanoseconds: UInt64 = 1_000_000_000, healthyThreshold: Int = 2, unhealthyThreshold: Int = 3,
        expectedStatuses: [ClosedRange<Int>] = [200...299]
    ) {
        self.path = path
        self.host = host
        self.intervalNanoseconds = intervalNanoseconds
        self.timeoutNanoseconds = timeoutNanoseconds
        self.healthyThreshold = healthyThreshold
        self.unhealthyThreshold = unhealthyThreshold
        self.expectedStatuses = expectedStatuses
    }
}

/// Passive health: what real answers say of an endpoint.
package struct OutlierPolicy: Sendable {
    package var consecutiveFailures: Int
    package var ejectionNanoseconds: UInt64
    package var ejectionPercentMax: Int
    /// Failures further apart than this are not in a row; 0 for no such bound.
    package var gapNanoseconds: UInt64
    package init(
        consecutiveFailures: Int = 5, ejectionNanoseconds: UInt64 = 30_000_000_000, ejectionPercentMax: Int = 50,
        gapNanoseconds: UInt64 = 0
    ) {
        self.consecutiveFailures = consecutiveFailures
        self.ejectionNanoseconds = ejectionNanoseconds
        self.ejectionPercentMax = ejectionPercentMax
        self.gapNanoseconds = gapNanoseconds
    }
}

/// Bounds on what a backend is given at once, per event loop for connections; 0 means no bound.
package struct CircuitLimits: Sendable {
    package var connectionsMax = 0
    package var pendingMax = 0
    package var requestsMax = 0
    package var streamsPerConnectionMax = 0
    package init() {}
}
