/// One JSON-RPC 2.0 message as an outline of its bytes: what it is, and where id, method, params, result and error
/// lie. Nothing is decoded, so that ids, numbers and unknown members can be passed on as they came.
/// Ranges are in the bytes that were read.
package struct JSONRPCMessage: Sendable {
    package enum Kind: Sendable, Equatable {
        /// Has a method and an id.
        case request
        /// Has a method and no id.
        case notification
        /// Has a result.
        case result
        /// Has an error.
        case error
    }

    package let kind: Kind
    /// As it is written, a string with its quotes; nil for notifications and for errors that belong to no request.
    package let id: Range<Int>?
    /// Empty for responses.
    package let method: String
    /// An object or an array with its brackets.
    package let params: Range<Int>?
    /// The value of `result` or of `error`.
    package let content: Range<Int>?
    package let outline: JSONOutline

    /// Longer methods and ids are refused.
    package static let methodBytesMax = 256
    package static let idBytesMax = 1024

    /// Reads `input` as one message. Throws what a server answers instead.
    package init(_ input: Span<UInt8>, depthMax: Int = 128) throws(JSONRPCFault) {
        var outline = JSONOutline()
        do throws(JSONScanError) {
            try outline.read(input, depthMax: depthMax)
        } catch {
            throw JSONRPCFault(error, isBatch: error == .notAnObject && JSONRPCMessage.isBatch(input))
        }
        try self.init(outline, input)
    }

    /// The message of an outline of `input`.
    package init(_ outline: JSONOutline, _ input: Span<UInt8>) throws(JSONRPCFault) {
        self.outline = outline
        let id = try JSONRPCMessage.id(outline, input)
        guard outline.isText("jsonrpc", "2.0", in: input) else {
            throw JSONRPCFault(.invalidRequest, "jsonrpc must be \"2.0\"", id: JSONRPCMessage.copy(input, id))
        }
        self.id = id
        func refuse(_ message: String) -> JSONRPCFault {
            JSONRPCFault(.invalidRequest, message, id: JSONRPCMessage.copy(input, id))
        }
        let result = outline.member("result", in: input)
        let error = outline.member("error", in: input)
        guard let method = outline.member("method", in: input) else {
            guard (result == nil) != (error == nil) else {
                throw refuse("a message has one of method, result and error")
            }
            if let error, error.kind != .object { throw refuse("error must be an object") }
            guard id != nil || error != nil else { throw refuse("a response has an id") }
            kind = result == nil ? .error : .result
            content = (result ?? error)?.value
            self.method = ""
            params = nil
            return
        }
        guard result == nil, error == nil else { throw refuse("a message has one of method, result and error") }
        guard method.kind.isString, method.value.count <= JSONRPCMessage.methodBytesMax,
            let text = outline.string("method", in: input), !text.isEmpty
        else { throw refuse("method must be a short string") }
        let params = outline.member("params", in: input)
        if let params, params.kind != .object, params.kind != .array {
            throw JSONRPCFault(.invalidParams, "params must be an object", id: JSONRPCMessage.copy(input, id))
        }
        kind = id == nil ? .notification : .request
        self.method = text
        self.params = params?.value
        content = nil
    }

    /// Whether a text is a batch: an array of messages.
    package static func isBatch(_ input: Span<UInt8>) -> Bool {
        for index in 0..<input.count {
            switch input[index] {
            case Byte.space, Byte.tab, Byte.lineFeed, Byte.carriageReturn: continue
            case Byte.openBracket: return true
            default: return false
            }
        }
        return false
    }

    /// A string or a whole number; null only where it may mean that nobody knows whose the message is.
    private static func id(_ outline: JSONOutline, _ input: Span<UInt8>) throws(JSONRPCFault) -> Range<Int>? {
        guard let member = outline.member("id", in: input) else { return nil }
        guard member.value.count <= idBytesMax else {
            throw JSONRPCFault(.invalidRequest, "the id is longer than \(idBytesMax) bytes")
        }
        switch member.kind {
        case .string, .escapedString: return member.value
        case .number:
            for index in member.value where !Byte.isDigit(input[index]) && input[index] != Byte.dash {
                throw JSONRPCFault(.invalidRequest, "the id must be a string or a whole number")
            }
            return member.value
        case .null where outline.member("method", in: input) == nil: return nil
        default: throw JSONRPCFault(.invalidRequest, "the id must be a string or a whole number")
        }
    }

    private static func copy(_ input: Span<UInt8>, _ range: Range<Int>?) -> [UInt8]? {
        guard let range else { return nil }
        var bytes: [UInt8] = []
        HTTP1Serializer.append(input.extracting(range), to: &bytes)
        return bytes
    }
}

/// The codes of JSON-RPC and of MCP. The range -32020…-32099 belongs to MCP's specification.
package enum JSONRPCCode {
    package static let parseError = -32700
    package static let invalidRequest = -32600
    package static let methodNotFound = -32601
    package static let invalidParams = -32602
    package static let internalError = -32603
    package static let headerMismatch = -32020
    package static let missingClientCapability = -32021
    package static let unsupportedVersion = -32022
}

/// Why bytes are no message that can be served.
package struct JSONRPCFault: Error, Sendable, Equatable {
    package enum Reason: Int, Sendable {
        case parseError = -32700
        case invalidRequest = -32600
        case invalidParams = -32602
    }

    package var reason: Reason
    package var message: String
    /// The id as it was written, where one could be read.
    package var id: [UInt8]?
    /// An array of messages: allowed in one revision of MCP only.
    package var isBatch = false

    package init(_ reason: Reason, _ message: String, id: [UInt8]? = nil) {
        self.reason = reason
        self.message = message
        self.id = id
    }

    package init(_ error: JSONScanError, isBatch: Bool) {
        switch error {
        case .notAnObject:
            self.init(.invalidRequest, isBatch ? "batches are not accepted" : "a message is an object")
            self.isBatch = isBatch
        case .duplicateName: self.init(.invalidRequest, "a member has a name that came before")
        case .tooManyMembers: self.init(.invalidRequest, "an object has too many members")
        case .tooDeep: self.init(.parseError, "the message is nested too deeply")
        case .badUTF8: self.init(.parseError, "the message is not valid UTF-8")
        case .unexpectedEnd: self.init(.parseError, "the message ends early")
        default: self.init(.parseError, "the message is not valid JSON")
        }
    }
}
