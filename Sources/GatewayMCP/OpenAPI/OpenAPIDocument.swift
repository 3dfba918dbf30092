package import GatewayModel
package import GatewayWire

/// What an OpenAPI document may cost its reader.
package struct OpenAPILimits: Sendable, Hashable {
    package var operationsMax = 2_000
    package var parametersMax = 100
    /// How often a reference may lead to a reference.
    package var referencesMax = 16
    /// JSON values in one tool's schemas, with all that they refer to.
    package var schemaValuesMax = 20_000
    package var descriptionBytesMax = 4 * 1024

    package init() {}
}

/// An OpenAPI 3.0 or 3.1 document, as far as tools are made of it: each operation becomes one, under a name that the
/// document alone decides. References lead within the document or the operation is left out, and said so.
package struct OpenAPIDocument: Sendable {
    package let title: String
    package let version: String
    /// The first server's URL, where it is absolute and needs no choice.
    package let serverURL: String?
    /// In the document's order.
    package let operations: [OpenAPIOperation]
    /// What became no tool, and why.
    package let findings: [String]

    /// Throws when the document as a whole is none: `invalidValue`.
    package init(_ tree: JSONTree, limits: OpenAPILimits = OpenAPILimits()) throws(GatewayError) {
        guard let root = tree.object, let dialect = root["openapi"]?.string?.value else {
            throw GatewayError(
                .invalidValue, "the document does not say its OpenAPI version",
                hint: tree["swagger"] == nil ? nil : "it is Swagger 2.0: convert it to OpenAPI 3")
        }
        guard dialect.hasPrefix("3.0.") || dialect.hasPrefix("3.1.") || dialect == "3.0" || dialect == "3.1" else {
            throw GatewayError(.invalidValue, "OpenAPI 3.0 and 3.1 are read, not \(dialect.prefix(20))")
        }
        title = root["info"]?["title"]?.string?.value ?? ""
        version = root["info"]?["version"]?.string?.value ?? ""
        serverURL = Self.server(root["servers"]?.array?.first)
        var reader = OpenAPIReader(tree, isOld: dialect.hasPrefix("3.0"), limits: limits)
        try reader.read()
        (operations, findings) = (reader.operations, reader.findings)
    }

    package subscript(_ name: String) -> OpenAPIOperation? { operations.first { $0.name == name } }

    private static func server(_ server: JSONTree?) -> String? {
        guard var url = server?["url"]?.string?.value else { return nil }
        for variable in server?["variables"]?.object?.members ?? [] {
            guard let value = variable.value["default"]?.string?.value else { continue }
            url = url.replacing("{\(variable.name.value)}", with: value)
        }
        guard (try? OutboundURL(url)) != nil else { return nil }
        return url
    }
}

/// Walks through the paths of a document.
struct OpenAPIReader {
    let root: JSONTree
    let isOld: Bool
    let limits: OpenAPILimits
    let references: OpenAPIReferences
    private(set) var operations: [OpenAPIOperation] = []
    private(set) var findings: [String] = []
    private var names: Set<String> = []
    private static let findingsMax = 200

    init(_ root: JSONTree, isOld: Bool, limits: OpenAPILimits) {
        (self.root, self.isOld, self.limits) = (root, isOld, limits)
        references = OpenAPIReferences(root: root, stepsMax: limits.referencesMax)
    }

    mutating func read() throws(GatewayError) {
        let methods = ["get", "put", "post", "delete", "patch", "head", "options"]
        for path in root["paths"]?.object?.members ?? [] {
            let template = path.name.value
            let item: JSONTree
            do {
                item = try references.resolved(path.value)
            } catch {
                note("\(template): \(error.reason)")
                continue
            }
            for method in methods {
                guard let operation = item[method], operation.object != nil else { continue }
                guard operations.count < limits.operationsMax else {
                    throw GatewayError(.invalidValue, "the document has more than \(limits.operationsMax) operations")
                }
                do {
                    try add(method, template, operation, item)
                } catch let problem as OpenAPIProblem {
                    note("\(method.uppercased()) \(template): \(problem.reason)")
                } catch {
                    note("\(method.uppercased()) \(template): \(error)")
                }
            }
        }
    }

    private mutating func note(_ finding: String) {
        if findings.count < Self.findingsMax { findings.append(String(finding.prefix(500))) }
    }

    private mutating func add(_ method: String, _ path: String, _ operation: JSONTree, _ item: JSONTree) throws {
        guard operation["x-sluice-ignore"]?.bool != true else { return }
        var maker = OpenAPIOperationMaker(reader: self, method: method, path: path, operation: operation, item: item)
        var made = try maker.made()
        made.name = unused(made.name)
        names.insert(made.name)
        operations.append(made)
    }

    /// The same document gives the same names: what comes later gives way.
    private func unused(_ name: String) -> String {
        guard names.contains(name) else { return name }
        for number in 2... {
            let suffix = "_\(number)"
            let other = name.prefix(OpenAPIName.bytesMax - suffix.utf8.count) + suffix
            if !names.contains(String(other)) { return String(other) }
        }
        return name
    }
}

/// Why something in a document, or in a call, cannot be used.
package struct OpenAPIProblem: Error, Sendable, Equatable {
    package let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// Names of tools: letters, digits, `_`, `-` and `.`, as every client and every model takes them.
package enum OpenAPIName {
    static let bytesMax = 64

    /// Of an operation without one: `get_pets_by_petId`.
    static func made(method: String, path: String) -> String {
        var parts = [method]
        for segment in path.split(separator: "/") {
            if segment.hasPrefix("{"), segment.hasSuffix("}") {
                parts.append("by")
                parts.append(String(segment.dropFirst().dropLast()))
            } else {
                parts.append(String(segment))
            }
        }
        return cleaned(parts.joined(separator: "_"))
    }

    static func cleaned(_ text: String) -> String {
        var name = ""
        for byte in text.utf8.prefix(1_024) {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E: name.unicodeScalars.append(Unicode.Scalar(byte))
            default: if !name.hasSuffix("_") { name += "_" }
            }
        }
        while name.hasSuffix("_") || name.hasSuffix(".") { name.removeLast() }
        while name.hasPrefix("_") || name.hasPrefix(".") { name.removeFirst() }
        return name.isEmpty ? "operation" : String(name.prefix(bytesMax))
    }
}
