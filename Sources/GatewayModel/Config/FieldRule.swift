/// What a field's value must satisfy beyond its type, with the JSON Schema keywords that say the same.
package struct FieldRule<Value: Sendable>: Sendable {
    /// Nil when the value is fine, otherwise what it must be (`must be between 1 and 65535`).
    let problem: @Sendable (Value) -> String?
    let keywords: [(name: String, value: ConfigNode)]

    package init(
        keywords: [(name: String, value: ConfigNode)] = [], problem: @escaping @Sendable (Value) -> String?
    ) {
        self.keywords = keywords
        self.problem = problem
    }

    package static var none: FieldRule { FieldRule { _ in nil } }
}

extension FieldRule where Value == Int {
    package static func range(_ range: ClosedRange<Int>) -> FieldRule {
        FieldRule(keywords: [("minimum", .integer(range.lowerBound)), ("maximum", .integer(range.upperBound))]) {
            range.contains($0) ? nil : "must be between \(range.lowerBound) and \(range.upperBound)"
        }
    }

    package static func atLeast(_ least: Int) -> FieldRule {
        FieldRule(keywords: [("minimum", .integer(least)), ("maximum", .integer(Int(Int32.max)))]) {
            (least...Int(Int32.max)).contains($0) ? nil : "must be between \(least) and \(Int32.max)"
        }
    }

    package static func oneOf(_ values: [Int]) -> FieldRule {
        FieldRule(keywords: [("enum", .list(values.map { .integer($0) }))]) { value in
            values.contains(value) ? nil : "allowed: \(values.map(String.init).joined(separator: ", "))"
        }
    }

    package static var port: FieldRule { range(1...65535) }
    package static var percent: FieldRule { range(0...100) }
    package static var httpStatus: FieldRule { range(100...599) }
}

extension FieldRule where Value == String {
    /// A DNS label: what a namespace is called.
    package static var label: FieldRule {
        text(1...63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "must be lower case letters, digits and inner hyphens") {
            NameSyntax.isLabel($0)
        }
    }

    /// A DNS subdomain: what an object, a section, a rule is called.
    package static var name: FieldRule {
        text(
            1...253, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
            "must be lower case letters, digits, hyphens and dots, starting and ending with a letter or digit"
        ) { NameSyntax.isSubdomain($0) }
    }

    /// An API group; empty is the core group.
    package static var group: FieldRule {
        text(0...253, "^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "must be an API group") {
            $0.isEmpty || NameSyntax.isSubdomain($0)
        }
    }

    package static var kind: FieldRule {
        text(1...63, "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$", "must be a kind, such as Service") {
            NameSyntax.isKind($0)
        }
    }

    package static var headerName: FieldRule {
        text(1...256, "^[A-Za-z0-9!#$%&'*+\\-.^_`|~]+$", "must be a header name (RFC 9110 token)") {
            NameSyntax.isToken($0)
        }
    }

    package static var headerValue: FieldRule {
        text(1...4096, "^[!-~]+([\\t ]?[!-~]+)*$", "must be visible ASCII with single inner spaces") {
            NameSyntax.isHeaderValue($0)
        }
    }

    package static func length(_ range: ClosedRange<Int>) -> FieldRule {
        text(range, nil, "") { _ in true }
    }

    package static var nonEmpty: FieldRule { length(1...4096) }

    /// A length and a pattern; the pattern is for editors, `matches` is what decides.
    package static func text(
        _ length: ClosedRange<Int>, _ pattern: String?, _ requirement: String,
        matches: @escaping @Sendable (String) -> Bool
    ) -> FieldRule {
        var keywords: [(name: String, value: ConfigNode)] = [
            ("minLength", .integer(length.lowerBound)), ("maxLength", .integer(length.upperBound)),
        ]
        if let pattern { keywords.append(("pattern", .text(pattern))) }
        return FieldRule(keywords: keywords) { text in
            if text.isEmpty, length.lowerBound > 0 { return "must not be empty" }
            if !length.contains(text.unicodeScalars.count) {
                return "must have \(length.lowerBound) to \(length.upperBound) characters"
            }
            return matches(text) ? nil : requirement
        }
    }
}
