import GatewayWorkbench
import NIOCore
import Testing

@Suite("The load generator looks at every response", .timeLimit(.minutes(1)))
struct LoadGeneratorTests {
    @Test("counts what is right", arguments: [Destination.HTTPVersion.http1, .http2])
    func right(version: Destination.HTTPVersion) async throws {
        let server = try await MockHTTPServer.start()
        var plan = LoadPlan(url: "http://\(server.authority)")
        plan.connections = 3
        plan.requestsPerConnection = 100
        plan.streamsPerConnection = version == .http2 ? 4 : 1
        let report = await LoadGenerator(plan, client: WorkbenchClient(version: version)).run()
        #expect(report.verified == 300)
        #expect(report.failures == [:])
        #expect(report.connectionsOpened == 3)
        #expect(server.journal.completedCount == 300)
        #expect(report.percentileMicroseconds(50) > 0)
        await server.stop()
    }

    @Test("counts WebSocket messages")
    func webSocket() async throws {
        let server = try await MockHTTPServer.start()
        var plan = LoadPlan(url: "ws://\(server.authority)/ws")
        plan.kind = .webSocket
        plan.connections = 2
        plan.requestsPerConnection = 50
        let report = await LoadGenerator(plan).run()
        #expect(report.verified == 100)
        await server.stop()
    }

    @Test("notices a lost and a mixed answer")
    func wrong() async throws {
        var options = MockHTTPServer.Options()
        options.answer = { request in
            if request.target.hasSuffix("n=7") { return [.awaitBody, .close] }
            if request.target.hasSuffix("n=8") {
                return [
                    .awaitBody, .head(200, [Header("Content-Length", "8")]), .chunk(.init(string: "number 9")),
                    .end([]),
                ]
            }
            return nil
        }
        let server = try await MockHTTPServer.start(options)
        var plan = LoadPlan(url: "http://\(server.authority)")
        plan.connections = 1
        plan.requestsPerConnection = 20
        let report = await LoadGenerator(plan, client: WorkbenchClient(version: .http1)).run()
        #expect(report.verified == 18)
        #expect(report.failures["body number 9"] == 1)
        #expect(report.failed == 2)
        await server.stop()
    }

    @Test("opens a new connection after Connection: close")
    func reconnects() async throws {
        let server = try await MockHTTPServer.start()
        var plan = LoadPlan(url: "http://\(server.authority)")
        plan.connections = 1
        plan.requestsPerConnection = 5
        let standard = plan.request
        plan.request = { index in
            var request = standard(index)
            request.headers.append(Header("Connection", "close"))
            return request
        }
        let report = await LoadGenerator(plan, client: WorkbenchClient(version: .http1)).run()
        #expect(report.verified == 5)
        #expect(report.connectionsOpened == 5)
        await server.stop()
    }
}
