extension JSONTree {
    /// Appends it as compact JSON: no spaces, members in order, numbers and strings as they were written.
    package func write(to out: inout [UInt8]) {
        switch self {
        case .null: JSONWriter.appendNull(to: &out)
        case .bool(let value): JSONWriter.append(value, to: &out)
        case .number(let value): out.append(contentsOf: value.text.utf8)
        case .string(let value): value.write(to: &out)
        case .object(let value): value.write(to: &out)
        case .array(let items):
            out.append(Byte.openBracket)
            var isFirst = true
            for item in items {
                if !isFirst { out.append(Byte.comma) }
                isFirst = false
                item.write(to: &out)
            }
            out.append(Byte.closeBracket)
        }
    }

    /// Its compact JSON.
    package var bytes: [UInt8] {
        var out: [UInt8] = []
        write(to: &out)
        return out
    }

    /// Its compact JSON as the text of a string, as function arguments travel.
    package var compactText: String { String(decoding: bytes, as: UTF8.self) }
}

extension JSONObject {
    package func write(to out: inout [UInt8]) {
        out.append(0x7B)
        var isFirst = true
        for member in members {
            if !isFirst { out.append(Byte.comma) }
            isFirst = false
            member.name.write(to: &out)
            out.append(Byte.colon)
            member.value.write(to: &out)
        }
        out.append(0x7D)
    }
}

extension JSONText {
    /// Appends it with its quotes.
    package func write(to out: inout [UInt8]) {
        out.append(Byte.quote)
        out.append(contentsOf: escaped.utf8)
        out.append(Byte.quote)
    }
}
