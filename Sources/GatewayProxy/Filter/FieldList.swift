import GatewayWire

/// The elements of a comma-separated field value without the white space around them; commas inside quotes do not
/// separate. Empty elements are skipped.
struct FieldList {
    private var position: Int
    private let end: Int

    init(_ range: Range<Int>) {
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func next(_ bytes: Span<UInt8>) -> Range<Int>? {
        while position < end {
            var start = position
            var stop = start
            var isQuoted = false
            while stop < end, isQuoted || bytes[stop] != UInt8(ascii: ",") {
                if bytes[stop] == UInt8(ascii: "\"") {
                    isQuoted.toggle()
                } else if isQuoted, bytes[stop] == UInt8(ascii: "\\"), stop + 1 < end {
                    stop += 1
                }
                stop += 1
            }
            position = stop + 1
            while start < stop, FieldList.isSpace(bytes[start]) { start += 1 }
            while stop > start, FieldList.isSpace(bytes[stop - 1]) { stop -= 1 }
            if start < stop { return start..<stop }
        }
        return nil
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

extension FieldBlock {
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// Whether the bytes are this lower-case text in any case.
    static func matches(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count {
            // Safe: the text is static and `offset` stays below its count.
            let expected = unsafe text.utf8Start[offset]
            if lowercased(bytes[range.lowerBound + offset]) != expected { return false }
        }
        return true
    }

    /// Whether a slice is this lower-case text in any case.
    func says(_ slice: Slice, _ text: StaticString) -> Bool { FieldBlock.matches(bytes.span, slice.range, text) }

    /// Whether a list field has this lower-case word among its elements, with parameters or a value or without.
    func listContains(_ name: FieldName, _ word: StaticString) -> Bool {
        for index in entries.indices where entries[index].known == name {
            var list = FieldList(entries[index].value.range)
            while let element = list.next(bytes.span) {
                var end = element.lowerBound
                while end < element.upperBound, bytes[end] != 0x3B, bytes[end] != 0x3D, bytes[end] != 0x20 { end += 1 }
                if FieldBlock.matches(bytes.span, element.lowerBound..<end, word) { return true }
            }
        }
        return false
    }
}
