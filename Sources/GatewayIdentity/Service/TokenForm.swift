import GatewayWire

/// What was sent to an endpoint: a form, or a JSON object of texts, as some vendors' clients send it.
struct TokenForm: Sendable {
    private var values: [String: String] = [:]
    private var targets: [String] = []
    /// They name whom a token is for, and may come more than once (RFC 8693 section 2.1, RFC 8707 section 2).
    private static let repeated: Set<String> = ["audience", "resource"]

    init(_ request: TokenService.Request) throws(TokenServiceError) {
        guard request.body.count <= TokenService.bodyBytesMax else {
            throw TokenServiceError(.invalidRequest, "the request is too long")
        }
        let type = request.contentType?.lowercased().split(separator: ";").first.map(String.init) ?? ""
        let fields: [(name: String, value: String)]
        if type == "application/json" {
            guard let object = (try? JSONTree.parse(request.body.span, depthMax: 4, valuesMax: 200))?.object else {
                throw TokenServiceError(.invalidRequest, "the body is no JSON object")
            }
            fields = try TokenForm.fields(object)
        } else {
            guard type == "application/x-www-form-urlencoded", let decoded = FormText.decode(request.body) else {
                throw TokenServiceError(.invalidRequest, "send a form: application/x-www-form-urlencoded")
            }
            fields = decoded
        }
        for field in fields where !field.value.isEmpty {
            if TokenForm.repeated.contains(field.name) {
                targets.append(field.value)
                continue
            }
            // RFC 6749 section 3.2.
            guard values.updateValue(field.value, forKey: field.name) == nil else {
                throw TokenServiceError(.invalidRequest, "given twice: \(field.name.prefix(64))")
            }
        }
    }

    private static let known: Set<String> = [
        "grant_type", "scope", "audience", "resource", "models", "tools", "requested_expires_in", "bind",
        "subject_token", "subject_token_type", "actor_token", "actor_token_type", "requested_token_type", "assertion",
        "client_id", "client_secret", "client_assertion", "client_assertion_type", "token",
    ]

    /// What cannot be read is refused, not left out: a list of scopes that is not looked at would ask for all of them.
    private static func fields(_ object: JSONObject) throws(TokenServiceError) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        for member in object.members where !member.value.isNull {
            let name = member.name.value
            guard known.contains(name) else { continue }
            let list = repeated.contains(name) ? member.value.array ?? [member.value] : [member.value]
            for value in list {
                guard let text = value.string?.value ?? value.int.map(String.init) else {
                    throw TokenServiceError(.invalidRequest, "not a text: \(name.prefix(64))")
                }
                fields.append((name, text))
            }
        }
        return fields
    }

    /// Every `audience` and `resource`, each once; nil where there is none.
    var audiences: [String]? {
        var seen: Set<String> = []
        return targets.isEmpty ? nil : targets.filter { seen.insert($0).inserted }
    }

    subscript(_ name: String) -> String? { values[name] }

    func required(_ name: String) throws(TokenServiceError) -> String {
        guard let value = values[name] else { throw TokenServiceError(.invalidRequest, "\(name) is missing") }
        return value
    }

    /// Words between blanks; nil when it is not there.
    func words(_ name: String) -> [String]? { values[name]?.split(separator: " ").map(String.init) }
}
