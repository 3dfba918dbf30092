import GatewayModel
import GatewayWire

/// What of a server's error a client gets.
extension ResultRules {
    /// Cleaned, and with no page but those that its user may be sent to; one of our own in place of what cannot be
    /// read, since a client may read it all the same. `client` is nil where requests stand for themselves, which have
    /// no errors that ask.
    mutating func shown(error: [UInt8], to client: AskedClient?) -> JSONObject {
        guard let object = (try? JSONTree.parse(error))?.object else {
            return ResultRules.own(JSONRPCCode.internalError, "the server's error cannot be read")
        }
        return shown(error: object, to: client)
    }

    mutating func shown(error: JSONObject, to client: AskedClient?) -> JSONObject {
        var error = error
        // As a client compares it, however it is written.
        if error["code"]?.number?.double == Double(MCPName.urlElicitationRequired) {
            // All that it has to say is in them.
            let pages = error["data"]?["elicitations"]?.array ?? []
            error["data"] = nil
            if let client {
                guard pages.count <= QuestionRules.countMax else {
                    return ResultRules.own(JSONRPCCode.internalError, QuestionRules.tooMany.message)
                }
                let kept = pages.filter {
                    $0["mode"]?.string?.value == "url" && client.mayBeAsked("elicitation/create", $0)
                }
                guard !kept.isEmpty else {
                    let reasons = pages.map { client.refusal("elicitation/create", $0) }
                    let isForbidden = reasons.contains { if case .forbidden = $0 { true } else { false } }
                    return isForbidden ? ResultRules.forbidden : ResultRules.unasked
                }
                error["data"] = ["elicitations": .array(kept)]
            } else {
                error["code"] = .integer(JSONRPCCode.invalidParams)
            }
        }
        return redacted(.object(error)).object ?? JSONObject()
    }

    private static var unasked: JSONObject { own(JSONRPCCode.missingClientCapability, QuestionRules.unasked) }

    private static var forbidden: JSONObject {
        own(JSONRPCCode.internalError, "the server asks for a page that nobody may be sent to")
    }

    private static func own(_ code: Int, _ message: String) -> JSONObject {
        ["code": .integer(code), "message": .text(message)]
    }
}
