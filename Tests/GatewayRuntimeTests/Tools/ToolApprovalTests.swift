import Crypto
import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import NIOCore
import Synchronization
import Testing

@Suite("people hear of calls that wait, and what they approve is done once", .timeLimit(.minutes(1)))
struct ToolApprovalTests {
    /// What came to a receiver, which answers with 503 first.
    private final class Receiver: Sendable {
        let messages = Mutex<[MockRequest]>([])

        func start() async throws -> MockHTTPServer {
            var options = MockHTTPServer.Options()
            options.answer = { _ in
                [
                    .awaitBody,
                    .answer { [self] request in
                        let count = messages.withLock { messages in
                            messages.append(request)
                            return messages.count
                        }
                        return [.head(count == 1 ? 503 : 204, []), .end([])]
                    },
                ]
            }
            return try await MockHTTPServer.start(options)
        }
    }

    private static func policy(_ port: Int) -> String {
        """
        ---
        apiVersion: v1
        kind: Secret
        metadata: {name: hook}
        stringData: {key: "whsec_\(Data("0123456789abcdef".utf8).base64EncodedString())"}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ToolAccessPolicy
        metadata: {name: told}
        spec:
          subjects: [{group: told}]
          rules: [{server: demo, tools: ["delete_*"], verdict: ask}]
          approvals:
            webhook:
              url: "http://127.0.0.1:\(port)/hook"
              signingSecret: {secretRef: {name: hook}}
              allowedAddresses: [127.0.0.0/8]
              adminURL: "https://admin.example/sluice"
        """
    }

    private func call(_ stand: ToolRoomTests.Stand, _ key: String) async throws -> CompletedResponse {
        try await stand.send(key, "tools/call", "\"name\":\"delete_all\",\"arguments\":{\"n\":1}", name: "delete_all")
    }

    /// A client that can ask its user, or says so. `meta` and `more` are members of `_meta` and of the params.
    private func asking(
        _ stand: ToolRoomTests.Stand, _ key: String, can: String = "\"elicitation\":{\"form\":{}}", meta: String = "",
        more: String = "", fields added: [(String, String)] = []
    ) async throws -> CompletedResponse {
        let body = """
            {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_all","arguments":{"n":1}\(more),\
            "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",\
            "io.modelcontextprotocol/clientCapabilities":{\(can)}\(meta)}}}
            """
        let fields =
            [
                ("authorization", "Bearer \(key)"), ("content-type", "application/json"),
                ("accept", "application/json, text/event-stream"), ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "tools/call"), ("mcp-name", "delete_all"),
            ] + added
        return try await stand.post("/mcp/demo", fields.map { Header($0.0, $0.1) }, body)
    }

    @Test func `a client is not asked about calls that only an operator approves`() async throws {
        let more = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: operators}
            spec:
              subjects: [{group: watched}]
              rules: [{server: demo, tools: ["delete_*"], verdict: ask, approvers: [operator]}]
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: callers}
            spec:
              subjects: [{group: trusted}]
              rules: [{server: demo, tools: ["delete_*"], verdict: ask}]
            """
        try await ToolRoomTests.run(more: more) { stand in
            let trusted = try await asking(stand, try stand.key("alice", groups: ["trusted"]))
            #expect(trusted.text.contains("\"input_required\""), "\(trusted.text)")
            let watched = try await asking(stand, try stand.key("bob", groups: ["watched"]))
            #expect(try ToolRoomTests.code(watched) == 3021, "\(watched.text)")
            #expect(!watched.text.contains("inputRequests"))
            #expect(stand.toolCalls.isEmpty)
        }
    }

    /// Clients number their calls in `_meta`, and would else need an approval each time.
    @Test func `by an approval the server gets the _meta that was shown, whatever the call says then`() async throws {
        try await ToolRoomTests.run { stand in
            let key = try stand.key("alice")
            let first = try await asking(stand, key, can: "", meta: ",\"com.example/for\":\"a\",\"progressToken\":1")
            #expect(try ToolRoomTests.code(first) == 3021, "\(first.text)")
            let book = stand.gateway.process.state.tools
            let item = try #require(book.approvals().first)
            #expect(item.meta == "{\"com.example/for\":\"a\"}" && item.arguments == "{\"n\":1}")
            let now = Int(Date().timeIntervalSince1970)
            _ = try book.decide(item.id, isApproved: true, by: "test", nowSeconds: now)
            let second = try await asking(
                stand, key, can: "",
                meta: ",\"com.example/for\":\"b\",\"com.example/all\":true,\"progressToken\":2,\"tracestate\":\"v=1\"")
            #expect(second.text.contains("done"), "\(second.text)")
            let body = try #require(stand.toolCalls.first?.body)
            #expect(body.contains("\"com.example/for\":\"a\"") && !body.contains("com.example/all"), "\(body)")
            #expect(body.contains("\"progressToken\":2") && body.contains("\"tracestate\":\"v=1\""), "\(body)")
            #expect(stand.toolCalls.count == 1)
        }
    }

    @Test func `what else the server gets is part of the call that is approved`() async throws {
        try await ToolRoomTests.run { stand in
            let key = try stand.key("alice")
            #expect(try ToolRoomTests.code(try await asking(stand, key, can: "")) == 3021)
            let book = stand.gateway.process.state.tools
            let item = try #require(book.approvals().first)
            let now = Int(Date().timeIntervalSince1970)
            _ = try book.decide(item.id, isApproved: true, by: "test", nowSeconds: now)
            let answers = ",\"inputResponses\":{\"all\":{\"action\":\"accept\"}}"
            for more in [answers, ",\"force\":true"] {
                let other = try await asking(stand, key, can: "", more: more)
                #expect(try ToolRoomTests.code(other) == 3021, "\(other.text)")
                #expect(book.approvals().contains { $0.others == "{\(more.dropFirst())}" })
            }
            let field = try await asking(stand, key, can: "", fields: [("mcp-param-force", "yes")])
            #expect(try ToolRoomTests.code(field) == 3021, "\(field.text)")
            let twice = try await asking(stand, key, can: "", meta: ",\"x\":{\"a\":1,\"a\":2}")
            #expect(try ToolRoomTests.code(twice) == -32602, "\(twice.text)")
            #expect(stand.toolCalls.isEmpty)
            #expect(try await asking(stand, key, can: "").text.contains("done"))
        }
    }

    @Test func `who answers with a state that is too old is told, and what was asked is still open`() async throws {
        try await ToolRoomTests.run { stand in
            let key = try stand.key("alice")
            #expect(try await asking(stand, key).text.contains("input_required"))
            let book = stand.gateway.process.state.tools
            let item = try #require(book.approvals().first)
            let accept = "{\"approval\":{\"action\":\"accept\",\"content\":{\"approve\":true}}}"
            let late = try await asking(stand, key, more: ",\"requestState\":\"old\",\"inputResponses\":\(accept)")
            #expect(try ToolRoomTests.code(late) == -32602 && late.text.contains("call anew"), "\(late.text)")
            #expect(book.approvals().map(\.id) == [item.id])
            #expect(try await asking(stand, key).text.contains(item.id))
            #expect(stand.toolCalls.isEmpty)
        }
    }

    @Test func `a receiver is told, decides, and the call runs once`() async throws {
        let receiver = Receiver()
        let hook = try await receiver.start()
        try await ToolRoomTests.run(more: Self.policy(hook.port)) { stand in
            let key = try stand.key("alice", groups: ["told"])
            #expect(try ToolRoomTests.code(try await call(stand, key)) == 3021)
            // Asked again, it is the same item, and nobody is told twice.
            #expect(try ToolRoomTests.code(try await call(stand, key)) == 3021)
            try await eventually("it is told, after a refusal") { receiver.messages.withLock { $0.count } == 2 }
            let messages = receiver.messages.withLock { $0 }
            let message = try #require(messages.last)
            #expect(messages.first?.headers.first("webhook-id") == message.headers.first("webhook-id"))
            let id = try #require(message.headers.first("webhook-id"))
            let time = try #require(message.headers.first("webhook-timestamp"))
            let code = HMAC<SHA256>.authenticationCode(
                for: Array("\(id).\(time).".utf8) + message.body,
                using: SymmetricKey(data: Array("0123456789abcdef".utf8)))
            #expect(message.headers.first("webhook-signature") == "v1," + Data(code).base64EncodedString())
            let said = try #require(try JSONSerialization.jsonObject(with: Data(message.body)) as? [String: Any])
            #expect(said["type"] as? String == "approval.requested")
            let data = try #require(said["data"] as? [String: Any])
            #expect((data["caller"] as? [String: Any])?["user"] as? String == "alice")
            #expect(data["tool"] as? String == "delete_all" && data["arguments"] as? String == "{\"n\":1}")
            let approval = try #require(data["id"] as? String)
            let url = (data["approve"] as? [String: Any])?["url"] as? String
            #expect(url == "https://admin.example/sluice/v1/approvals/\(approval)/approve")
            #expect(stand.toolCalls.isEmpty)
            let now = Int(Date().timeIntervalSince1970)
            _ = try stand.gateway.process.state.tools.decide(approval, isApproved: true, by: "hook", nowSeconds: now)
            #expect(try await call(stand, key).text.contains("done"))
            #expect(try ToolRoomTests.code(try await call(stand, key)) == 3021)
            #expect(stand.toolCalls.count == 1)
        }
        await hook.stop()
    }

    /// What is on the disk while the gateway runs is what SIGKILL leaves.
    @Test func `killed after an approved call, the gateway makes it no second time`() async throws {
        let (server, received) = try await ScriptedToolServer.start { _, _ in nil }
        let configuration = ToolRoomTests.configuration(server.port)
        let first = try await GatewayUnderTest.start(configuration)
        var stand = ToolRoomTests.Stand(gateway: first, received: received)
        let key = try stand.key("alice")
        #expect(try ToolRoomTests.code(try await call(stand, key)) == 3021)
        let book = first.process.state.tools
        let item = try #require(book.approvals().first)
        let now = Int(Date().timeIntervalSince1970)
        _ = try book.decide(item.id, isApproved: true, by: "test", nowSeconds: now)
        #expect(try await call(stand, key).text.contains("done"))

        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-killed-\(UUID().uuidString)")
        let state = folder.appending(path: "state")
        try FileManager.default.createDirectory(at: state, withIntermediateDirectories: true)
        for name in ["session.key", "state.db", "state.db-wal"] {
            try FileManager.default.copyItem(
                at: first.folder.appending(path: "state/\(name)"), to: state.appending(path: name))
        }
        let second = try await GatewayUnderTest.start(configuration, folder: folder)
        stand.gateway = second
        #expect(try second.process.state.tools.approval(item.id).state == .used)
        #expect(try ToolRoomTests.code(try await call(stand, key)) == 3021)
        #expect(stand.toolCalls.count == 1)
        try await first.stop()
        try await second.stop()
        await server.stop()
    }
}
