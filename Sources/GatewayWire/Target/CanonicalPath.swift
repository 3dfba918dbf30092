/// The one place where percent-encoding and dot segments are decided, so that routing, policy, logs and backends see
/// the same bytes. The result is a fixpoint: canonicalising it again changes nothing.
///
/// Path: unreserved characters are decoded and other escapes upper-cased (RFC 3986 section 6.2.2), dot segments are
/// removed, encoded ones too, and leaving the root is refused. Raw bytes that no URI may hold are encoded. `%2F`
/// stays encoded and `//` stays double, since both can mean something to a backend. Refused, because backends
/// disagree about them: encoded control bytes, `\` and `%5C`, `#`, broken escapes, and dot segments hidden behind
/// `%2F` or `;`. Query: kept, with bytes that no URI may hold encoded, a `%` that starts no escape too.
enum CanonicalPath {
    struct Result {
        var target: Slice
        var path: Slice
        var query: Slice
    }

    static func canonicalise(_ raw: Slice, in bytes: inout [UInt8]) throws(TargetError) -> Result {
        let range = raw.range
        guard !range.isEmpty, bytes[range.lowerBound] == Byte.slash else { throw .badTarget }
        let question = canonicalQuestion(bytes.span, range)
        if question >= 0 { return result(range.lowerBound, question, range.upperBound) }
        let start = bytes.count
        let pathEnd = try appendPath(range, to: &bytes)
        let newQuestion = bytes.count
        if pathEnd < range.upperBound { try appendQuery(pathEnd..<range.upperBound, to: &bytes) }
        return result(start, newQuestion, bytes.count)
    }

    private static func result(_ start: Int, _ question: Int, _ end: Int) -> Result {
        Result(
            target: Slice(start: start, count: end - start),
            path: Slice(start: start, count: question - start),
            query: question < end ? Slice(start: question + 1, count: end - question - 1) : .empty)
    }

    /// Where the query starts if the target is canonical as it stands (the end when there is none), else -1.
    @inline(__always)
    private static func canonicalQuestion(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        var index = range.lowerBound
        let end = range.upperBound
        while index < end {
            let byte = bytes[index]
            if !ByteClass.has(byte, ByteClass.plainPath) {
                guard byte == Byte.dot else { break }
                if bytes[index &- 1] == Byte.slash { return -1 }
            }
            index &+= 1
        }
        guard index < end else { return end }
        guard bytes[index] == Byte.question else { return -1 }
        let question = index
        index &+= 1
        while index < end {
            guard Byte.isQuery(bytes[index]) else { return -1 }
            index &+= 1
        }
        return question
    }

    /// Appends the canonical path; returns where the raw path ends.
    private static func appendPath(_ range: Range<Int>, to bytes: inout [UInt8]) throws(TargetError) -> Int {
        let start = bytes.count
        var index = range.lowerBound
        while index < range.upperBound, bytes[index] == Byte.slash {
            bytes.append(Byte.slash)
            let segment = bytes.count
            var isTricky = false
            index = try appendSegment(index + 1, range.upperBound, to: &bytes, &isTricky)
            let isLast = index == range.upperBound || bytes[index] == Byte.question
            if isTricky, hidesDots(bytes.span, segment) { throw .badTarget }
            let count = bytes.count - segment
            if count == 1, bytes[segment] == Byte.dot {
                bytes.removeLast(isLast ? 1 : 2)
            } else if count == 2, bytes[segment] == Byte.dot, bytes[segment + 1] == Byte.dot {
                bytes.removeLast(3)
                guard bytes.count > start else { throw .badTarget }
                while bytes.last != Byte.slash { bytes.removeLast() }
                if !isLast { bytes.removeLast() }
            }
        }
        // `/.` followed by more leaves nothing yet; the loop then writes its own slash, so this is never empty.
        return index
    }

    /// Appends one canonical segment; returns where the raw one ends. `isTricky` when it holds `;` or `%2F`.
    private static func appendSegment(
        _ start: Int, _ end: Int, to bytes: inout [UInt8], _ isTricky: inout Bool
    ) throws(TargetError) -> Int {
        var index = start
        while index < end {
            var byte = bytes[index]
            if byte == Byte.slash || byte == Byte.question { break }
            var isEscape = false
            if byte == Byte.percent {
                guard index + 2 < end, let high = Byte.hexValue(bytes[index + 1]),
                    let low = Byte.hexValue(bytes[index + 2])
                else { throw .badTarget }
                byte = high << 4 | low
                isEscape = true
                index += 2
            }
            index += 1
            if Scan.isControl(byte) || byte == Byte.backslash { throw .badTarget }
            if isEscape ? Byte.isUnreserved(byte) : Byte.isPath(byte) {
                if byte == Byte.semicolon { isTricky = true }
                bytes.append(byte)
            } else {
                if !isEscape, byte == Byte.hash || byte == Byte.space { throw .badTarget }
                if byte == Byte.slash || byte == Byte.semicolon { isTricky = true }
                appendEscape(byte, to: &bytes)
            }
        }
        return index
    }

    /// Whether a part of the segment, cut at `%2F`, is `.` or `..`, alone or before a `;`: what some backends take
    /// for a dot segment.
    private static func hidesDots(_ bytes: Span<UInt8>, _ start: Int) -> Bool {
        var part = start
        while part < bytes.count {
            var stop = part
            while stop < bytes.count, !isEscape(bytes, stop, 0x32, 0x46) { stop += 1 }
            var end = part
            while end < stop, bytes[end] != Byte.semicolon, !isEscape(bytes, end, 0x33, 0x42) { end += 1 }
            let isWhole = part == start && end == bytes.count
            let count = end - part
            if !isWhole, count == 1 || count == 2, bytes[part] == Byte.dot, bytes[end - 1] == Byte.dot { return true }
            part = stop + 3
        }
        return false
    }

    private static func isEscape(_ bytes: Span<UInt8>, _ index: Int, _ high: UInt8, _ low: UInt8) -> Bool {
        index + 2 < bytes.count && bytes[index] == Byte.percent && bytes[index + 1] == high && bytes[index + 2] == low
    }

    private static func appendQuery(_ range: Range<Int>, to bytes: inout [UInt8]) throws(TargetError) {
        bytes.append(Byte.question)
        for index in (range.lowerBound + 1)..<range.upperBound {
            let byte = bytes[index]
            if Byte.isQuery(byte) {
                bytes.append(byte)
            } else if byte == Byte.percent, index + 2 < range.upperBound, Byte.hexValue(bytes[index + 1]) != nil,
                Byte.hexValue(bytes[index + 2]) != nil
            {
                bytes.append(byte)
            } else if byte == Byte.hash || byte == Byte.space || Scan.isControl(byte) {
                throw .badTarget
            } else {
                appendEscape(byte, to: &bytes)
            }
        }
    }

    private static func appendEscape(_ byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(Byte.percent)
        bytes.append(Byte.hexDigit(byte >> 4))
        bytes.append(Byte.hexDigit(byte & 15))
    }
}
