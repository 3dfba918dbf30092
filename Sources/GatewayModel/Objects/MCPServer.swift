/// One server of tools, resources and prompts (sluice.dev/v1alpha1).
package struct MCPServer: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: MCPServerSpec
}

/// The protocol a server of tools speaks.
package enum MCPServerProtocol: String, ConfigEnum {
    /// Found out at the first request.
    case auto
    /// Revision 2026-07-28: every request stands for itself.
    case stateless
    /// The revisions from 2025-03-26 to 2025-11-25: a session is opened first.
    case session
    /// Revision 2024-11-05: a stream of events that names where messages go.
    case sse
}

package struct MCPServerSpec: ConfigObject {
    package var http: MCPServerHTTP?
    package var stdio: MCPServerProcess?
    package var openapi: MCPServerAPI?
    package var virtual: MCPVirtualServer?
    package var authorization: MCPAuthorization?
    package var `protocol`: MCPServerProtocol
    package var prefixMode: MCPPrefixMode
    package var prefix: String?
    package var timeouts: MCPTimeouts
    package var limits: MCPServerLimits
    package var healthCheck: MCPServerHealthCheck?

    package init(_ fields: FieldReader) {
        http = fields.optional("http", "a server reached by HTTP")
        stdio = fields.optional("stdio", "a server that is a process of this machine")
        openapi = fields.optional("openapi", "an HTTP API, whose operations become tools")
        virtual = fields.optional("virtual", "a selection of what other servers have")
        authorization = fields.optional("authorization", "how clients with tokens of OAuth 2 find their way to it")
        `protocol` = fields.value("protocol", default: .auto, "the protocol it speaks")
        prefixMode = fields.value(
            "prefixMode", default: .always, "when its tools and prompts have its name before theirs under /mcp")
        prefix = fields.optional("prefix", "that name; the object's own by default", .toolPrefix)
        timeouts = fields.optional("timeouts", "how long to wait for it") ?? MCPTimeouts()
        limits = fields.optional("limits", "how much of it is taken") ?? MCPServerLimits()
        healthCheck = fields.optional(
            "healthCheck", "ask it how it is: ping, or server/discover where requests stand for themselves")
        fields.check(
            healthCheck == nil || openapi == nil && virtual == nil, at: "healthCheck",
            "healthCheck of what speaks no MCP of its own", hint: "remove healthCheck")
        fields.check(
            `protocol` != .sse || http != nil, at: "protocol", "protocol sse of what is not reached by http",
            hint: "remove protocol")
        // Only sessions tell callers apart: without them all requests would share one.
        fields.check(
            `protocol` != .stateless || stdio?.scope != .session, at: "protocol",
            "protocol stateless of a process for each session", hint: "set stdio.scope to server, or remove protocol")
        let ways = ["http", "stdio", "openapi", "virtual"].filter { fields.has($0) }
        fields.check(
            !ways.isEmpty, .missingField, "missing field \"http\"",
            hint: "say how it is reached: http: {url: …}, stdio: {command: […]}, openapi: {document: …} or "
                + "virtual: {include: […]}")
        fields.check(
            ways.count <= 1, at: ways.dropFirst().first, "\(ways.dropFirst().first ?? "") beside \(ways.first ?? "")",
            hint: "a server is reached in one way")
    }
}

/// Streamable HTTP.
package struct MCPServerHTTP: ConfigObject {
    package var url: String
    /// Sent by the gateway; what callers show opens nothing there.
    package var credential: ModelCredential?
    package var oauth: MCPServerOAuth?
    package var headers: [HTTPHeader]
    package var tls: BackendTLS?

    package init(_ fields: FieldReader) {
        url = fields.required("url", "the server's MCP endpoint", .baseURL)
        credential = fields.optional("credential", "what opens it; nothing is sent without one")
        oauth = fields.optional("oauth", "tokens of OAuth 2 that open it, in place of a credential")
        fields.check(
            credential == nil || oauth == nil, at: "oauth", "oauth beside credential", hint: "set one of them")
        headers = fields.list("headers", "fields that every request to it gets", count: 0...32)
        tls = fields.optional("tls", "how its certificate is checked, for https")
        fields.check(
            tls == nil || url.lowercased().hasPrefix("https:") || url.isEmpty, at: "tls", "tls with a url of http",
            hint: "write https://, or remove tls")
        for header in headers {
            let name = header.name.lowercased()
            fields.check(
                !ModelProviderSpec.credentialFields.contains(name), at: "headers",
                "credential \"\(header.name)\" in headers", hint: "use credential, so that it is never shown")
            fields.check(
                !MCPServerHTTP.ownFields.contains(name) && !name.hasPrefix("mcp-"), at: "headers",
                "header \"\(header.name)\" is set by the gateway", hint: "remove it")
        }
    }

    /// Fields that the protocol or the connection decides.
    private static let ownFields: Set<String> = [
        "accept", "connection", "content-length", "content-type", "host", "last-event-id", "transfer-encoding",
        "upgrade",
    ]
}

/// Whether a server's tools carry its name where several servers are shown together.
package enum MCPPrefixMode: String, ConfigEnum {
    case always
    /// Only names that another server has too.
    case conditional
    /// Never; a name that two servers have can then be called at neither.
    case never
}

/// How long to wait for a server.
package struct MCPTimeouts: ConfigObject {
    package var connect: ConfigDuration?
    /// From the request's end to the first byte of the answer.
    package var response: ConfigDuration?
    /// All of one request.
    package var total: ConfigDuration?

    package init(_ fields: FieldReader) {
        connect = fields.optional("connect", "until a connection stands; 5s by default", .positive)
        response = fields.optional("response", "until the first byte of an answer; 2m by default", .positive)
        total = fields.optional("total", "one request, to the last byte; 10m by default", .positive)
    }

    package init() {}
}

/// Active health checks of a server, by the gateway itself.
package struct MCPServerHealthCheck: ConfigObject {
    package var interval: ConfigDuration
    package var timeout: ConfigDuration
    package var healthyThreshold: Int
    package var unhealthyThreshold: Int

    package init(_ fields: FieldReader) {
        interval = fields.value(
            "interval", default: ConfigDuration(milliseconds: 10_000), shown: .text("10s"), "how often", .positive)
        timeout = fields.value(
            "timeout", default: ConfigDuration(milliseconds: 5_000), shown: .text("5s"), "when no answer is a bad one",
            .positive)
        healthyThreshold = fields.value(
            "healthyThreshold", default: 2, "good answers until it is healthy", .range(1...100))
        unhealthyThreshold = fields.value(
            "unhealthyThreshold", default: 3, "bad answers until it is not", .range(1...100))
    }
}

package struct MCPServerLimits: ConfigObject {
    package var resultBytesMax: ByteQuantity?
    package var toolsMax: Int

    package init(_ fields: FieldReader) {
        resultBytesMax = fields.optional("resultBytesMax", "the largest answer; 16Mi by default")
        toolsMax = fields.value(
            "toolsMax", default: 10_000, "tools, prompts or resources it may list", .range(1...100_000))
    }

    package init() { toolsMax = 10_000 }
}

extension FieldRule where Value == String {
    /// What may stand before `__` and a tool's name.
    package static var toolPrefix: FieldRule {
        text(1...32, "^[A-Za-z][A-Za-z0-9-]*$", "must be letters, digits and dashes, a letter first") { text in
            guard let first = text.utf8.first, NameSyntax.isLetter(first) else { return false }
            return text.utf8.allSatisfy { NameSyntax.isLetter($0) || NameSyntax.isDigit($0) || $0 == 0x2D }
        }
    }
}
