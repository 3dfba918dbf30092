/// `host[:port]` in canonical form: lower case, no trailing dot, no empty port. Names are letters, digits, `-`, `.`
/// and `_`; a name whose last label is a number must be an IPv4 address in four plain decimals, because resolvers
/// read other spellings differently; `[…]` must be an IPv6 address without a zone. Userinfo and escapes are refused.
enum CanonicalAuthority {
    static let bytesMax = 255 + 6

    static func canonicalise(
        _ raw: Slice, in bytes: inout [UInt8], requiresPort: Bool
    ) throws(TargetError) -> Slice {
        let range = raw.range
        guard !range.isEmpty, range.count <= bytesMax else { throw .badHost }
        if !requiresPort, isCanonicalName(bytes.span, range) { return raw }
        let hostEnd =
            if bytes[range.lowerBound] == Byte.openBracket {
                try literalEnd(range, in: &bytes)
            } else {
                try nameEnd(range, in: &bytes)
            }
        let hasDot = bytes[hostEnd - 1] == Byte.dot
        let portStart = hostEnd
        let hasPort = try checkPort(bytes.span, portStart, range.upperBound)
        guard hasPort || !requiresPort else { throw .badHost }
        if !hasDot {
            return Slice(start: range.lowerBound, count: (hasPort ? range.upperBound : hostEnd) - range.lowerBound)
        }
        if !hasPort { return Slice(start: range.lowerBound, count: hostEnd - 1 - range.lowerBound) }
        let start = bytes.count
        for index in range where index != hostEnd - 1 { bytes.append(bytes[index]) }
        return Slice(start: start, count: bytes.count - start)
    }

    /// Whether this is a lower-case name, perhaps with a port, as it stands. False only means a closer look.
    @inline(__always)
    private static func isCanonicalName(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        let end = range.upperBound
        var label = index
        while index < end {
            let byte = bytes[index]
            if !ByteClass.has(byte, ByteClass.plainHost) {
                guard byte == Byte.dot else { break }
                guard index > label, index &- label <= 63 else { return false }
                label = index &+ 1
            }
            index &+= 1
        }
        guard index > label, index &- label <= 63, !Byte.isDigit(bytes[label]) else { return false }
        guard index < end else { return true }
        guard bytes[index] == Byte.colon, end &- index <= 5, end &- index > 1 else { return false }
        guard bytes[index &+ 1] != Byte.zero else { return false }
        for position in (index &+ 1)..<end where !Byte.isDigit(bytes[position]) { return false }
        return true
    }

    /// Checks and lower-cases a name; returns where it ends.
    private static func nameEnd(_ range: Range<Int>, in bytes: inout [UInt8]) throws(TargetError) -> Int {
        var index = range.lowerBound
        var label = index
        var labelBefore = index
        while index < range.upperBound {
            let byte = bytes[index]
            if byte == Byte.colon { break }
            guard Byte.isHost(byte) else { throw .badHost }
            if byte == Byte.dot {
                guard index > label, index - label <= 63 else { throw .badHost }
                labelBefore = label
                label = index + 1
            } else if byte &- 0x41 < 26 {
                bytes[index] = byte | 0x20
            }
            index += 1
        }
        guard index > range.lowerBound, index - label <= 63 else { throw .badHost }
        // After a trailing dot the last label is the one before it.
        let hasDot = label == index
        if isNumber(bytes.span, hasDot ? labelBefore : label, hasDot ? index - 1 : index) {
            guard !hasDot, IPAddress(ipv4: bytes.span.extracting(range.lowerBound..<index)) != nil else {
                throw .badHost
            }
        }
        return index
    }

    /// Whether a resolver may take the label for a number: digits only, or hexadecimal after `0x`.
    private static func isNumber(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard Byte.isDigit(bytes[start]) else { return false }
        var index = start + 1
        let isHex = bytes[start] == Byte.zero && index < end && bytes[index] == 0x78
        if isHex { index += 1 }
        while index < end {
            guard isHex ? Byte.hexValue(bytes[index]) != nil : Byte.isDigit(bytes[index]) else { return false }
            index += 1
        }
        return true
    }

    /// Checks and lower-cases `[…]`; returns where it ends.
    private static func literalEnd(_ range: Range<Int>, in bytes: inout [UInt8]) throws(TargetError) -> Int {
        var index = range.lowerBound + 1
        while index < range.upperBound, bytes[index] != Byte.closeBracket {
            bytes[index] = Byte.lowercased(bytes[index])
            index += 1
        }
        guard index < range.upperBound, IPAddress(ipv6: bytes.span.extracting((range.lowerBound + 1)..<index)) != nil
        else { throw .badHost }
        return index + 1
    }

    /// Whether `:port` stands there; an empty port counts as none, and is dropped by the caller.
    private static func checkPort(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) throws(TargetError) -> Bool {
        if start == end { return false }
        guard bytes[start] == Byte.colon, end - start <= 6 else { throw .badHost }
        var port = 0
        for index in (start + 1)..<end {
            guard Byte.isDigit(bytes[index]), port > 0 || bytes[index] != Byte.zero else { throw .badHost }
            port = port * 10 + Int(bytes[index] - Byte.zero)
        }
        guard port <= 65535 else { throw .badHost }
        return port > 0
    }
}
