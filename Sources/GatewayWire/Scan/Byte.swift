/// Bytes by name, and the character classes of RFC 9110 and RFC 3986 as bit sets.
enum Byte {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let quote: UInt8 = 0x22
    static let hash: UInt8 = 0x23
    static let percent: UInt8 = 0x25
    static let comma: UInt8 = 0x2C
    static let dash: UInt8 = 0x2D
    static let dot: UInt8 = 0x2E
    static let slash: UInt8 = 0x2F
    static let zero: UInt8 = 0x30
    static let nine: UInt8 = 0x39
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B
    static let equals: UInt8 = 0x3D
    static let question: UInt8 = 0x3F
    static let at: UInt8 = 0x40
    static let openBracket: UInt8 = 0x5B
    static let backslash: UInt8 = 0x5C
    static let closeBracket: UInt8 = 0x5D

    /// RFC 9110 section 5.6.2: `!#$%&'*+-.^_`|~`, digits and letters.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        member(byte, 0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE)
    }

    /// RFC 3986 section 2.3: letters, digits and `-._~`.
    @inline(__always)
    static func isUnreserved(_ byte: UInt8) -> Bool {
        member(byte, 0x03FF_6000_0000_0000, 0x47FF_FFFE_87FF_FFFE)
    }

    /// RFC 3986 section 3.3 `pchar` without percent-encoding, and `/`.
    @inline(__always)
    static func isPath(_ byte: UInt8) -> Bool {
        member(byte, 0x2FFF_FFD2_0000_0000, 0x47FF_FFFE_87FF_FFFF)
    }

    /// RFC 3986 section 3.4: what a path may hold, and `?`.
    @inline(__always)
    static func isQuery(_ byte: UInt8) -> Bool {
        member(byte, 0xAFFF_FFD2_0000_0000, 0x47FF_FFFE_87FF_FFFF)
    }

    /// What we allow in a registered name: letters, digits, `-`, `.` and `_`.
    @inline(__always)
    static func isHost(_ byte: UInt8) -> Bool {
        member(byte, 0x03FF_6000_0000_0000, 0x07FF_FFFE_87FF_FFFE)
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- zero < 10 }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// The value of a hexadecimal digit, or nil.
    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        if byte &- zero < 10 { return byte &- zero }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    /// The upper-case hexadecimal digit of 0...15.
    @inline(__always)
    static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? zero &+ value : 0x37 &+ value }

    @inline(__always)
    private static func member(_ byte: UInt8, _ low: UInt64, _ high: UInt64) -> Bool {
        guard byte < 128 else { return false }
        return ((byte < 64 ? low : high) &>> UInt64(byte & 63)) & 1 != 0
    }
}
