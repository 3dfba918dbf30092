/// Reads field lines (RFC 9112 section 5) one whole line at a time, so that however the bytes were split, the same
/// bytes end in the same fields or the same error.
///
/// Fields that frame or steer the message are kept apart in `special`; all others become entries. Slices are offsets
/// into `input`, which is copied to the store in one piece when the head is complete.
struct HTTP1FieldLines: Sendable {
    /// Where reading stopped.
    enum Stop {
        case needMore, end
    }

    /// Connection-specific and framing fields, in order.
    var special: [FieldBlock.Entry] = []
    /// Which known names occurred, one bit each.
    var seen: UInt64 = 0
    /// Where the next unread line starts.
    var position = 0

    private let table = FieldNameTable.shared
    private var searchedTo = 0
    private var count = 0

    mutating func reset(at start: Int) {
        special.removeAll(keepingCapacity: true)
        seen = 0
        position = start
        searchedTo = 0
        count = 0
    }

    @inline(__always)
    static func bit(_ name: FieldName) -> UInt64 { 1 &<< UInt64(name.rawValue) }

    /// The names that never become entries.
    static let specials =
        bit(.host) | bit(.contentLength) | bit(.transferEncoding) | bit(.connection) | bit(.keepAlive)
        | bit(.proxyConnection) | bit(.upgrade) | bit(.te) | bit(.expect) | bit(.http2Settings)

    func has(_ name: FieldName) -> Bool { seen & HTTP1FieldLines.bit(name) != 0 }

    /// Reads lines up to and including the empty one. `end` bounds the input that may be looked at.
    mutating func read(
        _ input: Span<UInt8>, to end: Int, countMax: Int, into entries: inout [FieldBlock.Entry]
    ) throws(HTTP1ParseError) -> Stop {
        var start = position
        // A line that was incomplete before is looked at again only when its end has come.
        if searchedTo > start {
            let feed = Scan.lineFeed(input, from: searchedTo, to: end)
            guard feed < end else {
                searchedTo = end
                return .needMore
            }
        }
        searchedTo = end
        while start < end {
            let colon = Scan.nameEnd(input, from: start, to: end)
            let known = table.find(input, start, colon &- start)
            // A known name is made of token bytes already, and is followed by one that is not.
            if known == 0 {
                var index = start
                while index < colon, Byte.isToken(input[index]) { index &+= 1 }
                guard index < end else { break }
                if input[index] != Byte.colon || index == start {
                    guard try isEmptyLine(input, start, at: index, end) else { break }
                    position = start &+ 2
                    return .end
                }
            } else if colon < end, input[colon] != Byte.colon {
                _ = try isEmptyLine(input, start, at: colon, end)
            }
            var index = colon &+ 1
            while index < end, isBlank(input[index]) { index &+= 1 }
            let valueStart = index
            index = Scan.control(input, from: index, to: end)
            guard index &+ 1 < end else {
                if index < end { try HTTP1FieldLines.checkControl(input[index]) }
                break
            }
            try HTTP1FieldLines.checkLineEnd(input[index], input[index &+ 1])
            var valueEnd = index
            while valueEnd > valueStart, isBlank(input[valueEnd &- 1]) { valueEnd &-= 1 }
            guard count < countMax else { throw .tooManyFields }
            count &+= 1
            add(known, start, colon, valueStart, valueEnd, to: &entries)
            start = index &+ 2
        }
        position = start
        return .needMore
    }

    @inline(__always)
    private mutating func add(
        _ raw: UInt8, _ start: Int, _ colon: Int, _ valueStart: Int, _ valueEnd: Int,
        to entries: inout [FieldBlock.Entry]
    ) {
        let bit: UInt64 = 1 &<< UInt64(raw)
        seen |= bit
        let entry = FieldBlock.Entry(
            name: Slice(start: start, count: colon &- start),
            value: Slice(start: valueStart, count: valueEnd &- valueStart),
            known: FieldName(rawValue: raw) ?? .other)
        if bit & HTTP1FieldLines.specials != 0 { special.append(entry) } else { entries.append(entry) }
    }

    /// Whether an empty line starts here; throws when this is neither that nor a field name.
    private func isEmptyLine(
        _ input: Span<UInt8>, _ start: Int, at index: Int, _ end: Int
    ) throws(HTTP1ParseError) -> Bool {
        let byte = input[index]
        if index == start {
            if byte == Byte.carriageReturn {
                guard index + 1 < end else { return false }
                guard input[index + 1] == Byte.lineFeed else { throw .bareCarriageReturn }
                return true
            }
            if isBlank(byte) { throw .obsoleteFold }
        } else if isBlank(byte) {
            throw .whitespaceBeforeColon
        }
        if byte == Byte.lineFeed { throw .bareLineFeed }
        throw .badHeaderName
    }

    /// What a control byte inside a value means; a CR may still become a line end.
    static func checkControl(_ byte: UInt8) throws(HTTP1ParseError) {
        if byte == Byte.carriageReturn { return }
        throw byte == Byte.lineFeed ? .bareLineFeed : .badHeaderValue
    }

    @inline(__always)
    static func checkLineEnd(_ first: UInt8, _ second: UInt8) throws(HTTP1ParseError) {
        if first == Byte.carriageReturn, second == Byte.lineFeed { return }
        try checkControl(first)
        throw .bareCarriageReturn
    }

    @inline(__always)
    private func isBlank(_ byte: UInt8) -> Bool { byte == Byte.space || byte == Byte.tab }
}

extension FieldBlock {
    /// Copies a whole head into the store, so that entries made of offsets into it become valid, and lower-cases
    /// the names in place.
    mutating func adopt(_ head: Span<UInt8>) {
        if !bytes.isEmpty { bytes.removeAll(keepingCapacity: true) }
        _ = store(head)
        FieldBlock.lowercaseNames(of: entries, in: &bytes)
    }

    @inline(__always)
    private static func lowercaseNames(of entries: [Entry], in bytes: inout [UInt8]) {
        var span = bytes.mutableSpan
        // Safe: bytes take any value; all accesses through it are bounds-checked.
        var raw = unsafe span.mutableBytes
        let count = raw.byteCount
        for index in entries.indices {
            let name = entries[index].name
            var offset = Int(name.start)
            let end = offset &+ Int(name.count)
            while offset < end {
                if offset &+ 8 <= count {
                    // Safe: the load is bounds-checked, and every bit pattern is an integer.
                    let loaded = unsafe raw.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    let word = UInt64(littleEndian: loaded)
                    let left = end &- offset
                    let mask = left < 8 ? Word.mask(left) : UInt64.max
                    let lower = word | Word.upperCaseBits(word) & mask
                    if lower != word { raw.storeBytes(of: lower.littleEndian, toByteOffset: offset, as: UInt64.self) }
                    offset &+= 8
                } else {
                    // Safe as above.
                    let byte = unsafe raw.bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                    raw.storeBytes(of: Byte.lowercased(byte), toByteOffset: offset, as: UInt8.self)
                    offset &+= 1
                }
            }
        }
    }
}
