import GatewayModel
import GatewayWire

/// One object of a request's body, read with types: a wrong one is an error that says where, what and how to mend it.
/// Null is the same as absent. Values of a client are named in errors only where they are words of the API.
struct BodyObject {
    let object: JSONObject
    let place: Place

    init(_ tree: JSONTree, _ place: Place) throws(GatewayError) {
        guard let object = tree.object else { throw BodyObject.mistyped(tree, place, "an object") }
        self.object = object
        self.place = place
    }

    subscript(_ name: StaticString) -> JSONTree? {
        guard let value = object[name.description], !value.isNull else { return nil }
        return value
    }

    func string(_ name: StaticString) throws(GatewayError) -> JSONText? {
        guard let value = self[name] else { return nil }
        guard let string = value.string else { throw BodyObject.mistyped(value, place.field(name), "a string") }
        return string
    }

    func requiredString(_ name: StaticString) throws(GatewayError) -> JSONText {
        guard let value = try string(name) else { throw missing(name, "a string") }
        return value
    }

    /// One of a closed list of words.
    func word(_ name: StaticString, of words: [String]) throws(GatewayError) -> String? {
        guard let value = try string(name) else { return nil }
        guard let word = words.first(where: value.isExactly) else {
            throw BodyObject.invalid(place.field(name), value, words)
        }
        return word
    }

    func bool(_ name: StaticString) throws(GatewayError) -> Bool? {
        guard let value = self[name] else { return nil }
        guard let bool = value.bool else { throw BodyObject.mistyped(value, place.field(name), "true or false") }
        return bool
    }

    func int(_ name: StaticString, in range: ClosedRange<Int>) throws(GatewayError) -> Int? {
        guard let value = self[name] else { return nil }
        guard let int = value.int else { throw BodyObject.mistyped(value, place.field(name), "a whole number") }
        guard range.contains(int) else {
            throw BodyObject.error(
                "\(place.field(name).path) is out of range: \(int)", "give at least \(range.lowerBound)")
        }
        return int
    }

    func number(_ name: StaticString, in range: ClosedRange<Double>) throws(GatewayError) -> JSONNumber? {
        guard let value = self[name] else { return nil }
        guard let number = value.number else { throw BodyObject.mistyped(value, place.field(name), "a number") }
        guard range.contains(number.double) else {
            throw BodyObject.error(
                "\(place.field(name).path) is out of range: \(number.text.prefix(40))",
                "give a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func array(_ name: StaticString) throws(GatewayError) -> [JSONTree]? {
        guard let value = self[name] else { return nil }
        guard let array = value.array else { throw BodyObject.mistyped(value, place.field(name), "an array") }
        return array
    }

    func object(_ name: StaticString) throws(GatewayError) -> BodyObject? {
        guard let value = self[name] else { return nil }
        return try BodyObject(value, place.field(name))
    }

    func requiredObject(_ name: StaticString) throws(GatewayError) -> BodyObject {
        guard let value = try object(name) else { throw missing(name, "an object") }
        return value
    }

    /// Members besides `known`, other than null.
    func others(than known: [String]) -> [JSONObject.Member] {
        object.members.filter { member in !member.value.isNull && !known.contains(where: member.name.isExactly) }
    }

    // MARK: Errors

    func missing(_ name: StaticString, _ wanted: String) -> GatewayError {
        BodyObject.error("\(place.field(name).path) is missing", "give \(wanted)")
    }

    static func mistyped(_ value: JSONTree, _ place: Place, _ wanted: String) -> GatewayError {
        let found = value.number.map { String($0.text.prefix(40)) } ?? value.kind
        return error("\(place.path) must be \(wanted), found \(found)", "give \(wanted)")
    }

    static func invalid(_ place: Place, _ value: JSONText, _ words: [String]) -> GatewayError {
        error(
            "\(place.path) has an unknown value: \(TranslationLosses.printable(value.value))",
            "give one of \(words.joined(separator: ", "))")
    }

    static func error(_ message: String, _ hint: String) -> GatewayError {
        GatewayError(.malformedRequest, message, hint: hint)
    }

    /// Well-formed, but nothing the provider's API could be asked.
    static func untranslatable(_ place: Place, _ reason: String) -> GatewayError {
        GatewayError(
            .untranslatable, "the request cannot be carried to the model's provider: \(place.path)",
            hint: "\(reason); leave it out, or ask for a model whose provider speaks your API")
    }
}
