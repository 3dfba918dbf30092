extension IPAddress {
    /// The address as text: IPv4 dotted, IPv6 as RFC 5952 has it, without brackets.
    package func append(to out: inout [UInt8]) {
        switch family {
        case .v4: IPAddress.appendQuad(low, to: &out)
        case .v6: appendGroups(to: &out)
        }
    }

    package var text: String {
        var out: [UInt8] = []
        append(to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    private static func appendQuad(_ value: UInt64, to out: inout [UInt8]) {
        for shift in [UInt64(24), 16, 8, 0] {
            HTTP1Serializer.append(decimal: value >> shift & 0xFF, to: &out)
            if shift > 0 { out.append(Byte.dot) }
        }
    }

    private func group(_ index: Int) -> UInt64 {
        (index < 4 ? high : low) >> UInt64(48 - (index & 3) * 16) & 0xFFFF
    }

    private func appendGroups(to out: inout [UInt8]) {
        if isMapped {
            HTTP1Serializer.append("::ffff:", to: &out)
            IPAddress.appendQuad(low & 0xFFFF_FFFF, to: &out)
            return
        }
        let gap = longestZeroRun()
        var index = 0
        while index < 8 {
            if index == gap.lowerBound, !gap.isEmpty {
                HTTP1Serializer.append("::", to: &out)
                index = gap.upperBound
                continue
            }
            if index > 0, index != gap.upperBound || gap.isEmpty { out.append(Byte.colon) }
            appendHex(group(index), to: &out)
            index += 1
        }
    }

    /// The first of the longest runs of at least two zero groups; empty when there is none.
    private func longestZeroRun() -> Range<Int> {
        var best = 0..<0
        var index = 0
        while index < 8 {
            var end = index
            while end < 8, group(end) == 0 { end += 1 }
            if end - index > max(best.count, 1) { best = index..<end }
            index = end + 1
        }
        return best
    }

    private func appendHex(_ value: UInt64, to out: inout [UInt8]) {
        var shift: UInt64 = 12
        while shift > 0, value >> shift == 0 { shift -= 4 }
        while true {
            let digit = UInt8(truncatingIfNeeded: value >> shift & 15)
            out.append(digit < 10 ? Byte.zero + digit : 0x57 + digit)
            if shift == 0 { return }
            shift -= 4
        }
    }

    /// Whether this is an IPv4 address in IPv6 clothes (`::ffff:a.b.c.d`).
    package var isMapped: Bool { family == .v6 && high == 0 && low >> 32 == 0xFFFF }

    /// The address itself, an IPv4-mapped one as IPv4: what rules are judged by.
    package var unmapped: IPAddress { isMapped ? IPAddress(v4: UInt32(truncatingIfNeeded: low)) : self }
}

/// An address and a port.
package struct SocketEndpoint: Sendable, Hashable {
    package var address: IPAddress
    package var port: UInt16

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}
