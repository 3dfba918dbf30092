import GatewayModel
import GatewayWorkbench
import Testing

@Suite("The access log says why a backend gave no answer", .timeLimit(.minutes(1)))
struct CauseTests {
    private func entry(_ configuration: String, status: Int) async throws -> (error: String, cause: String) {
        let gateway = try await GatewayUnderTest.start(configuration)
        let answer = try await WorkbenchClient().call("GET", try gateway.url())
        #expect(answer.status == status, "\(answer.text)")
        let line = try #require(try await gateway.stopAndReadLog().first)
        let cause = line["error_cause"] as? String ?? ""
        // The client is told what, not why.
        #expect(!cause.isEmpty && !answer.text.contains(cause))
        return (line["error"] as? String ?? "", cause)
    }

    @Test("a port where nothing listens")
    func refused() async throws {
        let gone = try await ScriptedBackend.start { _, _ in true }
        await gone.stop()
        let (error, cause) = try await entry(Configuration.simple(gone.port), status: 502)
        #expect(error == "SL-4005" && cause == "connection refused")
    }

    @Test("a name that DNS does not know")
    func unknownName() async throws {
        let backend = Configuration.backendObject("app", [1], host: "nowhere.invalid")
        let configuration = Configuration.gateway + "\n" + Configuration.route() + "\n" + backend
        let (error, cause) = try await entry(configuration, status: 503)
        #expect(error == "SL-4004" && cause.hasPrefix("nowhere.invalid: "))
    }

    @Test("what is no HTTP, and what is no TLS", arguments: [("", "SL-4008"), ("protocol: https", "SL-4005")])
    func strange(_ backend: String, _ code: String) async throws {
        let server = try await ScriptedBackend.start { peer, event in
            if case .bytes = event { peer.send("220 mail.example ESMTP\r\n\r\n") }
            return true
        }
        let (error, cause) = try await entry(Configuration.simple(server.port, backend: backend), status: 502)
        #expect(error == code)
        #expect(backend.isEmpty ? cause.count > 5 : cause == "TLS: wrong version number", "\(cause)")
        await server.stop()
    }

    @Test("an answer that is not whole")
    func cut() async throws {
        let server = try await ScriptedBackend.start { peer, event in
            if case .bytes = event {
                peer.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
                peer.close()
            }
            return true
        }
        let gateway = try await GatewayUnderTest.start(Configuration.simple(server.port))
        _ = try? await WorkbenchClient().call("GET", try gateway.url())
        let line = try #require(try await gateway.stopAndReadLog().first)
        #expect(line["error"] as? String == "SL-4006")
        #expect(line["error_cause"] as? String == "the connection ended before the answer did")
        await server.stop()
    }

    @Test("an attempt that the budget of retries does not let be repeated")
    func budget() async throws {
        let gone = try await ScriptedBackend.start { _, _ in true }
        await gone.stop()
        let retry = "retry: {attempts: 3, on: [connect-failure], budgetPercent: 0, budgetMinPerSecond: 0}"
        let configuration = Configuration.simple(gone.port, more: Configuration.policy(retry))
        let (error, cause) = try await entry(configuration, status: 503)
        #expect(error == "SL-4010" && cause == "connection refused")
    }
}
