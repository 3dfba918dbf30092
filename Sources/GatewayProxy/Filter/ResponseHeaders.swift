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
        Exchange.addOwnFields(&response.fields, date: worker.dateBytes, record.requestID)
        guard let rule else { return }
        if rule.cors != nil { applyCORS() }
        // A room's answer is the gateway's word, as long as nobody has written into it.
        if rule.isRoom, rule.responseEdits.isEmpty { return }
        rule.responseEdits.apply(to: &response.fields)
        response.fields.removeOwnSetCookies()
    }

    /// Lent as `inout`, as in *settle*.
    private static func addOwnFields(_ fields: inout FieldBlock, date: [UInt8], _ id: (UInt64, UInt64)) {
        if !fields.contains(.date) { fields.append(.date, date) }
        if !fields.contains(.server) { fields.append(.server, serverName) }
        // Of what was no request there is no id.
        guard id != (0, 0) else { return }
        fields.append(requestIDLabel, bytesMax: 32) { value in
            value.append(hex: id.0)
            value.append(hex: id.1)
        }
    }
}
