import GatewayWire

/// One tool as its server defines it. A reference, since a call hands it on often.
final class ToolDefinition: Sendable {
    /// Where an argument is repeated in a field: `x-mcp-header`.
    struct FieldParameter: Sendable, Equatable {
        /// The names of the properties that lead to it.
        var path: [String]
        /// In lower case, with `mcp-param-` before it.
        var field: String
        var isInteger: Bool
    }

    /// The server's own name for it.
    let name: String
    /// All of it, as it came.
    let tree: JSONTree
    let inputSchema: JSONTree?
    let outputSchema: JSONTree?
    let fieldParameters: [FieldParameter]
    /// Of all of it.
    let digest: String
    /// Why nobody should use it without a look at it.
    let suspicion: String?

    /// Why a definition cannot be used.
    struct Invalid: Error, Equatable {
        var name: String
        var message: String
    }

    static let nameBytesMax = 256

    init(_ tree: JSONTree) throws(Invalid) {
        guard let name = tree["name"]?.string?.value, !name.isEmpty, name.utf8.count <= ToolDefinition.nameBytesMax
        else { throw Invalid(name: "", message: "a tool has no name, or one that is too long") }
        self.name = name
        self.tree = tree
        inputSchema = tree["inputSchema"]
        outputSchema = tree["outputSchema"]
        digest = ToolDigest.of(tree)
        suspicion = HiddenText.suspicion(tree)
        var found: [FieldParameter] = []
        if let schema = inputSchema {
            do throws(Invalid) {
                try ToolDefinition.collect(schema, [], isReachable: true, depth: 0, &found)
            } catch {
                throw Invalid(name: name, message: error.message)
            }
        }
        fieldParameters = found
    }

    /// The same, which nobody should use without a look at it.
    init(_ other: ToolDefinition, suspicion: String) {
        (name, tree, digest, fieldParameters) = (other.name, other.tree, other.digest, other.fieldParameters)
        (inputSchema, outputSchema) = (other.inputSchema, other.outputSchema)
        self.suspicion = other.suspicion ?? suspicion
    }

    private static let annotation = "x-mcp-header"
    private static let depthMax = 64

    /// An annotation counts only where a chain of `properties` leads to it; anywhere else it spoils the definition.
    private static func collect(
        _ schema: JSONTree, _ path: [String], isReachable: Bool, depth: Int, _ found: inout [FieldParameter]
    ) throws(Invalid) {
        guard depth < depthMax else { throw Invalid(name: "", message: "the input schema is nested too deeply") }
        if case .array(let elements) = schema {
            for element in elements { try collect(element, path, isReachable: false, depth: depth + 1, &found) }
            return
        }
        guard let object = schema.object else { return }
        if let value = object[annotation] {
            guard isReachable else {
                throw Invalid(name: "", message: "\(annotation) where no chain of properties leads")
            }
            try add(value, object, path, &found)
        }
        for member in object.members {
            let key = member.name.value
            if key == "properties", isReachable, let properties = member.value.object {
                for property in properties.members {
                    try collect(
                        property.value, path + [property.name.value], isReachable: true, depth: depth + 1, &found)
                }
            } else if key == "properties", let properties = member.value.object {
                for property in properties.members {
                    try collect(property.value, path, isReachable: false, depth: depth + 1, &found)
                }
            } else if !["const", "default", "enum", "examples", annotation].contains(key) {
                try collect(member.value, path, isReachable: false, depth: depth + 1, &found)
            }
        }
    }

    private static func add(
        _ value: JSONTree, _ schema: JSONObject, _ path: [String], _ found: inout [FieldParameter]
    ) throws(Invalid) {
        guard let name = value.string?.value, !name.isEmpty, name.utf8.count <= 64,
            name.utf8.allSatisfy({ isTokenByte($0) })
        else { throw Invalid(name: "", message: "\(annotation) is no name of a field") }
        let type = schema["type"]?.string?.value
        guard type == "string" || type == "integer" || type == "boolean" else {
            throw Invalid(name: "", message: "\(annotation) on what is no string, integer or boolean")
        }
        let field = "\(MCPName.paramPrefix)\(name.lowercased())"
        guard !found.contains(where: { $0.field == field }) else {
            throw Invalid(name: "", message: "\(annotation) has one name twice: \(name)")
        }
        found.append(FieldParameter(path: path, field: field, isInteger: type == "integer"))
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension ToolDefinition.FieldParameter {
    /// What the field says for these arguments; nil where the argument is missing or null.
    func text(in arguments: JSONTree) -> String? {
        var value: JSONTree? = arguments
        for name in path { value = value?[name] }
        switch value {
        case .string(let text): return text.value
        case .number(let number): return number.text
        case .bool(let flag): return flag ? "true" : "false"
        default: return nil
        }
    }

    /// Whether a field's value says the same as the argument.
    func matches(_ given: [UInt8], _ text: String) -> Bool {
        guard let decoded = HeaderValue.decoded(given) else { return false }
        if decoded.elementsEqual(text.utf8) { return true }
        guard isInteger, let one = Double(String(decoding: decoded, as: UTF8.self)), let other = Double(text) else {
            return false
        }
        return one == other
    }
}
