import GatewayWire

/// The ids of a reply's tool calls. Servers leave them out, or give two calls one; then nobody could answer them, so
/// they are made up here of the reply's own id, since a later reply of the conversation must not have the same.
struct CallIDs {
    private var used: Set<JSONText> = []

    mutating func take(_ given: JSONText?, index: Int, reply: JSONText?) -> JSONText {
        if let given, !given.isEmpty, used.insert(given).inserted { return given }
        let made = JSONText("call_") + (reply.map { $0 + "_" } ?? .empty) + JSONText("\(index)")
        let id = ToolNameMap.fitting(id: made, ChatRequestEncoder.idLengthMax)
        used.insert(id)
        return id
    }
}
