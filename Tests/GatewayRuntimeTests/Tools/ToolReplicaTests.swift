import Foundation
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("a client with a sealed session goes on at another replica", .timeLimit(.minutes(1)))
struct ToolReplicaTests {
    private static func send(
        _ gateway: GatewayUnderTest, _ key: String, _ body: String, session: String? = nil
    ) async throws -> CompletedResponse {
        var headers = [
            Header("authorization", "Bearer \(key)"), Header("content-type", "application/json"),
            Header("accept", "application/json, text/event-stream"),
        ]
        if let session { headers.append(Header("mcp-session-id", session)) }
        return try await WorkbenchClient().call(
            "POST", try gateway.url("/mcp/demo"), headers: headers, body: .bytes(Array(body.utf8)))
    }

    @Test(arguments: [Set([MCPRevision.november2025]), [.july2026]])
    func `when the one that opened it is gone`(_ revisions: Set<MCPRevision>) async throws {
        var options = MockToolServer.Options()
        options.revisions = revisions
        let server = try await MockToolServer.start(options)
        let configuration = """
            apiVersion: sluice.dev/v1alpha1
            kind: MCPServer
            metadata: {name: demo}
            spec: {http: {url: "http://127.0.0.1:\(server.port)/mcp"}}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: all}
            spec: {subjects: [{any: true}], rules: [{server: demo}]}
            """
        let first = try await GatewayUnderTest.start(configuration)
        // Replicas share the secret of their state folder, and nothing else.
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-replica-\(UUID().uuidString)")
        let state = folder.appending(path: "state")
        try FileManager.default.createDirectory(at: state, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: first.folder.appending(path: "state/session.key"), to: state.appending(path: "session.key"))
        let second = try await GatewayUnderTest.start(configuration, folder: folder)
        func key(_ gateway: GatewayUnderTest) throws -> String {
            var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
            draft.user = "alice"
            return try gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
        }
        let opened = try await Self.send(
            first, try key(first),
            """
            {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",\
            "capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
            """)
        let session = try #require(opened.headers.first { $0.name == "mcp-session-id" }?.value, "\(opened.text)")
        try await first.stop()
        let answer = try await Self.send(
            second, try key(second),
            """
            {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"still here"}}}
            """, session: session)
        #expect(answer.status == 200 && answer.text.contains("still here"), "\(answer.status) \(answer.text)")
        // The server was not asked for a second session.
        if revisions == [.november2025] { #expect(server.journal.count("initialize") == 1) }
        try await second.stop()
        await server.stop()
        try? FileManager.default.removeItem(at: folder)
    }
}
