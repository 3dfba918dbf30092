package import GatewayModel
import GatewayPolicy

/// A named selection of what several servers have.
package final class VirtualServer: Sendable {
    /// What is taken of the servers whose names match; nil is everything of a kind, if none of the kinds is named.
    private struct Inclusion: Sendable {
        var server: NamePattern
        var tools: [NamePattern]?
        var resources: [NamePattern]?
        var prompts: [NamePattern]?
        var namesItems: Bool
    }

    /// `namespace/name`.
    package let name: String
    let shownName: String
    let prefixMode: MCPPrefixMode
    let presentation: MCPVirtualServer.Presentation
    private let inclusions: [Inclusion]

    package init(metadata: ObjectMeta, spec: MCPServerSpec, _ virtual: MCPVirtualServer) {
        func patterns(_ texts: [String]?) -> [NamePattern]? { texts.map { $0.map { NamePattern($0) } } }
        name = metadata.qualifiedName
        shownName = metadata.shownName
        prefixMode = spec.prefixMode
        presentation = virtual.presentation
        inclusions = virtual.include.map {
            Inclusion(
                server: NamePattern($0.server), tools: patterns($0.tools), resources: patterns($0.resources),
                prompts: patterns($0.prompts),
                namesItems: $0.tools != nil || $0.resources != nil || $0.prompts != nil)
        }
    }

    /// Whether anything of a server is in it.
    func includes(server: String) -> Bool { inclusions.contains { $0.server.matches(server) } }

    func includes(_ item: ToolAccessTable.Item, _ name: String, server: String) -> Bool {
        inclusions.contains { inclusion in
            guard inclusion.server.matches(server) else { return false }
            guard inclusion.namesItems else { return true }
            let patterns =
                switch item {
                case .tool: inclusion.tools
                case .resource: inclusion.resources
                case .prompt: inclusion.prompts
                }
            return patterns?.contains { $0.matches(name) } ?? false
        }
    }
}

/// Where clients without a token are sent, and whom tokens must be for (RFC 9728).
package struct ResourceAuthorization: Sendable {
    let resource: String
    let servers: [String]
    let scopes: [String]
    /// The URL of the metadata: the well-known name stands between the resource's host and its path.
    let metadataURL: String
    /// Its path.
    package let metadataPath: String

    package init(_ spec: MCPAuthorization) {
        resource = spec.resource
        servers = spec.authorizationServers
        scopes = spec.scopes
        let wellKnown = "/.well-known/oauth-protected-resource"
        let host = spec.resource.firstRange(of: "://").map { spec.resource[$0.upperBound...] } ?? ""
        let path = host.firstIndex(of: "/").map { String(host[$0...]) } ?? ""
        metadataPath = wellKnown + (path == "/" ? "" : path)
        metadataURL = String(spec.resource.dropLast(path.count)) + metadataPath
    }
}
