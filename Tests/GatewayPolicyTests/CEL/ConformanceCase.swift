import GatewayPolicy

/// One of CEL's own cases: an expression, what it may name, and what it must give.
struct ConformanceCase {
    enum Expectation {
        case value(CELValue)
        case error
    }

    /// Why a case is not for us.
    struct Unsupported: Error {
        var reason: String
    }

    var name: String
    var expression: String
    var environment = CELEnvironment()
    var bindings: [(slot: CELSlot, value: CELValue)] = []
    var expectation: Expectation

    static let messages = Unsupported(reason: "needs protocol buffer messages")

    init(_ test: TextProto, section: String) throws {
        name = "\(section)/\(test.string("name") ?? "?")"
        expression = test.string("expr") ?? ""
        if ConformanceCase.usesMessages(expression) { throw ConformanceCase.messages }
        environment.container = test.string("container") ?? ""
        environment.isChecked = test.word("disable_check") != "true"
        for declaration in test.messages("type_env") {
            guard let type = declaration.message("ident")?.message("type"), let name = declaration.string("name") else {
                throw Unsupported(reason: "declares a function")
            }
            environment.declare(name, try ConformanceCase.type(type))
        }
        if test.messages("eval_error").isEmpty == false {
            expectation = .error
        } else if let value = test.message("value") {
            expectation = .value(try ConformanceCase.value(value))
        } else {
            expectation = .value(.bool(true))
        }
        for binding in test.messages("bindings") {
            guard let name = binding.string("key"), let value = binding.message("value")?.message("value") else {
                continue
            }
            let slot = environment.slot(name) ?? environment.declare(name, .dyn)
            bindings.append((slot, try ConformanceCase.value(value)))
        }
    }

    private static let wellKnown = [
        "Any", "BoolValue", "BytesValue", "DoubleValue", "Duration", "FloatValue", "Int32Value", "Int64Value",
        "ListValue", "StringValue", "Struct", "Timestamp", "UInt32Value", "UInt64Value", "Value",
    ]

    /// Messages of the test suite and of the well-known types, which are written as a name and braces.
    private static func usesMessages(_ expression: String) -> Bool {
        let text = expression.filter { !$0.isWhitespace && $0 != "@" }.replacing("//", with: "")
        return text.contains("TestAllTypes") || text.contains("TestRequired")
            || wellKnown.contains { text.contains("google.protobuf.\($0)\u{7B}") }
    }

    static func type(_ type: TextProto) throws -> CELType {
        if let primitive = type.word("primitive") {
            let known: [String: CELType] = [
                "BOOL": .bool, "INT64": .int, "UINT64": .uint, "DOUBLE": .double, "STRING": .string, "BYTES": .bytes,
            ]
            if let found = known[primitive] { return found }
        }
        if let list = type.message("list_type") {
            return .list(try list.message("elem_type").map { try ConformanceCase.type($0) } ?? .dyn)
        }
        if let map = type.message("map_type") {
            return .map(
                try map.message("key_type").map { try ConformanceCase.type($0) } ?? .dyn,
                try map.message("value_type").map { try ConformanceCase.type($0) } ?? .dyn)
        }
        switch type.string("message_type") {
        case "google.protobuf.Duration": return .duration
        case "google.protobuf.Timestamp": return .timestamp
        case nil: return .dyn
        default: throw messages
        }
    }

    static func value(_ value: TextProto) throws -> CELValue {
        guard let field = value.fields.first else { throw Unsupported(reason: "an empty value") }
        switch (field.name, field.value) {
        case ("null_value", _): return .null
        case ("bool_value", .word(let word)): return .bool(word == "true")
        case ("int64_value", .word(let word)): if let number = Int64(word) { return .int(number) }
        case ("uint64_value", .word(let word)): if let number = UInt64(word) { return .uint(number) }
        case ("double_value", .word(let word)): if let number = Double(word) { return .double(number) }
        case ("string_value", .text(let text)): return .string(String(decoding: text, as: UTF8.self))
        case ("bytes_value", .text(let text)): return .bytes(text)
        case ("type_value", .text(let text)):
            let name = String(decoding: text, as: UTF8.self)
            let types: [CELType] = [
                .null, .bool, .int, .uint, .double, .string, .bytes, .timestamp, .duration, .type, .list(.dyn),
                .map(.dyn, .dyn), .ip, .cidr,
            ]
            if let type = types.first(where: { $0.name == name }) { return .type(type) }
        case ("list_value", .message(let list)):
            return .list(try list.messages("values").map { try ConformanceCase.value($0) })
        case ("map_value", .message(let map)):
            let entries = try map.messages("entries").map { entry in
                guard let key = entry.message("key"), let value = entry.message("value") else {
                    throw Unsupported(reason: "an entry without key or value")
                }
                return (try ConformanceCase.value(key), try ConformanceCase.value(value))
            }
            if let map = CELMap(keys: entries.map(\.0), values: entries.map(\.1)) { return .map(map) }
        case ("object_value", .message(let object)):
            let name = "type.googleapis.com/google.protobuf.Duration"
            guard let span = object.message(name) else { throw messages }
            let seconds = Int64(span.word("seconds") ?? "0") ?? 0
            let nanoseconds = Int64(span.word("nanos") ?? "0") ?? 0
            return .duration(CELDuration(nanoseconds: seconds * 1_000_000_000 + nanoseconds))
        default: break
        }
        throw Unsupported(reason: "the value \(field.name)")
    }

    /// Nil when it behaves as it must, else what it did.
    func failure() -> String? {
        if case .error = expectation, let strange = unexpectedRefusal() { return strange }
        let result: CELValue
        do {
            let program = try CELProgram(expression, in: environment)
            var activation = environment.activation()
            for binding in bindings { activation[binding.slot] = binding.value }
            result = try program.evaluate(&activation)
        } catch {
            if case .error = expectation { return nil }
            return "failed: \(error)"
        }
        switch expectation {
        case .error: return "gave \(result) where an error was expected"
        case .value(let wanted): return ConformanceCase.isSame(result, wanted) ? nil : "gave \(result), not \(wanted)"
        }
    }

    /// An error that is asked for is one of evaluation, or of types: never of syntax.
    private func unexpectedRefusal() -> String? {
        var unchecked = environment
        unchecked.isChecked = false
        do {
            _ = try CELProgram(expression, in: unchecked)
            return nil
        } catch {
            return "is refused even unchecked: \(error)"
        }
    }

    /// Stricter than the language's own equality: numbers must be of one type.
    private static func isSame(_ one: CELValue, _ other: CELValue) -> Bool {
        switch (one, other) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.int(let left), .int(let right)): left == right
        case (.uint(let left), .uint(let right)): left == right
        case (.double(let left), .double(let right)): left == right || (left.isNaN && right.isNaN)
        case (.string(let left), .string(let right)): Array(left.utf8) == Array(right.utf8)
        case (.bytes(let left), .bytes(let right)): left == right
        case (.duration(let left), .duration(let right)): left == right
        case (.timestamp(let left), .timestamp(let right)): left == right
        case (.type(let left), .type(let right)): left.name == right.name
        case (.list(let left), .list(let right)): left.count == right.count && zip(left, right).allSatisfy(isSame)
        case (.map(let left), .map(let right)):
            left.count == right.count
                && zip(left.keys, left.values).allSatisfy { key, value in right[key].map { isSame(value, $0) } ?? false
                }
        default: false
        }
    }
}
