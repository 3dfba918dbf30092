import GatewayModel
import GatewayWire
import NIOCore

/// Reads a form (RFC 7578) as it comes, for the one field of it that decides: `model`. Nothing of it is held but what
/// may be the beginning of a delimiter, a part's head, or that field's value. What another reader could understand
/// otherwise than this one is refused: two readers of one form must not find two models.
struct FormScan {
    static let partsMax = 1_000
    static let headBytesMax = 8 * 1024

    private enum State {
        /// Before the first delimiter.
        case start
        /// Behind a delimiter: the line's end, or the form's.
        case delimiter
        case head
        /// In a part, the field `model` or another one.
        case value(isModel: Bool)
        case end
    }

    private let delimiter: [UInt8]
    private var state = State.start
    /// What has come and is not judged yet, and where in the form it begins.
    private var window: [UInt8] = []
    private var windowStart = 0
    private var partCount = 0
    /// Where the value at hand begins.
    private var valueStart = 0
    /// The field has begun.
    private(set) var namesModel = false
    private var value: [UInt8] = []
    /// The field `model` with its place, once all of it has come.
    private(set) var model: (name: [UInt8], range: Range<Int>)?

    /// Nil for a body that is no form. Throws for a form whose boundary can be read in two ways.
    init?(contentType: [UInt8]) throws(GatewayError) {
        let text = String(decoding: contentType, as: UTF8.self)
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { FormScan.trimmed($0) }
        guard parts.first?.lowercased() == "multipart/form-data" else { return nil }
        var boundary: String?
        for part in parts.dropFirst() where part.lowercased().hasPrefix("boundary") {
            let value = part.dropFirst("boundary".count)
            guard boundary == nil, value.first == "=" else { throw FormScan.malformed("its boundary is not plain") }
            boundary = String(value.dropFirst())
        }
        guard var found = boundary else { throw FormScan.malformed("it names no boundary") }
        if found.hasPrefix("\""), found.hasSuffix("\""), found.count > 2 {
            found = String(found.dropFirst().dropLast())
        }
        let isPlain = found.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "'()+_,-./:=?".utf8.contains(byte)
        }
        guard isPlain, (1...70).contains(found.utf8.count) else {
            throw FormScan.malformed("its boundary is not plain")
        }
        delimiter = Array("--".utf8) + Array(found.utf8)
    }

    /// The next bytes of the form.
    mutating func add(_ bytes: ByteBuffer) throws(GatewayError) {
        window.append(contentsOf: bytes.readableBytesView)
        var position = 0
        while try step(&position) {}
        window.removeFirst(position)
        windowStart += position
    }

    /// The form has ended. Throws if it did so too early.
    func finish() throws(GatewayError) {
        guard case .end = state else { throw FormScan.malformed("it ends early") }
    }

    /// One step on from `position`; false when more has to come.
    private mutating func step(_ position: inout Int) throws(GatewayError) -> Bool {
        switch state {
        case .start:
            guard window.count - position >= delimiter.count else { return false }
            guard window[position..<(position + delimiter.count)].elementsEqual(delimiter) else {
                throw FormScan.malformed("it does not begin with its boundary")
            }
            position += delimiter.count
            state = .delimiter
            return true
        case .delimiter:
            guard window.count - position >= 2 else { return false }
            let isLast = window[position] == 0x2D && window[position + 1] == 0x2D
            guard isLast || window[position] == 0x0D && window[position + 1] == 0x0A else {
                throw FormScan.malformed("a boundary is followed by something else")
            }
            position += 2
            state = isLast ? .end : .head
            return true
        case .head: return try head(&position)
        case .value(let isModel): return try value(&position, isModel: isModel)
        case .end:
            guard window[position...].allSatisfy({ $0 == 0x0D || $0 == 0x0A }) else {
                throw FormScan.malformed("something follows its end")
            }
            position = window.count
            return false
        }
    }

    // MARK: Heads of parts

    private mutating func head(_ position: inout Int) throws(GatewayError) -> Bool {
        let blankLine: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        guard let end = FormScan.find(blankLine, in: window, from: position) else {
            guard window.count - position <= FormScan.headBytesMax else {
                throw FormScan.malformed("the head of a part is too long")
            }
            return false
        }
        guard end - position <= FormScan.headBytesMax else {
            throw FormScan.malformed("the head of a part is too long")
        }
        partCount += 1
        guard partCount <= FormScan.partsMax else { throw FormScan.malformed("it has too many parts") }
        let isModel = try FormScan.isModel(Array(window[position..<end]))
        if isModel, namesModel {
            throw GatewayError(
                .malformedRequest, "the form names its model twice", hint: "send the field model once")
        }
        namesModel = namesModel || isModel
        position = end + 4
        valueStart = windowStart + position
        state = .value(isModel: isModel)
        return true
    }

    /// Whether a part is the field `model`.
    private static func isModel(_ head: [UInt8]) throws(GatewayError) -> Bool {
        guard let text = String(validating: head, as: UTF8.self) else {
            throw malformed("the head of a part is no text")
        }
        var name: String?
        for line in text.split(separator: "\r\n" as Character, omittingEmptySubsequences: false) {
            let bytes = line.utf8
            guard !bytes.contains(0x0D), !bytes.contains(0x0A), !bytes.contains(0), bytes.first != 0x20,
                bytes.first != 0x09
            else { throw malformed("the head of a part has a line that is not plain") }
            guard let colon = line.firstIndex(of: ":") else { throw malformed("the head of a part is no head") }
            guard line[..<colon].lowercased() == "content-disposition" else { continue }
            guard name == nil else { throw malformed("a part is disposed of twice") }
            name = try fieldName(line[line.index(after: colon)...])
        }
        guard let name else { throw malformed("a part has no name") }
        // How a name is decoded is nobody's rule: what could become this one is refused.
        guard name != "model" else { return true }
        let plain = name.lowercased().filter { !$0.isWhitespace }
        guard plain != "model", !name.contains("%"), !name.contains("\\"), !name.contains("&") else {
            throw malformed("the name of a part is not plain")
        }
        return false
    }

    /// The `name` of a disposition: exactly one, in quotes or without.
    private static func fieldName(_ disposition: Substring) throws(GatewayError) -> String {
        var name: String?
        for parameter in try parameters(disposition).dropFirst() {
            guard let equals = parameter.firstIndex(of: "=") else { continue }
            let key = trimmed(parameter[..<equals]).lowercased()
            guard key.hasPrefix("name") else { continue }
            var value = trimmed(parameter[parameter.index(after: equals)...])
            if value.hasPrefix("\""), value.hasSuffix("\""), value.count >= 2 {
                value = String(value.dropFirst().dropLast())
            }
            guard key == "name", name == nil, !value.contains("\"") else {
                throw malformed("the name of a part is not plain")
            }
            name = value
        }
        guard let name else { throw malformed("a part has no name") }
        return name
    }

    /// Parted at semicolons outside of quotes.
    private static func parameters(_ text: Substring) throws(GatewayError) -> [Substring] {
        var parts: [Substring] = []
        var start = text.startIndex
        var index = start
        var isQuoted = false
        while index < text.endIndex {
            switch text[index] {
            case "\\" where isQuoted:
                index = text.index(after: index)
                if index == text.endIndex { throw malformed("the head of a part is cut off") }
            case "\"": isQuoted.toggle()
            case ";" where !isQuoted:
                parts.append(text[start..<index])
                start = text.index(after: index)
            default: break
            }
            index = text.index(after: index)
        }
        guard !isQuoted else { throw malformed("the head of a part is cut off") }
        parts.append(text[start...])
        return parts
    }

    // MARK: Values

    /// Steps over a value up to the next delimiter.
    private mutating func value(_ position: inout Int, isModel: Bool) throws(GatewayError) -> Bool {
        guard let found = FormScan.find(delimiter, in: window, from: position) else {
            // A delimiter may have begun: with its line end before it.
            let known = max(position, window.count - delimiter.count - 1)
            try take(window[position..<known], isModel)
            position = known
            return false
        }
        guard windowStart + found > valueStart else {
            throw FormScan.malformed("a part has no line end before the boundary")
        }
        let before = window[found - 1]
        let isAtLineStart = windowStart + found - 2 >= valueStart && before == 0x0A && window[found - 2] == 0x0D
        guard isAtLineStart else {
            guard before != 0x0A, before != 0x0D else {
                throw FormScan.malformed("a boundary stands where it may be one or not")
            }
            try take(window[position...found], isModel)
            position = found + 1
            return true
        }
        try take(window[position..<(found - 2)], isModel)
        if isModel { model = (value, valueStart..<(valueStart + value.count)) }
        position = found + delimiter.count
        state = .delimiter
        return true
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>, _ isModel: Bool) throws(GatewayError) {
        guard isModel else { return }
        value += bytes
        guard value.count <= ModelTable.nameBytesMax else {
            throw GatewayError(
                .malformedRequest, "the name of the model is longer than \(ModelTable.nameBytesMax) bytes")
        }
    }

    // MARK: Bytes

    private static func find(_ needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count - start >= needle.count, let first = needle.first else { return nil }
        var index = start
        while index <= bytes.count - needle.count {
            if bytes[index] == first, bytes[index..<(index + needle.count)].elementsEqual(needle) { return index }
            index += 1
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }

    private static func malformed(_ problem: String) -> GatewayError {
        GatewayError(
            .malformedRequest, "the form cannot be read: \(problem)", hint: "send multipart/form-data by RFC 7578")
    }
}
