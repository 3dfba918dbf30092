import GatewayModel

/// `mcp_servers`: each becomes an MCPServer, under `/mcp` and `/mcp/NAME` as there.
extension LiteLLMImport {
    struct Server {
        var name: String
        var fields: [(String, ConfigNode)]
        /// Every key may call it.
        var isOpen = false
        var allowed: [String] = []
        var denied: [String] = []

        var rules: [ConfigNode] {
            func rule(_ tools: [String], _ verdict: String) -> ConfigNode {
                var fields: [(String, ConfigNode)] = [("server", .text(name))]
                if !tools.isEmpty { fields.append(("tools", .list(tools.map { .text($0) }))) }
                return .object(fields + [("verdict", .text(verdict))])
            }
            return [rule(allowed, "allow")] + (denied.isEmpty ? [] : [rule(denied, "deny")])
        }
    }

    var tools: [ConfigNode] {
        var objects = servers.map { ImportedObject.make("MCPServer", $0.name, $0.fields) }
        let rules = servers.filter(\.isOpen).flatMap(\.rules)
        if !rules.isEmpty {
            objects.append(
                ImportedObject.make(
                    "ToolAccessPolicy", "everyone",
                    [("subjects", .list([.object([("any", .flag(true))])])), ("rules", .list(rules))]))
        }
        return objects
    }

    mutating func readServers(_ section: ConfigNode.Field) {
        for field in section.value.fields ?? [] { readServer(field) }
        guard !servers.isEmpty else { return }
        note(
            .unsupportedValue, at: section.keyPosition, "tools are called SERVER__TOOL, and not SERVER-TOOL",
            hint: "prefixMode and prefix of an MCPServer say how; each server is at /mcp/NAME, all of them at /mcp")
    }

    private mutating func readServer(_ field: ConfigNode.Field) {
        let (node, name) = (field.value, ImportedObject.name(field.key))
        guard !servers.contains(where: { $0.name == name }) else {
            return drop(.duplicateObject, at: field.keyPosition, "server \"\(field.key)\" left out: there is a \(name)")
        }
        if name != field.key {
            note(.invalidValue, at: field.keyPosition, "server \"\(field.key)\" becomes \(name)")
        }
        let isProcess = node["transport"]?.string == "stdio" || node["url"] == nil && node["command"] != nil
        guard let fields = isProcess ? process(node, field.key) : remote(node, field.key) else { return }
        var server = Server(name: name, fields: fields)
        server.isOpen = node["allow_all_keys"].map { $0.value == .bool(true) } ?? false
        server.allowed = (node["allowed_tools"]?.elements ?? []).compactMap(\.string)
        server.denied = (node["disallowed_tools"]?.elements ?? []).compactMap(\.string)
        if !server.isOpen {
            note(
                .unsupportedValue, at: field.keyPosition, "nobody may call the tools of \"\(name)\" yet",
                hint: "who may is in LiteLLM's database; write a ToolAccessPolicy")
        }
        servers.append(server)
        for rest in node.fields ?? [] where !Self.knownOfServers.contains(rest.key) {
            note(
                .unsupportedValue, at: rest.keyPosition, "\(rest.key) of server \"\(field.key)\" left out",
                hint: "there is nothing that corresponds")
        }
    }

    private static let knownOfServers: Set<String> = [
        "url", "transport", "command", "args", "env", "auth_type", "auth_value", "authentication_token",
        "static_headers", "allowed_tools", "disallowed_tools", "allow_all_keys", "description",
    ]

    // MARK: By HTTP

    private mutating func remote(_ node: ConfigNode, _ name: String) -> [(String, ConfigNode)]? {
        guard let url = node["url"]?.string else {
            drop(
                .missingField, at: node.position, "server \"\(name)\" left out: it has neither url nor command",
                hint: "write the MCPServer by hand; openapi: {document: …} is for an OpenAPI document")
            return nil
        }
        do throws(GatewayError) { _ = try OutboundURL(url) } catch {
            drop(.invalidValue, at: node.position, "server \"\(name)\" left out: \(error.message)")
            return nil
        }
        var http: [(String, ConfigNode)] = [("url", .text(url))]
        if let credential = serverCredential(node, url, name) { http.append(("credential", credential)) }
        let headers = serverHeaders(node, name)
        if !headers.isEmpty { http.append(("headers", .list(headers))) }
        var fields: [(String, ConfigNode)] = [("http", .object(http))]
        if node["transport"]?.string == "sse" { fields.append(("protocol", .text("sse"))) }
        return fields
    }

    private mutating func serverCredential(_ node: ConfigNode, _ url: String, _ name: String) -> ConfigNode? {
        let type = node["auth_type"]?.string ?? "none"
        guard type != "none" else { return nil }
        guard ["bearer_token", "api_key"].contains(type) else {
            drop(
                .unsupportedValue, at: node["auth_type"]?.position ?? node.position,
                "auth_type \(type) of server \"\(name)\" left out: it is called without a credential",
                hint: "write credential or oauth of the MCPServer")
            return nil
        }
        let written = node["auth_value"] ?? node["authentication_token"]
        var variable = Self.variable(for: url)
        if let text = written?.string, text.hasPrefix("os.environ/") {
            variable = String(text.dropFirst("os.environ/".count))
        } else {
            note(
                .unsupportedValue, at: written?.position ?? node.position,
                "the key of server \"\(name)\" is not carried", hint: "set \(variable) to it")
        }
        var fields: [(String, ConfigNode)] = [("env", .text(variable))]
        if type == "api_key" { fields.append(("header", .text("X-API-Key"))) }
        return .object(fields)
    }

    private static func variable(for url: String) -> String {
        let host = (try? OutboundURL(url))?.host ?? "server"
        return "KEY_FOR_" + ImportedObject.name(host).split(separator: "-").joined(separator: "_").uppercased()
    }

    private mutating func serverHeaders(_ node: ConfigNode, _ name: String) -> [ConfigNode] {
        (node["static_headers"]?.fields ?? []).compactMap { field in
            guard !ModelProviderSpec.credentialFields.contains(field.key.lowercased()),
                let value = field.value.string, !value.hasPrefix("os.environ/")
            else {
                note(
                    .unsupportedValue, at: field.keyPosition,
                    "static_headers.\(field.key) of server \"\(name)\" left out",
                    hint: "a credential belongs into credential, with header for its name")
                return nil
            }
            return .object([("name", .text(field.key)), ("value", .text(value))])
        }
    }

    // MARK: A process

    private mutating func process(_ node: ConfigNode, _ name: String) -> [(String, ConfigNode)]? {
        guard let program = node["command"]?.string else {
            drop(.missingField, at: node.position, "server \"\(name)\" left out: stdio needs a command")
            return nil
        }
        let arguments = (node["args"]?.elements ?? []).compactMap(\.string)
        var stdio: [(String, ConfigNode)] = [("command", .list(([program] + arguments).map { .text($0) }))]
        let variables = (node["env"]?.fields ?? []).compactMap { field -> ConfigNode? in
            let words = field.key.uppercased().split(separator: "_")
            // What may be a key is said nowhere.
            guard let value = field.value.string, !value.hasPrefix("os.environ/"),
                !words.contains(where: { ["KEY", "TOKEN", "SECRET", "PASSWORD", "PAT"].contains($0) })
            else {
                drop(
                    .unsupportedValue, at: field.keyPosition, "env.\(field.key) of server \"\(name)\" left out",
                    hint: "a process sees no keys from a configuration; give it a file to read")
                return nil
            }
            return .object([("name", .text(field.key)), ("value", .text(value))])
        }
        if !variables.isEmpty { stdio.append(("environment", .list(variables))) }
        return [("stdio", .object(stdio))]
    }

    // MARK: Paths of models

    /// LiteLLM serves the API of OpenAI with and without `/v1` before its paths.
    static var route: ConfigNode {
        let paths = [
            "/v1", "/chat/completions", "/completions", "/embeddings", "/responses", "/models", "/images", "/audio",
            "/moderations", "/files", "/batches",
        ]
        let matches = paths.map { path in
            ConfigNode.object([("path", .object([("type", .text("PathPrefix")), ("value", .text(path))]))])
        }
        let catalog = ConfigNode.object([
            ("group", .text("sluice.dev")), ("kind", .text("ModelCatalog")), ("name", .text("litellm")),
        ])
        let rule = ConfigNode.object([("matches", .list(matches)), ("backendRefs", .list([catalog]))])
        return ImportedObject.make(
            "HTTPRoute", "litellm", [("rules", .list([rule]))], version: "gateway.networking.k8s.io/v1")
    }
}
