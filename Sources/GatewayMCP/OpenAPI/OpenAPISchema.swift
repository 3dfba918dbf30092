import GatewayWire

/// Turns a schema of OpenAPI into one of JSON Schema 2020-12 that stands by itself: what it refers to comes along under
/// `$defs`, what is only for readers of the document is left out.
struct OpenAPISchema {
    enum Side { case request, response }

    private let references: OpenAPIReferences
    private let isOld: Bool
    private let side: Side
    private var valuesLeft: Int
    /// By the reference that leads there.
    private var names: [String: String] = [:]
    private(set) var definitions = JSONObject()
    private var waiting: [(reference: String, name: String)] = []
    private static let depthMax = 64
    /// Of one object: setting a member looks through all before it.
    private static let membersMax = 1_000

    init(_ reader: OpenAPIReader, _ side: Side) {
        (references, isOld, self.side) = (reader.references, reader.isOld, side)
        valuesLeft = reader.limits.schemaValuesMax
    }

    /// A schema with references into `definitions`.
    mutating func converted(_ schema: JSONTree) throws(OpenAPIProblem) -> JSONTree {
        let made = try convert(schema, depth: 0)
        while let next = waiting.popLast() {
            definitions[next.name] = try convert(try references.target(next.reference), depth: 0)
        }
        return made
    }

    private mutating func convert(_ schema: JSONTree, depth: Int) throws(OpenAPIProblem) -> JSONTree {
        valuesLeft -= 1
        guard valuesLeft > 0 else { throw OpenAPIProblem("its schemas are too large") }
        guard depth < Self.depthMax else { throw OpenAPIProblem("a schema is too deep") }
        guard let object = schema.object else {
            // true and false are schemas too.
            if schema.bool != nil { return schema }
            throw OpenAPIProblem("a schema is \(schema.kind)")
        }
        if let reference = object["$ref"]?.string?.value {
            var made = JSONObject()
            made["$ref"] = .text("#/$defs/\(try name(of: reference))")
            if let description = object["description"] { made["description"] = description }
            return .object(made)
        }
        var made = JSONObject()
        for member in object.members {
            let key = member.name.value
            guard !Self.dropped.contains(key), !key.hasPrefix("x-") else { continue }
            made[key] = try converted(key, member.value, depth)
        }
        if isOld { modernise(object, &made) }
        hideOneWay(object, &made)
        return .object(made)
    }

    /// What says nothing to a validator, or something else than here.
    private static let dropped: Set<String> = [
        "nullable", "discriminator", "xml", "externalDocs", "example", "readOnly", "writeOnly", "$schema", "$id",
        "$anchor", "$dynamicRef", "$dynamicAnchor", "$defs",
    ]

    private mutating func converted(_ key: String, _ value: JSONTree, _ depth: Int) throws(OpenAPIProblem) -> JSONTree {
        switch key {
        case "properties", "patternProperties", "dependentSchemas":
            var made = JSONObject()
            guard value.object?.members.count ?? 0 <= Self.membersMax else {
                throw OpenAPIProblem("its schemas are too large")
            }
            for member in value.object?.members ?? [] {
                made[member.name.value] = try convert(member.value, depth: depth + 1)
            }
            return .object(made)
        case "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
            "unevaluatedProperties", "unevaluatedItems":
            guard value.object != nil else { return value }
            return try convert(value, depth: depth + 1)
        case "allOf", "anyOf", "oneOf", "prefixItems":
            var items: [JSONTree] = []
            for item in value.array ?? [] { items.append(try convert(item, depth: depth + 1)) }
            return .array(items)
        default:
            try spend(value, depth: 0)
            return value
        }
    }

    /// Counts what is copied as it is: enums, defaults, examples.
    private mutating func spend(_ value: JSONTree, depth: Int) throws(OpenAPIProblem) {
        valuesLeft -= 1
        guard valuesLeft > 0, depth < Self.depthMax else { throw OpenAPIProblem("its schemas are too large") }
        for item in value.array ?? [] { try spend(item, depth: depth + 1) }
        for member in value.object?.members ?? [] { try spend(member.value, depth: depth + 1) }
    }

    /// OpenAPI 3.0 has `nullable`, and bounds that are excluded by a flag.
    private func modernise(_ old: JSONObject, _ made: inout JSONObject) {
        if old["nullable"]?.bool == true {
            if let type = old["type"]?.string?.value { made["type"] = .array([.text(type), "null"]) }
            if let values = made["enum"]?.array, !values.contains(.null) { made["enum"] = .array(values + [.null]) }
        }
        for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
            guard let excludes = old[flag]?.bool else { continue }
            made[flag] = excludes ? old[bound] : nil
            if excludes { made[bound] = nil }
        }
    }

    /// Properties that only travel the other way.
    private func hideOneWay(_ old: JSONObject, _ made: inout JSONObject) {
        let mark = side == .request ? "readOnly" : "writeOnly"
        guard var properties = made["properties"]?.object else { return }
        var hidden: Set<String> = []
        for member in old["properties"]?.object?.members ?? [] where member.value[mark]?.bool == true {
            hidden.insert(member.name.value)
            properties[member.name.value] = nil
        }
        guard !hidden.isEmpty else { return }
        made["properties"] = .object(properties)
        if let required = made["required"]?.array {
            let left = required.filter { !hidden.contains($0.string?.value ?? "") }
            made["required"] = left.isEmpty ? nil : .array(left)
        }
    }

    private mutating func name(of reference: String) throws(OpenAPIProblem) -> String {
        if let name = names[reference] { return name }
        _ = try references.target(reference)
        let last = reference.split(separator: "/").last.map(String.init) ?? "schema"
        let plain = OpenAPIName.cleaned(last)
        var name = plain
        var number = 2
        while names.values.contains(name) {
            name = "\(plain)_\(number)"
            number += 1
        }
        names[reference] = name
        waiting.append((reference, name))
        return name
    }
}
