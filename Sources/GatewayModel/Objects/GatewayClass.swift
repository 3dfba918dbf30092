/// Tolerated: the class says nothing about routing.
package struct GatewayClass: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: GatewayClassSpec
}

package struct GatewayClassSpec: ConfigObject {
    package var controllerName: String
    package var description: String?

    package init(_ fields: FieldReader) {
        controllerName = fields.required("controllerName", "who serves gateways of the class", .nonEmpty)
        description = fields.optional("description", "for people")
        let _: ConfigNode? = fields.optional("parametersRef", "kept, not used")
    }
}
