import GatewayWorkbench
import Testing

@Suite("The mock answers as the conformance suite's echo backend", .timeLimit(.minutes(1)))
struct MockEchoTests {
    @Test("echoes what it received", arguments: [Destination.HTTPVersion.http1, .http2])
    func echo(version: Destination.HTTPVersion) async throws {
        var options = MockHTTPServer.Options()
        options.pod = MockPod(namespace: "infra", ingress: "i", service: "s", pod: "infra-backend-v1-0-1")
        let server = try await MockHTTPServer.start(options)
        let client = WorkbenchClient(version: version)
        let response = try await client.call(
            "GET", "http://\(server.authority)/a//b?x=1", headers: [Header("x-one", "1"), Header("x-one", "2")])
        #expect(response.status == 200)
        #expect(response.headers.first("content-type") == "application/json")
        let proto = version == .http1 ? "HTTP/1.1" : "HTTP/2.0"
        #expect(response.text.contains("\"path\":\"/a//b?x=1\",\"host\":\"\(server.authority)\""))
        #expect(response.text.contains("\"method\":\"GET\",\"proto\":\"\(proto)\",\"headers\":{"))
        #expect(response.text.contains("\"X-One\":[\"1\",\"2\"]"))
        #expect(
            response.text.contains(
                "\"namespace\":\"infra\",\"ingress\":\"i\",\"service\":\"s\",\"pod\":\"infra-backend-v1-0-1\""))
        #expect(server.journal.receivedCount == 1)
        #expect(server.journal.requests.first?.complete == true)
        await server.stop()
    }

    @Test("runs many requests on one connection", arguments: [Destination.HTTPVersion.http1, .http2])
    func reuse(version: Destination.HTTPVersion) async throws {
        let server = try await MockHTTPServer.start()
        let client = WorkbenchClient(version: version)
        let connection = try await client.connection("http://\(server.authority)/")
        for index in 0..<50 {
            let response = try await connection.run(
                CallRequest("POST", "/echo?i=\(index)", body: .text("body \(index)")))
            #expect(response.text == "body \(index)")
        }
        #expect(server.journal.connectionCount == 1)
        #expect(server.journal.completedCount == 50)
        await connection.close()
        await server.stop()
    }

    @Test("sets headers, statuses, trailers and interim answers as asked")
    func knobs() async throws {
        let server = try await MockHTTPServer.start()
        let client = WorkbenchClient(version: .http1)
        let base = "http://\(server.authority)"
        let set = try await client.call(
            "GET", base + "/x", headers: [Header("X-Echo-Set-Header", "X-tEst:a,x-other:b,X-tEst:c")])
        #expect(set.headers.contains(Header("X-tEst", "a, c")))
        #expect(set.headers.contains(Header("x-other", "b")))
        #expect(try await client.call("GET", base + "/status/418").status == 418)
        #expect(try await client.call("HEAD", base + "/bytes?n=10").headers.first("Content-Length") == "10")
        #expect(try await client.call("GET", base + "/health").text == "OK")
        let trailers = try await client.call("GET", base + "/chunks?n=3&size=2&trailers=x-sum:6")
        #expect(trailers.text == "aabbcc")
        #expect(trailers.trailers == [Header("x-sum", "6")])
        let hints = try await client.call("GET", base + "/x?hints=100,103")
        #expect(hints.interim.map(\.status) == [100, 103])
        #expect(hints.status == 200)
        let slow = try await client.call("GET", base + "/x?delay=80ms&firstbyte=60ms")
        #expect(slow.headMicroseconds >= 80_000)
        #expect(slow.totalMicroseconds >= 140_000)
        let bytes = try await client.call("GET", base + "/bytes?n=100000")
        #expect(bytes.body.count == 100_000)
        #expect(bytes.body.enumerated().allSatisfy { $1 == UInt8(0x61 + $0 % 26) })
        await server.stop()
    }

    @Test("fails a retry by a reset and by a status")
    func retry() async throws {
        let server = try await MockHTTPServer.start()
        let client = WorkbenchClient(version: .http1)
        let reset = "http://\(server.authority)/retry/a?uuid=1&succeedAfter=1"
        await #expect(throws: CallError.reset) { try await client.call("GET", reset) }
        #expect(try await client.call("GET", reset).status == 200)
        let status = "http://\(server.authority)/retry/a?uuid=2&succeedAfter=2&responseCode=503"
        for expected in [503, 503, 200] {
            #expect(try await client.call("GET", status).status == expected)
        }
        await server.stop()
    }
}
