import GatewayWire

/// A tool call's arguments: an object in one API, its text in another.
enum ToolArguments {
    /// The object a text is. Models write nothing for a tool without parameters, and some servers `null`; that is `{}`.
    static func parse(_ text: JSONText) -> JSONObject? {
        let value = text.value
        if value.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }) { return [:] }
        if value == "null" { return [:] }
        return (try? JSONTree.parse(Array(value.utf8)))?.object
    }

    static func text(_ object: JSONObject) -> JSONText { JSONText(JSONTree.object(object).compactText) }
}
