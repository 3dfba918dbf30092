import GatewayModel
import GatewayRecords
import GatewayWorkbench
import NIOCore
import Testing

@testable import GatewayProxy

@Suite("Every level goes back to nothing, whatever happened", .timeLimit(.minutes(1)))
struct GaugeTests {
    @Test("Levels rise and fall", arguments: [UpstreamTransport.HTTP.http1, .http2])
    func levels(_ http: UpstreamTransport.HTTP) async throws {
        var setup = Gate.Setup()
        setup.transport = UpstreamTransport(http: http)
        setup.mirrors = true
        setup.retry = RetryPolicy(attemptsMax: 1, statuses: [503])
        setup.timeouts.firstByteNanoseconds = 100_000_000
        setup.limits.upstreamIdleTimeoutMilliseconds = 200
        setup.limits.idleTimeoutMilliseconds = 200
        try await Gate.serving(setup) { (gate: Gate) async throws in
            let targets = [
                "/", "/status/503", "/status/204", "/?fault=reset", "/?fault=silent", "/?fault=truncate",
                "/bytes?n=100000",
                "/?fault=garbage", "/chunks?n=3",
            ]
            for version in [Destination.HTTPVersion.http1, .http2] {
                for target in targets { _ = try? await gate.call("GET", target, version: version) }
                _ = try? await gate.call("POST", "/", body: .text("hello"), version: version)
                _ = try? await gate.call("POST", "/", body: .steps([.bytes([1]), .abort]), version: version)
            }
            let client = try await WorkbenchClient().connection("http://127.0.0.1:\(gate.port)/")
            let response = try await client.start(CallRequest("GET", "/?fault=stall-body"))
            #expect(response.status == 200 || http == .http2)
            let during = try await gate.gauges()
            #expect(during[.connectionsActive] ?? 0 >= 1)
            #expect(during[.requestsActive] == 1)
            #expect(during[.upstreamConnectionsActive] ?? 0 >= 1)
            await client.close()
            try await gate.until { try await gate.gauges().allSatisfy { $0.value == 0 } }
            #expect(try await gate.counter(.upstreamConnections) > 0)
            #expect(try await gate.counter(.timeouts) > 0)
            #expect(try await gate.counter(.mirrored) > 0)
            #expect(try await gate.counter(.retries) > 0)
            #expect(try await gate.counter(.streamsOpened) >= 11)
        }
    }

    @Test("A backend that refuses connections is counted")
    func refused() async throws {
        try await Gate.serving(Gate.Setup()) { (gate: Gate) async throws in
            await gate.mock.stop()
            #expect(try await gate.call().status == 502)
            #expect(try await gate.counter(.upstreamConnectFailures) >= 1)
            try await gate.until { try await gate.gauges()[.upstreamPending] == 0 }
        }
    }

    @Test("Tunnels and waiting requests")
    func tunnels() async throws {
        try await Gate.serving(Gate.Setup()) { (gate: Gate) async throws in
            let raw = try await RawConnection.open(host: "127.0.0.1", port: gate.port)
            await raw.send(
                "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            try await gate.until { try await gate.gauges()[.tunnelsActive] == 1 }
            await raw.close()
            try await gate.until {
                let levels = try await gate.gauges()
                return levels[.tunnelsActive] == 0 && levels[.requestsActive] == 0
                    && levels[.upstreamConnectionsActive] == 0
            }
        }
    }
}
