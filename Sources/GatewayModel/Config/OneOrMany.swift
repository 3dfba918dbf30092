/// One object, or a list of them where several are wanted: `credential: {env: KEY}` or `credential: [{…}, {…}]`.
package struct OneOrMany<Element: ConfigObject>: ConfigValue, Equatable {
    package static var countMax: Int { 64 }

    package var elements: [Element]

    package init(_ elements: [Element]) { self.elements = elements }

    package static func decode(_ value: ValueReader) -> OneOrMany? {
        guard let nodes = value.node.elements else {
            if value.node.fields == nil {
                value.reportWrongType(expected: "an object or a list of objects")
                return nil
            }
            return Element.decode(value).map { OneOrMany([$0]) }
        }
        guard (1...countMax).contains(nodes.count) else {
            value.reportInvalid("list of \(nodes.count)", hint: "give 1 to \(countMax) of them")
            return nil
        }
        return OneOrMany(
            nodes.enumerated().compactMap {
                Element.decode(ValueReader($0.element, path: value.path[$0.offset], sink: value.sink))
            })
    }

    package static var placeholder: OneOrMany { OneOrMany([]) }
    package static var schema: ConfigNode {
        let element = Element.schema
        return .object([
            (
                "anyOf",
                .list([
                    element,
                    .object([
                        ("type", .text("array")), ("items", element), ("minItems", .integer(1)),
                        ("maxItems", .integer(countMax)),
                    ]),
                ])
            )
        ])
    }
}
