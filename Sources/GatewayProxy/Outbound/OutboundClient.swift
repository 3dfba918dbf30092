package import GatewayModel
import NIOCore
import NIOSSL
import Synchronization

/// HTTP requests of our own, over the upstream path of the data plane: its codecs, pools, DNS and TLS. There is no
/// second HTTP client. Everything is bounded: origins, requests at once, bytes, time.
package final class OutboundClient: Sendable {
    static let originsMax = 64
    static let requestsAtOnceMax = 256
    static let bodyBytesMax = 64 * 1024 * 1024
    static let timeoutMillisecondsMax = 600_000

    /// What tells backends of ours apart.
    private struct Origin: Hashable {
        var isTLS: Bool
        var host: String
        var port: Int
        var trust: OutboundRequest.Trust
    }

    private struct Known {
        var backend: CompiledBackend
        var lastUse: UInt64
    }

    private struct State {
        var known: [Origin: Known] = [:]
        var turn: UInt64 = 0
    }

    private let loops: [DataPlane.LoopHandle]
    private let directory: EndpointDirectory
    private let state = Mutex(State())

    package init(_ plane: DataPlane) {
        loops = plane.loops
        directory = plane.shared.directory
    }

    /// The seam that lower rooms get.
    package var http: OutboundHTTP { OutboundHTTP { try await self.send($0) } }

    /// Sends a request and waits for the whole answer, whatever its status; redirects are answers. Cancelling the
    /// task ends the request. Throws `GatewayError` or `CancellationError`.
    package func send(_ request: OutboundRequest) async throws -> OutboundResponse {
        let url = try OutboundURL(request.url)
        guard request.body.count <= OutboundClient.bodyBytesMax else {
            throw GatewayError(.tooLarge, "an outbound body is at most \(OutboundClient.bodyBytesMax) bytes")
        }
        let head = try OutboundHead.make(request, url)
        let guardian: OutboundGuard? =
            switch request.reach {
            case .configured: nil
            case .guarded(let allowed): try OutboundGuard(allowing: allowed)
            case .hosts: .hosts
            }
        let (backend, turn) = try backend(url, request.trust)
        let loop = loops[Int(turn % UInt64(loops.count))]
        let promise = loop.eventLoop.makePromise(of: OutboundResponse.self)
        let rule = OutboundClient.rule(request)
        let call = NIOLoopBoundBox<LocalCall?>.makeEmptyBox(valueType: LocalCall.self, eventLoop: loop.eventLoop)
        let (bytesMax, body) = (request.responseBytesMax, request.body)
        // In this order, so that a task cancelled already finds the call to cancel.
        loop.eventLoop.execute {
            let worker = loop.worker.value
            let local = LocalCall(
                promise: promise, on: worker.eventLoop, responseBytesMax: bytesMax, reach: guardian)
            call.value = local
            local.call.begin(
                head, body: body.isEmpty ? [] : [ByteBuffer(bytes: body)], to: backend, rule: rule, on: worker,
                reader: local)
        }
        return try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            loop.eventLoop.execute { call.value?.abandon() }
        }
    }

    /// Timeouts, and nothing else a route would ask.
    private static func rule(_ request: OutboundRequest) -> CompiledRule {
        let milliseconds = min(max(request.timeoutMilliseconds, 1), timeoutMillisecondsMax)
        var timeouts = RouteTimeouts()
        timeouts.totalNanoseconds = UInt64(milliseconds) * 1_000_000
        timeouts.connectNanoseconds = min(timeouts.connectNanoseconds, timeouts.totalNanoseconds)
        return CompiledRule(
            routeName: "outbound", ruleIndex: 0, metricSlot: 0, action: .forward([], totalWeight: 0),
            timeouts: timeouts)
    }

    // MARK: Origins

    private func backend(
        _ url: OutboundURL, _ trust: OutboundRequest.Trust
    ) throws(GatewayError) -> (CompiledBackend, UInt64) {
        let origin = Origin(
            isTLS: url.isTLS, host: url.host, port: url.port, trust: url.isTLS ? trust : .system)
        let (found, turn) = state.withLock { state -> (CompiledBackend?, UInt64) in
            state.turn &+= 1
            state.known[origin]?.lastUse = state.turn
            return (state.known[origin]?.backend, state.turn)
        }
        if let found { return (found, turn) }
        let made = try OutboundClient.make(origin, serial: turn)
        directory.pin(made)
        let (backend, dropped) = state.withLock { state -> (CompiledBackend, [CompiledBackend]) in
            if let other = state.known[origin] { return (other.backend, [made]) }
            state.known[origin] = Known(backend: made, lastUse: turn)
            guard state.known.count > OutboundClient.originsMax,
                let oldest = state.known.min(by: { $0.value.lastUse < $1.value.lastUse })
            else { return (made, []) }
            state.known[oldest.key] = nil
            return (made, [oldest.value.backend])
        }
        for backend in dropped { directory.unpin(backend) }
        return (backend, turn)
    }

    private static func make(_ origin: Origin, serial: UInt64) throws(GatewayError) -> CompiledBackend {
        var circuit = CircuitLimits()
        circuit.requestsMax = requestsAtOnceMax
        var transport = UpstreamTransport(http: .http1)
        if origin.isTLS {
            transport = UpstreamTransport(
                http: .negotiated,
                tls: UpstreamTLS(
                    context: try context(origin.trust), serverName: nil, fingerprint: "outbound-\(serial)"))
        }
        let name = "outbound/\(origin.isTLS ? "https" : "http")://\(origin.host):\(origin.port)/\(serial)"
        return CompiledBackend(
            name: name, metricSlot: 0, endpoints: [EndpointSpec(host: origin.host, port: origin.port)],
            transport: transport, circuit: circuit)
    }

    private static func context(_ trust: OutboundRequest.Trust) throws(GatewayError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["h2", "http/1.1"]
        do {
            if case .authorities(let pem) = trust {
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(pem))
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw GatewayError(.invalidCertificate, "the authorities cannot be used", cause: "\(error)")
        }
    }
}
