package import GatewayIdentity
package import GatewayModel
package import GatewayPolicy
package import GatewayProxy
import GatewayState

/// One MCPServer, ready to be asked. Nothing of it depends on a caller.
package final class CompiledServer: Sendable {
    /// `namespace/name`.
    package let name: String
    /// `name` alone in the default namespace: what paths, policies and records say.
    package let shownName: String
    /// Under what things are kept of it: a server that moved is another one.
    let key: String
    /// What stands before `__` and its tools' names where several servers are shown together.
    package let prefix: String
    package let prefixMode: MCPPrefixMode
    package let `protocol`: MCPServerProtocol
    /// It is one of 2024-11-05; its `protocol` is then `session`.
    let isPair: Bool
    /// Where it is; of a process it says nothing.
    let url: OutboundURL
    /// It is a process; `backend` is then none.
    let process: StdioServer?
    /// It is an API, whose operations are its tools.
    let api: OpenAPIDocument?
    /// What opens the API.
    let apiCredential: Secret?
    package let backend: CompiledBackend
    /// The value of `Host`.
    let authority: [UInt8]
    /// Path and query of its endpoint.
    let target: [UInt8]
    /// Set on every request; names in lower case. A credential is among `secrets`.
    let fields: [HeaderEdits.Field]
    let secrets: [(name: [UInt8], value: Secret)]
    /// What fetches a credential in place of one that is written.
    let source: LiveCredential?
    /// The field a credential is sent in, in lower case.
    let credentialField: [UInt8]
    /// How long one request may take.
    let rule: CompiledRule
    /// The same for streams that stay open.
    let streamRule: CompiledRule
    let resultBytesMax: Int
    let toolsMax: Int
    /// How it is asked how it is; nil where nobody asks.
    let check: ActiveServerCheck?
    /// Why it cannot be asked at all: its certificates, say.
    package let problem: GatewayError?
    /// Of a protected server: where its tokens come from.
    package let connection: ConnectionSettings?
    /// Of a protected server, for one caller: how that one is let in.
    let access: ServerAccess?

    package init(
        metadata: ObjectMeta, spec: MCPServerSpec, url: OutboundURL, backend: CompiledBackend,
        credential: Secret? = nil, source: LiveCredential? = nil, connection: ConnectionSettings? = nil,
        process: StdioServer? = nil, api: OpenAPIDocument? = nil, problem: GatewayError? = nil
    ) {
        name = metadata.qualifiedName
        key = "\(metadata.qualifiedName) \(url.authority)\(url.target)"
        shownName = metadata.shownName
        prefix = CompiledServer.prefix(spec, shownName)
        prefixMode = spec.prefixMode
        self.process = process
        self.api = api
        apiCredential = api == nil ? nil : credential
        // Nearly all processes want to be greeted first; an API is asked by ourselves.
        let auto: MCPServerProtocol = process == nil ? .auto : .session
        isPair = spec.protocol == .sse && process == nil && api == nil
        self.url = url
        let said: MCPServerProtocol = spec.protocol == .sse ? .session : spec.protocol
        self.`protocol` = api != nil ? .stateless : said == .auto ? auto : said
        self.backend = backend
        self.problem = problem
        self.connection = connection
        access = nil
        // What cannot be asked at all is not asked how it is either.
        check = problem == nil ? spec.healthCheck.map { ActiveServerCheck($0) } : nil
        authority = Array(url.authority.utf8)
        target = Array(url.target.utf8)
        fields = (spec.http?.headers ?? []).map {
            HeaderEdits.Field(name: Array($0.name.lowercased().utf8), value: Array($0.value.utf8))
        }
        self.source = source
        let field = Array((spec.http?.credential?.header?.lowercased() ?? "authorization").utf8)
        credentialField = field
        secrets =
            (api == nil ? credential : nil).map { [(name: field, value: CompiledServer.value(of: $0, in: field))] }
            ?? []
        rule = CompiledServer.rule(spec.timeouts, isStream: false)
        streamRule = CompiledServer.rule(spec.timeouts, isStream: true)
        resultBytesMax = spec.limits.resultBytesMax.map { Int(clamping: $0.bytes) } ?? 16 * 1024 * 1024
        toolsMax = spec.limits.toolsMax
    }

    /// What stands in a field of that name.
    static func value(of key: Secret, in field: [UInt8]) -> Secret {
        field == authorization ? key.reveal { Secret(Array("Bearer ".utf8) + $0) } : key
    }

    /// What stands before the names of a server's tools.
    package static func prefix(_ spec: MCPServerSpec, _ shownName: String) -> String {
        spec.prefix ?? String(shownName.map { $0 == "/" || $0 == "." ? "-" : $0 })
    }

    private static let authorization = Array("authorization".utf8)

    /// The same server as a caller sees it; itself where all see the same.
    func opened(for principal: Principal, by connections: Connections?) -> CompiledServer {
        guard let connection, let connections else { return self }
        return CompiledServer(
            self, ServerAccess(connections: connections, settings: connection, principal: principal))
    }

    /// The same server as checks of its health see it: no token of anybody's is shown to it.
    var checked: CompiledServer { connection == nil ? self : CompiledServer(self, nil) }

    /// For metrics: where it is.
    package var address: String { process == nil ? url.authority : "process" }

    package var isChecked: Bool { check != nil }

    private init(_ other: CompiledServer, _ access: ServerAccess?) {
        name = other.name
        shownName = other.shownName
        // What it says of itself may be for this caller alone.
        key =
            switch access {
            case nil: "\(other.key) check"
            case let access? where access.settings.mode == .service: other.key
            case let access?: "\(other.key) \(UpstreamConnection.Key(access.principal, server: other.name).text)"
            }
        prefix = other.prefix
        prefixMode = other.prefixMode
        self.`protocol` = other.protocol
        isPair = other.isPair
        url = other.url
        process = other.process
        api = other.api
        apiCredential = other.apiCredential
        backend = other.backend
        authority = other.authority
        target = other.target
        fields = other.fields
        secrets = other.secrets
        source = other.source
        credentialField = other.credentialField
        rule = other.rule
        streamRule = other.streamRule
        resultBytesMax = other.resultBytesMax
        toolsMax = other.toolsMax
        problem = other.problem
        check = other.check
        connection = access == nil ? nil : other.connection
        self.access = access
    }

    private static func rule(_ spec: MCPTimeouts, isStream: Bool) -> CompiledRule {
        var timeouts = RouteTimeouts()
        timeouts.connectNanoseconds = nanoseconds(spec.connect, 5)
        timeouts.firstByteNanoseconds = nanoseconds(spec.response, 120)
        if !isStream { timeouts.totalNanoseconds = nanoseconds(spec.total, 600) }
        return CompiledRule(
            routeName: "tools", ruleIndex: 0, metricSlot: 0, action: .forward([], totalWeight: 0), timeouts: timeouts)
    }

    private static func nanoseconds(_ duration: ConfigDuration?, _ seconds: UInt64) -> UInt64 {
        duration.map { UInt64(max(0, $0.milliseconds)) * 1_000_000 } ?? seconds * 1_000_000_000
    }
}

/// Every server, and who may use what of them.
package struct ToolCatalog: Sendable {
    /// By name.
    package let servers: [CompiledServer]
    package let virtuals: [VirtualServer]
    /// By the names of servers, virtual ones too.
    package let authorizations: [String: ResourceAuthorization]
    package let access: ToolAccessTable
    package let governance: ToolGovernance
    /// Who is told of calls that wait, by the names of policies.
    package let hooks: [String: ApprovalHook]
    let budgets: ToolBudgets

    package init(
        servers: [CompiledServer], virtuals: [VirtualServer] = [],
        authorizations: [String: ResourceAuthorization] = [:], access: ToolAccessTable,
        governance: ToolGovernance = .none, hooks: [String: ApprovalHook] = [:],
        budgets: ToolBudgets = .none
    ) {
        self.budgets = budgets
        self.hooks = hooks
        self.servers = servers
        self.virtuals = virtuals
        self.authorizations = authorizations
        self.access = access
        self.governance = governance
    }

    package static let empty = ToolCatalog(servers: [], access: .empty)

    package func server(_ shownName: String) -> CompiledServer? { servers.first { $0.shownName == shownName } }
}
