/// A server of tools that is a process: there is no shell, and it sees the variables that are written here alone.
package struct MCPServerProcess: ConfigObject {
    package enum Scope: String, ConfigEnum {
        /// One process for everybody.
        case server
        /// One for each session.
        case session
    }

    package var command: [String]
    package var environment: [MCPServerVariable]
    package var directory: String?
    package var scope: Scope
    package var processesMax: Int

    package init(_ fields: FieldReader) {
        command = fields.list(
            "command", "the program, by its path or its name, and its arguments; no shell reads them", count: 1...256,
            each: .length(1...4096))
        environment = fields.list("environment", "variables it sees, and it sees no others", count: 0...128)
        directory = fields.optional("directory", "where it runs; the configuration's own folder by default", .nonEmpty)
        scope = fields.value("scope", default: .session, "how many processes there are")
        processesMax = fields.value("processesMax", default: 64, "of these at most", .range(1...1_024))
    }
}

package struct MCPServerVariable: ConfigObject, Hashable {
    package var name: String
    package var value: String

    package init(_ fields: FieldReader) {
        name = fields.required("name", "the variable", .environmentVariable)
        value = fields.required("value", "what it is; no place for a key")
    }
}

/// An HTTP API that an OpenAPI document describes.
package struct MCPServerAPI: ConfigObject {
    package var document: String
    package var baseURL: String?
    package var credential: ModelCredential?
    package var tls: BackendTLS?

    package init(_ fields: FieldReader) {
        document = fields.required(
            "document", "a file with OpenAPI 3.0 or 3.1, in JSON or YAML, relative to the configuration", .nonEmpty)
        baseURL = fields.optional(
            "baseURL", "what its paths come behind; the document's first server by default", .baseURL)
        credential = fields.optional("credential", "what opens it, put where the document says")
        tls = fields.optional("tls", "how its certificate is checked, for https")
    }
}
