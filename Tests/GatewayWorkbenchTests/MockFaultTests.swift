import GatewayWorkbench
import Testing

@Suite("The mock breaks in the way it is told, and the client says how", .timeLimit(.minutes(1)))
struct MockFaultTests {
    @Test(
        "each fault has its own face",
        arguments: [
            (MockFault.reset, CallError.reset), (.close, .closedEarly), (.silent, .timedOut(milliseconds: 300)),
            (.resetBody, .reset), (.truncate, .closedEarly), (.truncateChunked, .closedEarly),
            (.stallBody, .timedOut(milliseconds: 300)), (.stallHead, .timedOut(milliseconds: 300)),
        ])
    func faces(fault: MockFault, error: CallError) async throws {
        let server = try await MockHTTPServer.start()
        let client = WorkbenchClient(version: .http1)
        // Only what has to wait for the bound gets a short one: a busy machine is no fault.
        let isTimeout = error == .timedOut(milliseconds: 300)
        await #expect(throws: error) {
            try await client.call(
                "GET", "http://\(server.authority)/?fault=\(fault.rawValue)",
                timeoutMilliseconds: isTimeout ? 300 : 20_000)
        }
        await server.stop()
    }

    @Test(
        "what breaks the protocol is a protocol error",
        arguments: [MockFault.badChunk, .badLength, .garbage, .badHeader, .badStatus, .twoLengths])
    func broken(fault: MockFault) async throws {
        let server = try await MockHTTPServer.start()
        let client = WorkbenchClient(version: .http1)
        let error = await #expect(throws: CallError.self) {
            try await client.call("GET", "http://\(server.authority)/?fault=\(fault.rawValue)")
        }
        guard case .protocolError? = error else {
            Issue.record("\(fault) came as \(String(describing: error))")
            return
        }
        await server.stop()
    }

    @Test("bodies may end with the connection", arguments: [MockFault.untilClose, .http10])
    func untilClose(fault: MockFault) async throws {
        let server = try await MockHTTPServer.start()
        let client = WorkbenchClient(version: .http1)
        let response = try await client.call("GET", "http://\(server.authority)/?fault=\(fault.rawValue)")
        #expect(response.text == "until close")
        #expect(response.proto == (fault == .http10 ? "HTTP/1.0" : "HTTP/1.1"))
        await server.stop()
    }

    @Test("over HTTP/2 a fault resets the stream and leaves the connection")
    func http2() async throws {
        let server = try await MockHTTPServer.start()
        let connection = try await WorkbenchClient(version: .http2).connection("http://\(server.authority)")
        let error = await #expect(throws: CallError.self) {
            try await connection.run(CallRequest("GET", "/?fault=reset"))
        }
        guard case .streamReset? = error else {
            Issue.record("came as \(String(describing: error))")
            return
        }
        let response = try await connection.run(CallRequest("GET", "/"))
        #expect(response.status == 200)
        await connection.close()
        await server.stop()
    }

    @Test("a request that is cut off is in the journal as incomplete")
    func incomplete() async throws {
        let server = try await MockHTTPServer.start()
        let raw = try await RawConnection.open(host: "127.0.0.1", port: server.port)
        await raw.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        try await server.journal.wait(received: 1)
        #expect(server.journal.requests.first?.complete == false)
        await raw.close()
        let again = try await WorkbenchClient(version: .http1).call("GET", "http://\(server.authority)/")
        #expect(again.status == 200)
        let first = try #require(server.journal.requests.first)
        #expect(first.complete == false)
        #expect(first.target == "/upload")
        #expect(first.headers == [Header("Host", "a"), Header("Content-Length", "10")])
        #expect(server.journal.completedCount == 1)
        await server.stop()
    }
}
