/// One pass over the bytes of a JSON text, by the letter of RFC 8259, without building anything. What it checks, the
/// scanner and the outline check; what it counts on the way is what an estimate of tokens needs.
struct JSONPass {
    static let depthMax = 512

    private(set) var index = 0
    private(set) var measure = JSONMeasure()
    /// Where the last name was, for what its value is measured as.
    private(set) var name = 0..<0
    private(set) var nameHasEscape = false
    private let depthMax: Int
    private var depth = 0
    /// One bit a level: set for objects.
    private var kinds = InlineArray<8, UInt64>(repeating: 0)
    /// Where names are compared: those of the objects that are open, one after the other.
    private var names: Optional<OpenNames>
    /// An object has a name twice, or too many to compare.
    private(set) var namesMayRepeat = false

    init(depthMax: Int, comparesNames: Bool = false) {
        self.depthMax = min(depthMax, JSONPass.depthMax)
        names = comparesNames ? OpenNames() : nil
    }

    /// Reads one value, with what it nests, and the space before it.
    mutating func value(_ input: Span<UInt8>) throws(JSONScanError) -> JSONKind {
        let base = depth
        var kind = JSONKind.null
        next: while true {
            skipSpace(input)
            guard index < input.count else { throw .unexpectedEnd }
            let isFirst = depth == base
            let byte = input[index]
            var current = JSONKind.number
            if byte == Byte.quote {
                let start = index &+ 1
                current = try string(input) ? .escapedString : .string
                if index &- start > JSONMeasure.blobBytesMin { measure.long(input, start..<(index &- 1), name: name) }
            } else if byte == Byte.openBrace || byte == Byte.openBracket {
                current = byte == Byte.openBrace ? .object : .array
                if isFirst { kind = current }
                try open(current)
                skipSpace(input)
                guard index < input.count else { throw .unexpectedEnd }
                if input[index] != (current == .object ? Byte.closeBrace : Byte.closeBracket) {
                    if current == .object { try memberName(input) } else { name = 0..<0 }
                    continue next
                }
                close()
            } else {
                current = try word(input, byte)
            }
            if isFirst { kind = current }
            // A value has ended: what contains it goes on or ends with it.
            while depth > base {
                skipSpace(input)
                guard index < input.count else { throw .unexpectedEnd }
                let isObject = isObject
                if input[index] == Byte.comma {
                    index &+= 1
                    if isObject { try memberName(input) } else { name = 0..<0 }
                    continue next
                }
                guard input[index] == (isObject ? Byte.closeBrace : Byte.closeBracket) else { throw .unexpectedByte }
                close()
            }
            return kind
        }
    }

    /// Reads what begins with that byte and is neither a string nor contains anything.
    private mutating func word(_ input: Span<UInt8>, _ byte: UInt8) throws(JSONScanError) -> JSONKind {
        switch byte {
        case 0x74:
            try literal(input, "true")
            return .true
        case 0x66:
            try literal(input, "false")
            return .false
        case 0x6E:
            try literal(input, "null")
            return .null
        case Byte.dash, 0x30...0x39:
            try number(input)
            if name.isEmpty { measure.arrayNumbers &+= 1 }
            return .number
        default: throw .unexpectedByte
        }
    }

    /// Reads `"name":` into `name`, with the space around.
    mutating func memberName(_ input: Span<UInt8>) throws(JSONScanError) {
        skipSpace(input)
        guard index < input.count else { throw .unexpectedEnd }
        guard input[index] == Byte.quote else { throw .unexpectedByte }
        let start = index &+ 1
        nameHasEscape = try string(input)
        name = start..<(index &- 1)
        measure.note(name: name, hasEscape: nameHasEscape, input)
        if names != nil, names?.add(JSONOutline.marks(input, name, nameHasEscape)) == false {
            (names, namesMayRepeat) = (nil, true)
        }
        skipSpace(input)
        guard index < input.count else { throw .unexpectedEnd }
        guard input[index] == Byte.colon else { throw .unexpectedByte }
        index &+= 1
    }

    /// Steps over an opening bracket or brace, one level down.
    mutating func open(_ kind: JSONKind) throws(JSONScanError) {
        guard depth < depthMax else { throw .tooDeep }
        let bit: UInt64 = 1 &<< UInt64(depth & 63)
        if kind == .object { kinds[depth &>> 6] |= bit } else { kinds[depth &>> 6] &= ~bit }
        if names != nil { names?.open() }
        depth &+= 1
        index &+= 1
    }

    /// Steps over a closing bracket or brace.
    mutating func close() {
        if names != nil { names?.close() }
        depth &-= 1
        index &+= 1
    }

    /// Steps over a comma.
    mutating func step() { index &+= 1 }

    @inline(__always)
    mutating func skipSpace(_ input: Span<UInt8>) {
        // Most texts have none.
        if index < input.count, input[index] <= Byte.space { skipSpaces(input) }
    }

    @inline(never)
    private mutating func skipSpaces(_ input: Span<UInt8>) {
        while index < input.count {
            let byte = input[index]
            guard byte == Byte.space || byte == Byte.lineFeed || byte == Byte.carriageReturn || byte == Byte.tab else {
                return
            }
            index &+= 1
        }
    }

    private var isObject: Bool {
        kinds[(depth &- 1) &>> 6] &>> UInt64((depth &- 1) & 63) & 1 != 0
    }

    private mutating func literal(_ input: Span<UInt8>, _ text: StaticString) throws(JSONScanError) {
        let end = index &+ text.utf8CodeUnitCount
        guard end <= input.count, Token.isExactly(input, index..<end, text) else { throw .badLiteral }
        index = end
    }

    private mutating func digits(_ input: Span<UInt8>) throws(JSONScanError) {
        let start = index
        while index < input.count, Byte.isDigit(input[index]) { index &+= 1 }
        guard index > start else { throw .badNumber }
    }

    private mutating func number(_ input: Span<UInt8>) throws(JSONScanError) {
        if input[index] == Byte.dash { index &+= 1 }
        guard index < input.count else { throw .badNumber }
        if input[index] == Byte.zero { index &+= 1 } else { try digits(input) }
        if index < input.count, input[index] == Byte.dot {
            index &+= 1
            try digits(input)
        }
        if index < input.count, input[index] | 0x20 == 0x65 {
            index &+= 1
            if index < input.count, input[index] == 0x2B || input[index] == Byte.dash { index &+= 1 }
            try digits(input)
        }
    }

    /// Reads a string from its quote on; whether it holds an escape.
    @inline(__always)
    private mutating func string(_ input: Span<UInt8>) throws(JSONScanError) -> Bool {
        let start = index &+ 1
        index = Scan.stringStop(input, from: start)
        if index < input.count, input[index] == Byte.quote {
            measure.stringBytes &+= index &- start
            index &+= 1
            return false
        }
        return try stringRest(input, from: start)
    }

    /// The same from the first byte on that is not plain.
    @inline(never)
    private mutating func stringRest(_ input: Span<UInt8>, from start: Int) throws(JSONScanError) -> Bool {
        var hasEscape = false
        while true {
            guard index < input.count else { throw .unexpectedEnd }
            let byte = input[index]
            if byte == Byte.quote {
                measure.stringBytes &+= index &- start
                index &+= 1
                return hasEscape
            }
            if byte == Byte.backslash {
                hasEscape = true
                try escape(input)
            } else {
                guard byte >= 0x80 else { throw .badString }
                try nonASCII(input)
            }
            index = Scan.stringStop(input, from: index)
        }
    }

    /// Reads a run of sequences of two bytes and more.
    private mutating func nonASCII(_ input: Span<UInt8>) throws(JSONScanError) {
        repeat {
            // The common cases at once: C2…DF, and E1…EC and EE, EF, need no second look at the byte after them.
            if index &+ 4 <= input.count, input[index &+ 1] & 0xC0 == 0x80 {
                let first = input[index]
                if first >= 0xC2, first < 0xE0 {
                    index &+= 2
                    continue
                }
                if first & 0xF0 == 0xE0, first != 0xE0, first != 0xED, input[index &+ 2] & 0xC0 == 0x80 {
                    index &+= 3
                    continue
                }
            }
            let length = UTF8Scan.sequence(input, index)
            guard length > 0 else { throw .badUTF8 }
            index &+= length
        } while index < input.count && input[index] >= 0x80
    }

    private mutating func escape(_ input: Span<UInt8>) throws(JSONScanError) {
        guard index &+ 1 < input.count else { throw .unexpectedEnd }
        switch input[index &+ 1] {
        case Byte.quote, Byte.backslash, Byte.slash, 0x62, 0x66, 0x6E, 0x72, 0x74: index &+= 2
        case 0x75:
            guard index &+ 5 < input.count else { throw .unexpectedEnd }
            for position in (index &+ 2)..<(index &+ 6) where Byte.hexValue(input[position]) == nil {
                throw .badEscape
            }
            index &+= 6
        default: throw .badEscape
        }
    }
}

/// The names of all objects that a pass is in, by what tells them apart.
private struct OpenNames {
    /// Members of one object that are compared at most.
    static let comparedMax = 64

    private var all: [JSONOutline.Marks] = []
    /// Where those of each level begin.
    private var starts: [Int] = []

    init() {
        // Most texts have no more, and an array that grows is copied.
        all.reserveCapacity(16)
        starts.reserveCapacity(8)
    }

    mutating func open() { starts.append(all.count) }

    mutating func close() { all.removeLast(all.count - (starts.popLast() ?? 0)) }

    /// Whether it is new to its object, as far as that is looked at: each is compared with all before it.
    mutating func add(_ new: JSONOutline.Marks) -> Bool {
        let start = starts.last ?? 0
        guard all.count - start < OpenNames.comparedMax else { return false }
        // By index: a part of them would be a second holder of the array.
        for index in start..<all.count where all[index] == new { return false }
        all.append(new)
        return true
    }
}

/// What a value is. Strings are told apart by whether their bytes are their text.
package enum JSONKind: UInt8, Sendable {
    case object, array, string, escapedString, number, `true`, `false`, null

    package var isString: Bool { self == .string || self == .escapedString }
}

/// How much text a JSON text holds, for an estimate of its tokens.
package struct JSONMeasure: Sendable, Equatable {
    /// A string is a blob only above so many bytes.
    package static let blobBytesMin = 1_024

    /// Bytes inside all strings, names and blobs included, as they are written.
    package var stringBytes = 0
    /// Of those, the bytes of what is an image, a sound or a document in base64: see `long`.
    package var blobBytes = 0
    package var blobs = 0
    /// Numbers that are elements of arrays: tokens, where a prompt is given as such.
    package var arrayNumbers = 0
    /// A member may name what a provider keeps: `file_id` and the like, in any case, or a name with an escape.
    package var mayNameKept = false
    /// A member is called `id`, or may be.
    package var hasIDs = false
    /// A member is called `audio`, or may be.
    package var hasAudio = false

    package init() {}

    /// The lengths of names tell most of them apart.
    @inline(__always)
    mutating func note(name: Range<Int>, hasEscape: Bool, _ input: Span<UInt8>) {
        if hasEscape {
            (mayNameKept, hasIDs, hasAudio) = (true, true, true)
        } else if name.count == 2 {
            if Token.equals(input, name, "id") { hasIDs = true }
        } else if name.count == 5 {
            if Token.equals(input, name, "audio") { hasAudio = true }
        } else if name.count >= 7, name.count <= 24, JSONMeasure.mayBegin(input[name.lowerBound] | 0x20),
            JSONMeasure.mayNameKept(input, name)
        {
            mayNameKept = true
        }
    }

    /// Whether a name that begins so may be one of those of `mayNameKept`.
    @inline(__always)
    private static func mayBegin(_ first: UInt8) -> Bool {
        switch first {
        case 0x61, 0x63, 0x66, 0x69, 0x70, 0x73, 0x76, 0x80...: true
        default: false
        }
    }

    private static func mayNameKept(_ input: Span<UInt8>, _ name: Range<Int>) -> Bool {
        func isName(_ text: StaticString) -> Bool { Token.equals(input, name, text) }
        let isKnown =
            switch name.count {
            case 7: isName("file_id")
            case 8: isName("file_ids") || isName("part_ids") || isName("skill_id")
            case 9: isName("container")
            case 12: isName("container_id") || isName("conversation")
            case 13: isName("input_file_id")
            case 15: isName("vector_store_id")
            case 16: isName("vector_store_ids")
            case 19: isName("approval_request_id")
            case 20: isName("previous_response_id")
            default: false
            }
        // A letter beyond ASCII may stand for one of it where a reader folds case.
        return isKnown || !Word.isASCII(input, name)
    }

    /// Counts a long string as a blob if it is base64, by itself or in a `data:` URL, and stands where a request
    /// carries files: prose without spaces in a `text` is still priced as prose.
    @inline(never)
    mutating func long(_ input: Span<UInt8>, _ range: Range<Int>, name: Range<Int>) {
        guard JSONMeasure.isFileName(input, name) else { return }
        var start = range.lowerBound
        if Token.isExactly(input, start..<(start + 5), "data:") {
            let end = min(start + 256, range.upperBound)
            while start < end, input[start] != Byte.comma { start += 1 }
            guard start < end else { return }
            start += 1
        }
        guard Scan.isBase64(input, start..<range.upperBound) else { return }
        blobBytes += range.count
        blobs += 1
    }

    private static func isFileName(_ input: Span<UInt8>, _ name: Range<Int>) -> Bool {
        switch name.count {
        case 3: Token.isExactly(input, name, "url")
        case 4: Token.isExactly(input, name, "data")
        case 9: Token.isExactly(input, name, "image_url") || Token.isExactly(input, name, "file_data")
        default: false
        }
    }
}
