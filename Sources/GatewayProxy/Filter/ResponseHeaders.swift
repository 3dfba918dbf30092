import GatewayRecords
import GatewayWire

/// What we say in every answer.
extension Exchange {
    private static let serverName = Array("sluice".utf8)
    private static let requestIDLabel = FieldLabel("x-sluice-request-id")

    /// The upstream's head on its way to the client.
    func finishResponseHead() {
        guard let rule else { return }
        if rule.cors != nil { applyCORS() }
        if !rule.responseEdits.isEmpty { rule.responseEdits.apply(to: &response.fields) }
        if let choice = attempt.choice, !choice.responseEdits.isEmpty {
            choice.responseEdits.apply(to: &response.fields)
        }
        response.fields.removeOwnSetCookies()
        if rule.persistence != nil { applySessionCookie() }
    }

    /// The head of an answer of our own.
    func finishOwnHead() {
        if !response.fields.contains(.date) { response.fields.append(.date, worker.dateBytes) }
        if !response.fields.contains(.server) { response.fields.append(.server, Self.serverName) }
        // Of what was no request there is no id.
        if record.requestID != (0, 0) {
            response.fields.append(Self.requestIDLabel) { value in
                TraceContext.append(hex: record.requestID.0, digits: 16, to: &value)
                TraceContext.append(hex: record.requestID.1, digits: 16, to: &value)
            }
        }
        guard let rule else { return }
        if rule.cors != nil { applyCORS() }
        // A room's answer is the gateway's word, as long as nobody has written into it.
        if case .room = rule.action, rule.responseEdits.isEmpty { return }
        rule.responseEdits.apply(to: &response.fields)
        response.fields.removeOwnSetCookies()
    }
}
