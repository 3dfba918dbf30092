import GatewayModel
import GatewayWire

/// What no server may ask a user through the gateway, whatever the client can answer. The specification (client
/// features, elicitation) keeps servers from asking for secrets in a form, and wants users to see where a page leads.
/// It is told by form alone, and so not everything is found.
enum QuestionRules {
    /// Of one result: each is judged, and all are told at once.
    static let countMax = 100

    static var tooMany: GatewayError {
        GatewayError(.upstreamProtocolError, "the server asks more than \(countMax) questions at once")
    }

    static let unasked = "the server asks for what the client cannot give"

    /// Why a question does not reach the client; nil for one that does.
    static func problem(_ method: String, _ params: JSONTree?) -> String? {
        guard method == "elicitation/create", let params else { return nil }
        let mode = params["mode"]
        guard params.object != nil, isPlainForm(params["requestedSchema"]),
            mode == nil || mode == "form" || mode == "url"
        else { return "the question cannot be read" }
        if mode == "url" { return addressProblem(params["url"]?.string?.value ?? "") }
        return asksForSecret(params) ? "the form asks for a secret, which no form may" : nil
    }

    // MARK: Forms

    /// Wherever they stand, without what stands between words; by their first letter.
    private static let secrets: [[[UInt8]]] = {
        let words = [
            "password", "passwd", "passphrase", "passcode", "apikey", "secretkey", "privatekey", "accesskey",
            "accesstoken", "refreshtoken", "bearertoken", "authtoken", "clientsecret", "creditcard", "cardnumber",
            "seedphrase", "recoveryphrase", "onetimecode", "pincode", "socialsecurity",
        ]
        var table = [[[UInt8]]](repeating: [], count: 128)
        for word in words.map({ Array($0.utf8) }) { table[Int(word[0])].append(word) }
        return table
    }()
    /// Words of a field's name.
    private static let names: Set<String> = ["otp", "cvv", "cvc", "ssn", "pin", "pwd", "secret", "credentials"]
    /// A longer name is none that a person reads.
    private static let nameBytesMax = 256

    /// A form is an object with fields of simple values, all of them said where they stand.
    private static func isPlainForm(_ schema: JSONTree?) -> Bool {
        guard let schema else { return true }
        guard let form = schema.object, form["properties"].map({ $0.object != nil }) ?? true else { return false }
        let elsewhere = [
            "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "dependentSchemas",
            "dependencies",
        ]
        guard !elsewhere.contains(where: { form[$0] != nil }) else { return false }
        // Whether there may be others says nothing; what they are would be more fields.
        let others = ["additionalProperties", "unevaluatedProperties"]
        guard others.allSatisfy({ form[$0].map { $0.bool != nil } ?? true }) else { return false }
        return form.members.allSatisfy { member in
            guard member.name.isExactly("properties") else { return !hasFields(member.value) }
            return fields(schema).allSatisfy { !hasFields($0.value) }
        }
    }

    private static func fields(_ schema: JSONTree?) -> [JSONObject.Member] {
        schema?["properties"]?.object?.members ?? []
    }

    /// Whether some value in it is an object, with fields of its own.
    private static func hasFields(_ tree: JSONTree) -> Bool {
        switch tree {
        case .array(let elements): return elements.contains { hasFields($0) }
        case .object(let object):
            let type = object["type"]
            if type == "object" || type?.array?.contains("object") ?? false || object["properties"] != nil {
                return true
            }
            return object.members.contains { hasFields($0.value) }
        default: return false
        }
    }

    /// Whether a field takes what its reader makes up: it does unless it is plainly a choice. A card has its number.
    private static func isOpen(_ property: JSONTree) -> Bool {
        switch property["type"]?.string?.value {
        case "boolean": false
        case "array": property["items"].map { !isChoice($0) } ?? true
        default: !isChoice(property)
        }
    }

    private static func isChoice(_ schema: JSONTree) -> Bool {
        if let values = schema["enum"] { return values.array.map { !$0.isEmpty } ?? false }
        let options = (schema["oneOf"] ?? schema["anyOf"])?.array ?? []
        return !options.isEmpty && options.allSatisfy { $0["const"] != nil }
    }

    private static func asksForSecret(_ params: JSONTree) -> Bool {
        let schema = params["requestedSchema"]
        let open = fields(schema).filter { isOpen($0.value) }
        guard !open.isEmpty else { return false }
        if open.contains(where: { isSecret(name: $0.name.value) || saysSecret($0.value) }) { return true }
        // A field of another name, and a sentence that says what belongs in it.
        let beside = (schema?.object?.members ?? []).filter { !$0.name.isExactly("properties") }
        return isSecret(params["message"]?.string?.value ?? "") || saysSecret(.object(JSONObject(beside)))
    }

    private static func isSecret(name: String) -> Bool {
        guard name.utf8.count <= nameBytesMax else { return true }
        return isSecret(name) || ToolRanking.words(name).contains { names.contains($0) }
    }

    /// Whether anything in a schema that its reader is shown asks for one.
    private static func saysSecret(_ tree: JSONTree) -> Bool {
        switch tree {
        case .array(let elements): return elements.contains { saysSecret($0) }
        case .object(let object):
            return object.members.contains { member in
                guard let text = member.value.string else { return saysSecret(member.value) }
                switch member.name.value {
                case "title", "description": return isSecret(text.value)
                case "format": return text.value == "password"
                default: return false
                }
            }
        default: return false
        }
    }

    /// Of all of a text, however long it is: what stands far behind is read too. One may reach over several words, but
    /// then it begins with the first of them: to discard numbers gives nobody a card's.
    private static func isSecret(_ text: String) -> Bool {
        var letters: [UInt8] = []
        var begins: [Bool] = []
        var last: UInt8 = 0
        for byte in text.utf8 {
            defer { last = byte }
            let isCapital = 0x41...0x5A ~= byte
            guard isCapital || isSmall(byte) else { continue }
            begins.append(isCapital ? isSmall(last) || !isLetter(last) : !isLetter(last))
            letters.append(isCapital ? byte | 0x20 : byte)
        }
        return letters.indices.contains { index in
            secrets[Int(letters[index])].contains { word in
                letters[index...].starts(with: word)
                    && (begins[index] || !begins[index..<(index + word.count)].contains(true))
            }
        }
    }

    private static func isSmall(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte || 0x30...0x39 ~= byte }
    private static func isLetter(_ byte: UInt8) -> Bool { isSmall(byte) || 0x41...0x5A ~= byte }

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
