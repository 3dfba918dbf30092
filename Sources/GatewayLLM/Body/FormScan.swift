import GatewayModel
import GatewayWire
import NIOCore

/// Reads a form (RFC 7578) as it comes, for the fields of it that decide: `model`, and of a new file its `purpose` and
/// the file. Nothing of it is held but what may begin a delimiter, a part's head, or such a field's value.
/// What another reader could understand otherwise than this one is refused: two readers of one form must not find two
/// models. What providers keep is never named in a form, whose ids nobody would judge.
struct FormScan {
    static let partsMax = 1_000
    static let headBytesMax = 8 * 1024

    private enum State {
        /// Before the first delimiter.
        case start
        /// Behind a delimiter: the line's end, or the form's.
        case delimiter
        case head
        case value(Field)
        case end
    }

    /// The field that a part is.
    private enum Field {
        case model, purpose, file, other
    }

    private let delimiter: [UInt8]
    /// What a new file is read by; nil where the form is none.
    private let batch: BatchFile?
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

    /// What a new file is for, once that has come.
    private(set) var purpose: [UInt8]?
    private var hasFile = false

    /// Nil for a body that is no form. Throws for a form whose boundary can be read in two ways.
    init?(contentType: [UInt8], batch: BatchFile? = nil) throws(GatewayError) {
        self.batch = batch
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
        case .value(let field): return try self.value(&position, field)
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
        let field = try field(Array(window[position..<end]))
        switch field {
        case .model where namesModel:
            throw GatewayError(
                .malformedRequest, "the form names its model twice", hint: "send the field model once")
        case .model: namesModel = true
        case .purpose where purpose != nil: throw FormScan.malformed("it says its purpose twice")
        case .purpose: purpose = []
        case .file where hasFile: throw FormScan.malformed("it has two files")
        case .file: hasFile = true
        case .other: break
        }
        value = []
        position = end + 4
        valueStart = windowStart + position
        state = .value(field)
        return true
    }

    /// Which field a part is.
    private func field(_ head: [UInt8]) throws(GatewayError) -> Field {
        guard let text = String(validating: head, as: UTF8.self) else {
            throw FormScan.malformed("the head of a part is no text")
        }
        var found: (name: String, isFile: Bool)?
        for line in text.split(separator: "\r\n" as Character, omittingEmptySubsequences: false) {
            let bytes = line.utf8
            guard !bytes.contains(0x0D), !bytes.contains(0x0A), !bytes.contains(0), bytes.first != 0x20,
                bytes.first != 0x09
            else { throw FormScan.malformed("the head of a part has a line that is not plain") }
            guard let colon = line.firstIndex(of: ":") else {
                throw FormScan.malformed("the head of a part is no head")
            }
            let value = line[line.index(after: colon)...]
            switch line[..<colon].lowercased() {
            case "content-disposition":
                guard found == nil else { throw FormScan.malformed("a part is disposed of twice") }
                found = (try FormScan.parameter("name", value), try FormScan.names("filename", value))
            case "content-transfer-encoding":
                guard ["binary", "8bit", "7bit"].contains(FormScan.trimmed(value).lowercased()) else {
                    throw FormScan.malformed("a part is encoded")
                }
            default: break
            }
        }
        guard let found else { throw FormScan.malformed("a part has no name") }
        return try field(found.name, isFile: found.isFile)
    }

    /// What a form's parts may not be called: the ids in them would be judged by nobody.
    private static let kept: Set<String> = [
        "file_id", "file_ids", "input_file_id", "part_id", "part_ids", "container", "container_id", "conversation",
        "vector_store_id", "vector_store_ids", "previous_response_id", "upload_id", "batch_id",
        "skill_id", "skills",
    ]

    private func field(_ name: String, isFile: Bool) throws(GatewayError) -> Field {
        // How a name is decoded is nobody's rule: what could become one that decides is refused.
        let folded = String(decoding: JSONName.folded(Array(name.utf8)), as: UTF8.self).filter { !$0.isWhitespace }
        let bare = String(folded.prefix { $0 != "[" && $0 != "." })
        guard !FormScan.kept.contains(bare) else {
            throw GatewayError(
                .malformedRequest, "a form cannot name what a provider keeps: \(name.prefix(64))",
                hint: "send the request as JSON")
        }
        switch name {
        case "model": return .model
        case "purpose" where batch != nil: return .purpose
        case "file" where batch != nil: return .file
        default: break
        }
        let decides = batch == nil ? ["model"] : ["model", "purpose", "file"]
        guard !decides.contains(folded), !decides.dropFirst().contains(bare), !name.contains("%"),
            !name.contains("\\"), !name.contains("&")
        else { throw FormScan.malformed("the name of a part is not plain") }
        guard batch == nil || !isFile else { throw FormScan.malformed("a file in it is not its field file") }
        return .other
    }

    /// Whether a disposition has a parameter that may be this one.
    private static func names(_ word: String, _ disposition: Substring) throws(GatewayError) -> Bool {
        try parameters(disposition).dropFirst().contains { trimmed($0).lowercased().hasPrefix(word) }
    }

    /// The `name` of a disposition: exactly one, in quotes or without.
    private static func parameter(_ word: String, _ disposition: Substring) throws(GatewayError) -> String {
        var name: String?
        for parameter in try parameters(disposition).dropFirst() {
            guard let equals = parameter.firstIndex(of: "=") else { continue }
            let key = trimmed(parameter[..<equals]).lowercased()
            guard key.hasPrefix(word) else { continue }
            var value = trimmed(parameter[parameter.index(after: equals)...])
            if value.hasPrefix("\""), value.hasSuffix("\""), value.count >= 2 {
                value = String(value.dropFirst().dropLast())
            }
            guard key == word, name == nil, !value.contains("\"") else {
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
    private mutating func value(_ position: inout Int, _ field: Field) throws(GatewayError) -> Bool {
        guard let found = FormScan.find(delimiter, in: window, from: position) else {
            // A delimiter may have begun: with its line end before it.
            let known = max(position, window.count - delimiter.count - 1)
            try take(position..<known, field)
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
            try take(position..<(found + 1), field)
            position = found + 1
            return true
        }
        try take(position..<(found - 2), field)
        switch field {
        case .model: model = (value, valueStart..<(valueStart + value.count))
        case .purpose:
            purpose = value
            batch?.isFor(value)
        case .file: batch?.finish()
        case .other: break
        }
        position = found + delimiter.count
        state = .delimiter
        return true
    }

    private mutating func take(_ range: Range<Int>, _ field: Field) throws(GatewayError) {
        switch field {
        case .model, .purpose:
            value += window[range]
            guard value.count <= ModelTable.nameBytesMax else {
                throw GatewayError(
                    .malformedRequest,
                    "the \(field == .model ? "name of the model" : "purpose") is longer than "
                        + "\(ModelTable.nameBytesMax) bytes")
            }
        case .file: batch?.add(window[range], at: windowStart + range.lowerBound)
        case .other: break
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
