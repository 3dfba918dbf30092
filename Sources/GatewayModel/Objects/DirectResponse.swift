/// An answer the gateway gives by itself; an HTTPRoute names it by an ExtensionRef filter (sluice.dev/v1alpha1).
package struct DirectResponse: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: DirectResponseSpec
}

package struct DirectResponseSpec: ConfigObject {
    package var status: Int
    package var headers: [HTTPHeader]
    package var body: String?

    package init(_ fields: FieldReader) {
        status = fields.value("status", default: 200, "the answer's status", .range(200...599))
        headers = fields.list("headers", "the answer's headers", count: 0...64)
        body = fields.optional("body", "the answer's text", .length(0...65_536))
        let framing: Set<String> = ["content-length", "transfer-encoding", "connection", "upgrade", "trailer"]
        for header in headers {
            fields.check(
                !framing.contains(header.name.lowercased()), at: "headers", "forbidden header \"\(header.name)\"",
                hint: "the gateway frames the answer by itself")
        }
        fields.check(
            ![204, 205, 304].contains(status) || (body ?? "").isEmpty, at: "body", "body with status \(status)",
            hint: "such an answer has no body")
    }
}
