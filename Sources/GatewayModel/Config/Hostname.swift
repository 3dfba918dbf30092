/// A host name in lower case, perhaps with a leading wildcard label (`*.example.com`: one label or more).
package struct Hostname: ConfigValue, Hashable, Comparable, CustomStringConvertible {
    /// As written, including `*.`.
    package let text: String
    package let isWildcard: Bool

    /// Nil unless `text` is a host name as the Gateway API means it: no port, no IP address, no trailing dot.
    package init?(_ text: String) {
        guard (1...253).contains(text.utf8.count) else { return nil }
        isWildcard = text.hasPrefix("*.")
        let name = isWildcard ? String(text.dropFirst(2)) : text
        guard NameSyntax.isSubdomain(name), CIDR.addressBytes(name) == nil else { return nil }
        self.text = text
    }

    private init(unchecked text: String) {
        self.text = text
        isWildcard = false
    }

    /// `.example.com` for `*.example.com`; empty for a plain name.
    package var suffix: Substring { isWildcard ? text.dropFirst() : "" }

    package var description: String { text }

    package static func < (left: Hostname, right: Hostname) -> Bool { left.text < right.text }

    /// Whether a plain host in lower case is covered by this name.
    package func covers(_ host: String) -> Bool {
        isWildcard ? host.utf8.count > suffix.utf8.count && host.hasSuffix(suffix) : host == text
    }

    /// The narrower of two names when one covers the other, otherwise nil.
    package func intersection(_ other: Hostname) -> Hostname? {
        if self == other { return self }
        switch (isWildcard, other.isWildcard) {
        case (false, false): return nil
        case (true, false): return covers(other.text) ? other : nil
        case (false, true): return other.covers(text) ? self : nil
        case (true, true):
            if suffix.hasSuffix(other.suffix) { return self }
            return other.suffix.hasSuffix(suffix) ? other : nil
        }
    }

    package static func decode(_ value: ValueReader) -> Hostname? {
        guard case .string(let text) = value.node.value else {
            value.reportWrongType(expected: "a string")
            return nil
        }
        if let name = Hostname(text) { return name }
        let lower = text.lowercased()
        let hint =
            lower != text && Hostname(lower) != nil
            ? "write it in lower case: \"\(lower)\""
            : "write a host name such as api.example.com or *.example.com, without port or address"
        value.reportInvalid("\"\(text)\"", hint: hint)
        return nil
    }

    package static var placeholder: Hostname { Hostname(unchecked: "") }
    package static var schema: ConfigNode {
        .object([
            ("type", .text("string")), ("minLength", .integer(1)), ("maxLength", .integer(253)),
            ("pattern", .text("^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")),
        ])
    }
}
