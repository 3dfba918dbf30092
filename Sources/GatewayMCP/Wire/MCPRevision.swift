/// A revision of the protocol, oldest first.
package enum MCPRevision: String, Sendable, CaseIterable, Comparable {
    /// HTTP+SSE; of servers only.
    case v20241105 = "2024-11-05"
    case v20250326 = "2025-03-26"
    case v20250618 = "2025-06-18"
    case v20251125 = "2025-11-25"
    /// Every request stands for itself.
    case v20260728 = "2026-07-28"

    package static let stateless = MCPRevision.v20260728
    package static let newestSession = MCPRevision.v20251125
    /// What a client speaks that does not say so in a session's later requests.
    package static let unsaid = MCPRevision.v20250326

    package var isStateless: Bool { self == .stateless }

    /// What clients may speak, the newest first.
    package static let served: [MCPRevision] = [.v20260728, .v20251125, .v20250618, .v20250326]
    /// The same as a JSON array.
    static let servedJSON = Array("[\(served.map { "\"\($0.rawValue)\"" }.joined(separator: ","))]".utf8)

    package static func < (left: MCPRevision, right: MCPRevision) -> Bool { left.rawValue < right.rawValue }
}

/// Names that the protocol gives to members and header fields.
enum MCPName {
    static let protocolVersionMeta: StaticString = "io.modelcontextprotocol/protocolVersion"
    static let capabilitiesMeta: StaticString = "io.modelcontextprotocol/clientCapabilities"
    static let clientInfoMeta: StaticString = "io.modelcontextprotocol/clientInfo"
    static let logLevelMeta: StaticString = "io.modelcontextprotocol/logLevel"
    static let serverInfoMeta = "io.modelcontextprotocol/serverInfo"
    static let subscriptionMeta = "io.modelcontextprotocol/subscriptionId"

    /// The user has done what a URL was for.
    static let elicitationComplete = "notifications/elicitation/complete"
    /// A request needs its user to open a URL first (revision 2025-11-25 alone).
    static let urlElicitationRequired = -32042

    static let protocolVersion = "mcp-protocol-version"
    static let method = "mcp-method"
    static let name = "mcp-name"
    static let session = "mcp-session-id"
    static let lastEventID = "last-event-id"
    static let paramPrefix: StaticString = "mcp-param-"
}
