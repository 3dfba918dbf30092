/// UTF-8 by the table of RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
enum UTF8Scan {
    /// The length of the well-formed sequence at `start`, or 0.
    static func sequence(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        let first = bytes[start]
        let length: Int
        var low: UInt8 = 0x80
        var high: UInt8 = 0xBF
        switch first {
        case 0..<0x80: return 1
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if first == 0xE0 { low = 0xA0 }
            if first == 0xED { high = 0x9F }
        case 0xF0...0xF4:
            length = 4
            if first == 0xF0 { low = 0x90 }
            if first == 0xF4 { high = 0x8F }
        default: return 0
        }
        guard start + length <= bytes.count, bytes[start + 1] >= low, bytes[start + 1] <= high else { return 0 }
        for index in (start + 2)..<max(start + length, start + 2) where bytes[index] & 0xC0 != 0x80 { return 0 }
        return length
    }
}
