import GatewayModel

/// Functions of strings. Positions count scalars, not bytes.
extension CELEvaluation {
    /// `startsWith`, `endsWith`, `contains`.
    mutating func affix(
        _ operation: CELOperation, _ text: CELValue, _ part: CELValue
    ) throws(CELFault) -> Bool {
        guard case .string(let whole) = text, case .string(let piece) = part else {
            throw .noOverload("\(operation)", text, part)
        }
        try charge(piece.utf8.count / 16)
        switch operation {
        case .startsWith: return CELText.hasPrefix(whole, piece)
        case .endsWith: return CELText.hasSuffix(whole, piece)
        default:
            try charge(whole.utf8.count / 16)
            return CELText.find(Array(piece.utf8), in: Array(whole.utf8)) != nil
        }
    }

    mutating func matches(_ text: CELValue, _ pattern: BytePattern) throws(CELFault) -> Bool {
        guard case .string(let whole) = text else { throw .noOverload("matches", text, .string("")) }
        try charge(whole.utf8.count * pattern.stepCost / 16)
        return pattern.matches(whole.utf8Span.span)
    }

    mutating func text(_ function: CELFunction.Text, _ arguments: CELArguments) throws(CELFault) -> CELValue {
        switch function {
        case .join: return try join(arguments)
        case .base64Encode:
            guard case .bytes(let bytes) = arguments.first else { throw arguments.noOverload(function.rawValue) }
            try charge(bytes.count / 8)
            return .string(CELBase64.encode(bytes))
        default: break
        }
        guard case .string(let text) = arguments.first else { throw arguments.noOverload(function.rawValue) }
        try charge(text.utf8.count / 8)
        switch function {
        case .charAt, .substring: return try part(function, text, arguments)
        case .indexOf, .lastIndexOf: return try search(function, text, arguments)
        case .lowerAscii: return .string(CELEvaluation.cased(text, from: 0x41...0x5A, by: 0x20))
        case .upperAscii: return .string(CELEvaluation.cased(text, from: 0x61...0x7A, by: 0xE0))
        case .replace: return try replace(text, arguments)
        case .split: return try split(text, arguments)
        case .trim: return .string(CELEvaluation.trimmed(text))
        case .reverse: return .string(CELEvaluation.joined(text.unicodeScalars.reversed()))
        case .quote: return .string(CELFormat.quoted(text))
        case .format:
            guard case .list(let values) = arguments.second else { throw arguments.noOverload("format") }
            return .string(try format(text, values))
        case .base64Decode:
            let padding = (4 - text.utf8.count % 4) % 4
            guard let decoded = Base64Bytes(text) ?? Base64Bytes(text + String(repeating: "=", count: padding)) else {
                throw CELFault("the text is not base64")
            }
            return .bytes(decoded.bytes)
        case .matches:
            guard case .string(let pattern) = arguments.second else { throw arguments.noOverload("matches") }
            try charge(pattern.utf8.count)
            let compiled: BytePattern
            do throws(GatewayError) {
                compiled = try BytePattern(pattern, isWhole: false, isUsedOnce: true)
            } catch {
                throw CELFault(error.message)
            }
            try charge(compiled.stepCost)
            return .bool(try matches(arguments.first, compiled))
        case .startsWith, .endsWith, .contains, .join, .base64Encode: throw arguments.noOverload(function.rawValue)
        }
    }

    // MARK: Parts

    private static func joined(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private static func outOfRange(_ index: Int64) -> CELFault { CELFault("index out of range: \(index)") }

    private func part(
        _ function: CELFunction.Text, _ text: String, _ arguments: CELArguments
    ) throws(CELFault) -> CELValue {
        guard case .int(let start) = arguments.second else { throw arguments.noOverload(function.rawValue) }
        let scalars = Array(text.unicodeScalars)
        let count = Int64(scalars.count)
        guard start >= 0, start <= count else { throw CELEvaluation.outOfRange(start) }
        if function == .charAt {
            return .string(start == count ? "" : String(Character(scalars[Int(start)])))
        }
        var end = count
        if arguments.count == 3 {
            guard case .int(let given) = arguments.third else { throw arguments.noOverload("substring") }
            guard given >= 0, given <= count else { throw CELEvaluation.outOfRange(given) }
            guard start <= given else {
                throw CELFault("the substring's end is before its start: \(start), \(given)")
            }
            end = given
        }
        return .string(CELEvaluation.joined(scalars[Int(start)..<Int(end)]))
    }

    private func search(
        _ function: CELFunction.Text, _ text: String, _ arguments: CELArguments
    ) throws(CELFault) -> CELValue {
        guard case .string(let wanted) = arguments.second else { throw arguments.noOverload(function.rawValue) }
        let scalars = Array(text.unicodeScalars)
        let needle = Array(wanted.unicodeScalars)
        var bound: Int?
        if arguments.count == 3 {
            guard case .int(let given) = arguments.third else { throw arguments.noOverload(function.rawValue) }
            guard given >= 0, given <= Int64(scalars.count) else { throw CELEvaluation.outOfRange(given) }
            bound = Int(given)
        }
        if function == .indexOf {
            return .int(Int64(CELText.find(needle, in: scalars, from: bound ?? 0) ?? -1))
        }
        // The last one that begins at or before the bound is the first of the text reversed.
        let last = min(bound ?? scalars.count, scalars.count - needle.count)
        guard last >= 0 else { return .int(-1) }
        let end = last + needle.count
        let found = CELText.find(Array(needle.reversed()), in: Array(scalars[..<end].reversed()))
        return .int(found.map { Int64(end - $0 - needle.count) } ?? -1)
    }

    private static func cased(_ text: String, from range: ClosedRange<UInt8>, by offset: UInt8) -> String {
        String(decoding: text.utf8.map { range.contains($0) ? $0 &+ offset : $0 }, as: UTF8.self)
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return joined(scalars[first...last])
    }

    // MARK: Pieces

    /// The pieces of a text between occurrences of a separator; an empty one separates all scalars.
    private func pieces(_ text: String, _ separator: String, limit: Int) -> [[Unicode.Scalar]] {
        let scalars = Array(text.unicodeScalars)
        let needle = Array(separator.unicodeScalars)
        if needle.isEmpty {
            let count = min(max(limit - 1, 0), scalars.count)
            let rest = Array(scalars[count...])
            return scalars[..<count].map { [$0] } + (rest.isEmpty && count > 0 ? [] : [rest])
        }
        var result: [[Unicode.Scalar]] = []
        var start = 0
        while result.count < limit - 1, let found = CELText.find(needle, in: scalars, from: start) {
            result.append(Array(scalars[start..<found]))
            start = found + needle.count
        }
        result.append(Array(scalars[start...]))
        return result
    }

    private func limit(_ value: CELValue) -> Int? {
        guard case .int(let number) = value else { return nil }
        return number < 0 ? Int.max : Int(clamping: number)
    }

    private mutating func split(_ text: String, _ arguments: CELArguments) throws(CELFault) -> CELValue {
        guard case .string(let separator) = arguments.second,
            let limit = arguments.count == 3 ? limit(arguments.third) : Int.max
        else { throw arguments.noOverload("split") }
        if limit == 0 { return .list([]) }
        try charge(text.utf8.count / 2)
        return .list(pieces(text, separator, limit: limit).map { .string(CELEvaluation.joined($0)) })
    }

    private mutating func replace(_ text: String, _ arguments: CELArguments) throws(CELFault) -> CELValue {
        guard case .string(let old) = arguments.second, case .string(let new) = arguments.third,
            let limit = arguments.count == 4 ? limit(arguments.fourth) : Int.max
        else { throw arguments.noOverload("replace") }
        if limit == 0 { return .string(text) }
        try charge(text.utf8.count / 2)
        var result: [Unicode.Scalar] = []
        let replacement = Array(new.unicodeScalars)
        let split = pieces(text, old, limit: limit == .max ? .max : limit + 1)
        for (index, piece) in split.enumerated() {
            if index > 0 || old.isEmpty {
                try charge(replacement.count / 16 + 1)
                result += replacement
            }
            result += piece
        }
        if old.isEmpty, split.count < limit { result += replacement }
        return .string(CELEvaluation.joined(result))
    }

    private mutating func join(_ arguments: CELArguments) throws(CELFault) -> CELValue {
        guard case .list(let elements) = arguments.first else { throw arguments.noOverload("join") }
        var separator = ""
        if arguments.count == 2 {
            guard case .string(let given) = arguments.second else { throw arguments.noOverload("join") }
            separator = given
        }
        var result = ""
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element else { throw .noOverload("join", element) }
            try charge((text.utf8.count + separator.utf8.count) / 16 + 1)
            if index > 0 { result += separator }
            result += text
        }
        return .string(result)
    }
}

/// Base64 with padding (RFC 4648 section 4).
enum CELBase64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var bits: UInt32 = 0
            for index in 0..<3 { bits = bits << 8 | (index < count ? UInt32(bytes[start + index]) : 0) }
            for index in 0..<4 {
                let digit = Int(bits >> (18 - 6 * UInt32(index)) & 0x3F)
                result.append(index <= count ? alphabet[digit] : UInt8(ascii: "="))
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
