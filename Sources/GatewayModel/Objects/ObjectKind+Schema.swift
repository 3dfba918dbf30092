extension ObjectKind {
    /// The JSON Schema (draft 2020-12) of one object of this kind, made from the declarations its reader runs on.
    package var jsonSchema: ConfigNode {
        let fields = FieldReader(recording: ())
        let _: String = fields.required("apiVersion", "the object's group and version")
        let _: String = fields.required("kind", "the object's kind")
        let metadata: ObjectMeta = fields.required("metadata", "names the object")
        _ = GatewayObject.readContent(self, metadata, fields)
        let _: ConfigNode? = fields.optional("status", "written by controllers")
        var schema = fields.recordedSchema
        if var properties = schema["properties"] {
            properties["apiVersion"] = properties["apiVersion"]?.adding([
                ("enum", .list(apiVersions.map { .text($0) }))
            ])
            properties["kind"] = properties["kind"]?.adding([("const", .text(rawValue))])
            schema["properties"] = properties
        }
        return .object([
            ("$schema", .text("https://json-schema.org/draft/2020-12/schema")), ("title", .text(rawValue)),
        ]).adding((schema.fields ?? []).map { (name: $0.key, value: $0.value) })
    }
}

extension ObjectKind {
    /// One schema for every document of a file: the kind decides which definition holds.
    package static var editorSchema: ConfigNode {
        let choices = allCases.map { kind in
            ConfigNode.object([
                (
                    "if",
                    .object([
                        ("properties", .object([("kind", .object([("const", .text(kind.rawValue))]))])),
                        ("required", .list([.text("kind")])),
                    ])
                ),
                ("then", .object([("$ref", .text("#/$defs/\(kind.rawValue)"))])),
            ])
        }
        let definitions = allCases.map { kind -> (String, ConfigNode) in
            var schema = kind.jsonSchema
            schema["$schema"] = nil
            return (kind.rawValue, schema)
        }
        return .object([
            ("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
            ("title", .text("Sluice configuration")), ("type", .text("object")),
            ("required", .list([.text("apiVersion"), .text("kind")])),
            (
                "properties",
                .object([("kind", .object([("enum", .list(allCases.map { .text($0.rawValue) }))]))])
            ),
            ("allOf", .list(choices)), ("$defs", .object(definitions)),
        ])
    }
}
