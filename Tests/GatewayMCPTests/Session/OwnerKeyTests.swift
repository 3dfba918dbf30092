import GatewayModel
import GatewayState
import Testing

@testable import GatewayMCP

@Suite("no two callers have one key")
struct OwnerKeyTests {
    private static func caller(_ tenant: String?, user: String?, agent: String? = nil) -> Principal {
        Principal(proof: .token, tenant: tenant, user: user, agent: agent)
    }

    private static let callers = [
        caller(nil, user: "jos\u{E9}"), caller(nil, user: "jose\u{301}"), caller(nil, user: "a"),
        caller(nil, user: "a", agent: "b"), caller(nil, user: "a/agent b"), caller("t", user: "a"),
        caller(nil, user: nil, agent: "a"), caller("t/user a", user: nil, agent: "b"), caller(nil, user: "a debug"),
        caller(nil, user: "a%20debug"),
    ]

    @Test("whatever stands in their names, and however it is spelled")
    func keys() {
        #expect(Set(Self.callers.map(\.callerKey)).count == Self.callers.count)
        #expect(Self.caller("t", user: "ada@example.com").ownerKey == "t/user ada@example.com")
        let connections = Self.callers.map { UpstreamConnection.Key($0, server: "default/demo") }
        // An agent acts with its user's connections.
        #expect(Set(connections).count == Self.callers.count - 1)
        #expect(Set(connections.map(\.text)).count == Self.callers.count - 1)
    }
}
