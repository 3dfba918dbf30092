import GatewayModel

/// A user's leave for the gateway to use one server of tools. The tokens are sealed by whoever keeps it: the store
/// cannot read them.
package struct UpstreamConnection: Sendable, Equatable {
    /// Whose it is, and at which server: one connection each.
    package struct Key: Sendable, Hashable {
        /// Empty without one.
        package var tenant: String
        /// `user`, `agent` or `key`.
        package var kind: String
        package var name: String
        /// `namespace/name` of the MCPServer.
        package var server: String

        package init(tenant: String, kind: String, name: String, server: String) {
            self.tenant = tenant
            self.kind = kind
            self.name = name
            self.server = server
        }

        /// By bytes: names that merely look the same are two users.
        package static func == (left: Key, right: Key) -> Bool {
            left.tenant.isExactly(right.tenant) && left.kind == right.kind && left.name.isExactly(right.name)
                && left.server.isExactly(right.server)
        }
    }

    package enum State: String, Sendable {
        case connected
        /// The authorization server does not honour it any more: the user has to connect again.
        case expired
    }

    package var key: Key
    /// Names it where a whole key would be too long.
    package var id: String
    package var issuer: String
    package var scopes: [String]
    package var state: State
    package var createdSeconds: Int
    package var changedSeconds: Int
    package var sealed: String

    package init(
        key: Key, id: String, issuer: String, scopes: [String], state: State = .connected, createdSeconds: Int,
        changedSeconds: Int, sealed: String
    ) {
        self.key = key
        self.id = id
        self.issuer = issuer
        self.scopes = scopes
        self.state = state
        self.createdSeconds = createdSeconds
        self.changedSeconds = changedSeconds
        self.sealed = sealed
    }
}
