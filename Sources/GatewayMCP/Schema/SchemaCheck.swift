import GatewayPolicy
import GatewayWire

/// Whether a value fits a JSON Schema (2020-12), at a cost that neither of the two can drive up: so many steps, so many
/// bytes looked at, so deep, patterns without backtracking, references only within the schema and nothing fetched.
/// `format` and keywords nobody knows say nothing, as the specification has it.
struct SchemaCheck {
    /// What does not fit, for whoever made the value.
    struct Mismatch: Error, Equatable {
        /// A JSON pointer; empty for the value itself.
        var place: String
        var message: String
        /// Why the schema itself cannot be understood, where it cannot.
        var schemaProblem: String?
    }

    static let stepsMax = 50_000
    /// Bytes of texts that are counted, compared and matched, each time they are.
    static let bytesMax = 16 << 20
    static let depthMax = 64

    private let root: JSONTree
    private var stepCount = 0
    private var byteCount = 0
    /// A reference led nowhere: whether the value fits is then not known, whatever else was found.
    private var schemaProblem: String?
    /// By their source; nil for one that says nothing.
    private var patterns: [String: BytePattern?] = [:]

    /// Throws the first mismatch that is found.
    static func check(_ value: JSONTree, against schema: JSONTree) throws(Mismatch) {
        var check = SchemaCheck(root: schema)
        do throws(Mismatch) { try check.check(value, schema, "", depth: 0) } catch {
            var mismatch = error
            mismatch.schemaProblem = check.schemaProblem
            throw mismatch
        }
    }

    private init(root: JSONTree) { self.root = root }

    private mutating func check(
        _ value: JSONTree, _ schema: JSONTree, _ place: String, depth: Int
    ) throws(Mismatch) {
        try step(place, depth)
        if case .bool(let allows) = schema {
            guard allows else { throw Mismatch(place: place, message: "nothing is allowed here") }
            return
        }
        guard let object = schema.object else { return }
        let schema = SchemaMembers(object)
        if let reference = schema["$ref"]?.string?.value {
            try check(value, try target(reference, place), place, depth: depth + 1)
        }
        try checkKind(value, schema, place)
        switch value {
        case .number(let number): try checkNumber(number, schema, place)
        case .string(let text): try checkText(text, schema, place)
        case .array(let elements): try checkArray(elements, schema, place, depth)
        case .object(let object): try checkObject(object, schema, place, depth)
        default: break
        }
        try checkChoices(value, schema, place, depth)
    }

    private mutating func step(_ place: String, _ depth: Int) throws(Mismatch) {
        try charge(steps: 1, place)
        guard depth <= SchemaCheck.depthMax else { throw SchemaCheck.tooCostly(place) }
    }

    private static func tooCostly(_ place: String) -> Mismatch {
        Mismatch(place: place, message: "the schema is too costly to check")
    }

    private var isSpent: Bool { stepCount > SchemaCheck.stepsMax || byteCount > SchemaCheck.bytesMax }

    /// Before any work that either side can make more of.
    private mutating func charge(steps: Int = 0, bytes: Int = 0, _ place: String) throws(Mismatch) {
        (stepCount, byteCount) = (stepCount &+ steps, byteCount &+ bytes)
        guard !isSpent else { throw SchemaCheck.tooCostly(place) }
    }

    /// Looking a name up means looking at the members of an object one by one.
    private mutating func chargeLookups(_ count: Int, in members: Int, _ place: String) throws(Mismatch) {
        try charge(steps: count &* (1 + members / 64), place)
    }

    private mutating func fits(
        _ value: JSONTree, _ schema: JSONTree, _ place: String, _ depth: Int
    ) throws(Mismatch) -> Bool {
        do throws(Mismatch) {
            try check(value, schema, place, depth: depth + 1)
            return true
        } catch {
            // What is too costly is so in every branch.
            guard !isSpent else { throw error }
            return false
        }
    }

    // MARK: References

    private mutating func target(_ reference: String, _ place: String) throws(Mismatch) -> JSONTree {
        guard reference.hasPrefix("#"), reference == "#" || reference.hasPrefix("#/") else {
            throw lost(place, "the schema refers to what is not in it: \(reference.prefix(128))")
        }
        var found = root
        for part in reference.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false)
        where reference != "#" {
            let name = String(part.replacing("~1", with: "/").replacing("~0", with: "~"))
            let next =
                found.object?[name]
                ?? Int(name).flatMap { index in
                    found.array.flatMap { $0.indices.contains(index) ? $0[index] : nil }
                }
            guard let next else {
                throw lost(place, "the schema has no \(reference.prefix(128))")
            }
            found = next
        }
        return found
    }

    private mutating func lost(_ place: String, _ problem: String) -> Mismatch {
        schemaProblem = schemaProblem ?? problem
        return Mismatch(place: place, message: problem)
    }

    // MARK: Any value

    private mutating func checkKind(_ value: JSONTree, _ schema: SchemaMembers, _ place: String) throws(Mismatch) {
        if let type = schema["type"] {
            guard SchemaCheck.isOf(type, value) else {
                let names = type.array?.compactMap { $0.string?.value } ?? type.string.map { [$0.value] } ?? []
                throw Mismatch(place: place, message: "is \(value.kind), must be \(names.joined(separator: " or "))")
            }
        }
        if let constant = schema["const"], try !isSame(value, constant, place) {
            throw Mismatch(place: place, message: "is not the one value that is allowed")
        }
        guard let values = schema["enum"]?.array else { return }
        for each in values where try isSame(value, each, place) { return }
        let shown = values.prefix(16).map { String($0.compactText.prefix(128)) }.joined(separator: ", ")
        throw Mismatch(place: place, message: "is none of the allowed values: \(shown.prefix(512))")
    }

    /// Whether it is of the type, or of one of the types; what names none says nothing.
    private static func isOf(_ type: JSONTree, _ value: JSONTree) -> Bool {
        if let name = type.string { return isOf(name.value, value) }
        let names = type.array?.compactMap(\.string) ?? []
        return names.isEmpty || names.contains { isOf($0.value, value) }
    }

    private static func isOf(_ type: String, _ value: JSONTree) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .object),
            ("number", .number):
            true
        case ("integer", .number(let number)): number.int != nil || number.double.rounded() == number.double
        default: false
        }
    }

    /// Part by part, so that what differs early costs little.
    private mutating func isSame(_ one: JSONTree, _ other: JSONTree, _ place: String) throws(Mismatch) -> Bool {
        try charge(steps: 1, place)
        switch (one, other) {
        case (.null, .null): return true
        case (.bool(let one), .bool(let other)): return one == other
        case (.number(let one), .number(let other)): return one.text == other.text || one.double == other.double
        case (.string(let one), .string(let other)):
            let (one, other) = (one.value, other.value)
            try charge(bytes: min(one.utf8.count, other.utf8.count), place)
            return one.utf8.elementsEqual(other.utf8)
        case (.array(let one), .array(let other)):
            guard one.count == other.count else { return false }
            for (left, right) in zip(one, other) where try !isSame(left, right, place) { return false }
            return true
        case (.object(let one), .object(let other)):
            guard one.members.count == other.members.count else { return false }
            try chargeLookups(one.members.count, in: other.members.count, place)
            for member in one.members {
                guard let same = other[member.name.value], try isSame(member.value, same, place) else { return false }
            }
            return true
        default: return false
        }
    }

    /// Charges for looking at all of a value.
    private mutating func chargeAll(_ value: JSONTree, _ place: String) throws(Mismatch) {
        try charge(steps: 1, place)
        switch value {
        case .string(let text): try charge(bytes: text.value.utf8.count, place)
        case .array(let elements): for element in elements { try chargeAll(element, place) }
        case .object(let object):
            for member in object.members {
                try charge(bytes: member.name.value.utf8.count, place)
                try chargeAll(member.value, place)
            }
        default: break
        }
    }

    private mutating func checkChoices(
        _ value: JSONTree, _ schema: SchemaMembers, _ place: String, _ depth: Int
    ) throws(Mismatch) {
        for part in schema["allOf"]?.array ?? [] { try check(value, part, place, depth: depth + 1) }
        if let choices = schema["anyOf"]?.array {
            var isFound = false
            for choice in choices where !isFound { isFound = try fits(value, choice, place, depth) }
            guard isFound else { throw Mismatch(place: place, message: "fits none of the alternatives") }
        }
        if let choices = schema["oneOf"]?.array {
            var count = 0
            for choice in choices where try fits(value, choice, place, depth) { count += 1 }
            guard count == 1 else {
                throw Mismatch(place: place, message: "fits \(count) of the alternatives, must fit one")
            }
        }
        if let other = schema["not"], try fits(value, other, place, depth) {
            throw Mismatch(place: place, message: "is what is not allowed")
        }
        guard let condition = schema["if"] else { return }
        let holds = try fits(value, condition, place, depth)
        if let branch = schema[holds ? "then" : "else"] { try check(value, branch, place, depth: depth + 1) }
    }

    // MARK: Numbers and texts

    private func checkNumber(_ number: JSONNumber, _ schema: SchemaMembers, _ place: String) throws(Mismatch) {
        let value = number.double
        let bounds: [(StaticString, (Double) -> Bool, String)] = [
            ("minimum", { value >= $0 }, "at least"), ("maximum", { value <= $0 }, "at most"),
            ("exclusiveMinimum", { value > $0 }, "more than"), ("exclusiveMaximum", { value < $0 }, "less than"),
        ]
        for (name, holds, word) in bounds {
            guard let bound = schema[name]?.number, !holds(bound.double) else { continue }
            throw Mismatch(place: place, message: "must be \(word) \(bound.text)")
        }
        if let step = schema["multipleOf"]?.number, step.double > 0 {
            let quotient = value / step.double
            // Decimals are not exact in a double, and the less the larger they are: 112022.93 is a multiple of 0.01.
            guard (quotient - quotient.rounded()).magnitude <= max(1e-9, 4 * quotient.ulp) else {
                throw Mismatch(place: place, message: "must be a multiple of \(step.text)")
            }
        }
    }

    private mutating func checkText(_ text: JSONText, _ schema: SchemaMembers, _ place: String) throws(Mismatch) {
        let (least, most) = (schema["minLength"]?.int, schema["maxLength"]?.int)
        if least != nil || most != nil {
            let text = text.value
            try charge(bytes: text.utf8.count, place)
            let count = text.unicodeScalars.count
            if let least, count < least {
                throw Mismatch(place: place, message: "must have at least \(least) characters")
            }
            if let most, count > most {
                throw Mismatch(place: place, message: "must have at most \(most) characters")
            }
        }
        if let pattern = schema["pattern"]?.string?.value, try !matches(text.value, pattern, place) {
            throw Mismatch(place: place, message: "must match \(pattern.prefix(128))")
        }
    }

    /// A pattern that cannot be matched in linear time says nothing.
    private mutating func matches(_ text: String, _ pattern: String, _ place: String) throws(Mismatch) -> Bool {
        try charge(steps: 1, place)
        let compiled: BytePattern?
        if let known = patterns[pattern] {
            compiled = known
        } else {
            // Making one costs about what so many steps do.
            try charge(steps: 64, place)
            compiled = pattern.utf8.count <= 512 ? try? BytePattern(pattern, isWhole: false, isUsedOnce: true) : nil
            patterns[pattern] = .some(compiled)
        }
        guard let compiled else { return true }
        // Each byte may cost as much as the pattern is long.
        try charge(bytes: text.utf8.count &* (1 + pattern.utf8.count / 8), place)
        return compiled.matches(text.utf8Span.span)
    }

    // MARK: Arrays and objects

    private mutating func checkArray(
        _ elements: [JSONTree], _ schema: SchemaMembers, _ place: String, _ depth: Int
    ) throws(Mismatch) {
        if let least = schema["minItems"]?.int, elements.count < least {
            throw Mismatch(place: place, message: "must have at least \(least) elements")
        }
        if let most = schema["maxItems"]?.int, elements.count > most {
            throw Mismatch(place: place, message: "must have at most \(most) elements")
        }
        let first = schema["prefixItems"]?.array ?? []
        for (index, element) in elements.enumerated() {
            let inner = "\(place)/\(index)"
            if index < first.count {
                try check(element, first[index], inner, depth: depth + 1)
            } else if let items = schema["items"] {
                try check(element, items, inner, depth: depth + 1)
            }
        }
        if schema["uniqueItems"]?.bool ?? false {
            for element in elements { try chargeAll(element, place) }
            guard Set(elements.map { ToolDigest.of($0) }).count == elements.count else {
                throw Mismatch(place: place, message: "has an element twice")
            }
        }
        guard let wanted = schema["contains"] else { return }
        var count = 0
        for element in elements where try fits(element, wanted, place, depth) { count += 1 }
        guard count >= schema["minContains"]?.int ?? 1, count <= schema["maxContains"]?.int ?? Int.max else {
            throw Mismatch(place: place, message: "does not have the elements it must have")
        }
    }

    private mutating func checkObject(
        _ object: JSONObject, _ schema: SchemaMembers, _ place: String, _ depth: Int
    ) throws(Mismatch) {
        let required = schema["required"]?.array ?? []
        try chargeLookups(required.count, in: object.members.count, place)
        for element in required {
            guard let name = element.string?.value, object[name] == nil else { continue }
            throw Mismatch(place: "\(place)/\(name)", message: "is missing")
        }
        if let least = schema["minProperties"]?.int, object.members.count < least {
            throw Mismatch(place: place, message: "must have at least \(least) members")
        }
        if let most = schema["maxProperties"]?.int, object.members.count > most {
            throw Mismatch(place: place, message: "must have at most \(most) members")
        }
        let known = schema["properties"]?.object
        let patterns = schema["patternProperties"]?.object?.members ?? []
        try chargeLookups(object.members.count, in: known?.members.count ?? 0, place)
        for member in object.members {
            let name = member.name.value
            let inner = place + "/" + name.first(64)
            if let names = schema["propertyNames"] { try check(.text(name), names, inner, depth: depth + 1) }
            var isKnown = false
            if let own = known?[name] {
                isKnown = true
                try check(member.value, own, inner, depth: depth + 1)
            }
            for pattern in patterns where try matches(name, pattern.name.value, inner) {
                isKnown = true
                try check(member.value, pattern.value, inner, depth: depth + 1)
            }
            guard !isKnown, let others = schema["additionalProperties"] else { continue }
            if others.bool == false { throw Mismatch(place: inner, message: "is not known") }
            try check(member.value, others, inner, depth: depth + 1)
        }
        let dependents = schema["dependentRequired"]?.object?.members ?? []
        try chargeLookups(dependents.count, in: object.members.count, place)
        for member in dependents where object[member.name.value] != nil {
            try chargeLookups(member.value.array?.count ?? 0, in: object.members.count, place)
            for name in (member.value.array ?? []).compactMap({ $0.string?.value }) where object[name] == nil {
                throw Mismatch(
                    place: "\(place)/\(name)", message: "is missing beside \(member.name.value.prefix(64))")
            }
        }
    }
}
