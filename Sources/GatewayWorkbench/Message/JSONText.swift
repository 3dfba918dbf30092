/// Writes JSON in the layout the caller walks through; keys keep the order in which they are added.
struct JSONText {
    private(set) var text = ""

    mutating func raw(_ piece: String) { text += piece }

    mutating func string(_ value: String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    /// `"key": "value"`, after a comma where one is needed.
    mutating func member(_ key: String, _ value: String, first: Bool = false) {
        if !first { text += "," }
        string(key)
        text += ":"
        string(value)
    }

    mutating func member(_ key: String, number: Int, first: Bool = false) {
        if !first { text += "," }
        string(key)
        text += ":\(number)"
    }

    mutating func key(_ key: String, first: Bool = false) {
        if !first { text += "," }
        string(key)
        text += ":"
    }
}
