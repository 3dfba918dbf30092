import GatewayModel
import GatewayWire

/// Tool calls that wait for their results: every provider wants each result once, right after the calls.
struct PendingCalls {
    private var places: [JSONText: Place] = [:]
    private var order: [JSONText] = []

    private static let rule = "send the results of all tool calls right after the calls, each once"

    mutating func call(_ id: JSONText, _ place: Place) {
        if places.updateValue(place, forKey: id) == nil { order.append(id) }
    }

    mutating func answer(_ id: JSONText, _ place: Place) throws(GatewayError) {
        guard places.removeValue(forKey: id) != nil else {
            throw BodyObject.error(
                "\(place.path) answers no tool call of the message before it: \(TranslationLosses.printable(id.value))",
                PendingCalls.rule)
        }
    }

    mutating func checkAnswered() throws(GatewayError) {
        guard let id = order.first(where: { places[$0] != nil }), let place = places[id] else {
            order.removeAll(keepingCapacity: true)
            return
        }
        throw BodyObject.error(
            "\(place.path) has no result: \(TranslationLosses.printable(id.value))", PendingCalls.rule)
    }
}
