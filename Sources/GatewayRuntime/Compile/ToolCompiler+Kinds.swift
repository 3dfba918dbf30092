import GatewayControl
import GatewayMCP
import GatewayModel
import GatewayProxy
import GatewayWire

/// Servers of tools that are no HTTP endpoint of the protocol: processes, and APIs.
extension ToolCompiler {
    private static let documentBytesMax = 16 << 20

    // MARK: a process

    func compile(_ process: MCPServerProcess, _ server: MCPServer, _ key: ObjectKey) -> CompiledServer? {
        guard let nowhere = try? OutboundURL("http://localhost/") else { return nil }
        let name = server.metadata.qualifiedName
        let origin = index.position(key, ConfigPath.spec["stdio"]).file
        var command = StdioCommand(
            words: process.command, environment: process.environment.map { ($0.name, $0.value) })
        command.scope = process.scope == .server ? .server : .session
        command.processesMax = process.processesMax
        var problem: GatewayError?
        do throws(GatewayError) {
            // Whoever may write objects from afar may not run programs here with that alone.
            guard SideFileReader.isFile(origin) else {
                throw GatewayError(
                    .unsupportedValue, "an object that is not from a file starts no process",
                    hint: "put it into a configuration file of the gateway")
            }
            command.directory = try folder(process.directory, origin)
            if let refusal = command.problem { throw refusal }
        } catch {
            problem = GatewayError(
                .invalidBackend, "the server cannot be used: \(server.metadata.shownName)", cause: error.message)
            report(error, key, ConfigPath.spec["stdio"])
        }
        let identity = StdioServers.Key(name: name, command: command)
        processes.insert(identity)
        let running = problem == nil ? options.processes?.server(identity) : nil
        if problem == nil, running == nil {
            problem = GatewayError(.invalidBackend, "processes are not started here")
        }
        let backend = CompiledBackend(
            name: "MCPServer/\(name)", metricSlot: options.backendSlot("MCPServer/\(name)"), endpoints: [],
            transport: UpstreamTransport(http: .http1))
        statuses.append(status(key, server.metadata.generation, problem))
        return CompiledServer(
            metadata: server.metadata, spec: server.spec, url: nowhere, backend: backend, process: running,
            problem: problem)
    }

    private func folder(_ directory: String?, _ origin: String) throws(GatewayError) -> String? {
        if let directory { return try options.files.path(directory, origin: origin) }
        guard let slash = origin.lastIndex(of: "/") else { return nil }
        return String(origin[..<slash].isEmpty ? "/" : origin[..<slash])
    }

    // MARK: an API

    func compile(_ api: MCPServerAPI, _ server: MCPServer, _ key: ObjectKey) -> CompiledServer? {
        let path = ConfigPath.spec["openapi"]
        do throws(GatewayError) {
            let document = try document(api, key)
            guard let text = api.baseURL ?? document.serverURL else {
                throw GatewayError(
                    .missingField, "the document has no server with a whole URL", hint: "set baseURL")
            }
            for finding in document.findings.prefix(20) {
                report(
                    GatewayError(.unsupportedValue, "an operation becomes no tool: \(finding)"), key, path["document"],
                    severity: .warning)
            }
            return compile(
                server, key, try OutboundURL(text), path, credential: api.credential, tls: api.tls, api: document)
        } catch {
            report(error, key, path["document"])
            let problem = GatewayError(
                .invalidBackend, "the server cannot be used: \(server.metadata.shownName)", cause: error.message)
            statuses.append(status(key, server.metadata.generation, problem))
            return nil
        }
    }

    private func document(_ api: MCPServerAPI, _ key: ObjectKey) throws(GatewayError) -> OpenAPIDocument {
        let origin = index.position(key, ConfigPath.spec["openapi"]["document"]).file
        documents.append(try options.files.path(api.document, origin: origin))
        let file = try options.files.read(api.document, origin: origin, bytesMax: Self.documentBytesMax)
        var limits = options.limits
        limits.configurationBytesMax = Self.documentBytesMax
        var findings: [Diagnostic] = []
        let nodes = DocumentReader.read(
            file.bytes, file: api.document, limits: limits, unfolding: false, diagnostics: &findings)
        guard let node = nodes.first, nodes.count == 1, !findings.hasErrors else {
            throw GatewayError(
                .invalidValue, "the document cannot be read: \(findings.first?.message ?? api.document)")
        }
        guard let tree = try? JSONTree.parse(Array(JSONPrinter.print(node).utf8)) else {
            throw GatewayError(.invalidValue, "the document cannot be read: \(api.document)")
        }
        return try OpenAPIDocument(tree)
    }
}
