/// The parts of a `multipart/form-data` body (RFC 7578), read as a whole.
struct FormData: Sendable {
    struct Part: Sendable {
        var name: String
        var filename: String?
        var bytes: [UInt8]
    }

    let parts: [Part]

    init(_ body: [UInt8], type: String) {
        guard let boundary = Self.parameter("boundary", of: type) else {
            parts = []
            return
        }
        let mark = Array("--\(boundary)".utf8)
        var parts: [Part] = []
        var start: Int?
        var index = 0
        while index + mark.count <= body.count {
            guard body[index] == 0x2D, body[index..<index + mark.count].elementsEqual(mark) else {
                index += 1
                continue
            }
            // A part ends with the line break before the next mark.
            if let start, index - 2 >= start, let part = Self.part(Array(body[start..<index - 2])) {
                parts.append(part)
            }
            index += mark.count
            if index + 1 < body.count, body[index] == 0x2D, body[index + 1] == 0x2D { break }
            index += 2
            start = index
        }
        self.parts = parts
    }

    subscript(name: String) -> String? {
        parts.first { $0.name == name && $0.filename == nil }.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    var file: Part? { parts.first { $0.filename != nil } }

    private static func part(_ bytes: [UInt8]) -> Part? {
        let gap = Array("\r\n\r\n".utf8)
        guard let head = bytes.firstRange(of: gap) else { return nil }
        let fields = String(decoding: bytes[..<head.lowerBound], as: UTF8.self)
        for line in fields.split(separator: "\r\n") where line.lowercased().hasPrefix("content-disposition:") {
            guard let name = parameter("name", of: line) else { return nil }
            let rest = Array(bytes[head.upperBound...])
            return Part(name: name, filename: parameter("filename", of: line), bytes: rest)
        }
        return nil
    }

    /// The value of `; name=value`, without its quotes.
    private static func parameter(_ name: String, of text: some StringProtocol) -> String? {
        for piece in text.split(separator: ";").dropFirst() {
            let trimmed = Substring(piece).trimmingSpaces
            guard trimmed.lowercased().hasPrefix("\(name)=") else { continue }
            let value = trimmed.dropFirst(name.utf8.count + 1)
            return value.first == "\"" ? String(value.dropFirst().prefix { $0 != "\"" }) : String(value)
        }
        return nil
    }
}
