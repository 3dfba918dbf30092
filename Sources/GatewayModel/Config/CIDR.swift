/// A range of IP addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
package struct CIDR: ConfigValue, Hashable, CustomStringConvertible {
    /// Four or sixteen bytes, network order, host bits cleared.
    package let address: [UInt8]
    package let prefixLength: Int

    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let bytes = Self.addressBytes(String(first)) else { return nil }
        var length = bytes.count * 8
        if parts.count == 2 {
            let digits = parts[1]
            guard digits.utf8.allSatisfy({ NameSyntax.isDigit($0) }), let written = Int(digits), written <= length,
                digits == String(written)
            else { return nil }
            length = written
        }
        prefixLength = length
        address = bytes.enumerated().map { index, byte in
            let kept = min(max(length - index * 8, 0), 8)
            return kept == 0 ? 0 : byte & (0xFF << (8 - UInt8(kept)))
        }
    }

    private init() {
        address = [0, 0, 0, 0]
        prefixLength = 32
    }

    package var isIPv6: Bool { address.count == 16 }

    /// Whether the range holds an address given as four or sixteen bytes; an IPv4-mapped IPv6 address is IPv4.
    package func contains(_ bytes: some RandomAccessCollection<UInt8>) -> Bool {
        if bytes.count == 16, !isIPv6 {
            let mapped =
                bytes.prefix(10).allSatisfy { $0 == 0 } && bytes.dropFirst(10).prefix(2).allSatisfy { $0 == 255 }
            return mapped && matches(bytes.suffix(4))
        }
        return bytes.count == address.count && matches(bytes)
    }

    private func matches(_ bytes: some RandomAccessCollection<UInt8>) -> Bool {
        var left = prefixLength
        for (own, other) in zip(address, bytes) {
            guard left > 0 else { return true }
            let mask: UInt8 = left >= 8 ? 0xFF : 0xFF << (8 - UInt8(left))
            if own & mask != other & mask { return false }
            left -= 8
        }
        return true
    }

    package var description: String {
        guard isIPv6 else { return address.map(String.init).joined(separator: ".") + "/\(prefixLength)" }
        let groups = stride(from: 0, to: 16, by: 2).map {
            String(UInt16(address[$0]) << 8 | UInt16(address[$0 + 1]), radix: 16)
        }
        return groups.joined(separator: ":") + "/\(prefixLength)"
    }

    /// The bytes of an IPv4 or IPv6 address in text, or nil.
    package static func addressBytes(_ text: String) -> [UInt8]? {
        text.utf8.contains(UInt8(ascii: ":")) ? ipv6Bytes(text) : ipv4Bytes(text)
    }

    private static func ipv4Bytes(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ NameSyntax.isDigit($0) }),
                let byte = UInt8(part), String(byte) == part
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func ipv6Bytes(_ text: String) -> [UInt8]? {
        guard text.utf8.count <= 45 else { return nil }
        var head: [UInt8] = []
        var tail: [UInt8] = []
        var compressed = false
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var index = 0
        while index < parts.count {
            let part = parts[index]
            if part.isEmpty {
                // An empty part is half of `::`: at an end there are two of them, inside there is one.
                let atStart = index == 0
                if atStart { guard parts.count > 2, parts[1].isEmpty else { return nil } }
                let atEnd = index == parts.count - 1
                if atEnd, compressed, parts[index - 1].isEmpty {
                    index += 1
                    continue
                }
                guard !compressed, !atEnd else { return nil }
                compressed = true
                index += atStart ? 2 : 1
                continue
            }
            var bytes: [UInt8]
            if index == parts.count - 1, part.utf8.contains(UInt8(ascii: ".")) {
                guard let four = ipv4Bytes(String(part)) else { return nil }
                bytes = four
            } else {
                guard part.utf8.count <= 4, part.utf8.first != UInt8(ascii: "+"), let group = UInt16(part, radix: 16)
                else { return nil }
                bytes = [UInt8(group >> 8), UInt8(group & 0xFF)]
            }
            if compressed { tail += bytes } else { head += bytes }
            index += 1
        }
        let count = head.count + tail.count
        guard compressed ? count <= 14 : count == 16 else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - count) + tail
    }

    package static func decode(_ value: ValueReader) -> CIDR? {
        guard case .string(let text) = value.node.value else {
            value.reportWrongType(expected: "a string")
            return nil
        }
        if let range = CIDR(text) { return range }
        value.reportInvalid("\"\(text)\"", hint: "write an address or a range such as 10.0.0.0/8 or 2001:db8::/32")
        return nil
    }

    package static var placeholder: CIDR { CIDR() }
    package static var schema: ConfigNode { .object([("type", .text("string"))]) }
}
