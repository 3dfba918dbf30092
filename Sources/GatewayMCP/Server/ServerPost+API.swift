import GatewayIdentity
import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// An API is no server of tools: what it would say of itself is said for it, and a call of a tool is a request to it.
extension ServerPost {
    func begin(_ api: OpenAPIDocument, _ body: [UInt8]) {
        guard let message = (try? JSONTree.parse(body))?.object, let method = message["method"]?.string?.value else {
            outcome = .failed(GatewayError(.malformedRequest, "this is no message of JSON-RPC"))
            return finish()
        }
        guard let id = message["id"] else {
            outcome = .whole(status: 202, isJSON: false, body: [])
            return finish()
        }
        switch method {
        case "server/discover":
            let version = api.version.isEmpty ? "1" : api.version
            let info: JSONTree = [
                "name": .text(server.shownName), "title": .text(api.title), "version": .text(version),
            ]
            respond(
                id,
                [
                    "resultType": "complete", "supportedVersions": [.text(MCPRevision.stateless.rawValue)],
                    "capabilities": ["tools": [:]], "ttlMs": 60_000, "cacheScope": "public",
                    "_meta": ["io.modelcontextprotocol/serverInfo": info],
                ])
        case "tools/list":
            let tools = api.operations.map(\.definition)
            respond(id, ["resultType": "complete", "tools": .array(tools), "ttlMs": 60_000, "cacheScope": "public"])
        case "tools/call":
            let params = message["params"] ?? .null
            guard let source = server.source else { return callTool(api, id, params, nil) }
            open(by: source) { [self] in callTool(api, id, params, $0) }
        default:
            let error: JSONTree = ["code": .integer(JSONRPCCode.methodNotFound), "message": "Method not found"]
            outcome = .whole(
                status: 404, isJSON: true, body: JSONTree.object(["jsonrpc": "2.0", "id": id, "error": error]).bytes)
            finish()
        }
    }

    private func respond(_ id: JSONTree, _ result: JSONTree) {
        outcome = .whole(status: 200, isJSON: true, body: ServerPost.response(id, result))
        finish()
    }

    private static func response(_ id: JSONTree, _ result: JSONTree) -> [UInt8] {
        var result = result.object ?? JSONObject()
        if result["resultType"] == nil { result["resultType"] = "complete" }
        return JSONTree.object(["jsonrpc": "2.0", "id": id, "result": .object(result)]).bytes
    }

    private func callTool(
        _ api: OpenAPIDocument, _ id: JSONTree, _ params: JSONTree, _ credential: UpstreamCredential?
    ) {
        guard let name = params["name"]?.string?.value, let tool = api[name] else {
            let error: JSONTree = ["code": .integer(JSONRPCCode.invalidParams), "message": "Unknown tool"]
            outcome = .whole(
                status: 200, isJSON: true, body: JSONTree.object(["jsonrpc": "2.0", "id": id, "error": error]).bytes)
            return finish()
        }
        let base = "http://api" + String(decoding: server.target.prefix { $0 != 0x3F }, as: UTF8.self)
        var key = server.apiCredential
        if case .token(let token) = credential { key = token }
        let request: OutboundRequest
        do throws(OpenAPIProblem) {
            request = try tool.request(params["arguments"] ?? [:], baseURL: base, credential: key)
        } catch {
            return respond(id, tool.failure(error))
        }
        operation = (id.bytes, tool, [])
        send(request, credential)
    }

    private func send(_ request: OutboundRequest, _ credential: UpstreamCredential?) {
        let target = Array(request.url.utf8.dropFirst("http://api".utf8.count))
        var head = RequestHead()
        head.method = ServerPost.method(request.method)
        head.fields.bytes.reserveCapacity(1_024)
        head.methodName = head.fields.store(Array(request.method.utf8))
        head.target = head.fields.store(target)
        let pathCount = target.firstIndex(of: 0x3F) ?? target.count
        head.path = Slice(start: Int(head.target.start), count: pathCount)
        if pathCount < target.count {
            head.query = Slice(start: Int(head.target.start) + pathCount + 1, count: target.count - pathCount - 1)
        }
        head.authority = head.fields.store(server.authority)
        let hasBody = !request.body.isEmpty || request.method == "POST" || request.method == "PUT"
        head.framing = hasBody ? .length(UInt64(request.body.count)) : .none
        head.fields.append(.userAgent, Array("sluice".utf8))
        for field in request.fields {
            head.fields.append(name: Array(field.name.lowercased().utf8), value: Array(field.value.utf8))
        }
        if case .signer = credential { open(&head, credential, request.body) }
        waiting?.end()
        call.begin(
            head, body: request.body.isEmpty ? [] : [ByteBuffer(bytes: request.body)], to: server.backend,
            rule: server.rule, on: worker, reader: self)
    }

    private static func method(_ name: String) -> GatewayWire.HTTPMethod {
        switch name {
        case "GET": .get
        case "HEAD": .head
        case "POST": .post
        case "PUT": .put
        case "DELETE": .delete
        case "OPTIONS": .options
        case "PATCH": .patch
        default: .other
        }
    }

    /// The API's answer as the result of the tool.
    static func answer(
        _ operation: (id: [UInt8], tool: OpenAPIOperation, fields: [OutboundField]), _ status: Int, _ body: [UInt8]
    ) -> Outcome {
        let id = (try? JSONTree.parse(operation.id)) ?? .null
        let answer = OutboundResponse(status: status, fields: operation.fields, body: body)
        return .whole(status: 200, isJSON: true, body: response(id, operation.tool.result(answer)))
    }
}
