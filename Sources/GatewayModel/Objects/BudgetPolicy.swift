/// How much may be used, by whom and in what time (sluice.dev/v1alpha1).
package struct BudgetPolicy: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: BudgetPolicySpec
}

package struct BudgetPolicySpec: ConfigObject {
    package enum StoreFailure: String, ConfigEnum { case refuse, allow }

    package var scope: BudgetScope
    /// Nil for every caller.
    package var subjects: [ModelSubject]?
    /// Nil for every model.
    package var models: [String]?
    /// Nil for no tool. A policy that names tools and no models counts no models.
    package var tools: [String]?
    package var limits: [BudgetPolicyLimit]
    /// Nil for what the model's catalogue says.
    package var onUnknownPrice: UnknownPrice?
    package var estimate: BudgetEstimate
    package var onStoreFailure: StoreFailure
    package var shadow: Bool

    package init(_ fields: FieldReader) {
        scope = fields.required("scope", "what is counted apart")
        subjects = fields.optionalList("subjects", "whom it is about; everyone by default", count: 1...256)
        models = fields.optionalList(
            "models", "which models, by the names callers ask for; all by default", count: 1...256,
            each: .modelPattern)
        tools = fields.optionalList(
            "tools",
            "which tools, as /mcp names them, such as demo__*; none by default, and then no models if none are named",
            count: 1...256, each: .length(1...256))
        limits = fields.list("limits", "how much, in what time; all of them hold", count: 1...32)
        onUnknownPrice = fields.optional(
            "onUnknownPrice", "what a limit of usd does about a model without a price; as its catalogue says")
        estimate = fields.optional("estimate", "how a request's size is guessed before it runs") ?? BudgetEstimate()
        onStoreFailure = fields.value(
            "onStoreFailure", default: .refuse, "what happens while the counts cannot be kept")
        shadow = fields.value("shadow", default: false, "count, and refuse nothing")
        for limit in limits where limit.unit == .bytes && !fields.isRecording {
            fields.check(
                tools != nil, at: "limits", "a limit of bytes without tools",
                hint: "bytes are counted of calls of tools; name them by tools, such as [\"*\"]")
        }
        var seen: Set<String> = []
        for limit in limits where !fields.isRecording {
            let name = "\(limit.unit.rawValue) in \(limit.window?.description ?? "no window")"
            fields.check(
                seen.insert(name).inserted, at: "limits", .duplicateKey, "two limits of \(name)",
                hint: "keep the smaller one")
        }
    }
}

/// So much of a unit in a window, as it is written.
package struct BudgetPolicyLimit: ConfigObject, Hashable {
    package var unit: BudgetUnit
    package var max: BudgetAmount
    package var window: BudgetWindow?

    package init(_ fields: FieldReader) {
        unit = fields.required("unit", "what is counted")
        max = fields.required("max", "how much: a text such as \"5.00\" for usd, a whole number otherwise")
        window = fields.optional(
            "window", "in what time, such as 1m, 5h, 1d or 30d, from the epoch on; total for ever; none for concurrent")
        guard !fields.isRecording, fields.has("unit") else { return }
        if fields.has("max") {
            switch max {
            case .dollars:
                fields.check(
                    unit == .usd, at: "max", .wrongType, "expected an integer, found string",
                    hint: "only usd is a text; write a whole number of \(unit.rawValue)")
            case .count(let count):
                fields.check(
                    unit != .usd, at: "max", .wrongType, "expected a decimal string, found number",
                    hint: "quote it: \"\(count)\"")
            }
        }
        fields.check(
            unit == .concurrent || fields.has("window"), .missingField, "missing field \"window\"",
            hint: "say in what time \(unit.rawValue) are counted, such as 1d")
        fields.check(
            unit != .concurrent || !fields.has("window"), at: "window", "window with unit concurrent",
            hint: "concurrent counts requests at once; remove window")
    }

    /// As the ledger counts it.
    package var limit: BudgetLimit {
        let amount: Int128 =
            switch max {
            case .dollars(let money): money.picodollars
            case .count(let count): Int128(count)
            }
        return BudgetLimit(unit: unit, max: amount, window: window ?? .total)
    }
}

/// An amount of a budget: dollars as a decimal text, everything else as a whole number.
package enum BudgetAmount: ConfigValue, Hashable {
    case dollars(Money)
    case count(Int)

    package static func decode(_ value: ValueReader) -> BudgetAmount? {
        switch value.node.value {
        case .string: return DollarAmount.decode(value).map { .dollars($0.money) }
        case .number(let text):
            if text.contains(where: { ".eE".contains($0) }) {
                value.reportInvalid(text, hint: "write dollars as a text: \"\(text)\"")
                return nil
            }
            guard let count = Int.decode(value) else { return nil }
            if (0...1_000_000_000_000_000).contains(count) { return .count(count) }
            value.reportInvalid(text, hint: "must be between 0 and 1000000000000000")
            return nil
        default:
            value.reportWrongType(expected: "a whole number, or a decimal string for usd")
            return nil
        }
    }

    package static var placeholder: BudgetAmount { .count(0) }
    package static var schema: ConfigNode {
        .object([
            ("type", .list([.text("integer"), .text("string")])), ("minimum", .integer(0)),
            ("pattern", .text("^[0-9]+(\\.[0-9]{1,12})?$")),
        ])
    }
}

/// How many tokens a request is taken for before its answer says how many they were.
package struct BudgetEstimate: ConfigObject, Hashable {
    package var inputBytesPerToken: Int
    package var outputTokensDefault: Int

    package init(_ fields: FieldReader) {
        inputBytesPerToken = fields.value(
            "inputBytesPerToken", default: 3, "how many bytes of a body are one token", .range(1...64))
        outputTokensDefault = fields.value(
            "outputTokensDefault", default: 4_096, "the output of a request that sets no bound, of a model without one",
            .range(1...1_000_000_000))
    }

    package init() {
        inputBytesPerToken = 3
        outputTokensDefault = 4_096
    }
}
