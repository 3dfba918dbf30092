/// Reads one object's fields, each declared once by its name, type, default, documentation and rule.
///
/// With a document behind it, it decodes strictly and collects every mistake. Without one it records
/// the declarations, and `recordedSchema` is the object's JSON Schema. The same `init` runs in both.
package final class FieldReader {
    private let fields: [ConfigNode.Field]
    package let position: SourcePosition
    package let path: ConfigPath
    package let sink: DiagnosticSink
    /// True while only a schema is wanted; values are placeholders then.
    package let isRecording: Bool
    private var declared: [String] = []
    private var properties: [(String, ConfigNode)] = []
    private var requiredNames: [String] = []
    private var toleratesUnknown = false
    /// Required fields that were not there; told at the end, because a misspelled one is one mistake and not two.
    private var missing: [(name: String, documentation: String)] = []

    package init(
        _ fields: [ConfigNode.Field], at position: SourcePosition, path: ConfigPath, sink: DiagnosticSink
    ) {
        self.fields = fields
        self.position = position
        self.path = path
        self.sink = sink
        isRecording = false
    }

    package init(recording: Void) {
        fields = []
        position = ConfigNode.nowhere
        path = .root
        sink = DiagnosticSink()
        isRecording = true
    }

    // MARK: - Declaring fields

    /// A field that must be there.
    package func required<Value: ConfigValue>(
        _ name: String, _ documentation: String, _ rule: FieldRule<Value> = .none
    ) -> Value {
        declare(name, documentation, schema: { Value.schema }, keywords: rule.keywords, required: true)
        guard let node = present(name) else {
            missing.append((name, documentation))
            return Value.placeholder
        }
        return read(node, at: path[name], rule) ?? Value.placeholder
    }

    /// A field that may be left out.
    package func optional<Value: ConfigValue>(
        _ name: String, _ documentation: String, _ rule: FieldRule<Value> = .none
    ) -> Value? {
        declare(name, documentation, schema: { Value.schema }, keywords: rule.keywords)
        guard let node = present(name) else { return nil }
        return read(node, at: path[name], rule)
    }

    /// A field with a default; `shown` is the default as a document would write it.
    package func value<Value: ConfigValue>(
        _ name: String, default fallback: Value, shown: ConfigNode? = nil, _ documentation: String,
        _ rule: FieldRule<Value> = .none
    ) -> Value {
        var keywords = rule.keywords
        if let shown = shown ?? Self.shown(fallback) { keywords.append(("default", shown)) }
        declare(name, documentation, schema: { Value.schema }, keywords: keywords)
        guard let node = present(name) else { return fallback }
        return read(node, at: path[name], rule) ?? fallback
    }

    /// A list; empty when left out, unless `count` asks for more (then it must be there).
    package func list<Value: ConfigValue>(
        _ name: String, _ documentation: String, count: ClosedRange<Int> = 0...1024,
        each rule: FieldRule<Value> = .none
    ) -> [Value] {
        declare(
            name, documentation,
            schema: { Self.arraySchema(of: Value.schema, rule: rule.keywords, count: count) },
            keywords: [], required: count.lowerBound > 0)
        guard let node = present(name) else {
            if count.lowerBound > 0 { missing.append((name, documentation)) }
            return []
        }
        return readList(node, at: path[name], count: count, rule)
    }

    /// A list that tells "left out" (nil) from "empty".
    package func optionalList<Value: ConfigValue>(
        _ name: String, _ documentation: String, count: ClosedRange<Int> = 0...1024,
        each rule: FieldRule<Value> = .none
    ) -> [Value]? {
        declare(
            name, documentation,
            schema: { Self.arraySchema(of: Value.schema, rule: rule.keywords, count: count) }, keywords: [])
        guard let node = present(name) else { return nil }
        return readList(node, at: path[name], count: count, rule)
    }

    /// A map from names to values.
    package func map<Value: ConfigValue>(
        _ name: String, _ documentation: String, countMax: Int = 4096, each rule: FieldRule<Value> = .none
    ) -> [String: Value] {
        declare(
            name, documentation,
            schema: {
                .object([
                    ("type", .text("object")),
                    ("additionalProperties", Value.schema.adding(rule.keywords)),
                    ("maxProperties", .integer(countMax)),
                ])
            }, keywords: [])
        guard let node = present(name) else { return [:] }
        let at = path[name]
        guard let entries = node.fields else {
            ValueReader(node, path: at, sink: sink).reportWrongType(expected: "an object")
            return [:]
        }
        if entries.count > countMax {
            sink.report(.invalidValue, at: node.position, path: at, "too many entries", hint: "at most \(countMax)")
        }
        var result: [String: Value] = [:]
        for entry in entries { result[entry.key] = read(entry.value, at: at[entry.key], rule) }
        return result
    }

    // MARK: - Rules across fields

    /// Whether the document has this field (and it is not null).
    package func has(_ name: String) -> Bool { present(name) != nil }

    /// Reports unless `holds`; at the field's place if it was written, otherwise the object's.
    package func check(
        _ holds: Bool, at name: String? = nil, _ code: ErrorCode, _ message: @autoclosure () -> String,
        hint: @autoclosure () -> String? = nil
    ) {
        guard !isRecording, !holds else { return }
        let node = name.flatMap { present($0) }
        let at = node == nil ? path : name.map { path[$0] } ?? path
        sink.report(code, at: node?.position ?? position, path: at, message(), hint: hint())
    }

    /// The same for a value that is wrong.
    package func check(
        _ holds: Bool, at name: String? = nil, _ message: @autoclosure () -> String,
        hint: @autoclosure () -> String? = nil
    ) {
        check(holds, at: name, .invalidValue, message(), hint: hint())
    }

    /// Fields no one declared are kept without a word (`status`, server-side metadata).
    package func tolerateUnknown() { toleratesUnknown = true }

    /// Reports fields that were written but never declared, and required ones that were never written.
    package func finish() {
        guard !isRecording else { return }
        var meant: Set<String> = []
        for field in fields where !toleratesUnknown && !declared.contains(field.key) {
            let unused = declared.filter { name in !fields.contains { $0.key == name } }
            let near = NearestName.of(field.key, among: unused) ?? NearestName.of(field.key, among: declared)
            if let near { meant.insert(near) }
            let hint = near.map { "did you mean \"\($0)\"?" } ?? NearestName.hint(field.key, among: declared)
            sink.report(
                .unknownField, at: field.keyPosition, path: path, "unknown field \"\(field.key)\"", hint: hint)
        }
        for field in missing where !meant.contains(field.name) {
            sink.report(
                .missingField, at: position, path: path, "missing field \"\(field.name)\"", hint: field.documentation)
        }
    }

    // MARK: - Schema

    package var recordedSchema: ConfigNode {
        var pairs: [(String, ConfigNode)] = [("type", .text("object"))]
        pairs.append(("properties", .object(properties)))
        if !requiredNames.isEmpty { pairs.append(("required", .list(requiredNames.map { .text($0) }))) }
        if !toleratesUnknown { pairs.append(("additionalProperties", .flag(false))) }
        return .object(pairs)
    }

    // MARK: - Reading

    private func present(_ name: String) -> ConfigNode? {
        guard let node = fields.first(where: { $0.key == name })?.value else { return nil }
        if case .null = node.value { return nil }
        return node
    }

    private func declare(
        _ name: String, _ documentation: String, schema: () -> ConfigNode,
        keywords: [(name: String, value: ConfigNode)], required: Bool = false
    ) {
        declared.append(name)
        guard isRecording else { return }
        if required { requiredNames.append(name) }
        properties.append((name, schema().adding([("description", .text(documentation))] + keywords)))
    }

    private func read<Value: ConfigValue>(
        _ node: ConfigNode, at path: ConfigPath, _ rule: FieldRule<Value>
    ) -> Value? {
        let reader = ValueReader(node, path: path, sink: sink)
        guard let value = Value.decode(reader) else { return nil }
        guard let problem = rule.problem(value) else { return value }
        reader.reportInvalid(Self.quoted(node), hint: problem)
        return nil
    }

    private func readList<Value: ConfigValue>(
        _ node: ConfigNode, at path: ConfigPath, count: ClosedRange<Int>, _ rule: FieldRule<Value>
    ) -> [Value] {
        guard let elements = node.elements else {
            ValueReader(node, path: path, sink: sink).reportWrongType(expected: "a list")
            return []
        }
        if !count.contains(elements.count) {
            let few = elements.count < count.lowerBound
            sink.report(
                .invalidValue, at: node.position, path: path, few ? "too few elements" : "too many elements",
                hint: few ? "at least \(count.lowerBound)" : "at most \(count.upperBound)")
        }
        return elements.enumerated().compactMap { read($0.element, at: path[$0.offset], rule) }
    }

    private static func quoted(_ node: ConfigNode) -> String {
        switch node.value {
        case .null: "null"
        case .bool(let flag): String(flag)
        case .number(let text): text
        case .string(let text): "\"\(text.unicodeScalars.count > 80 ? text.prefix(80) + "…" : text[...])\""
        case .sequence: "list"
        case .mapping: "object"
        }
    }

    private static func shown(_ value: some ConfigValue) -> ConfigNode? {
        switch value {
        case let text as String: .text(text)
        case let number as Int: .integer(number)
        case let flag as Bool: .flag(flag)
        case let word as any ConfigEnum: .text(word.rawValue)
        default: nil
        }
    }

    private static func arraySchema(
        of element: ConfigNode, rule: [(name: String, value: ConfigNode)], count: ClosedRange<Int>
    ) -> ConfigNode {
        var pairs: [(String, ConfigNode)] = [("type", .text("array")), ("items", element.adding(rule))]
        if count.lowerBound > 0 { pairs.append(("minItems", .integer(count.lowerBound))) }
        pairs.append(("maxItems", .integer(count.upperBound)))
        return .object(pairs)
    }
}

extension ConfigNode {
    /// This mapping with more keys (a later one replaces an earlier).
    func adding(_ pairs: [(name: String, value: ConfigNode)]) -> ConfigNode {
        var copy = self
        for pair in pairs { copy[pair.name] = pair.value }
        return copy
    }
}
