/// An amount of bytes: a whole number, or one with a suffix (`10Mi`, `64k`).
package struct ByteQuantity: ConfigValue, Hashable, Comparable, CustomStringConvertible {
    package var bytes: UInt64

    package init(bytes: UInt64) { self.bytes = bytes }

    private static let suffixes: [(text: String, size: UInt64)] = [
        ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40),
        ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000), ("", 1),
    ]

    package init?(_ text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = UInt64(digits),
            let suffix = Self.suffixes.first(where: { $0.text == text.dropFirst(digits.count) })
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: suffix.size)
        guard !overflow else { return nil }
        bytes = product
    }

    package var description: String {
        let best = Self.suffixes.prefix(4).last { bytes >= $0.size && bytes.isMultiple(of: $0.size) }
        return best.map { "\(bytes / $0.size)\($0.text)" } ?? "\(bytes)"
    }

    package static func < (left: ByteQuantity, right: ByteQuantity) -> Bool { left.bytes < right.bytes }

    package static func decode(_ value: ValueReader) -> ByteQuantity? {
        let text: String
        switch value.node.value {
        case .string(let written), .number(let written): text = written
        default:
            value.reportWrongType(expected: "a number of bytes such as 10Mi")
            return nil
        }
        if let quantity = ByteQuantity(text) { return quantity }
        value.reportInvalid("\"\(text)\"", hint: "write bytes such as 65536, 64Ki or 10Mi")
        return nil
    }

    package static var placeholder: ByteQuantity { ByteQuantity(bytes: 0) }
    package static var schema: ConfigNode {
        .object([
            ("type", .list([.text("integer"), .text("string")])), ("minimum", .integer(0)),
            ("pattern", .text("^[0-9]+(Ki|Mi|Gi|Ti|k|M|G|T)?$")),
        ])
    }
}
