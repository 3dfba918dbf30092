/// A type that a field of an object may have. The reader, the JSON Schema and the placeholder that
/// stands in while a schema is recorded (or after a mistake) are said once, here.
package protocol ConfigValue: Sendable {
    /// Reads one node, reporting what is wrong; nil when there is no usable value.
    static func decode(_ value: ValueReader) -> Self?
    /// Stands in where nothing could be read; never served.
    static var placeholder: Self { get }
    /// JSON Schema, draft 2020-12.
    static var schema: ConfigNode { get }
}

/// A node on its way to becoming a typed value.
package struct ValueReader {
    package let node: ConfigNode
    package let path: ConfigPath
    package let sink: DiagnosticSink

    package init(_ node: ConfigNode, path: ConfigPath, sink: DiagnosticSink) {
        self.node = node
        self.path = path
        self.sink = sink
    }

    /// Says what was expected and what was found.
    package func reportWrongType(expected: String) {
        var hint: String?
        switch node.value {
        case .number(let text) where expected.contains("duration"):
            hint = Int(text).map { "write its unit: \($0)s" } ?? "write whole numbers with units: 500ms, 1h30m"
        case .number(let text) where expected.contains("string"): hint = "quote it: \"\(text)\""
        case .bool(let flag) where expected.contains("string"): hint = "quote it: \"\(flag)\""
        case .mapping where expected == "a list": hint = "start each element with \"- \""
        case .string("yes"), .string("on"): if expected == "a boolean" { hint = "write true" }
        case .string("no"), .string("off"): if expected == "a boolean" { hint = "write false" }
        case .string(let text) where expected == "an integer" && Int(text) != nil: hint = "write it without quotes"
        default: break
        }
        sink.report(
            .wrongType, at: node.position, path: path, "expected \(expected), found \(node.typeName)", hint: hint)
    }

    package func reportInvalid(_ shown: String, hint: String?) {
        sink.report(.invalidValue, at: node.position, path: path, "invalid value \(shown)", hint: hint)
    }
}

/// An object with named fields: its `init` declares each field once, and from that come decoding and schema.
package protocol ConfigObject: ConfigValue, Equatable {
    init(_ fields: FieldReader)
}

extension ConfigObject {
    package static func decode(_ value: ValueReader) -> Self? {
        guard let fields = value.node.fields else {
            value.reportWrongType(expected: "an object")
            return nil
        }
        let reader = FieldReader(fields, at: value.node.position, path: value.path, sink: value.sink)
        let object = Self(reader)
        reader.finish()
        return object
    }

    package static var placeholder: Self { Self(FieldReader(recording: ())) }

    package static var schema: ConfigNode {
        let reader = FieldReader(recording: ())
        _ = Self(reader)
        return reader.recordedSchema
    }
}

/// A closed set of words.
package protocol ConfigEnum: ConfigValue, RawRepresentable, CaseIterable, Hashable where RawValue == String {}

extension ConfigEnum {
    package static func decode(_ value: ValueReader) -> Self? {
        guard case .string(let text) = value.node.value else {
            value.reportWrongType(expected: "a string")
            return nil
        }
        if let found = Self(rawValue: text) { return found }
        value.reportInvalid("\"\(text)\"", hint: NearestName.hint(text, among: Self.allCases.map(\.rawValue)))
        return nil
    }

    /// The first case; only ever stands in.
    package static var placeholder: Self {
        guard let first = allCases.first else { preconditionFailure("an enum without cases") }
        return first
    }

    package static var schema: ConfigNode {
        .object([("type", .text("string")), ("enum", .list(allCases.map { .text($0.rawValue) }))])
    }
}

extension String: ConfigValue {
    package static func decode(_ value: ValueReader) -> String? {
        guard case .string(let text) = value.node.value else {
            value.reportWrongType(expected: "a string")
            return nil
        }
        return text
    }
    package static var placeholder: String { "" }
    package static var schema: ConfigNode { .object([("type", .text("string"))]) }
}

extension Bool: ConfigValue {
    package static func decode(_ value: ValueReader) -> Bool? {
        guard case .bool(let flag) = value.node.value else {
            value.reportWrongType(expected: "a boolean")
            return nil
        }
        return flag
    }
    package static var placeholder: Bool { false }
    package static var schema: ConfigNode { .object([("type", .text("boolean"))]) }
}

extension Int: ConfigValue {
    package static func decode(_ value: ValueReader) -> Int? {
        guard case .number(let text) = value.node.value else {
            value.reportWrongType(expected: "an integer")
            return nil
        }
        if let number = integer(text) { return number }
        value.reportInvalid(text, hint: "write a whole number")
        return nil
    }

    /// Decimal, `0x` and `0o`, as YAML 1.2 writes integers.
    static func integer(_ text: String) -> Int? {
        if text.hasPrefix("0x") { return Int(text.dropFirst(2), radix: 16) }
        if text.hasPrefix("0o") { return Int(text.dropFirst(2), radix: 8) }
        return Int(text)
    }

    package static var placeholder: Int { 0 }
    package static var schema: ConfigNode { .object([("type", .text("integer"))]) }
}

extension ConfigNode: ConfigValue {
    package static func decode(_ value: ValueReader) -> ConfigNode? { value.node }
    package static var placeholder: ConfigNode { ConfigNode(.null) }
    package static var schema: ConfigNode { .object([]) }
}

extension ConfigNode {
    /// A mapping made by the program.
    package static func object(_ pairs: [(String, ConfigNode)]) -> ConfigNode {
        ConfigNode(.mapping(pairs.map { Field(key: $0.0, keyPosition: nowhere, value: $0.1) }))
    }
    package static func text(_ text: String) -> ConfigNode { ConfigNode(.string(text)) }
    package static func integer(_ number: Int) -> ConfigNode { ConfigNode(.number(String(number))) }
    package static func flag(_ flag: Bool) -> ConfigNode { ConfigNode(.bool(flag)) }
    package static func list(_ elements: [ConfigNode]) -> ConfigNode { ConfigNode(.sequence(elements)) }
}
