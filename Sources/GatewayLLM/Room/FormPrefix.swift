import GatewayWire
import NIOCore

/// The beginning of a form (RFC 7578) in which the name of a model is looked for: files are never read, and never
/// held as a whole.
struct FormPrefix {
    /// Clients write small fields before files; a model named later than this is not found.
    static let bytesMax = 64 * 1024

    private let boundary: [UInt8]

    /// Nil for a body that is no form.
    init?(contentType: [UInt8]) {
        guard contentType.starts(with: "multipart/form-data".utf8) else { return nil }
        guard let start = FormPrefix.find(Array("boundary=".utf8), in: contentType, from: 0) else { return nil }
        var value = Array(contentType[(start + 9)...].prefix { $0 != 0x3B })
        if value.first == 0x22 { value = Array(value.dropFirst().prefix { $0 != 0x22 }) }
        while value.last == 0x20 { value.removeLast() }
        guard (1...70).contains(value.count) else { return nil }
        boundary = Array("--".utf8) + value
    }

    /// Where the value of the field `model` lies; nil while it has not (all) come.
    func model(in bytes: [UInt8]) -> Range<Int>? {
        var position = 0
        while let part = FormPrefix.find(boundary, in: bytes, from: position) {
            let headStart = part + boundary.count
            guard let headEnd = FormPrefix.find(FormPrefix.blankLine, in: bytes, from: headStart) else { return nil }
            let valueStart = headEnd + 4
            guard let valueEnd = FormPrefix.find(FormPrefix.lineBreak + boundary, in: bytes, from: valueStart) else {
                return nil
            }
            if isModel(Array(bytes[headStart..<headEnd])) { return valueStart..<valueEnd }
            position = valueEnd + 2
        }
        return nil
    }

    private func isModel(_ head: [UInt8]) -> Bool {
        for line in String(decoding: head, as: UTF8.self).split(whereSeparator: \.isNewline) {
            guard line.lowercased().hasPrefix("content-disposition:") else { continue }
            let words = line.split(separator: ";").map { $0.trimmingPrefix(" ") }
            return words.contains("name=\"model\"") || words.contains("name=model")
        }
        return false
    }

    private static let blankLine = Array("\r\n\r\n".utf8)
    private static let lineBreak = Array("\r\n".utf8)

    private static func find(_ needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count - start >= needle.count, let first = needle.first else { return nil }
        var index = start
        while index <= bytes.count - needle.count {
            if bytes[index] == first, bytes[index..<(index + needle.count)].elementsEqual(needle) { return index }
            index += 1
        }
        return nil
    }
}
