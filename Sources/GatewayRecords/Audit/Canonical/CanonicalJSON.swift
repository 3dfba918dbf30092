package import GatewayWire

/// The JSON Canonicalization Scheme (RFC 8785): one text for each value, so that a hash of it means the value.
package enum CanonicalJSON {
    /// What has no canonical form: a number beyond the range of IEEE 754, a text that is not Unicode.
    package enum Problem: Error, Sendable, Equatable {
        case notFinite(String)
        case loneSurrogate
    }

    /// The canonical text of a tree.
    package static func bytes(_ tree: JSONTree) throws(Problem) -> [UInt8] {
        var out: [UInt8] = []
        try append(tree, to: &out)
        return out
    }

    package static func append(_ tree: JSONTree, to out: inout [UInt8]) throws(Problem) {
        switch tree {
        case .null: JSONWriter.appendNull(to: &out)
        case .bool(let value): JSONWriter.append(value, to: &out)
        case .number(let value): try append(value, to: &out)
        case .string(let value): try append(value, to: &out)
        case .array(let items):
            out.append(0x5B)
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(0x2C) }
                try append(item, to: &out)
            }
            out.append(0x5D)
        case .object(let object): try append(object, to: &out)
        }
    }

    /// Members by the UTF-16 code units of their names (section 3.2.3).
    private static func append(_ object: JSONObject, to out: inout [UInt8]) throws(Problem) {
        let members = object.members.map { (name: $0.name, units: Array($0.name.value.utf16), value: $0.value) }
            .sorted { $0.units.lexicographicallyPrecedes($1.units) }
        out.append(0x7B)
        for (index, member) in members.enumerated() {
            if index > 0 { out.append(0x2C) }
            try append(member.name, to: &out)
            out.append(0x3A)
            try append(member.value, to: &out)
        }
        out.append(0x7D)
    }

    private static func append(_ text: GatewayWire.JSONText, to out: inout [UInt8]) throws(Problem) {
        let value = text.value
        // A replacement character that nobody wrote stands for half of a pair, which no canonical text may hold.
        if !text.isPlain, value.contains("\u{FFFD}"), text.hasLoneSurrogate { throw .loneSurrogate }
        append(value, to: &out)
    }

    /// A string with the few escapes that the scheme has (section 3.2.2.2).
    package static func append(_ value: String, to out: inout [UInt8]) {
        JSONWriter.append(string: value.utf8Span.span, to: &out)
    }

    private static func append(_ number: JSONNumber, to out: inout [UInt8]) throws(Problem) {
        if let whole = number.int, whole.magnitude <= 1 << 53 {
            return JSONWriter.append(Int64(whole), to: &out)
        }
        let value = number.double
        guard value.isFinite else { throw .notFinite(number.text) }
        out.append(contentsOf: text(value).utf8)
    }

    /// A number as ECMAScript writes it (`Number::toString`, section 3.2.2.3).
    package static func text(_ value: Double) -> String {
        if value == 0 { return "0" }
        let (digits, point) = shortest(value.magnitude)
        let sign = value < 0 ? "-" : ""
        if point > 0, point <= 21 {
            if digits.count <= point {
                return sign + String(decoding: digits, as: UTF8.self)
                    + String(repeating: "0", count: point - digits.count)
            }
            return sign + String(decoding: digits[..<point], as: UTF8.self) + "."
                + String(decoding: digits[point...], as: UTF8.self)
        }
        if point > -6, point <= 0 {
            return sign + "0." + String(repeating: "0", count: -point) + String(decoding: digits, as: UTF8.self)
        }
        var text = sign + String(decoding: digits[..<1], as: UTF8.self)
        if digits.count > 1 { text += "." + String(decoding: digits[1...], as: UTF8.self) }
        let exponent = point - 1
        return text + "e" + (exponent < 0 ? "-" : "+") + String(exponent.magnitude)
    }

    /// The fewest digits that mean the number, and where the point stands among them: `0.d₁d₂… × 10^point`.
    private static func shortest(_ value: Double) -> (digits: [UInt8], point: Int) {
        var digits: [UInt8] = []
        var point = 0
        var hasPoint = false
        var exponent = 0
        let text = Array(value.description.utf8)
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == 0x2E {
                hasPoint = true
            } else if byte == 0x65 {
                exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
                break
            } else {
                digits.append(byte)
                if !hasPoint { point += 1 }
            }
            index += 1
        }
        let leading = digits.prefix { $0 == 0x30 }.count
        digits.removeFirst(leading)
        point += exponent - leading
        while digits.last == 0x30 { digits.removeLast() }
        return (digits, point)
    }
}

extension GatewayWire.JSONText {
    /// Whether an escape of it is half of a pair.
    fileprivate var hasLoneSurrogate: Bool {
        let bytes = Array(escaped.utf8)
        var index = 0
        func unit(at index: Int) -> UInt16? {
            guard index + 6 <= bytes.count, bytes[index] == 0x5C, bytes[index + 1] == 0x75 else { return nil }
            return UInt16(String(decoding: bytes[(index + 2)..<(index + 6)], as: UTF8.self), radix: 16)
        }
        while index < bytes.count {
            guard bytes[index] == 0x5C else {
                index += 1
                continue
            }
            guard let first = unit(at: index), first & 0xF800 == 0xD800 else {
                index += 2
                continue
            }
            guard first < 0xDC00, let second = unit(at: index + 6), second & 0xFC00 == 0xDC00 else { return true }
            index += 12
        }
        return false
    }
}
