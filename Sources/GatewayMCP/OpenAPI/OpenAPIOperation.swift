package import GatewayWire

/// One operation of a document: a tool, and how a call of it becomes a request.
package struct OpenAPIOperation: Sendable, Hashable {
    package enum Body: Sendable, Hashable {
        case json(mediaType: String)
        case form
        case multipart
        case text(mediaType: String)
    }

    /// What the document wants a caller to prove himself with; one of several ways.
    package enum Credential: Sendable, Hashable {
        case header(String)
        case query(String)
        case cookie(String)
        case bearer
        case basic
    }

    package internal(set) var name: String
    /// Upper case.
    package let method: String
    /// With `{name}` where a parameter goes.
    package let path: String
    package let title: String?
    package let description: String
    package let parameters: [OpenAPIParameter]
    /// nil: there is none.
    package let body: Body?
    /// In the tool's arguments.
    package let bodyArgument: String
    package let isBodyRequired: Bool
    package let inputSchema: JSONTree
    /// Always of an object.
    package let outputSchema: JSONTree?
    /// The answer is no object: it is told under `result`.
    package let wrapsResult: Bool
    /// Any of them will do; empty: none is asked for.
    package let credentials: [Credential]

    /// As `tools/list` has it.
    package var definition: JSONTree {
        var made = JSONObject()
        made["name"] = .text(name)
        if let title { made["title"] = .text(title) }
        made["description"] = .text(description)
        made["inputSchema"] = inputSchema
        if let outputSchema { made["outputSchema"] = outputSchema }
        made["annotations"] = annotations
        return .object(made)
    }

    /// What the method says of the effect (RFC 9110 section 9.2); an API that breaks it lies about this too.
    private var annotations: JSONTree {
        let isSafe = method == "GET" || method == "HEAD" || method == "OPTIONS"
        return [
            "readOnlyHint": .bool(isSafe), "destructiveHint": .bool(!isSafe && method != "POST"),
            "idempotentHint": .bool(method != "POST" && method != "PATCH"), "openWorldHint": true,
        ]
    }
}

/// Makes one operation of what the document says about it.
struct OpenAPIOperationMaker {
    let reader: OpenAPIReader
    let method: String
    let path: String
    let operation: JSONTree
    let item: JSONTree
    private var properties = JSONObject()
    private var required: [JSONTree] = []
    private var parameters: [OpenAPIParameter] = []
    private var input: OpenAPISchema

    init(reader: OpenAPIReader, method: String, path: String, operation: JSONTree, item: JSONTree) {
        (self.reader, self.method, self.path) = (reader, method, path)
        (self.operation, self.item) = (operation, item)
        input = OpenAPISchema(reader, .request)
    }

    mutating func made() throws -> OpenAPIOperation {
        // A line's end in it would begin another line of the head.
        guard path.hasPrefix("/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != 0x3F && $0 != 0x23 }) else {
            throw OpenAPIProblem("the path is no path")
        }
        try addParameters()
        let (body, bodyArgument, isBodyRequired) = try addBody()
        var schema: JSONTree = ["type": "object", "properties": .object(properties)]
        if !required.isEmpty { schema = schema.setting("required", .array(required)) }
        schema = schema.setting("additionalProperties", false)
        if !input.definitions.isEmpty { schema = schema.setting("$defs", .object(input.definitions)) }
        let (output, wraps) = try outputSchema()
        let id = operation["operationId"]?.string?.value
        return OpenAPIOperation(
            name: id.map(OpenAPIName.cleaned) ?? OpenAPIName.made(method: method, path: path),
            method: method.uppercased(), path: path, title: operation["summary"]?.string?.value,
            description: description, parameters: parameters, body: body, bodyArgument: bodyArgument,
            isBodyRequired: isBodyRequired, inputSchema: schema, outputSchema: output, wrapsResult: wraps,
            credentials: credentials())
    }

    private var description: String {
        let words = operation["description"]?.string?.value ?? operation["summary"]?.string?.value
        var text = words ?? "\(method.uppercased()) \(path)"
        while text.utf8.count > reader.limits.descriptionBytesMax { text.removeLast() }
        if operation["deprecated"]?.bool == true { text = "Deprecated. \(text)" }
        let pages = parameters.filter { $0.place == .query && OpenAPIPaging.names.contains($0.name.lowercased()) }
        guard !pages.isEmpty else { return text }
        return "\(text)\nThe answer comes in pages: \(pages.map(\.argument).joined(separator: ", "))."
    }

    // MARK: parameters

    private mutating func addParameters() throws {
        // The operation's own stand in for those of the path.
        var known: [(key: String, value: JSONTree)] = []
        for source in [item["parameters"], operation["parameters"]] {
            for entry in source?.array ?? [] {
                let parameter = try reader.references.resolved(entry)
                guard let name = parameter["name"]?.string?.value, let place = parameter["in"]?.string?.value else {
                    throw OpenAPIProblem("a parameter has no name or no place")
                }
                let key = "\(place) \(name)"
                if let index = known.firstIndex(where: { $0.key == key }) {
                    known[index].value = parameter
                } else {
                    known.append((key, parameter))
                }
            }
        }
        guard known.count <= reader.limits.parametersMax else { throw OpenAPIProblem("it has too many parameters") }
        let hidden = hiddenNames()
        for (key, parameter) in known where !hidden.contains(key.lowercased()) { try add(parameter) }
        for name in Self.templateNames(path) {
            guard parameters.contains(where: { $0.place == .path && $0.name == name }) else {
                throw OpenAPIProblem("the path has {\(name)}, and no parameter is called so")
            }
        }
    }

    /// Fields that are the gateway's to write, or that decide how a message is read.
    private static let reservedFields: Set<String> = [
        "accept", "content-type", "authorization", "proxy-authorization", "host", "connection", "content-length",
        "transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "proxy-connection", "expect", "cookie",
        "forwarded", "via",
    ]

    private mutating func add(_ parameter: JSONTree) throws {
        guard let name = parameter["name"]?.string?.value, !name.isEmpty,
            let place = parameter["in"]?.string.flatMap({ OpenAPIParameter.Place(rawValue: $0.value) })
        else { throw OpenAPIProblem("a parameter has a place that is none") }
        let isRequired = place == .path || parameter["required"]?.bool == true
        let isField = place == .header || place == .cookie
        if isField, Self.reservedFields.contains(name.lowercased()) || !Self.isToken(name) { return }
        let content = parameter["content"]?.object?.members.first?.value
        let schema = parameter["schema"] ?? content?["schema"] ?? [:]
        let standard: OpenAPIParameter.Style = place == .query || place == .cookie ? .form : .simple
        let style = parameter["style"]?.string.flatMap { OpenAPIParameter.Style(rawValue: $0.value) } ?? standard
        let argument = unused(OpenAPIName.cleaned(name), place.rawValue)
        parameters.append(
            OpenAPIParameter(
                argument: argument, name: name, place: place, style: content == nil ? style : .json,
                explodes: parameter["explode"]?.bool ?? (style == .form || style == .deepObject),
                isRequired: isRequired,
                // In a path they would end it, or begin another segment.
                allowsReserved: place == .query && parameter["allowReserved"]?.bool == true))
        var made = try input.converted(schema)
        if let words = parameter["description"], made.object != nil { made = made.setting("description", words) }
        properties[argument] = made
        if isRequired { required.append(.text(argument)) }
    }

    private func unused(_ name: String, _ place: String) -> String {
        guard properties[name] != nil else { return name }
        var other = "\(place)_\(name)"
        while properties[other] != nil { other += "_" }
        return other
    }

    private static func isToken(_ name: String) -> Bool {
        let marks = Array("!#$%&'*+-.^_`|~".utf8)
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: marks.contains(byte)
            }
        }
    }

    static func templateNames(_ path: String) -> [String] {
        path.split(separator: "{").dropFirst().compactMap { part in
            part.firstIndex(of: "}").map { String(part[..<$0]) }
        }
    }

    // MARK: body

    private mutating func addBody() throws -> (OpenAPIOperation.Body?, argument: String, isRequired: Bool) {
        guard let entry = operation["requestBody"], method != "get", method != "head" else { return (nil, "", false) }
        let body = try reader.references.resolved(entry)
        let isRequired = body["required"]?.bool ?? false
        let content = body["content"]?.object?.members ?? []
        guard let (kind, schema) = Self.chosen(content) else {
            if isRequired { throw OpenAPIProblem("no media type of its body can be written") }
            return (nil, "", false)
        }
        let argument = unused("body", "request")
        var made = try input.converted(schema)
        if let words = body["description"], made.object != nil, made["description"] == nil {
            made = made.setting("description", words)
        }
        properties[argument] = made
        if isRequired { required.append(.text(argument)) }
        return (kind, argument, isRequired)
    }

    /// JSON where there is any, then forms, then text.
    private static func chosen(_ content: [JSONObject.Member]) -> (OpenAPIOperation.Body, JSONTree)? {
        func find(_ isIt: (String) -> Bool) -> (type: String, schema: JSONTree)? {
            content.first { isIt(OpenAPIMedia.plain($0.name.value)) }
                .map { ($0.name.value, $0.value["schema"] ?? [:]) }
        }
        if let (type, schema) = find(OpenAPIMedia.isJSON) { return (.json(mediaType: type), schema) }
        if let (_, schema) = find({ $0 == "application/x-www-form-urlencoded" }) { return (.form, schema) }
        if let (_, schema) = find({ $0 == "multipart/form-data" }) { return (.multipart, schema) }
        if let (type, schema) = find({ $0.hasPrefix("text/") }) { return (.text(mediaType: type), schema) }
        return nil
    }

    // MARK: answers and credentials

    private func outputSchema() throws -> (JSONTree?, wraps: Bool) {
        let responses = operation["responses"]?.object?.members ?? []
        let good = responses.filter { $0.name.value.hasPrefix("2") }.sorted { $0.name.value < $1.name.value }
        for response in good {
            let content = try reader.references.resolved(response.value)["content"]?.object?.members ?? []
            guard let json = content.first(where: { OpenAPIMedia.isJSON(OpenAPIMedia.plain($0.name.value)) }),
                let schema = json.value["schema"]
            else { continue }
            var output = OpenAPISchema(reader, .response)
            var made = try output.converted(schema)
            let isObject = try reader.references.resolved(schema)["type"]?.string?.value == "object"
            if !isObject {
                made = ["type": "object", "properties": ["result": made], "required": ["result"]]
            } else if made["$ref"] != nil {
                // Clients want to see at once that it is an object.
                made = ["type": "object", "allOf": [made]]
            }
            if !output.definitions.isEmpty { made = made.setting("$defs", .object(output.definitions)) }
            return (made, !isObject)
        }
        return (nil, false)
    }

    private func credentials() -> [OpenAPIOperation.Credential] {
        let wanted = (operation["security"] ?? reader.root["security"])?.array ?? []
        var all: [OpenAPIOperation.Credential] = []
        for choice in wanted {
            let names = (choice.object?.members ?? []).map(\.name.value)
            // Two at once need two secrets, and a server has one.
            guard names.count == 1, let name = names.first, let credential = scheme(name),
                !all.contains(credential)
            else { continue }
            all.append(credential)
        }
        return all
    }

    private func scheme(_ name: String) -> OpenAPIOperation.Credential? {
        guard let entry = reader.root["components"]?["securitySchemes"]?[name],
            let scheme = try? reader.references.resolved(entry)
        else { return nil }
        switch scheme["type"]?.string?.value {
        case "apiKey"?:
            guard let name = scheme["name"]?.string?.value else { return nil }
            switch scheme["in"]?.string?.value {
            case "header"?: return Self.isToken(name) ? .header(name) : nil
            case "query"?: return .query(name)
            case "cookie"?: return Self.isToken(name) ? .cookie(name) : nil
            default: return nil
            }
        case "http"?: return scheme["scheme"]?.string?.value.lowercased() == "basic" ? .basic : .bearer
        case "oauth2"?, "openIdConnect"?: return .bearer
        default: return nil
        }
    }

    /// Parameters that carry a credential: no tool has those.
    private func hiddenNames() -> Set<String> {
        var hidden: Set<String> = []
        for member in reader.root["components"]?["securitySchemes"]?.object?.members ?? [] {
            guard let scheme = try? reader.references.resolved(member.value),
                let name = scheme["name"]?.string?.value, let place = scheme["in"]?.string?.value
            else { continue }
            hidden.insert("\(place) \(name)".lowercased())
        }
        return hidden
    }
}

extension JSONTree {
    /// An object with a member set; anything else stays as it is.
    func setting(_ name: String, _ value: JSONTree) -> JSONTree {
        guard var object else { return self }
        object[name] = value
        return .object(object)
    }
}

/// Media types, as far as they decide how a body is read.
enum OpenAPIMedia {
    /// Lower case, without parameters.
    static func plain(_ type: String) -> String {
        let bare = type.prefix { $0 != ";" }.lowercased()
        return String(bare.filter { $0 != " " && $0 != "\t" })
    }

    static func isJSON(_ plain: String) -> Bool { plain == "application/json" || plain.hasSuffix("+json") }
}
