/// Reads a JSON text that comes in pieces of any size and notes what stands at the watched places, in memory that does
/// not grow with the text. For texts that pass by: it checks the grammar's structure, so that a broken or unfinished
/// text is told from a whole one, but not each number's digits nor UTF-8.
package struct JSONWatch: Sendable {
    /// What was seen at one path, over all its places.
    package struct Finding: Sendable, Equatable {
        /// How many values.
        package var count = 0
        /// The bytes of those that are strings, as written between their quotes; at a path that asks for it of objects
        /// and arrays too.
        package var stringBytes = 0
        package var lastKind = JSONKind.null
        /// The last kept value in `kept`.
        fileprivate var start: UInt16 = 0
        fileprivate var end: UInt16 = 0
    }

    /// Bytes kept of one text at most; a value that would go beyond is not kept.
    package static let keptBytesMax = 16 * 1024
    private static let keptBytesUsual = 256

    private enum State: UInt8 {
        case value, valueOrEnd, name, nameOrEnd, colon, commaOrEnd
        case string, nameText, escape, nameEscape, number, literal, done, failed
    }

    /// By path; in place, because every reply has some.
    private var findings = InlineArray<32, Finding>(repeating: Finding())
    package private(set) var kept: [UInt8] = []
    /// A value was too large to keep.
    package private(set) var isOverflown = false
    private let paths: JSONPaths
    private var state = State.value
    private var depth = 0
    /// One bit a level: set for objects.
    private var kinds = InlineArray<8, UInt64>(repeating: 0)
    /// The paths that lead into the container at each level.
    private var masks = InlineArray<8, UInt32>(repeating: 0)
    /// The paths that lead to the value that comes next, or is being read.
    private var mask: UInt32
    private var name: [UInt8] = []
    private var isNamePlain = true
    private var stringBytes = 0
    /// What is still to come of a word, first byte lowest, and which word it is.
    private var literal: UInt64 = 0
    private var literalKind = JSONKind.null
    private var unicodeDigits = 0
    /// The path whose value is being kept, or -1; the depth it lies at; and from where in the piece at hand.
    private var keeping = -1
    private var keepingDepth = 0
    private var keepingFrom = 0
    /// The path whose object or array is being counted, or -1; the depth it lies at; and where it began, over all
    /// pieces, of which those before the one at hand had so many bytes.
    private var sizing = -1
    private var sizingDepth = 0
    private var sizingFrom = 0
    private var passedBytes = 0

    package init(_ paths: JSONPaths) {
        self.paths = paths
        mask = paths.count == 32 ? .max : (1 << UInt32(paths.count)) - 1
    }

    /// Whether one whole text has come, and nothing behind it.
    package var isComplete: Bool { state == .done }
    /// Whether the text is an object, or has begun as one.
    package private(set) var isObjectText = false
    /// Whether what came is no JSON.
    package var isMalformed: Bool { state == .failed }

    // Nothing changes by what is asked here; it is lent as `inout`, because findings that are merely borrowed are
    // copied first, all of them.

    /// What was seen at a path.
    @inline(__always)
    package mutating func finding(_ path: Int) -> Finding { findings[path] }

    /// The bytes of the last value at a path, a string with its quotes; nil if there was none or it was not kept.
    package mutating func value(_ path: Int) -> ArraySlice<UInt8>? {
        let finding = findings[path]
        return finding.end > finding.start ? kept[Int(finding.start)..<Int(finding.end)] : nil
    }

    /// The string kept at a path, at most about so many bytes of it; empty if there is none.
    package mutating func text(_ path: Int, bytesMax: Int) -> String {
        let text = textRange(path)
        guard !text.isEmpty else { return "" }
        // Most are short and plain.
        if text.count <= bytesMax, !Scan.contains(Byte.backslash, kept.span.extracting(text)) {
            return String(decoding: kept[text], as: UTF8.self)
        }
        var out: [UInt8] = []
        JSONString.append(decoded: kept.span, text, bytesMax: bytesMax, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// Whether the string kept at a path is written just so.
    package mutating func isWritten(_ path: Int, _ text: String) -> Bool {
        let known = textRange(path)
        return Word.equals(kept.span.extracting(known), text.utf8Span.span)
    }

    /// Where the inside of the string kept at a path lies in `kept`; empty if there is none.
    private mutating func textRange(_ path: Int) -> Range<Int> {
        let finding = findings[path]
        let (start, end) = (Int(finding.start), Int(finding.end))
        return end &- start > 2 && kept.span[start] == Byte.quote ? (start &+ 1)..<(end &- 1) : 0..<0
    }

    /// Begins a new text.
    package mutating func reset() {
        for index in 0..<paths.count { findings[index] = Finding() }
        kept.removeAll(keepingCapacity: kept.capacity <= 4 * 1024)
        isOverflown = false
        state = .value
        isObjectText = false
        depth = 0
        mask = paths.count == 32 ? .max : (1 << UInt32(paths.count)) - 1
        keeping = -1
        sizing = -1
        passedBytes = 0
    }

    /// The text has ended: a number at its top level ends by that.
    package mutating func finish() {
        if state == .number, depth == 0 { state = .done }
    }

    /// The next piece of the text.
    package mutating func add(_ bytes: Span<UInt8>) {
        var index = 0
        keepingFrom = 0
        while index < bytes.count, state != .failed {
            switch state {
            case .string, .nameText: text(bytes, &index)
            // What nearly always comes next is taken at once.
            case .colon where bytes[index] == Byte.colon:
                state = .value
                index &+= 1
            case .name where bytes[index] == Byte.quote, .nameOrEnd where bytes[index] == Byte.quote:
                member(bytes, &index)
            case .commaOrEnd where bytes[index] == Byte.comma && isObject:
                state = .name
                index &+= 1
            case .escape, .nameEscape:
                escape(bytes[index])
                index &+= 1
            case .number:
                while index < bytes.count, JSONWatch.isNumberByte(bytes[index]) { index &+= 1 }
                if index < bytes.count { endValue(.number, bytes, index) }
            case .literal:
                let isExpected = UInt64(bytes[index]) == literal & 0xFF
                literal &>>= 8
                index &+= 1
                if !isExpected { state = .failed } else if literal == 0 { endValue(literalKind, bytes, index) }
            default:
                structure(bytes, index)
                index &+= 1
            }
        }
        if keeping >= 0, state != .failed { keep(bytes, to: bytes.count) }
        passedBytes &+= bytes.count
    }

    // MARK: Structure

    /// Takes the byte at `index`, which is between tokens or begins one.
    private mutating func structure(_ bytes: Span<UInt8>, _ index: Int) {
        let byte = bytes[index]
        if byte == Byte.space || byte == Byte.lineFeed || byte == Byte.carriageReturn || byte == Byte.tab { return }
        switch state {
        case .value: begin(byte, index)
        case .valueOrEnd:
            if byte == Byte.closeBracket { return close(bytes, index &+ 1) }
            begin(byte, index)
        case .name, .nameOrEnd:
            if byte == Byte.closeBrace, state == .nameOrEnd { return close(bytes, index &+ 1) }
            guard byte == Byte.quote else {
                state = .failed
                return
            }
            beginName()
        case .colon: state = byte == Byte.colon ? .value : .failed
        case .commaOrEnd:
            let isObject = isObject
            if byte == Byte.comma {
                state = isObject ? .name : .value
                if !isObject { mask = elementMask }
            } else if byte == (isObject ? Byte.closeBrace : Byte.closeBracket) {
                close(bytes, index &+ 1)
            } else {
                state = .failed
            }
        default: state = .failed
        }
    }

    /// Takes the quote of a name at `index`; and the name, its colon and the byte that its value begins with, as far as
    /// they are here.
    @inline(__always)
    private mutating func member(_ bytes: Span<UInt8>, _ index: inout Int) {
        let start = index &+ 1
        let end = Scan.stringEnd(bytes, from: start)
        beginName()
        guard end < bytes.count, bytes[end] == Byte.quote else {
            index = start
            return
        }
        endName(bytes, start..<end)
        index = end &+ 1
        guard end &+ 3 < bytes.count, bytes[index] == Byte.colon else { return }
        state = .value
        index &+= bytes[end &+ 2] == Byte.space ? 2 : 1
        let byte = bytes[index]
        guard byte > Byte.space else { return }
        begin(byte, index)
        index &+= 1
    }

    @inline(__always)
    private mutating func beginName() {
        if !name.isEmpty { name.removeAll(keepingCapacity: true) }
        isNamePlain = depth <= JSONPaths.levelsMax && masks[depth &- 1] & paths.named[depth &- 1] != 0
        state = .nameText
    }

    /// A value begins with this byte.
    private mutating func begin(_ byte: UInt8, _ index: Int) {
        if keeping < 0, depth > 0, endedPaths & paths.kept != 0 {
            keeping = (endedPaths & paths.kept).trailingZeroBitCount
            keepingDepth = depth
            keepingFrom = index
            if kept.capacity == 0 { kept.reserveCapacity(JSONWatch.keptBytesUsual) }
            findings[keeping].start = UInt16(kept.count)
            findings[keeping].end = UInt16(kept.count)
        }
        switch byte {
        case Byte.quote:
            stringBytes = 0
            state = .string
        case Byte.openBrace, Byte.openBracket:
            if sizing < 0, paths.sized != 0, depth > 0, endedPaths & paths.sized != 0 {
                sizing = (endedPaths & paths.sized).trailingZeroBitCount
                sizingDepth = depth
                sizingFrom = passedBytes &+ index
            }
            open(isObject: byte == Byte.openBrace)
        case Byte.dash, 0x30...0x39: state = .number
        // The rest of "true", "false" and "null".
        case 0x74: expect(0x65_7572, .true)
        case 0x66: expect(0x6573_6C61, .false)
        case 0x6E: expect(0x6C_6C75, .null)
        default: state = .failed
        }
    }

    private mutating func expect(_ rest: UInt64, _ kind: JSONKind) {
        literal = rest
        literalKind = kind
        state = .literal
    }

    /// Of the paths that lead to the value at hand, those that end with it.
    private var endedPaths: UInt32 { depth <= JSONPaths.levelsMax ? mask & paths.ends[depth &- 1] : 0 }

    /// The paths that lead into each element of the array at hand.
    private var elementMask: UInt32 {
        depth <= JSONPaths.levelsMax ? masks[depth &- 1] & paths.elements[depth &- 1] : 0
    }

    private var isObject: Bool { kinds[(depth &- 1) &>> 6] &>> UInt64((depth &- 1) & 63) & 1 != 0 }

    private mutating func open(isObject: Bool) {
        guard depth < JSONPass.depthMax else {
            state = .failed
            return
        }
        let kind = isObject ? JSONKind.object : .array
        if depth > 0 { note(kind) } else { isObjectText = isObject }
        let bit: UInt64 = 1 &<< UInt64(depth & 63)
        if isObject { kinds[depth &>> 6] |= bit } else { kinds[depth &>> 6] &= ~bit }
        if depth < JSONPaths.levelsMax { masks[depth] = mask }
        depth &+= 1
        if !isObject { mask = elementMask }
        state = isObject ? .nameOrEnd : .valueOrEnd
    }

    private mutating func close(_ bytes: Span<UInt8>, _ index: Int) {
        depth &-= 1
        state = depth == 0 ? .done : .commaOrEnd
        if keeping >= 0, depth == keepingDepth { endKeeping(bytes, index) }
        if sizing >= 0, depth == sizingDepth {
            findings[sizing].stringBytes &+= passedBytes &+ index &- sizingFrom
            sizing = -1
        }
    }

    /// A string, number or word has ended before `index`.
    private mutating func endValue(_ kind: JSONKind, _ bytes: Span<UInt8>, _ index: Int) {
        if depth > 0 { note(kind) }
        state = depth == 0 ? .done : .commaOrEnd
        if keeping >= 0, depth == keepingDepth { endKeeping(bytes, index) }
    }

    private mutating func note(_ kind: JSONKind) {
        var ended = endedPaths
        while ended != 0 {
            let path = ended.trailingZeroBitCount
            findings[path].count &+= 1
            findings[path].lastKind = kind
            if kind == .string { findings[path].stringBytes &+= stringBytes }
            ended &= ended &- 1
        }
    }

    // MARK: Texts and words

    private mutating func text(_ bytes: Span<UInt8>, _ index: inout Int) {
        let start = index
        index = Scan.stringEnd(bytes, from: start)
        if state == .nameText {
            if isNamePlain, name.count &+ index &- start <= 64 {
                HTTP1Serializer.append(bytes.extracting(start..<index), to: &name)
            } else {
                isNamePlain = false
            }
        } else {
            stringBytes &+= index &- start
        }
        guard index < bytes.count else { return }
        let byte = bytes[index]
        index &+= 1
        if byte == Byte.quote {
            guard state == .nameText else { return endValue(.string, bytes, index) }
            let whole = name
            endName(whole.span, 0..<whole.count)
        } else if byte == Byte.backslash {
            unicodeDigits = 0
            if state == .nameText { isNamePlain = false }
            state = state == .nameText ? .nameEscape : .escape
            stringBytes &+= 1
        } else {
            state = .failed
        }
    }

    private mutating func escape(_ byte: UInt8) {
        stringBytes &+= 1
        if unicodeDigits > 0 {
            unicodeDigits &-= 1
            guard Byte.hexValue(byte) != nil else {
                state = .failed
                return
            }
        } else {
            switch byte {
            case Byte.quote, Byte.backslash, Byte.slash, 0x62, 0x66, 0x6E, 0x72, 0x74: break
            case 0x75: unicodeDigits = 4
            default:
                state = .failed
                return
            }
        }
        if unicodeDigits == 0 { state = state == .nameEscape ? .nameText : .string }
    }

    /// Follows the paths that have this name.
    private mutating func endName(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        state = .colon
        mask = isNamePlain ? paths.mask(bytes, range, level: depth &- 1) & masks[depth &- 1] : 0
    }

    private static func isNumberByte(_ byte: UInt8) -> Bool {
        Byte.isDigit(byte) || byte == Byte.dash || byte == Byte.dot || byte == 0x2B || byte | 0x20 == 0x65
    }

    // MARK: Keeping

    private mutating func endKeeping(_ bytes: Span<UInt8>, _ index: Int) {
        keep(bytes, to: index)
        if keeping >= 0 { findings[keeping].end = UInt16(kept.count) }
        keeping = -1
    }

    private mutating func keep(_ bytes: Span<UInt8>, to end: Int) {
        guard kept.count &+ end &- keepingFrom <= JSONWatch.keptBytesMax else {
            isOverflown = true
            kept.removeSubrange(Int(findings[keeping].start)...)
            keeping = -1
            return
        }
        HTTP1Serializer.append(bytes.extracting(keepingFrom..<end), to: &kept)
    }
}
