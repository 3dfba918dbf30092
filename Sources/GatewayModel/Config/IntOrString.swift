/// A number or a name, as Kubernetes writes ports.
package enum IntOrString: ConfigValue, Hashable {
    case number(Int)
    case name(String)

    package static func decode(_ value: ValueReader) -> IntOrString? {
        switch value.node.value {
        case .string(let text): return .name(text)
        case .number: return Int.decode(value).map { .number($0) }
        default:
            value.reportWrongType(expected: "an integer or a string")
            return nil
        }
    }
    package static var placeholder: IntOrString { .number(0) }
    package static var schema: ConfigNode { .object([("type", .list([.text("integer"), .text("string")]))]) }
}
