import NIOCore

/// Revision 2026-07-28 over HTTP: each POST says all there is to know, in its body and again in its headers.
extension MCPServerMock {
    func stateless(_ message: MCPMessage, _ request: MockRequest) throws -> [MockStep] {
        let version = message.meta[MCPMeta.protocolVersion]?.text ?? request.headers.first("mcp-protocol-version") ?? ""
        let number = entry(message, version, "http", session: "", request.headers)
        do {
            switch message.kind {
            case .response: throw MCPError(-32600, "a client sends no answers")
            case .notification:
                journal.end(number, .accepted)
                return taken()
            case .request: break
            }
            let visit = try statelessVisit(message, request.headers, number: number)
            return message.method == "subscriptions/listen" ? listen(visit) : perform(visit)
        } catch let error as MCPError {
            journal.end(number, .error, code: error.code)
            throw error
        }
    }

    private func statelessVisit(_ message: MCPMessage, _ headers: [Header], number: Int) throws -> MCPVisit {
        let version = try single("MCP-Protocol-Version", headers)
        guard case .object? = message.params["_meta"] else { throw MCPError(-32602, "_meta is missing") }
        guard let inBody = message.meta[MCPMeta.protocolVersion]?.text else {
            throw MCPError(-32602, "\(MCPMeta.protocolVersion) is missing")
        }
        guard version == inBody else { throw MCPError.mismatch("MCP-Protocol-Version is not what the body says") }
        let visit = try visit(message, version: inBody, number: number, session: nil)
        guard try single("Mcp-Method", headers) == message.method else {
            throw MCPError.mismatch("Mcp-Method is not what the body says")
        }
        if let source = Self.named[message.method], let name = message.params[source]?.text {
            guard try decoded(try single("Mcp-Name", headers)) == name else {
                throw MCPError.mismatch("Mcp-Name is not what the body says")
            }
        }
        if message.method == "tools/call" { try checkParameters(message, headers) }
        return visit
    }

    private static let named = [
        "tools/call": "name", "prompts/get": "name", "resources/read": "uri", "tasks/get": "taskId",
        "tasks/update": "taskId", "tasks/cancel": "taskId",
    ]

    /// What the body alone has to say, over any transport.
    func visit(_ message: MCPMessage, version: String, number: Int, session: MCPSession?) throws -> MCPVisit {
        guard let revision = MCPRevision(rawValue: version), revision.isStateless,
            options.revisions.contains(revision)
        else {
            throw MCPError(
                -32022, "Unsupported protocol version",
                data: [
                    "supported": .array(options.revisions.sorted(by: >).map { .string($0.rawValue) }),
                    "requested": .string(version),
                ])
        }
        guard case .object(let members)? = message.meta[MCPMeta.clientCapabilities] else {
            throw MCPError(-32602, "\(MCPMeta.clientCapabilities) is missing")
        }
        return MCPVisit(
            message: message, revision: revision, capabilities: .object(members), session: session,
            logLevel: message.meta[MCPMeta.logLevel]?.text, number: number, answers: try answers(message))
    }

    private func single(_ name: String, _ headers: [Header]) throws -> String {
        let values = headers.all(name)
        guard let value = values.first else { throw MCPError.mismatch("\(name) is missing") }
        guard values.count == 1 else { throw MCPError.mismatch("\(name) is there twice") }
        return Substring(value).trimmingSpaces
    }

    /// Plain, or base64 between its marks.
    private func decoded(_ value: String) throws -> String {
        guard value.hasPrefix("=?base64?"), value.hasSuffix("?="), value.utf8.count >= 11 else {
            guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 }) else {
                throw MCPError.mismatch("a value has characters that no header may have")
            }
            return value
        }
        let inner = value.dropFirst(9).dropLast(2)
        guard let bytes = base64Decoded(inner), let text = String(validating: bytes, as: UTF8.self) else {
            throw MCPError.mismatch("a value is not base64")
        }
        return text
    }

    private func checkParameters(_ message: MCPMessage, _ headers: [Header]) throws {
        guard let tool = tools.first(where: { $0.name == message.params["name"]?.text }) else { return }
        for property in tool.definition["inputSchema"]?["properties"]?.members ?? [] {
            guard let header = property.value["x-mcp-header"]?.text else { continue }
            let name = "Mcp-Param-\(header)"
            guard let value = message.params["arguments"]?[property.name] else {
                if headers.has(name) { throw MCPError.mismatch("\(name) is there, and its argument is not") }
                continue
            }
            let given = try decoded(try single(name, headers))
            let isSame =
                switch value {
                case .string(let text): given == text
                case .number(let text): Double(given) == Double(text)
                case .bool(let flag): given == (flag ? "true" : "false")
                default: false
                }
            guard isSame else { throw MCPError.mismatch("\(name) is not what the body says") }
        }
    }

    // MARK: answers

    private func perform(_ visit: MCPVisit) -> [MockStep] {
        let acts = acts(visit)
        if let steps = broken(acts, visit) { return steps }
        if options.answers != .events, let (message, status) = MCPConductor.immediate(acts, visit, self) {
            return json(status, message)
        }
        let cancellation = MCPCancellation()
        let feed = MockFeed { cancellation.cancel() }
        let isBare = options.answers == .json
        let outlet = isBare ? bare(feed) : MCPOutlet(MCPStream(feed: feed))
        let conductor = MCPConductor(mock: self, visit: visit, outlet: outlet)
        cancellation.holds(Task { await conductor.run(acts) })
        return isBare ? streamed(feed, type: "application/json") : streamed(feed)
    }

    private func listen(_ visit: MCPVisit) -> [MockStep] {
        let number = visit.number
        let feed = MockFeed { [weak self] in
            self?.unlisten(number)
            self?.journal.end(number, .cancelled)
        }
        let listener = listener(visit, MCPOutlet(MCPStream(feed: feed)))
        listen(number, listener)
        return streamed(feed)
    }

    /// Acknowledges first, as everything on it comes later.
    func listener(_ visit: MCPVisit, _ outlet: MCPOutlet) -> MCPListener {
        let asked = visit.params["notifications"] ?? [:]
        let known = ["toolsListChanged", "promptsListChanged", "resourcesListChanged", "resourceSubscriptions"]
        let filter = JSONDocument.object(asked.members.filter { known.contains($0.name) && $0.value != false })
        let id = visit.message.id ?? nil
        outlet.send(
            MCPMessage.notification(
                "notifications/subscriptions/acknowledged",
                ["_meta": [MCPMeta.subscription: id], "notifications": filter]))
        return MCPListener(id: id, filter: filter, outlet: outlet)
    }
}

/// Strict: padded, in the standard alphabet; nil for anything else.
func base64Decoded(_ text: Substring) -> [UInt8]? {
    let bytes = Array(text.utf8)
    guard bytes.count % 4 == 0 else { return nil }
    let padding = bytes.reversed().prefix { $0 == 0x3D }.count
    guard padding <= 2 else { return nil }
    var (out, word, bits): ([UInt8], UInt32, Int) = ([], 0, 0)
    for byte in bytes.dropLast(padding) {
        let value: UInt8
        switch byte {
        case 0x41...0x5A: value = byte - 0x41
        case 0x61...0x7A: value = byte - 0x61 + 26
        case 0x30...0x39: value = byte - 0x30 + 52
        case 0x2B: value = 62
        case 0x2F: value = 63
        default: return nil
        }
        word = word << 6 | UInt32(value)
        bits += 6
        if bits >= 8 {
            bits -= 8
            out.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
        }
    }
    return out
}
