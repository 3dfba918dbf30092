/// A block of addresses, `10.0.0.0/8`. Bits behind the prefix must be zero, so that a typing error does not widen or
/// move a rule; a lone address is a block of one.
package struct CIDR: Sendable, Hashable {
    package var address: IPAddress
    package var prefixLength: Int

    /// Nil when the length is out of range or host bits are set.
    package init?(address: IPAddress, prefixLength: Int) {
        let width = address.family == .v4 ? 32 : 128
        guard prefixLength >= 0, prefixLength <= width else { return nil }
        self.address = address
        self.prefixLength = prefixLength
        guard first == address else { return nil }
    }

    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard let slash = bytes.firstIndex(of: Byte.slash) else {
            guard let address = IPAddress(bytes.span) else { return nil }
            self.init(address: address, prefixLength: address.family == .v4 ? 32 : 128)
            return
        }
        let digits = bytes[(slash + 1)...]
        guard let address = IPAddress(bytes.span.extracting(0..<slash)), digits.count > 0, digits.count <= 3,
            digits.allSatisfy(Byte.isDigit), digits.count == 1 || digits.first != Byte.zero
        else { return nil }
        let length = digits.reduce(0) { $0 * 10 + Int($1 - Byte.zero) }
        self.init(address: address, prefixLength: length)
    }

    /// The mask of the low 64 bits that may vary, by how many bits of a 64-bit half are fixed.
    private static func free(_ fixed: Int) -> UInt64 {
        fixed <= 0 ? .max : fixed >= 64 ? 0 : UInt64.max >> UInt64(fixed)
    }

    var first: IPAddress { bound(isLast: false) }
    var last: IPAddress { bound(isLast: true) }

    private func bound(isLast: Bool) -> IPAddress {
        switch address.family {
        case .v4:
            let free = CIDR.free(prefixLength + 32) & 0xFFFF_FFFF
            let value = isLast ? address.low | free : address.low & ~free
            return IPAddress(v4: UInt32(truncatingIfNeeded: value))
        case .v6:
            let (high, low) = (CIDR.free(prefixLength), CIDR.free(prefixLength - 64))
            return isLast
                ? IPAddress(v6High: address.high | high, low: address.low | low)
                : IPAddress(v6High: address.high & ~high, low: address.low & ~low)
        }
    }

    /// Whether the block holds the address; IPv4-mapped addresses are judged as IPv4.
    package func contains(_ other: IPAddress) -> Bool {
        let candidate = other.unmapped
        guard candidate.family == address.family else { return false }
        return first <= candidate && candidate <= last
    }
}

extension IPAddress: Comparable {
    package static func < (one: IPAddress, other: IPAddress) -> Bool {
        if one.family != other.family { return one.family == .v4 }
        return one.high != other.high ? one.high < other.high : one.low < other.low
    }
}
