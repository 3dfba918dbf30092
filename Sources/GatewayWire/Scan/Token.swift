/// Comparisons and lists of tokens in field values.
enum Token {
    /// Whether the bytes are this lower-case ASCII text in any case.
    @inline(__always)
    static func equals(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        let count = range.count
        // Safe: the text is static and offsets stay below its count.
        let expected = unsafe UnsafeRawPointer(text.utf8Start)
        var offset = 0
        while offset &+ 8 <= count {
            let wanted = unsafe expected.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard Word.lowercased(Word.load(bytes, range.lowerBound &+ offset)) == UInt64(littleEndian: wanted) else {
                return false
            }
            offset &+= 8
        }
        while offset < count {
            let wanted = unsafe expected.load(fromByteOffset: offset, as: UInt8.self)
            guard Byte.lowercased(bytes[range.lowerBound &+ offset]) == wanted else { return false }
            offset &+= 1
        }
        return true
    }

    /// Whether two ranges hold the same text in any case.
    static func equals(_ bytes: Span<UInt8>, _ first: Range<Int>, _ second: Range<Int>) -> Bool {
        guard first.count == second.count else { return false }
        for index in 0..<first.count {
            let one = Byte.lowercased(bytes[first.lowerBound + index])
            if one != Byte.lowercased(bytes[second.lowerBound + index]) { return false }
        }
        return true
    }

    static func isToken(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return false }
        for index in range where !Byte.isToken(bytes[index]) { return false }
        return true
    }

    /// `token [ "/" token ]` (RFC 9110 section 7.8).
    static func isProtocol(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        for index in range where bytes[index] == Byte.slash {
            return isToken(bytes, range.lowerBound..<index) && isToken(bytes, (index + 1)..<range.upperBound)
        }
        return isToken(bytes, range)
    }

    /// The elements of a comma-separated list without white space around them; empty ones included.
    struct List {
        private var position: Int
        private let end: Int
        private var isDone = false

        init(_ range: Range<Int>) {
            position = range.lowerBound
            end = range.upperBound
        }

        mutating func next(_ bytes: Span<UInt8>) -> Range<Int>? {
            guard !isDone else { return nil }
            var start = position
            var stop = start
            while stop < end, bytes[stop] != Byte.comma { stop += 1 }
            if stop == end { isDone = true } else { position = stop + 1 }
            while start < stop, bytes[start] == Byte.space || bytes[start] == Byte.tab { start += 1 }
            while stop > start, bytes[stop - 1] == Byte.space || bytes[stop - 1] == Byte.tab { stop -= 1 }
            return start..<stop
        }
    }
}
