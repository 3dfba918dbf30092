package import GatewayModel

/// Bytes to documents: checks size and encoding, then reads YAML or JSON.
package enum DocumentReader {
    package enum Syntax: Sendable {
        case yaml
        case json

        /// By the file's name; YAML unless it ends in `.json`.
        package init(file: String) { self = file.hasSuffix(".json") ? .json : .yaml }
    }

    /// Every document of `bytes`, with `List` objects unfolded. A syntax error ends the file: what stood before it
    /// is not returned, because half a file is no configuration.
    package static func read(
        _ bytes: [UInt8], file: String, syntax: Syntax? = nil, limits: Limits = .standard, unfolding: Bool = true,
        diagnostics: inout [Diagnostic]
    ) -> [ConfigNode] {
        let start = SourcePosition(file: file, line: 1, column: 1)
        if bytes.count > limits.configurationBytesMax {
            diagnostics.append(
                Diagnostic(
                    .tooLarge, at: start, "file has \(bytes.count) bytes",
                    hint: "at most \(limits.configurationBytesMax)"))
            return []
        }
        let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        if let offset = firstInvalidUTF8(body) {
            diagnostics.append(
                Diagnostic(
                    .syntax, at: position(of: offset, in: body, file: file),
                    "invalid UTF-8 byte 0x\(String(body[offset], radix: 16, uppercase: true))",
                    hint: "save the file as UTF-8"))
            return []
        }
        let text = String(decoding: body, as: UTF8.self)
        let documents: [ConfigNode]
        do {
            switch syntax ?? Syntax(file: file) {
            case .yaml: documents = try YAMLReader(text: text, file: file, limits: limits).documents()
            case .json: documents = try JSONReader.documents(body, file: file, limits: limits)
            }
        } catch {
            diagnostics.append(error)
            return []
        }
        return unfolding ? documents.flatMap(unfold) : documents
    }

    /// The items of a `List` or `SomethingList`, or the document itself.
    private static func unfold(_ document: ConfigNode) -> [ConfigNode] {
        guard let kind = document["kind"]?.string, kind.hasSuffix("List"), let items = document["items"]?.elements,
            ObjectKind(rawValue: kind) == nil
        else { return [document] }
        let itemKind = String(kind.dropLast("List".count))
        return items.flatMap { item -> [ConfigNode] in
            var item = item
            // An API server leaves kind and apiVersion out of the items of a typed list.
            if !itemKind.isEmpty, item["kind"] == nil, item.fields != nil {
                item["apiVersion"] = item["apiVersion"] ?? document["apiVersion"]
                item["kind"] = .text(itemKind)
            }
            return unfold(item)
        }
    }

    static func firstInvalidUTF8(_ bytes: [UInt8]) -> Int? {
        if String(validating: bytes, as: UTF8.self) != nil { return nil }
        var decoder = UTF8()
        var iterator = CountingIterator(bytes: bytes)
        var before = 0
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): before += String(scalar).utf8.count
            case .emptyInput: return nil
            case .error: return min(before, bytes.count - 1)
            }
        }
    }

    private struct CountingIterator: IteratorProtocol {
        let bytes: [UInt8]
        var index = 0

        mutating func next() -> UInt8? {
            guard index < bytes.count else { return nil }
            defer { index += 1 }
            return bytes[index]
        }
    }

    /// Line and column (in Unicode scalars) of a byte.
    static func position(of offset: Int, in bytes: [UInt8], file: String) -> SourcePosition {
        var line = 1
        var column = 1
        for byte in bytes.prefix(offset) {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return SourcePosition(file: file, line: line, column: column)
    }
}
