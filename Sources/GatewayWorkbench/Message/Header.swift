/// One field as it stood on the wire: the case and the order of names are what tests look at.
package struct Header: Sendable, Hashable, CustomStringConvertible {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    package var description: String { "\(name): \(value)" }

    func named(_ other: String) -> Bool {
        name.utf8.count == other.utf8.count
            && zip(name.utf8, other.utf8).allSatisfy { $0 == $1 || lowered($0) == lowered($1) }
    }
}

extension [Header] {
    /// The first value of a name, whatever its case.
    package func first(_ name: String) -> String? {
        first { $0.named(name) }?.value
    }

    /// Every value of a name in wire order, whatever its case.
    package func all(_ name: String) -> [String] {
        compactMap { $0.named(name) ? $0.value : nil }
    }

    package func has(_ name: String) -> Bool {
        contains { $0.named(name) }
    }
}

/// Go's canonical form of a header name (`textproto.CanonicalMIMEHeaderKey`), which the echo
/// backend of the conformance suite uses: a name with an illegal character stays as it is.
package func canonicalHeaderName(_ name: String) -> String {
    var bytes = Array(name.utf8)
    var upper = true
    for index in bytes.indices {
        let byte = bytes[index]
        guard isTokenByte(byte) else { return name }
        if upper, byte >= 0x61, byte <= 0x7A {
            bytes[index] = byte - 0x20
        } else if !upper, byte >= 0x41, byte <= 0x5A {
            bytes[index] = byte + 0x20
        }
        upper = byte == 0x2D
    }
    return String(decoding: bytes, as: UTF8.self)
}

private func lowered(_ byte: UInt8) -> UInt8 {
    byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte
}

/// RFC 9110 section 5.6.2 `tchar`.
func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
    default: false
    }
}
