import ArgumentParser
import GatewayControl
import GatewayModel
import GatewayPolicy

/// `sluice eval`.
struct ExpressionEval: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Evaluate an expression of the policy language.",
        discussion: """
            Without --for, each key of the JSON is a variable, and a name it lacks is an error. With --for model it is \
            checked against the variables a condition on a model call has, and the JSON gives their values.
            """)

    /// Where an expression stands.
    enum Place: String, CaseIterable, ExpressibleByArgument {
        case model
    }

    @Argument(help: "The expression, such as 'x.size() > 2'.")
    var expression: String

    @Option(help: "The variables as a JSON object, such as '{\"x\": [1, 2]}'; - for standard input.")
    var with: String?

    @Option(name: .customLong("for"), help: "Check against the variables of a place: model.")
    var place: Place?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let given = try variables()
        let result: CELValue
        do throws(CELError) {
            result = try evaluate(given)
        } catch {
            throw GatewayError(.invalidValue, "\(error.line):\(error.column): \(error.message)", hint: error.hint)
        }
        let node = CELNodes.node(result)
        output.show(node) { JSONPrinter.print(node, pretty: false) }
    }

    private func evaluate(_ given: [(name: String, value: CELValue)]) throws(CELError) -> CELValue {
        var environment = CELEnvironment()
        if place == .model { environment = ModelCallVariables.standard.environment }
        var values: [(slot: CELSlot, value: CELValue)] = []
        for each in given {
            if place == nil {
                values.append((environment.declare(each.name, .dyn), each.value))
            } else {
                values += Self.fields(each.name, each.value, in: environment)
            }
        }
        let program = try CELProgram(expression, in: environment, giving: place == nil ? nil : .bool)
        var activation = environment.activation()
        for each in values { activation[each.slot] = each.value }
        return try program.evaluate(&activation)
    }

    /// The declared variables at or below a name.
    private static func fields(
        _ name: String, _ value: CELValue, in environment: CELEnvironment
    ) -> [(slot: CELSlot, value: CELValue)] {
        if let slot = environment.slot(name) {
            guard environment.type(of: slot) == .timestamp, case .string(let text) = value else {
                return [(slot, value)]
            }
            return CELTimestamp(text).map { [(slot, .timestamp($0))] } ?? []
        }
        guard case .map(let map) = value else { return [] }
        return zip(map.keys, map.values).flatMap { key, value -> [(slot: CELSlot, value: CELValue)] in
            guard case .string(let field) = key else { return [] }
            return fields("\(name).\(field)", value, in: environment)
        }
    }

    private func variables() throws -> [(name: String, value: CELValue)] {
        guard let with else { return [] }
        let bytes = with == "-" ? Terminal.input(bytesMax: 16 * 1024 * 1024) : Array(with.utf8)
        var diagnostics: [Diagnostic] = []
        let documents = DocumentReader.read(
            bytes, file: "--with", syntax: .json, unfolding: false, diagnostics: &diagnostics)
        if let first = diagnostics.first {
            throw GatewayError(.usage, "--with: \(first.message)", hint: first.hint)
        }
        guard documents.count == 1, let fields = documents[0].fields else {
            throw GatewayError(.usage, "--with takes one JSON object")
        }
        return fields.compactMap { field in CELNodes.value(field.value).map { (field.key, $0) } }
    }
}

/// Values of the language as JSON, and back.
enum CELNodes {
    /// Nil for a number that no number of the language is.
    static func value(_ node: ConfigNode) -> CELValue? {
        switch node.value {
        case .null: return .null
        case .bool(let flag): return .bool(flag)
        case .number(let text): return Int64(text).map { .int($0) } ?? Double(text).map { .double($0) }
        case .string(let text): return .string(text)
        case .sequence(let elements): return .list(elements.compactMap(value))
        case .mapping(let fields):
            let pairs = fields.compactMap { field in value(field.value).map { (CELValue.string(field.key), $0) } }
            return CELMap(keys: pairs.map(\.0), values: pairs.map(\.1)).map { .map($0) }
        }
    }

    static func node(_ value: CELValue) -> ConfigNode {
        switch value {
        case .null: ConfigNode(.null)
        case .bool(let flag): ConfigNode(.bool(flag))
        case .int(let number): ConfigNode(.number(String(number)))
        case .uint(let number): ConfigNode(.number(String(number)))
        case .double(let number) where number.isFinite: ConfigNode(.number(value.text))
        case .list(let elements): ConfigNode(.sequence(elements.map(node)))
        case .map(let map): .object(zip(map.keys, map.values).map { ($0.text, node($1)) })
        case .optional(let optional): optional.value.map(node) ?? ConfigNode(.null)
        default: .text(value.text)
        }
    }
}
