import Foundation
import GatewayRuntime
import GatewayWorkbench
import Testing

/// What would let one caller's bytes be read as another's request, found by review.
@Suite("Nobody's bytes become another's request", .timeLimit(.minutes(2)))
struct DesyncTests {
    @Test("CONNECT opens no tunnel through a route")
    func connect() async throws {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port))
        let connection = try await RawConnection.open(Destination(CallTarget(try gateway.url())))
        await connection.send(
            "CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\nconnection: close\r\n\r\n")
        let outcome = await connection.readUntilClose(timeoutMilliseconds: 10_000)
        #expect(String(decoding: outcome.bytes, as: UTF8.self).hasPrefix("HTTP/1.1 405 "))
        #expect(mock.journal.receivedCount == 0)
        try await gateway.stop()
        await mock.stop()
    }

    @Test("a POST is not sent again because it took too long")
    func postOnce() async throws {
        let mock = try await MockHTTPServer.start()
        let policy = Configuration.policy(
            "retry: {attempts: 2, on: [503, timeout, reset], backoff: {base: 1ms, max: 2ms}}\n"
                + "timeouts: {perTry: 300ms}")
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port) + "\n" + policy)
        let answer = try await WorkbenchClient().call(
            "POST", try gateway.url("/pay?delay=3000ms"), body: .text("x"), timeoutMilliseconds: 20_000)
        #expect(answer.status == 504)
        #expect(mock.journal.receivedCount == 1)
        try await gateway.stop()
        await mock.stop()
    }

    @Test("a browser may ask for leave without a credential, and nothing else passes")
    func preflight() async throws {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(
            Configuration.simple(mock.port) + "\n"
                + Configuration.policy(
                    "cors: {allowOrigins: [\"https://app.example\"], allowMethods: [GET]}\n"
                        + "authentication: {mode: Required, providers: [keys]}")
                + "\n" + """
                    ---
                    apiVersion: v1
                    kind: Secret
                    metadata: {name: keys}
                    stringData: {alice: key-of-alice}
                    ---
                    apiVersion: sluice.dev/v1alpha1
                    kind: IdentityProvider
                    metadata: {name: keys}
                    spec: {type: APIKey, apiKeys: {secretRef: {name: keys}}}
                    """)
        let origin = [Header("origin", "https://app.example"), Header("access-control-request-method", "GET")]
        let asked = try await WorkbenchClient().call("OPTIONS", try gateway.url("/"), headers: origin)
        #expect(asked.status == 204)
        #expect(asked.headers.first("access-control-allow-origin") == "https://app.example")
        #expect(try await WorkbenchClient().call("GET", try gateway.url("/")).status == 401)
        #expect(mock.journal.receivedCount == 0)
        try await gateway.stop()
        await mock.stop()
    }
}
