/// One JSON-RPC message, as it came.
struct MCPMessage: Sendable {
    enum Kind: Sendable { case request, notification, response }

    let kind: Kind
    /// A string or a whole number; nil for a notification.
    let id: JSONDocument?
    /// Empty for a response.
    let method: String
    let document: JSONDocument

    var params: JSONDocument { document["params"] ?? [:] }
    var meta: JSONDocument { params["_meta"] ?? [:] }

    init(_ document: JSONDocument) throws {
        guard document["jsonrpc"] == "2.0" else { throw MCPError(-32600, "this is not JSON-RPC 2.0") }
        self.document = document
        let hasID = document.members.contains { $0.name == "id" }
        id = document["id"]
        if hasID {
            switch id {
            case .string?: break
            case .number(let text)? where Int(text) != nil: break
            default: throw MCPError(-32600, "an id is a string or a whole number")
            }
        }
        if let method = document["method"]?.text {
            self.method = method
            kind = hasID ? .request : .notification
            switch document["params"] {
            case nil, .object?: break
            default: throw MCPError(-32602, "params is not an object")
            }
            return
        }
        guard hasID, document["result"] != nil || document["error"] != nil else {
            throw MCPError(-32600, "this is neither a request nor an answer")
        }
        method = ""
        kind = .response
    }

    static func result(_ id: JSONDocument, _ result: JSONDocument) -> JSONDocument {
        ["jsonrpc": "2.0", "id": id, "result": result]
    }

    static func request(_ id: JSONDocument, _ method: String, _ params: JSONDocument) -> JSONDocument {
        ["jsonrpc": "2.0", "id": id, "method": .string(method), "params": params]
    }

    static func notification(_ method: String, _ params: JSONDocument) -> JSONDocument {
        params.members.isEmpty
            ? ["jsonrpc": "2.0", "method": .string(method)]
            : ["jsonrpc": "2.0", "method": .string(method), "params": params]
    }
}

/// What a server refuses a message with.
struct MCPError: Error, Sendable {
    var code: Int
    var message: String
    var data: JSONDocument?
    /// Of the HTTP answer, where there is one.
    var status: Int

    init(_ code: Int, _ message: String, data: JSONDocument? = nil, status: Int = 400) {
        (self.code, self.message, self.data, self.status) = (code, message, data, status)
    }

    static func parameters(_ message: String) -> MCPError { MCPError(-32602, message, status: 200) }

    static func mismatch(_ message: String) -> MCPError { MCPError(-32020, "Header mismatch: \(message)") }

    static func method(_ name: String) -> MCPError { MCPError(-32601, "Method not found: \(name)", status: 404) }

    func document(id: JSONDocument?) -> JSONDocument {
        var error: JSONDocument = ["code": .int(code), "message": .string(message)]
        if let data { error.set("data", data) }
        guard let id else { return ["jsonrpc": "2.0", "error": error] }
        return ["jsonrpc": "2.0", "id": id, "error": error]
    }
}
