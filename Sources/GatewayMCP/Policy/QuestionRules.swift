import GatewayWire

/// What no server may ask a user through the gateway, whatever the client can answer. The specification (client
/// features, elicitation) keeps servers from asking for secrets in a form, and wants users to see where a page leads.
/// It is told by form alone, and so not everything is found.
enum QuestionRules {
    /// Why a question does not reach the client; nil for one that does.
    static func problem(_ method: String, _ params: JSONTree?) -> String? {
        guard method == "elicitation/create", let params else { return nil }
        guard params.object != nil, isPlainForm(params["requestedSchema"]) else { return "the question cannot be read" }
        if params["mode"]?.string?.value == "url" { return addressProblem(params["url"]?.string?.value ?? "") }
        return asksForSecret(params) ? "the form asks for a secret, which no form may" : nil
    }

    // MARK: Forms

    /// Wherever they stand, without what stands between words.
    private static let secrets = [
        "password", "passwd", "passphrase", "passcode", "apikey", "secretkey", "privatekey", "accesskey", "accesstoken",
        "refreshtoken", "bearertoken", "authtoken", "clientsecret", "creditcard", "cardnumber", "seedphrase",
        "recoveryphrase", "onetimecode", "pincode", "socialsecurity",
    ]
    /// Words of a field's name.
    private static let names: Set<String> = ["otp", "cvv", "cvc", "ssn", "pin", "pwd", "secret", "credentials"]

    /// A form is an object with fields, all of them said where they stand.
    private static func isPlainForm(_ schema: JSONTree?) -> Bool {
        guard let schema else { return true }
        guard let members = schema.object, schema["properties"].map({ $0.object != nil }) ?? true else { return false }
        let elsewhere = ["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "patternProperties"]
        return !elsewhere.contains { members[$0] != nil }
    }

    /// Whether a field takes any text: it does unless it is plainly something else.
    private static func takesText(_ property: JSONTree) -> Bool {
        if property["enum"] != nil || property["oneOf"] != nil { return false }
        switch property["type"]?.string?.value {
        case "boolean", "number", "integer": return false
        case "array": return property["items"].map { $0["enum"] == nil && $0["anyOf"] == nil } ?? true
        default: return true
        }
    }

    private static func asksForSecret(_ params: JSONTree) -> Bool {
        var hasText = false
        for member in params["requestedSchema"]?["properties"]?.object?.members ?? [] {
            let property = member.value
            guard takesText(property) else { continue }
            hasText = true
            let name = member.name.value
            if property["format"]?.string?.value == "password" { return true }
            if ToolRanking.words(name).contains(where: { names.contains($0) }) { return true }
            let texts = [name, property["title"]?.string?.value, property["description"]?.string?.value]
            if texts.contains(where: { $0.map { isSecret($0) } ?? false }) { return true }
        }
        // A field of another name, and a sentence that says what belongs in it.
        return hasText && isSecret(params["message"]?.string?.value ?? "")
    }

    private static func isSecret(_ text: String) -> Bool {
        let joined = ToolRanking.words(text).joined()
        return secrets.contains { joined.contains($0) }
    }

    // MARK: Pages

    private static func addressProblem(_ text: String) -> String? {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x5C }) else {
            return "the page's address has characters that hide where it leads"
        }
        let lower = text.lowercased()
        guard let scheme = ["https://", "http://"].first(where: { lower.hasPrefix($0) }) else {
            return "the page is not one of the web"
        }
        let authority = lower.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.contains("@") else { return "the page's address names somebody before its host" }
        let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        guard !host.isEmpty, !host.contains("%") else { return "the page's address has no host" }
        guard !host.split(separator: ".").contains(where: { $0.hasPrefix("xn--") }) else {
            return "the page's host has letters that look like others"
        }
        guard scheme == "https://" || ["localhost", "127.0.0.1", "[::1]"].contains(String(host)) else {
            return "the page is reached without TLS"
        }
        return nil
    }
}

extension ServerCaller {
    /// Whether a server's question goes to the client: it can answer this kind of it, and it is one that may be asked.
    func mayBeAsked(_ method: String, _ params: JSONTree?) -> Bool {
        canAnswer(method, params) && QuestionRules.problem(method, params) == nil
    }

    /// By the capabilities within a capability: pages for elicitation, tools for sampling.
    private func canAnswer(_ method: String, _ params: JSONTree?) -> Bool {
        guard canAnswer(method), let known = (try? JSONTree.parse(capabilities))?.object else { return false }
        switch method {
        case "elicitation/create":
            let modes = known["elicitation"]?.object ?? JSONObject()
            if params?["mode"]?.string?.value == "url" { return modes["url"] != nil }
            return modes["form"] != nil || modes["url"] == nil
        case "sampling/createMessage":
            guard params?["tools"] != nil || params?["toolChoice"] != nil else { return true }
            return known["sampling"]?["tools"] != nil
        default: return true
        }
    }
}
