import GatewayWire

/// A tool call's arguments: an object in one API, its text in another.
enum ToolArguments {
    /// The object a text is. Models write nothing for a tool without parameters, and some servers `null`; that is `{}`.
    static func parse(_ text: JSONText) -> JSONObject? {
        if isNone(text) { return [:] }
        return (try? JSONTree.parse(Array(text.value.utf8)))?.object
    }

    /// Whether a text stands for no arguments.
    static func isNone(_ text: JSONText) -> Bool {
        let word = word(text)
        return word.isEmpty || word == null[...]
    }

    /// Whether a text may yet become one that does.
    static func mayBecomeNone(_ text: JSONText) -> Bool { null.starts(with: word(text)) }

    private static let null = Array("null".utf8)

    /// Without the white space around it.
    private static func word(_ text: JSONText) -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
        var word = Array(text.value.utf8)[...].drop(while: isSpace)
        while let last = word.last, isSpace(last) { word.removeLast() }
        return word
    }

    static func text(_ object: JSONObject) -> JSONText { JSONText(JSONTree.object(object).compactText) }
}
