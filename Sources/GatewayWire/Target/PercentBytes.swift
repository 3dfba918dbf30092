/// Percent-encoding of one part of a path (RFC 3986 section 2.1).
package enum PercentBytes {
    /// The bytes that are meant; nil where a `%` stands before no two digits.
    package static func decoded(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.contains(Byte.percent) else { return bytes }
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            guard bytes[index] == Byte.percent else {
                out.append(bytes[index])
                index += 1
                continue
            }
            guard index + 2 < bytes.count, let high = Byte.hexValue(bytes[index + 1]),
                let low = Byte.hexValue(bytes[index + 2])
            else { return nil }
            out.append(UInt8(high) << 4 | UInt8(low))
            index += 3
        }
        return out
    }
}
