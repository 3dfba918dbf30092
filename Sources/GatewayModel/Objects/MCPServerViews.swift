/// A named selection of what several servers have: its tools, resources and prompts are theirs, and policies go on
/// naming the server they are of.
package struct MCPVirtualServer: ConfigObject {
    package enum Presentation: String, ConfigEnum {
        /// Its list has every tool.
        case full
        /// Its list has two: one finds tools, the other calls them. For catalogues too large for a model's context.
        case search
    }

    package var include: [MCPInclusion]
    package var presentation: Presentation

    package init(_ fields: FieldReader) {
        include = fields.list("include", "what it has, of which server", count: 1...256)
        presentation = fields.value("presentation", default: .full, "how its tools are shown")
    }
}

/// What is taken of one server, or of several by a pattern. Without `tools`, `resources` and `prompts` it is all.
package struct MCPInclusion: ConfigObject, Hashable {
    package var server: String
    package var tools: [String]?
    package var resources: [String]?
    package var prompts: [String]?

    package init(_ fields: FieldReader) {
        server = fields.required("server", "an MCPServer's name; * stands for any text", .nonEmpty)
        tools = fields.optionalList(
            "tools", "names of its tools; * stands for any text", count: 1...1024, each: .length(1...256))
        resources = fields.optionalList(
            "resources", "URIs of its resources; * stands for any text", count: 1...1024, each: .length(1...2048))
        prompts = fields.optionalList(
            "prompts", "names of its prompts; * stands for any text", count: 1...1024, each: .length(1...256))
    }
}

/// The server as a protected resource of OAuth 2 (RFC 9728): what clients are told who have no token, and whom tokens
/// must be for.
package struct MCPAuthorization: ConfigObject {
    /// Exactly what clients use, and tokens have in `aud`.
    package var resource: String
    package var authorizationServers: [String]
    package var scopes: [String]

    package init(_ fields: FieldReader) {
        resource = fields.required(
            "resource", "the public URL of this server, exactly as clients use it and tokens have it in aud", .baseURL)
        authorizationServers = fields.list(
            "authorizationServers", "issuers of its tokens, as an IdentityProvider names them", count: 1...8,
            each: .httpURL)
        scopes = fields.list(
            "scopes", "what a client without a token is told to ask for", count: 0...64, each: .scopeToken)
    }
}

extension FieldRule where Value == String {
    /// RFC 6749 section 3.3: what may stand in a challenge between quotes.
    package static var scopeToken: FieldRule {
        text(1...128, "^[!#-\\[\\]-~]+$", "must be visible ASCII without spaces, quotes and backslashes") { text in
            text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
        }
    }
}
