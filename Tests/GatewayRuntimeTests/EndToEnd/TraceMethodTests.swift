import GatewayControl
import GatewayModel
import GatewayRuntime
import GatewayWorkbench
import Testing

@Suite("What a client asks of proxies is answered by this one", .timeLimit(.minutes(1)))
struct TraceMethodTests {
    private static let versions = [Destination.HTTPVersion.http1, .http2]

    @Test("TRACE is refused, whatever it carries, and nothing is sent back", arguments: versions)
    func trace(_ version: Destination.HTTPVersion) async throws {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port))
        for hops in [[], [Header("max-forwards", "0")], [Header("max-forwards", "5")]] {
            let answer = try await WorkbenchClient(version: version).call(
                "TRACE", try gateway.url("/x"), headers: hops + [Header("x-secret", "sk-secret")])
            #expect(answer.status == 405 && answer.text.contains("SL-2011"))
            #expect(answer.headers.first("allow")?.contains("GET") == true)
            #expect(!answer.text.contains("sk-secret"))
        }
        #expect(mock.journal.receivedCount == 0)
        try await gateway.stop()
        await mock.stop()
    }

    @Test("whoever asks why is told that TRACE is refused")
    func explained() throws {
        let text = Array(Configuration.simple(9).utf8)
        let load = ConfigurationLoad(texts: [ConfigurationLoad.Text(bytes: text, file: "a.yaml")], mode: .tolerant)
        let question = AdminServices.Question(method: "TRACE", url: "http://localhost:8080/x")
        let answer = try Explanation.answer(question, objects: load.set)
        #expect(answer["decision"]?.string?.contains("405 SL-2011") == true)
    }

    @Test("OPTIONS counts its hops down, and ends where there are none left", arguments: versions)
    func options(_ version: Destination.HTTPVersion) async throws {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port))
        let client = WorkbenchClient(version: version)
        func ask(_ hops: String) async throws -> CompletedResponse {
            try await client.call("OPTIONS", try gateway.url("/x"), headers: [Header("max-forwards", hops)])
        }
        let last = try await ask("0")
        #expect(last.status == 204 && last.headers.first("allow")?.contains("OPTIONS") == true)
        #expect(mock.journal.receivedCount == 0)
        for (hops, left) in [("1", "0"), ("70", "69"), ("x", "x")] {
            #expect(try await ask(hops).status == 200)
            #expect(mock.journal.requests.last?.headers.all("max-forwards") == [left])
        }
        // It says nothing of other methods.
        let other = try await client.call("GET", try gateway.url("/x"), headers: [Header("max-forwards", "0")])
        #expect(other.status == 200)
        try await gateway.stop()
        await mock.stop()
    }
}
