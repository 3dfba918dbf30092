/// A revision of the protocol, oldest first.
package enum MCPRevision: String, Sendable, CaseIterable, Comparable {
    /// HTTP+SSE; of servers only.
    case v2024_11_05 = "2024-11-05"
    case v2025_03_26 = "2025-03-26"
    case v2025_06_18 = "2025-06-18"
    case v2025_11_25 = "2025-11-25"
    /// Every request stands for itself.
    case v2026_07_28 = "2026-07-28"

    package static let stateless = MCPRevision.v2026_07_28
    package static let newestSession = MCPRevision.v2025_11_25
    /// What a client speaks that does not say so in a session's later requests.
    package static let unsaid = MCPRevision.v2025_03_26

    package var isStateless: Bool { self == .stateless }

    /// What clients may speak, the newest first.
    package static let served: [MCPRevision] = [.v2026_07_28, .v2025_11_25, .v2025_06_18, .v2025_03_26]
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

    static let protocolVersion = "mcp-protocol-version"
    static let method = "mcp-method"
    static let name = "mcp-name"
    static let session = "mcp-session-id"
    static let lastEventID = "last-event-id"
    static let paramPrefix = "mcp-param-"
}
