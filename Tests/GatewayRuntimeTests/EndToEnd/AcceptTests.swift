import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayRuntime
import GatewayWorkbench
import Testing

@Suite("Connections count from the moment they are accepted", .timeLimit(.minutes(2)), .serialized)
struct AcceptTests {
    private static let policy = """
        apiVersion: sluice.dev/v1alpha1
        kind: ListenerPolicy
        metadata: {name: edge}
        spec:
          targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge}]
          proxyProtocol: {mode: Required, trustedFrom: [127.0.0.0/8]}
          connectionsMax: 3
        """

    /// Sockets that are open on the loops of a gateway.
    private func accepted(_ gateway: GatewayUnderTest) async throws -> Int {
        let count = Box(0)
        try await gateway.process.plane.onEachWorker { worker in
            let here = worker.view(connectionsMax: 0).connectionCount
            count.update { $0 += here }
        }
        return count.value
    }

    @Test("sockets that never finish their handshake hold the places of a port, over all loops")
    func silentSockets() async throws {
        var limits = Limits.standard
        limits.handshakeTimeoutMilliseconds = 600_000
        let gateway = try await GatewayUnderTest.start(
            Configuration.gateway + "\n" + Self.policy, loops: 2, limits: limits)
        var silent: [RawConnection] = []
        for _ in 0..<3 { silent.append(try await gateway.open()) }
        try await eventually("they are accepted") { try await accepted(gateway) == 3 }
        // It may be closed before its client is ready to see that: the gateway says what it did.
        let fourth = try? await gateway.open()
        try await eventually("the fourth is refused") {
            gateway.process.registry.total(.connectionsRefused) == 1
        }
        await fourth?.close()
        await silent[0].close()
        try await eventually("a place is free again") {
            guard let next = try? await gateway.open() else { return false }
            await next.send("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
            await next.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            return await next.readUntilClose(timeoutMilliseconds: 2_000).text.hasPrefix("HTTP/1.1 404")
        }
        for connection in silent { await connection.close() }
        try await gateway.stop()
    }

    @Test("a handshake has its time, and no more")
    func handshakeTime() async throws {
        var limits = Limits.standard
        limits.handshakeTimeoutMilliseconds = 100
        let gateway = try await GatewayUnderTest.start(Configuration.gateway + "\n" + Self.policy, limits: limits)
        let silent = try await gateway.open()
        #expect(await silent.readUntilClose(timeoutMilliseconds: 60_000).end != .open)
        try await gateway.stop()
    }
}
