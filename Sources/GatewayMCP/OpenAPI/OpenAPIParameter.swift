import GatewayWire

/// Where an argument goes in the request, and how it is written there.
package struct OpenAPIParameter: Sendable, Hashable {
    package enum Place: String, Sendable, Hashable { case path, query, header, cookie }
    package enum Style: String, Sendable, Hashable {
        case simple, label, matrix, form, spaceDelimited, pipeDelimited, deepObject
        /// As JSON, where the document gives a media type instead of a style.
        case json
    }

    /// In the tool's arguments.
    package var argument: String
    /// On the wire.
    package var name: String
    package var place: Place
    package var style: Style
    package var explodes: Bool
    package var isRequired: Bool
    package var allowsReserved: Bool
}

extension OpenAPIParameter {
    private static let delimiters: [Style: String] = [.spaceDelimited: "%20", .pipeDelimited: "%7C"]

    /// The text between two slashes of the path.
    func segment(_ value: JSONTree) throws(OpenAPIProblem) -> String {
        let text: String
        switch style {
        case .label: text = "." + (try joined(value, by: explodes ? "." : ","))
        case .matrix:
            if explodes, let items = value.array {
                var parts = ""
                for item in items { parts += ";\(PercentEncoding.encoded(name))=\(try scalar(item))" }
                text = parts
            } else if explodes, value.object != nil {
                text = ";" + (try joined(value, by: ";"))
            } else {
                text = ";\(PercentEncoding.encoded(name))=\(try joined(value, by: ","))"
            }
        default: text = try joined(value, by: ",")
        }
        // A reader may take these, decoded, for a way up.
        let plain = PercentEncoding.decoded(text).split(
            omittingEmptySubsequences: false, whereSeparator: { $0 == "/" || $0 == "\\" })
        guard !text.isEmpty, !plain.contains(where: { $0 == "." || $0 == ".." }) else {
            throw OpenAPIProblem("\(argument) may not be empty, nor a way up")
        }
        return text
    }

    /// The `name=value` of a query or of a form, encoded.
    func pairs(_ value: JSONTree) throws(OpenAPIProblem) -> [String] {
        let key = PercentEncoding.encoded(name)
        if style == .json { return ["\(key)=\(PercentEncoding.encoded(value.compactText))"] }
        switch value {
        case .array(let items):
            if explodes, style == .form {
                var pairs: [String] = []
                for item in items { pairs.append("\(key)=\(try scalar(item))") }
                return pairs
            }
            guard !items.isEmpty else { return [] }
            return ["\(key)=\(try joined(value, by: Self.delimiters[style] ?? ","))"]
        case .object(let object):
            var pairs: [String] = []
            for member in object.members where style == .deepObject || (style == .form && explodes) {
                let inner = PercentEncoding.encoded(member.name.value)
                let name = style == .deepObject ? "\(key)%5B\(inner)%5D" : inner
                pairs.append("\(name)=\(try scalar(member.value))")
            }
            return pairs.isEmpty && !object.isEmpty ? ["\(key)=\(try joined(value, by: ","))"] : pairs
        default: return ["\(key)=\(try scalar(value))"]
        }
    }

    /// The value of a field or of a cookie.
    func field(_ value: JSONTree) throws(OpenAPIProblem) -> String {
        let text: String
        switch value {
        case _ where style == .json: text = value.compactText
        case .array(let items):
            var parts: [String] = []
            for item in items { parts.append(try plain(item)) }
            text = parts.joined(separator: ",")
        case .object(let object):
            var parts: [String] = []
            for member in object.members {
                let inner = try plain(member.value)
                parts.append(explodes ? "\(member.name.value)=\(inner)" : "\(member.name.value),\(inner)")
            }
            text = parts.joined(separator: ",")
        default: text = try plain(value)
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            throw OpenAPIProblem("\(argument) has characters that no header may have")
        }
        if place == .cookie { return PercentEncoding.encoded(text) }
        return text
    }

    /// Lists as `a,b`, objects as `k,v` or, exploded, as `k=v`.
    private func joined(_ value: JSONTree, by separator: String) throws(OpenAPIProblem) -> String {
        if style == .json { return PercentEncoding.encoded(value.compactText) }
        var parts: [String] = []
        switch value {
        case .array(let items): for item in items { parts.append(try scalar(item)) }
        case .object(let object):
            for member in object.members {
                let key = PercentEncoding.encoded(member.name.value)
                let inner = try scalar(member.value)
                if explodes {
                    parts.append("\(key)=\(inner)")
                } else {
                    parts += [key, inner]
                }
            }
        default: return try scalar(value)
        }
        return parts.joined(separator: separator)
    }

    private func scalar(_ value: JSONTree) throws(OpenAPIProblem) -> String {
        let text = style == .json ? value.compactText : try plain(value)
        return PercentEncoding.encoded(text, keeping: allowsReserved ? ":/?@!$'()*," : "")
    }

    private func plain(_ value: JSONTree) throws(OpenAPIProblem) -> String {
        switch value {
        case .string(let text): return text.value
        case .number(let number): return number.text
        case .bool(let flag): return flag ? "true" : "false"
        case .null: return ""
        case .array, .object: throw OpenAPIProblem("\(argument) is nested too deep for a \(place.rawValue)")
        }
    }
}
