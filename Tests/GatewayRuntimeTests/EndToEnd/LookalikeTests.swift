import GatewayModel
import GatewayWorkbench
import Testing

/// CGI, WSGI, Rack and PHP read `x_user` and `x-user` as one name.
@Suite("No field reaches a backend that it may take for one of the gateway's own", .timeLimit(.minutes(1)))
struct LookalikeTests {
    private static let filters = """
        filters:
          - type: RequestHeaderModifier
            requestHeaderModifier:
              set: [{name: X-User, value: alice}, {name: x_tenant, value: t1}]
              add: [{name: x-via-team, value: edge}]
              remove: [x-role-name]
        """

    private static let sent = [
        Header("x_user", "mallory"), Header("x-tenant", "other"), Header("x_via-team", "mine"),
        Header("x_role_name", "admin"), Header("x-role_name", "admin"), Header("x_forwarded_for", "10.0.0.1"),
        Header("x-forwarded_proto", "https"), Header("x_real_ip", "10.0.0.1"), Header("x_request_id", "1"),
        Header("x_api_key", "k"), Header("transfer_encoding", "chunked"), Header("content_length", "9"),
        Header("x_user_name", "stays"), Header("under_score", "stays"), Header("x^user", "stays"),
    ]

    @Test(
        "names with underscores for dashes go where a filter or the gateway sets or removes the name itself",
        arguments: [Destination.HTTPVersion.http1, .http2])
    func lookalikes(_ version: Destination.HTTPVersion) async throws {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port, rule: Self.filters))
        let headers = Self.sent.map { version == .http1 ? Header($0.name.uppercased(), $0.value) : $0 }
        let answer = try await WorkbenchClient(version: version).call("GET", try gateway.url(), headers: headers)
        #expect(answer.status == 200, "\(answer.text)")
        let seen = try #require(mock.journal.requests.last).headers
        #expect(seen.all("x-user") == ["alice"] && seen.all("x_tenant") == ["t1"])
        #expect(seen.all("x-via-team") == ["edge"] && seen.all("x-forwarded-for") == ["127.0.0.1"])
        let gone = Self.sent.dropLast(3).map(\.name)
        #expect(gone.filter { seen.has($0) } == [])
        #expect(["x_user_name", "under_score", "x^user"].filter { seen.all($0) != ["stays"] } == [])
        try await gateway.stop()
        await mock.stop()
    }

    @Test("what a trusted proxy passes on of its own client is looked at too")
    func trusted() async throws {
        let mock = try await MockHTTPServer.start()
        let policy = """
            apiVersion: sluice.dev/v1alpha1
            kind: ListenerPolicy
            metadata: {name: hops}
            spec:
              targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: edge}]
              trustedHops: {count: 1}
            ---
            """
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port, more: policy))
        let headers = [Header("x-forwarded-for", "10.0.0.1"), Header("x_forwarded_for", "10.9.9.9")]
        let answer = try await WorkbenchClient().call("GET", try gateway.url(), headers: headers)
        #expect(answer.status == 200, "\(answer.text)")
        let seen = try #require(mock.journal.requests.last).headers
        #expect(seen.all("x-forwarded-for") == ["10.0.0.1, 127.0.0.1"] && !seen.has("x_forwarded_for"))
        try await gateway.stop()
        await mock.stop()
    }
}
