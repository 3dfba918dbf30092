/// A text that must not be quoted in a finding.
struct SecretText: ConfigValue {
    var secret: Secret

    static func decode(_ value: ValueReader) -> SecretText? {
        if case .string(let text) = value.node.value {
            // What a view shows instead of a value, sent back: keeping it would destroy the secret.
            if text != Secret("").description { return SecretText(secret: Secret(text)) }
            value.reportInvalid("\"\(text)\"", hint: "write the value itself; views show this instead of it")
            return nil
        }
        value.sink.report(
            .wrongType, at: value.node.position, path: value.path, "expected a string, found \(value.node.typeName)",
            hint: "quote the value")
        return nil
    }

    static var placeholder: SecretText { SecretText(secret: Secret("")) }
    static var schema: ConfigNode { String.schema }
}
