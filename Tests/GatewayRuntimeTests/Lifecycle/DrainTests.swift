import GatewayModel
import GatewayProxy
import GatewayWorkbench
import Testing

@testable import GatewayRuntime

@Suite("A gateway that drains is still seen", .timeLimit(.minutes(1)))
struct DrainTests {
    @Test("metrics and readiness are served until the last request is answered, and no longer")
    func watched() async throws {
        let asked = Box<ScriptedBackend.Peer?>(nil)
        let backend = try await ScriptedBackend.start { peer, event in
            if case .bytes(let text) = event, text.hasSuffix("\r\n\r\n") { asked.set(peer) }
            return true
        }
        let gateway = try await GatewayUnderTest.start(Configuration.simple(backend.port))
        let own = try #require(gateway.process.plane.boundPorts[-3])
        let (url, port) = (try gateway.url(), try gateway.port())
        let slow = Task { try await WorkbenchClient().call("GET", url, timeoutMilliseconds: 30_000) }
        try await eventually("the request is under way") { asked.value != nil }
        let stopping = Task { try await gateway.stop() }
        // The port of the clients closes first.
        try await eventually("nobody is let in") {
            (try? await RawConnection.open(host: "127.0.0.1", port: port)) == nil
        }
        let client = WorkbenchClient()
        let ready = try await client.call("GET", "http://127.0.0.1:\(own)/readyz")
        #expect(ready.status == 503 && ready.text.contains("not ready"))
        for _ in 0..<2 {
            let metrics = try await client.call("GET", "http://127.0.0.1:\(own)/metrics")
            #expect(metrics.status == 200 && metrics.text.contains("sluice_requests"))
        }
        // Somebody who only watches does not hold the gateway up.
        let watcher = try await RawConnection.open(host: "127.0.0.1", port: own)
        asked.value?.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        #expect(try await slow.value.text == "ok")
        try await stopping.value
        _ = await watcher.readUntilClose(timeoutMilliseconds: 10_000)
        #expect((try? await RawConnection.open(host: "127.0.0.1", port: own)) == nil)
        await backend.stop()
    }
}
