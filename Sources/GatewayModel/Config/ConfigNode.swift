/// One value of a configuration document, as written: order kept, numbers as text, each with its place.
///
/// Two nodes are equal when they say the same; where they were written does not count.
package struct ConfigNode: Sendable, Equatable {
    /// What a node holds.
    package indirect enum Value: Sendable, Equatable {
        case null
        case bool(Bool)
        /// The number's text, so that no digit is lost.
        case number(String)
        case string(String)
        case sequence([ConfigNode])
        case mapping([Field])
    }

    /// One key of a mapping and what it holds.
    package struct Field: Sendable, Equatable {
        package var key: String
        package var keyPosition: SourcePosition
        package var value: ConfigNode

        package init(key: String, keyPosition: SourcePosition, value: ConfigNode) {
            self.key = key
            self.keyPosition = keyPosition
            self.value = value
        }

        package static func == (left: Field, right: Field) -> Bool {
            left.key == right.key && left.value == right.value
        }
    }

    package var value: Value
    package var position: SourcePosition

    package init(_ value: Value, at position: SourcePosition = ConfigNode.nowhere) {
        self.value = value
        self.position = position
    }

    package static func == (left: ConfigNode, right: ConfigNode) -> Bool { left.value == right.value }

    /// The place of a node that no one wrote.
    package static let nowhere = SourcePosition(file: "", line: 0, column: 0)

    /// The type's name as a reader of YAML knows it.
    package var typeName: String {
        switch value {
        case .null: "null"
        case .bool: "boolean"
        case .number: "number"
        case .string: "string"
        case .sequence: "list"
        case .mapping: "object"
        }
    }

    package var string: String? {
        if case .string(let text) = value { text } else { nil }
    }

    package var fields: [Field]? {
        if case .mapping(let fields) = value { fields } else { nil }
    }

    package var elements: [ConfigNode]? {
        if case .sequence(let elements) = value { elements } else { nil }
    }

    /// The value under `key`; setting adds the key at the end, and nil removes it.
    package subscript(key: String) -> ConfigNode? {
        get { fields?.first { $0.key == key }?.value }
        set {
            var fields = self.fields ?? []
            if let index = fields.firstIndex(where: { $0.key == key }) {
                if let newValue {
                    fields[index].value = newValue
                } else {
                    fields.remove(at: index)
                }
            } else if let newValue {
                fields.append(Field(key: key, keyPosition: newValue.position, value: newValue))
            }
            value = .mapping(fields)
        }
    }

    /// The node at `path`, or nil where nothing was written.
    package func node(at path: ConfigPath) -> ConfigNode? {
        switch path {
        case .root: return self
        case .field(let parent, let name): return node(at: parent)?[name]
        case .index(let parent, let index):
            guard let elements = node(at: parent)?.elements, elements.indices.contains(index) else { return nil }
            return elements[index]
        }
    }

    /// The place of the node at `path`, or of the nearest node around it that was written.
    package func position(at path: ConfigPath) -> SourcePosition {
        if let node = node(at: path) { return node.position }
        guard let parent = path.parent else { return position }
        return position(at: parent)
    }
}
