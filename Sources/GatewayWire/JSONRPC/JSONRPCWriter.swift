/// Writes JSON-RPC messages around parts that are JSON already.
package enum JSONRPCWriter {
    /// A response with a result. `id` and `result` are as they shall be written.
    package static func result(id: Span<UInt8>, _ result: Span<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(result.count + id.count + 40)
        JSONWriter.append(literal: "{\"jsonrpc\":\"2.0\",\"id\":", to: &out)
        HTTP1Serializer.append(id, to: &out)
        JSONWriter.append(literal: ",\"result\":", to: &out)
        HTTP1Serializer.append(result, to: &out)
        out.append(0x7D)
        return out
    }

    /// A response with an error that is JSON already.
    package static func error(id: Span<UInt8>, _ error: Span<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(error.count + id.count + 40)
        JSONWriter.append(literal: "{\"jsonrpc\":\"2.0\",\"id\":", to: &out)
        HTTP1Serializer.append(id, to: &out)
        JSONWriter.append(literal: ",\"error\":", to: &out)
        HTTP1Serializer.append(error, to: &out)
        out.append(0x7D)
        return out
    }

    /// A response with an error. Without an id the answer is to something that could not be read: `id` is null.
    package static func error(id: [UInt8]?, code: Int, message: String, data: [UInt8]? = nil) -> [UInt8] {
        var out: [UInt8] = []
        JSONWriter.append(literal: "{\"jsonrpc\":\"2.0\",\"id\":", to: &out)
        out.append(contentsOf: id ?? Array("null".utf8))
        JSONWriter.append(literal: ",\"error\":{\"code\":", to: &out)
        JSONWriter.append(Int64(code), to: &out)
        JSONWriter.append(literal: ",\"message\":", to: &out)
        JSONWriter.append(string: message.utf8Span.span, to: &out)
        if let data {
            JSONWriter.append(literal: ",\"data\":", to: &out)
            out.append(contentsOf: data)
        }
        JSONWriter.append(literal: "}}", to: &out)
        return out
    }

    /// A request, or without an id a notification. `params` is JSON already; empty for none.
    package static func request(id: [UInt8]?, method: String, params: [UInt8] = []) -> [UInt8] {
        var out = head(id: id, method: method, bytesAfter: params.count)
        if !params.isEmpty {
            JSONWriter.append(literal: ",\"params\":", to: &out)
            out.append(contentsOf: params)
        }
        out.append(0x7D)
        return out
    }

    /// A request whose params lie in another message, and are edited on the way.
    package static func request(
        id: [UInt8], method: String, paramsIn message: Span<UInt8>, at params: Range<Int>, _ edits: JSONSplice
    ) -> [UInt8] {
        var out = head(id: id, method: method, bytesAfter: edits.count(from: params.count))
        JSONWriter.append(literal: ",\"params\":", to: &out)
        edits.append(message, params, to: &out)
        out.append(0x7D)
        return out
    }

    private static func head(id: [UInt8]?, method: String, bytesAfter: Int) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytesAfter + (id?.count ?? 0) + method.utf8.count + 64)
        JSONWriter.append(literal: "{\"jsonrpc\":\"2.0\"", to: &out)
        if let id {
            JSONWriter.append(literal: ",\"id\":", to: &out)
            out.append(contentsOf: id)
        }
        JSONWriter.append(literal: ",\"method\":", to: &out)
        JSONWriter.append(string: method.utf8Span.span, to: &out)
        return out
    }
}
