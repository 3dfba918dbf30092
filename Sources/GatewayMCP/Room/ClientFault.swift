import GatewayModel
import GatewayWire

/// An answer to a client that is an error: the status, and the JSON-RPC error beside it.
struct ClientFault: Error {
    var status: Int
    var code: Int
    var message: String
    /// JSON.
    var data: [UInt8]?
    /// The request's id as it was written; nil where none is known.
    var id: [UInt8]?
    /// `WWW-Authenticate`.
    var challenge: String?
    /// Of the gateway's own refusal, as records have it.
    var errorCode: ErrorCode?

    init(_ code: Int, _ message: String, status: Int? = nil, data: [UInt8]? = nil, id: [UInt8]? = nil) {
        self.code = code
        self.message = message
        self.status = status ?? ClientFault.status(code)
        self.data = data
        self.id = id
    }

    init(_ fault: JSONRPCFault) {
        self.init(fault.reason.rawValue, fault.message, status: 400, id: fault.id)
    }

    /// The gateway's own refusals have codes outside JSON-RPC's range: the number of the gateway's code, such as 3020.
    init(_ error: GatewayError, id: [UInt8]? = nil, status: Int? = nil) {
        let code: Int
        switch error.code {
        case .malformedRequest, .methodNotAllowed: code = JSONRPCCode.invalidRequest
        case .unknownTool, .notFound: code = JSONRPCCode.invalidParams
        case .internalFault: code = JSONRPCCode.internalError
        default: code = Int(error.code.rawValue.dropFirst(3)) ?? JSONRPCCode.internalError
        }
        var object: JSONObject = ["code": .text(error.code.rawValue)]
        if let hint = error.hint { object["hint"] = .text(hint) }
        self.init(code, error.message, status: status, data: JSONTree.object(object).bytes, id: id)
        errorCode = error.code
    }

    var body: [UInt8] { JSONRPCWriter.error(id: id, code: code, message: message, data: data) }

    /// What a request that stands for itself is answered with.
    static func status(_ code: Int) -> Int {
        switch code {
        case JSONRPCCode.headerMismatch, JSONRPCCode.missingClientCapability, JSONRPCCode.unsupportedVersion,
            JSONRPCCode.parseError, JSONRPCCode.invalidRequest:
            400
        case JSONRPCCode.methodNotFound: 404
        default: 200
        }
    }

    static func unknownMethod(_ method: String, id: [UInt8]?) -> ClientFault {
        ClientFault(JSONRPCCode.methodNotFound, "there is no such method: \(method)", id: id)
    }
}
