import GatewayWire

/// What was sent to an endpoint: a form, or a JSON object of texts, as some vendors' clients send it.
struct TokenForm: Sendable {
    private var values: [String: String] = [:]

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
            fields = object.members.compactMap { member in
                member.value.string.map { (member.name.value, $0.value) }
            }
        } else {
            guard type == "application/x-www-form-urlencoded", let decoded = FormText.decode(request.body) else {
                throw TokenServiceError(.invalidRequest, "send a form: application/x-www-form-urlencoded")
            }
            fields = decoded
        }
        for field in fields where !field.value.isEmpty {
            // RFC 6749 section 3.2.
            guard values.updateValue(field.value, forKey: field.name) == nil else {
                throw TokenServiceError(.invalidRequest, "given twice: \(field.name.prefix(64))")
            }
        }
    }

    subscript(_ name: String) -> String? { values[name] }

    func required(_ name: String) throws(TokenServiceError) -> String {
        guard let value = values[name] else { throw TokenServiceError(.invalidRequest, "\(name) is missing") }
        return value
    }

    /// Words between blanks; nil when it is not there.
    func words(_ name: String) -> [String]? { values[name]?.split(separator: " ").map(String.init) }
}
