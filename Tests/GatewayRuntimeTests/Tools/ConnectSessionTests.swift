import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("a client with a session is asked to connect on its call's stream", .timeLimit(.minutes(1)))
struct ConnectSessionTests {
    typealias Stand = ConnectTests.Stand

    /// A client of revision 2025-11-25, or of an earlier one.
    private struct Client {
        let stand: Stand
        let key: String
        let session: String
        let revision: String

        static func open(
            _ stand: Stand, _ key: String, can: String = "{\"elicitation\":{\"url\":{}}}",
            revision: String = "2025-11-25"
        ) async throws -> (client: Client?, answer: CompletedResponse) {
            let answer = try await stand.tools.post(
                "/mcp/demo", headers(key),
                """
                {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"\(revision)",\
                "capabilities":\(can),"clientInfo":{"name":"t","version":"1"}}}
                """)
            let session = answer.headers.first { $0.name == "mcp-session-id" }?.value
            return (session.map { Client(stand: stand, key: key, session: $0, revision: revision) }, answer)
        }

        static func headers(_ key: String) -> [Header] {
            [
                Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
                Header("accept", "application/json, text/event-stream"),
            ]
        }

        var headers: [Header] {
            Self.headers(key) + [Header("mcp-session-id", session), Header("mcp-protocol-version", revision)]
        }

        func post(_ body: String) async throws -> CompletedResponse {
            try await stand.tools.post("/mcp/demo", headers, body)
        }

        /// Begins a request whose answer is read event by event.
        func stream(_ method: String, _ body: String) async throws -> (ClientConnection, Events) {
            let connection = try await WorkbenchClient().connection(try stand.tools.gateway.url("/mcp/demo"))
            let request = CallRequest(
                method, "/mcp/demo", headers: headers, body: body.isEmpty ? .none : .bytes(Array(body.utf8)))
            let response = try await connection.start(request)
            return (connection, Events(response.body))
        }
    }

    /// Messages of a stream, read as they come.
    private struct Events: Sendable {
        private let messages: AsyncThrowingStream<String, any Error>

        init(_ body: ResponseBody) {
            let (messages, continuation) = AsyncThrowingStream<String, any Error>.makeStream()
            self.messages = messages
            let reading = Task {
                var text = ""
                do {
                    for try await chunk in body {
                        text += chunk.text
                        while let end = text.firstRange(of: "\n\n") {
                            let lines = text[..<end.lowerBound].split(separator: "\n")
                            text = String(text[end.upperBound...])
                            for line in lines where line.hasPrefix("data: {") {
                                continuation.yield(String(line.dropFirst(6)))
                            }
                        }
                    }
                    continuation.finish()
                } catch { continuation.finish(throwing: error) }
            }
            continuation.onTermination = { _ in reading.cancel() }
        }

        func next() async throws -> [String: Any] {
            for try await text in messages {
                let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
                return try #require(object as? [String: Any])
            }
            throw CallError.closedEarly
        }
    }

    private static let call = """
        {"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_weather","arguments":{}}}
        """

    private static func answer(_ question: [String: Any], _ result: String) throws -> String {
        let id = try #require(question["id"] as? String)
        return "{\"jsonrpc\":\"2.0\",\"id\":\"\(id)\",\"result\":\(result)}"
    }

    private static func params(_ message: [String: Any]) throws -> [String: Any] {
        try #require(message["params"] as? [String: Any], "\(message)")
    }

    @Test("the client is asked, told when it is done, and gets the result of its call")
    func asks() async throws {
        try await ConnectTests.run { stand in
            let key = try stand.tools.key("alice")
            let opened = try await Client.open(stand, key)
            let client = try #require(opened.client, "\(opened.answer.text)")
            let (connection, events) = try await client.stream("POST", Self.call)
            let question = try await events.next()
            #expect(question["method"] as? String == "elicitation/create")
            let params = try Self.params(question)
            #expect(params["mode"] as? String == "url" && params["message"] is String)
            let name = try #require(params["elicitationId"] as? String)
            let url = try #require(params["url"] as? String)
            #expect(url.contains("/oauth/connect/start?flow="))
            // Somebody else's word counts nothing.
            let other = try await Client.open(stand, try stand.tools.key("bob"))
            let stranger = try #require(other.client)
            _ = try await stranger.post(try Self.answer(question, "{\"action\":\"decline\"}"))
            #expect(try await client.post(try Self.answer(question, "{\"action\":\"accept\"}")).status == 202)
            try await stand.connect(key, as: "alice-there")
            let complete = try await events.next()
            #expect(complete["method"] as? String == "notifications/elicitation/complete")
            #expect(try Self.params(complete)["elicitationId"] as? String == name)
            let result = try await events.next()
            #expect(result["id"] as? Int == 7 && "\(result)".contains("done"), "\(result)")
            #expect(stand.server.callers == ["alice-there"])
            await connection.close()
        }
    }

    @Test("who says no, and who calls the call off, is not called for")
    func refusals() async throws {
        try await ConnectTests.run { stand in
            let key = try stand.tools.key("alice")
            let client = try #require(try await Client.open(stand, key).client)
            let (first, events) = try await client.stream("POST", Self.call)
            _ = try await client.post(try Self.answer(try await events.next(), "{\"action\":\"decline\"}"))
            let refused = try await events.next()
            #expect("\(refused)".contains("sluice connect demo"), "\(refused)")
            await first.close()
            for isAccepted in [true, false] {
                let (second, others) = try await client.stream("POST", Self.call)
                let question = try await others.next()
                let accept = try Self.answer(question, "{\"action\":\"accept\"}")
                if isAccepted { _ = try await client.post(accept) }
                _ = try await client.post(
                    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":7}}")
                // What was called off has no answer.
                await #expect(throws: CallError.closedEarly) { try await others.next() }
                // It is too late then.
                if !isAccepted { _ = try await client.post(accept) }
                await second.close()
            }
            try await stand.connect(key, as: "alice")
            #expect(stand.server.callers.isEmpty)
        }
    }

    @Test("a call whose key is revoked while its user connects is not made")
    func revoked() async throws {
        try await ConnectTests.run { stand in
            let key = try stand.tools.key("alice")
            let keys = stand.tools.gateway.process.state.keys
            let id = try #require(keys.all().first { $0.user == "alice" }).id
            let other = try stand.tools.key("alice")
            let client = try #require(try await Client.open(stand, key).client)
            let (connection, events) = try await client.stream("POST", Self.call)
            let question = try await events.next()
            _ = try await client.post(try Self.answer(question, "{\"action\":\"accept\"}"))
            _ = try keys.set(id, .revoked, nowSeconds: 1_800_000_000)
            try await stand.connect(other, as: "alice")
            // Its stream is cut within a tick of the revocation; until then it is told.
            do {
                let complete = try await events.next()
                #expect(complete["method"] as? String == "notifications/elicitation/complete")
                let refused = try await events.next()
                #expect("\(refused)".contains("credential has ended"), "\(refused)")
            } catch CallError.closedEarly {}
            #expect(stand.server.callers.isEmpty)
            await connection.close()
        }
    }

    @Test("the end of a session ends what waits in it, and what it would be told")
    func ended() async throws {
        try await ConnectTests.run { stand in
            let key = try stand.tools.key("alice")
            let client = try #require(try await Client.open(stand, key).client)
            let (connection, events) = try await client.stream("POST", Self.call)
            let question = try await events.next()
            _ = try await client.post(try Self.answer(question, "{\"action\":\"accept\"}"))
            let ended = try await WorkbenchClient().call(
                "DELETE", try stand.tools.gateway.url("/mcp/demo"), headers: client.headers)
            #expect(ended.status == 204)
            await #expect(throws: CallError.closedEarly) { try await events.next() }
            try await stand.connect(key, as: "alice")
            #expect(stand.server.callers.isEmpty)
            await connection.close()
        }
    }

    @Test("a client that asks for lists again and again is told by one name, and its user's calls still wait")
    func polled() async throws {
        try await ConnectTests.run { stand in
            let key = try stand.tools.key("alice")
            let client = try #require(try await Client.open(stand, key).client)
            var names: Set<String> = []
            for _ in 0..<80 {
                let answer = try ToolRoomTests.object(
                    try await client.post("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"))
                let error = try #require(answer["error"] as? [String: Any], "\(answer)")
                let data = try #require(error["data"] as? [String: Any])
                let elicitation = try #require((data["elicitations"] as? [[String: Any]])?.first)
                names.insert(try #require(elicitation["elicitationId"] as? String))
            }
            #expect(names.count == 1)
            let (connection, events) = try await client.stream("POST", Self.call)
            let question = try await events.next()
            _ = try await client.post(try Self.answer(question, "{\"action\":\"accept\"}"))
            try await stand.connect(key, as: "alice")
            #expect(try await events.next()["method"] as? String == "notifications/elicitation/complete")
            #expect("\(try await events.next())".contains("done"))
            await connection.close()
        }
    }

    @Test("a list says which URL has to be opened first, and the session's stream when that is done")
    func lists() async throws {
        try await ConnectTests.run { stand in
            let key = try stand.tools.key("alice")
            let client = try #require(try await Client.open(stand, key).client)
            let (connection, events) = try await client.stream("GET", "")
            let list = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"
            let answer = try ToolRoomTests.object(try await client.post(list))
            let error = try #require(answer["error"] as? [String: Any], "\(answer)")
            #expect(error["code"] as? Int == -32_042)
            let data = try #require(error["data"] as? [String: Any])
            let elicitation = try #require((data["elicitations"] as? [[String: Any]])?.first)
            #expect(elicitation["mode"] as? String == "url" && elicitation["url"] is String)
            let name = try #require(elicitation["elicitationId"] as? String)
            try await stand.connect(key, as: "alice")
            let complete = try await events.next()
            #expect(complete["method"] as? String == "notifications/elicitation/complete")
            #expect(try Self.params(complete)["elicitationId"] as? String == name)
            #expect(try await events.next()["method"] as? String == "notifications/tools/list_changed")
            #expect(try await client.post(list).text.contains("get_weather"))
            await connection.close()
        }
    }

    @Test(
        "clients that know no URLs are refused as before",
        arguments: [
            ("{}", "2025-11-25"), ("{\"elicitation\":{}}", "2025-11-25"),
            ("{\"elicitation\":{\"url\":{}}}", "2025-06-18"),
        ])
    func older(_ can: String, _ revision: String) async throws {
        try await ConnectTests.run { stand in
            let opened = try await Client.open(stand, try stand.tools.key("alice"), can: can, revision: revision)
            #expect(opened.client == nil && opened.answer.text.contains("SL-3023"), "\(opened.answer.text)")
        }
    }
}
