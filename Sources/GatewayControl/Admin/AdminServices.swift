package import GatewayModel
package import GatewayRecords
package import GatewayState

/// What the admin API asks of a running gateway. Closures, so that Control knows nothing of the data plane; each one
/// answers "not here" until the runtime gives it.
package struct AdminServices: Sendable {
    /// Views of the data plane under `/debug`.
    package enum View: String, Sendable, CaseIterable {
        case connections, pools, endpoints, workers
    }

    /// A request whose way through the routes is asked for.
    package struct Question: Sendable, Equatable {
        package struct Field: Sendable, Equatable {
            package var name: String
            package var value: String
            package init(name: String, value: String) {
                self.name = name
                self.value = value
            }
        }

        package var method: String
        package var url: String
        package var fields: [Field]
        /// The client's address.
        package var source: String?

        package init(method: String, url: String, fields: [Field] = [], source: String? = nil) {
            self.method = method
            self.url = url
            self.fields = fields
            self.source = source
        }
    }

    /// The compiled snapshot; it holds no secret.
    package var snapshot: @Sendable () async -> ConfigNode?
    /// Which rule a request would get, and why not the others.
    package var explain: @Sendable (Question) async throws(GatewayError) -> ConfigNode?
    /// The conditions of an object, as the Gateway API's `status` says them.
    package var status: @Sendable (ObjectKey) -> ConfigNode?
    /// Facts for `/v1/status`: version, uptime, ports.
    package var facts: @Sendable () async -> [(String, ConfigNode)]
    package var isReady: @Sendable () -> Bool
    package var isDraining: @Sendable () -> Bool
    /// Begins to drain; the process ends when it is done.
    package var drain: (@Sendable () -> Void)?
    /// Reads the files again at once.
    package var reload: (@Sendable () async -> StoreOutcome)?
    package var view: @Sendable (View) async -> ConfigNode?
    package var metrics: (@Sendable (_ accept: String) -> (type: String, bytes: [UInt8]))?
    package var tap: Tap?
    package var traces: TraceBoard?
    /// Makes a token of the gateway; what is asked for, by whom, and what is made, as JSON.
    package var mint: (@Sendable (ConfigNode, AdminRequest) async throws(GatewayError) -> ConfigNode)?
    /// Lets something be believed no more, from now on.
    package var revoke: (@Sendable (Revocation, AdminRequest) async throws(GatewayError) -> Void)?
    /// Where changes, and readings of the log itself, are told.
    package var audit = AuditTrail.off
    /// Keys, usage and budgets.
    package var state: StateStore?

    /// A gateway that only keeps configuration.
    package init() {
        snapshot = { nil }
        explain = { _ in nil }
        status = { _ in nil }
        facts = { [] }
        isReady = { true }
        isDraining = { false }
        view = { _ in nil }
    }
}
