import GatewayIdentity
import GatewayWorkbench
import Testing

@Suite("tokens for somebody else open a server by no path", .timeLimit(.minutes(1)))
struct ToolAudienceTests {
    /// The protected server again, and another that is open to whom the route believes.
    private static func together(_ port: Int) -> String {
        """

        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: all}
        spec:
          parentRefs: [{name: edge}]
          rules:
            - matches: [{path: {type: PathPrefix, value: /mcp}}]
              backendRefs:
                - {group: sluice.dev, kind: MCPServer, name: demo}
                - {group: sluice.dev, kind: MCPServer, name: open}
            - matches: [{path: {type: PathPrefix, value: /mcp/selection}}]
              backendRefs: [{group: sluice.dev, kind: MCPServer, name: selection}]
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: TrafficPolicy
        metadata: {name: who-all}
        spec:
          targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: all}]
          authentication: {providers: [login]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPServer
        metadata: {name: open}
        spec: {http: {url: "http://127.0.0.1:\(port)/mcp"}}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPServer
        metadata: {name: selection}
        spec: {virtual: {include: [{server: "*"}]}}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ToolAccessPolicy
        metadata: {name: open}
        spec: {subjects: [{any: true}], rules: [{server: open}]}
        """
    }

    @Test(arguments: ["/mcp", "/mcp/selection"])
    func `beside others it is there only for its own tokens`(path: String) async throws {
        let key = SigningKey(.p256)
        let (server, received) = try await ScriptedToolServer.start { _, _ in nil }
        let gateway = try await GatewayUnderTest.start(
            ToolViewTests.protected(server.port, key) + Self.together(server.port))
        let stand = ToolRoomTests.Stand(gateway: gateway, received: received)
        do {
            func tell(_ audience: String) async throws -> (list: String, call: String) {
                let token = try ToolViewTests.token(key, audience, scope: "tools:read")
                let call = try await stand.send(
                    token, "tools/call", "\"name\":\"demo__get_weather\"", path: path, name: "demo__get_weather")
                return (try await stand.send(token, "tools/list", path: path).text, call.text)
            }
            let other = try await tell("sluice")
            #expect(other.list.contains("open__get_weather") && !other.list.contains("demo__"), "\(other.list)")
            #expect(other.call.contains("-32602"), "\(other.call)")
            #expect(stand.toolCalls.isEmpty)
            let own = try await tell(ToolViewTests.resource)
            #expect(own.list.contains("open__get_weather") && own.list.contains("demo__"), "\(own.list)")
            #expect(own.call.contains("done"), "\(own.call)")
        } catch {
            try await gateway.stop()
            await server.stop()
            throw error
        }
        try await gateway.stop()
        await server.stop()
    }
}
