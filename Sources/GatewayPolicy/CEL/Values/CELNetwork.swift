import GatewayModel

/// An IP address, or a range of them when it has a prefix length. An IPv4-mapped IPv6 address is its IPv4 address.
package final class CELNetwork: Sendable, Equatable {
    /// Four or sixteen bytes; a range keeps the bits below its prefix as written.
    package let address: [UInt8]
    package let prefixLength: Int?

    init(_ address: [UInt8], prefixLength: Int? = nil) {
        self.address = address
        self.prefixLength = prefixLength
    }

    /// Why an address or range was refused.
    enum Refusal: Error { case syntax, zone, mapped }

    convenience init(address text: String) throws(Refusal) {
        try self.init(CELNetwork.bytes(text))
    }

    convenience init(range text: String) throws(Refusal) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw .syntax }
        let bytes = try CELNetwork.bytes(String(parts[0]))
        let digits = parts[1]
        guard !digits.isEmpty, digits.utf8.count <= 3, digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
            let length = Int(digits), length <= bytes.count * 8, String(length) == digits
        else { throw .syntax }
        self.init(bytes, prefixLength: length)
    }

    private static func bytes(_ text: String) throws(Refusal) -> [UInt8] {
        if text.utf8.contains(UInt8(ascii: "%")) { throw .zone }
        guard let bytes = CIDR.addressBytes(text) else { throw .syntax }
        guard bytes.count == 16, bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 255, bytes[11] == 255 else {
            return bytes
        }
        if text.utf8.contains(UInt8(ascii: ".")) { throw .mapped }
        return Array(bytes.suffix(4))
    }

    package static func == (one: CELNetwork, other: CELNetwork) -> Bool {
        one.address == other.address && one.prefixLength == other.prefixLength
    }

    var isIPv6: Bool { address.count == 16 }

    /// The range with the bits below its prefix cleared.
    var masked: CELNetwork {
        guard let prefixLength else { return self }
        let bytes = address.enumerated().map { index, byte in
            let kept = min(max(prefixLength - index * 8, 0), 8)
            return kept == 0 ? 0 : byte & (0xFF << (8 - UInt8(kept)))
        }
        return CELNetwork(bytes, prefixLength: prefixLength)
    }

    func contains(_ other: CELNetwork) -> Bool {
        guard let prefixLength, address.count == other.address.count else { return false }
        if let length = other.prefixLength, length < prefixLength { return false }
        return masked.address == CELNetwork(other.address, prefixLength: prefixLength).masked.address
    }

    // MARK: Kinds of address

    var isUnspecified: Bool { address.allSatisfy { $0 == 0 } }
    var isLoopback: Bool {
        isIPv6 ? address.dropLast().allSatisfy { $0 == 0 } && address[15] == 1 : address[0] == 127
    }
    private var isMulticast: Bool { isIPv6 ? address[0] == 0xFF : address[0] & 0xF0 == 0xE0 }
    var isLinkLocalMulticast: Bool {
        isIPv6
            ? address[0] == 0xFF && address[1] & 0x0F == 2 : address[0] == 224 && address[1] == 0 && address[2] == 0
    }
    var isLinkLocalUnicast: Bool {
        isIPv6 ? address[0] == 0xFE && address[1] & 0xC0 == 0x80 : address[0] == 169 && address[1] == 254
    }
    var isGlobalUnicast: Bool {
        if !isIPv6, address.allSatisfy({ $0 == 255 }) { return false }
        return !isUnspecified && !isLoopback && !isMulticast && !isLinkLocalUnicast
    }

    /// In canonical form (RFC 5952).
    package var text: String {
        let suffix = prefixLength.map { "/\($0)" } ?? ""
        guard isIPv6 else { return address.map { String($0) }.joined(separator: ".") + suffix }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(address[$0]) << 8 | UInt16(address[$0 + 1]) }
        var zeros = 0..<0
        var start: Int?
        for index in 0...8 {
            if index < 8, groups[index] == 0 {
                start = start ?? index
            } else if let from = start {
                if index - from > max(zeros.count, 1) { zeros = from..<index }
                start = nil
            }
        }
        func join(_ range: Range<Int>) -> String {
            range.map { String(groups[$0], radix: 16) }.joined(separator: ":")
        }
        if zeros.isEmpty { return join(0..<8) + suffix }
        return join(0..<zeros.lowerBound) + "::" + join(zeros.upperBound..<8) + suffix
    }
}
