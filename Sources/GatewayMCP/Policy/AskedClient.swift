import GatewayModel
import GatewayWire

/// A client that servers ask, as it says what it can; read once for however many questions.
struct AskedClient {
    private let known: JSONObject

    init(_ caller: ServerCaller) { known = (try? JSONTree.parse(caller.capabilities))?.object ?? JSONObject() }

    /// Whether a server's question goes to the client: it can answer this kind of it, and it is one that may be asked.
    func mayBeAsked(_ method: String, _ params: JSONTree?) -> Bool { refusal(method, params) == nil }

    func refusal(_ method: String, _ params: JSONTree?) -> QuestionRefusal? {
        guard canAnswer(method, params) else {
            let isKnown = QuestionRefusal.capability(method).map { known[$0] != nil } ?? false
            return isKnown ? .otherWay : .unknown
        }
        return QuestionRules.problem(method, params).map { .forbidden($0) }
    }

    /// By the capabilities within a capability: pages for elicitation, tools for sampling.
    private func canAnswer(_ method: String, _ params: JSONTree?) -> Bool {
        switch method {
        case "elicitation/create":
            guard let elicitation = known["elicitation"] else { return false }
            let modes = elicitation.object ?? JSONObject()
            if params?["mode"] == "url" { return modes["url"] != nil }
            return modes["form"] != nil || modes["url"] == nil
        case "sampling/createMessage":
            guard let sampling = known["sampling"] else { return false }
            guard params?["tools"] != nil || params?["toolChoice"] != nil else { return true }
            return sampling["tools"] != nil
        case "roots/list": return known["roots"] != nil
        default: return false
        }
    }
}

/// Why a server's question does not reach the client.
enum QuestionRefusal: Equatable {
    /// The client knows no such questions.
    case unknown
    /// It knows them in other ways: elicitation without pages, sampling without tools.
    case otherWay
    /// Nobody may be asked that.
    case forbidden(String)

    /// What a client declares who answers such questions.
    static func capability(_ method: String) -> String? {
        switch method {
        case "elicitation/create": "elicitation"
        case "sampling/createMessage": "sampling"
        case "roots/list": "roots"
        default: nil
        }
    }

    /// What a user who does not want to answer answers (client features, elicitation): a form that nobody may be shown
    /// is no question of what the client can.
    static let declined: JSONTree = ["action": "decline"]

    /// What a server with sessions is answered, by the specification's client features: a method that is not known, a
    /// way that was not declared, or a user's no.
    func answer(to id: [UInt8], _ method: String) -> [UInt8] {
        switch self {
        case .unknown:
            JSONRPCWriter.error(
                id: id, code: JSONRPCCode.methodNotFound, message: "the client cannot answer: \(method)")
        case .otherWay:
            JSONRPCWriter.error(
                id: id, code: JSONRPCCode.invalidParams, message: "the client cannot answer in this way: \(method)")
        case .forbidden: JSONRPCWriter.result(id: id.span, QuestionRefusal.declined.bytes.span)
        }
    }
}

extension AskedClient {
    /// What a call ends with whose server asks in its result, and nothing of it reaches the client.
    func unasked(_ question: JSONObject, id: [UInt8]?) -> ClientFault {
        var (missing, reasons) = (JSONObject(), [String]())
        for each in question["inputRequests"]?.object?.members ?? [] {
            let (method, params) = (each.value["method"]?.string?.value ?? "", each.value["params"])
            switch refusal(method, params) {
            case .forbidden(let reason): reasons.append(reason)
            case .unknown, .otherWay:
                if let name = QuestionRefusal.capability(method) { missing[name] = needed(method, params) }
            case nil: break
            }
        }
        if missing.isEmpty, let reason = reasons.first {
            return ClientFault(
                GatewayError(.upstreamProtocolError, "the server asks for what nobody may ask: \(reason)"), id: id,
                status: 200)
        }
        let data: JSONTree = ["requiredCapabilities": .object(missing)]
        return ClientFault(JSONRPCCode.missingClientCapability, QuestionRules.unasked, data: data.bytes, id: id)
    }

    private func needed(_ method: String, _ params: JSONTree?) -> JSONTree {
        if method == "elicitation/create" { return params?["mode"] == "url" ? ["url": [:]] : ["form": [:]] }
        return method == "sampling/createMessage" && params?["tools"] != nil ? ["tools": [:]] : [:]
    }
}
