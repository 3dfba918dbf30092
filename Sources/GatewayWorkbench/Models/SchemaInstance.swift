/// An instance that fits a JSON Schema: what a model with structured output answers. Reads what the vendors accept:
/// types, `enum`, `const`, `properties`, `items`, `anyOf`, `oneOf`, `allOf`, `$ref` within the schema, bounds.
struct SchemaInstance {
    private static let depthMax = 12

    private let root: JSONDocument
    private var numbers: SeededNumbers

    static func make(_ schema: JSONDocument, seed: UInt64) -> JSONDocument {
        var maker = SchemaInstance(root: schema, numbers: SeededNumbers(seed: seed))
        // Without a schema some JSON is all that was asked for.
        if schema.members.isEmpty { return ["answer": "as you like it"] }
        return maker.instance(schema, name: "answer", depth: 0)
    }

    private init(root: JSONDocument, numbers: SeededNumbers) {
        self.root = root
        self.numbers = numbers
    }

    private mutating func instance(_ schema: JSONDocument, name: String, depth: Int) -> JSONDocument {
        if let reference = schema["$ref"]?.text {
            return depth > Self.depthMax ? .null : instance(resolve(reference), name: name, depth: depth + 1)
        }
        if let value = schema["const"] ?? schema["enum"]?.items.first { return value }
        if let choices = schema["anyOf"]?.items ?? schema["oneOf"]?.items, let first = choices.first {
            // Recursion ends in a branch without it, by custom null.
            let last = depth > Self.depthMax ? choices.last : first
            return instance(last ?? first, name: name, depth: depth + 1)
        }
        if let parts = schema["allOf"]?.items, !parts.isEmpty {
            var merged = schema
            for part in parts {
                for member in (part["$ref"]?.text.map(resolve) ?? part).members {
                    merged.set(member.name, member.value)
                }
            }
            merged.set("allOf", .null)
            return instance(merged, name: name, depth: depth + 1)
        }
        switch Self.type(schema) {
        case "object": return object(schema, depth: depth)
        case "array": return array(schema, name: name, depth: depth)
        case "integer": return .int(whole(schema))
        case "number": return schema["minimum"] ?? .number("\(whole(schema)).5")
        case "boolean": return .bool(numbers.below(2) == 1)
        case "null": return .null
        default: return .string(text(schema, name: name))
        }
    }

    private static func type(_ schema: JSONDocument) -> String {
        if let type = schema["type"]?.text { return type }
        if let type = schema["type"]?.items.first(where: { $0 != "null" })?.text { return type }
        if schema["properties"] != nil { return "object" }
        return schema["items"] == nil ? "string" : "array"
    }

    private func resolve(_ reference: String) -> JSONDocument {
        var value: JSONDocument? = root
        for part in reference.split(separator: "/").dropFirst() { value = value?[String(part)] }
        return value ?? [:]
    }

    private mutating func object(_ schema: JSONDocument, depth: Int) -> JSONDocument {
        let required = Set((schema["required"]?.items ?? []).compactMap(\.text))
        var members: [JSONDocument.Member] = []
        for property in schema["properties"]?.members ?? []
        where depth < Self.depthMax || required.contains(property.name) {
            let value = instance(property.value, name: property.name, depth: depth + 1)
            members.append(JSONDocument.Member(name: property.name, value: value))
        }
        return .object(members)
    }

    private mutating func array(_ schema: JSONDocument, name: String, depth: Int) -> JSONDocument {
        let least = min(schema["minItems"]?.integer ?? 0, 100)
        let count = depth >= Self.depthMax ? least : max(least, min(2, schema["maxItems"]?.integer ?? 2))
        let items = schema["items"] ?? [:]
        return .array((0..<count).map { _ in instance(items, name: name, depth: depth + 1) })
    }

    private mutating func whole(_ schema: JSONDocument) -> Int {
        let least = schema["minimum"]?.integer ?? schema["exclusiveMinimum"]?.integer.map { $0 + 1 } ?? 1
        let most = schema["maximum"]?.integer ?? schema["exclusiveMaximum"]?.integer.map { $0 - 1 } ?? (least + 40)
        return least + numbers.below(max(1, most - least + 1))
    }

    private func text(_ schema: JSONDocument, name: String) -> String {
        switch schema["format"]?.text {
        case "date"?: return "2026-11-25"
        case "date-time"?: return "2026-11-25T12:00:00Z"
        case "time"?: return "12:00:00Z"
        case "email"?: return "mock@example.com"
        case "uuid"?: return "00000000-0000-4000-8000-000000000001"
        case "uri"?: return "https://example.com/mock"
        default: break
        }
        var text = "some \(name)"
        while text.utf8.count < min(schema["minLength"]?.integer ?? 0, 10_000) { text += "." }
        if let most = schema["maxLength"]?.integer { text = String(text.prefix(most)) }
        return text
    }
}
