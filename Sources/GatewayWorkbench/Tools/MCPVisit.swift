/// One request on its way through the mock server: who asks, in which revision, and what it was answered so far.
struct MCPVisit: Sendable {
    let message: MCPMessage
    let revision: MCPRevision
    /// What the client said it can do.
    let capabilities: JSONDocument
    /// nil where there are none.
    let session: MCPSession?
    /// The least level of `notifications/message`; nil: none is asked for.
    let logLevel: String?
    /// In the journal.
    let number: Int
    /// What the client answered to the questions of this request, by their keys.
    var answers: JSONDocument = [:]

    var method: String { message.method }
    var params: JSONDocument { message.params }
    /// Of a tool or a prompt.
    var name: String { params["name"]?.text ?? "" }
    var arguments: JSONDocument { params["arguments"] ?? [:] }
    var progressToken: JSONDocument? { message.meta["progressToken"] }

    func can(_ question: MCPQuestion) -> Bool {
        switch question.method {
        case "elicitation/create":
            guard let elicitation = capabilities["elicitation"] else { return false }
            if question.params["mode"] == "url" { return elicitation["url"] != nil }
            return elicitation.members.isEmpty || elicitation["form"] != nil
        case "sampling/createMessage": return capabilities["sampling"] != nil
        default: return capabilities["roots"] != nil
        }
    }
}

/// What a server asks of a client: elicitation, sampling or roots.
struct MCPQuestion: Sendable {
    /// Of the answer, among those of one request.
    let key: String
    let method: String
    let params: JSONDocument

    static func form(_ key: String, _ message: String, _ properties: JSONDocument) -> MCPQuestion {
        MCPQuestion(
            key: key, method: "elicitation/create",
            params: [
                "mode": "form", "message": .string(message),
                "requestedSchema": [
                    "type": "object", "properties": properties,
                    "required": .array(properties.members.map { .string($0.name) }),
                ],
            ])
    }

    static func sample(_ key: String, _ prompt: String, tokensMax: Int = 100) -> MCPQuestion {
        MCPQuestion(
            key: key, method: "sampling/createMessage",
            params: [
                "messages": [["role": "user", "content": ["type": "text", "text": .string(prompt)]]],
                "maxTokens": .int(tokensMax),
            ])
    }

    static func roots(_ key: String) -> MCPQuestion { MCPQuestion(key: key, method: "roots/list", params: [:]) }

    /// As the client has to declare it.
    var capability: JSONDocument {
        switch method {
        case "elicitation/create": params["mode"] == "url" ? ["elicitation": ["url": [:]]] : ["elicitation": [:]]
        case "sampling/createMessage": ["sampling": [:]]
        default: ["roots": [:]]
        }
    }
}

/// One thing the mock does for a request; an answer is a list of them, the same for every era and transport.
enum MCPAct: Sendable {
    case notify(String, JSONDocument)
    case pause(milliseconds: Int)
    /// The client has to answer these before there is a result: the acts are then asked for again, with its answers.
    case ask([MCPQuestion], keepsState: Bool)
    case finish(JSONDocument)
    case fail(MCPError)
    /// Closes the stream, which the client takes up again: 2025-11-25 only.
    case poll(retryMilliseconds: Int)
    case misbehave(MCPMisbehaviour)
    /// What there is to say of a task, which may have to be waited for.
    case follow
}

/// Ways to break the protocol, or to be a bad guest.
package enum MCPMisbehaviour: String, Sendable, CaseIterable {
    case invalidJSON = "invalid-json"
    case notRPC = "not-rpc"
    case wrongID = "wrong-id"
    case wrongIDType = "wrong-id-type"
    case resultAndError = "result-and-error"
    /// Answers twice.
    case twice
    /// The stream ends without an answer.
    case noAnswer = "no-answer"
    /// Nothing comes, and nothing ends.
    case silent
    /// Notifications without end.
    case endless
    case huge
    /// A request by the server on a stream where there must be none.
    case askOnStream = "ask-on-stream"
    case wrongType = "wrong-type"
    case unknownResultType = "unknown-result-type"
    case status500 = "status-500"
    case reset
    /// A nested result 10,000 deep.
    case deep
    /// The same member twice, with different values.
    case twinMembers = "twin-members"
}
