package import GatewayModel

/// LiteLLM's `model_prices_and_context_window.json`: dollars for one token, as JSON numbers, become decimal texts for a
/// million. Nothing is rounded: a rate that cannot be written exactly is told and left out.
package struct LiteLLMPrices: Sendable {
    /// By LiteLLM's name of the model.
    private var entries: [String: ConfigNode] = [:]
    private var names: [String] = []

    package init() {}

    package init(_ document: ConfigNode) {
        for field in document.fields ?? [] where field.value.fields != nil && field.key != "sample_spec" {
            entries[field.key] = field.value
            names.append(field.key)
        }
    }

    /// A field of a price map, and where it goes.
    private static let rates: [(litellm: String, ours: String)] = [
        ("input_cost_per_token", "input"), ("output_cost_per_token", "output"),
        ("cache_read_input_token_cost", "cacheRead"), ("cache_creation_input_token_cost", "cacheWrite5m"),
        ("cache_creation_input_token_cost_above_1hr", "cacheWrite1h"),
        ("output_cost_per_reasoning_token", "reasoning"), ("input_cost_per_audio_token", "audioInput"),
        ("output_cost_per_audio_token", "audioOutput"),
    ]

    /// The entry of `vendor/model` or of `model`.
    func entry(_ names: [String]) -> ConfigNode? { names.lazy.compactMap { entries[$0] }.first }

    // MARK: - A whole list

    /// A catalogue of the models of the vendors whose dialects we speak ourselves, with their prices.
    package func catalog(_ findings: inout ImportFindings) -> ConfigNode {
        var models: [ConfigNode] = []
        var others: [String: (count: Int, first: SourcePosition)] = [:]
        for name in names {
            guard let entry = entries[name] else { continue }
            let vendor = entry["litellm_provider"]?.string ?? ""
            guard ["openai", "anthropic"].contains(vendor) else {
                others[vendor, default: (0, entry.position)].count += 1
                continue
            }
            let model = name.hasPrefix("\(vendor)/") ? String(name.dropFirst(vendor.count + 1)) : name
            guard let price = Self.price(entry, of: name, &findings), models.count < 1024 else { continue }
            guard !models.contains(where: { $0["name"]?.string == model }) else { continue }
            var fields: [(String, ConfigNode)] = [
                ("name", .text(model)), ("targets", .list([.object([("provider", .text(vendor))])])), ("price", price),
            ]
            if let context = Self.context(entry) { fields.append(("context", context)) }
            models.append(.object(fields))
        }
        for (vendor, left) in others.sorted(by: { $0.key < $1.key }) {
            findings.note(
                .unsupportedValue, at: left.first,
                "models of \(vendor.isEmpty ? "no vendor" : vendor) left out: \(left.count)",
                hint: "only those of openai and anthropic are listed")
        }
        return ImportedObject.make("ModelCatalog", "prices", [("models", .list(models))])
    }

    /// `context` of an entry.
    static func context(_ entry: ConfigNode) -> ConfigNode? {
        let pairs = [("inputTokensMax", "max_input_tokens"), ("outputTokensMax", "max_output_tokens")]
            .compactMap { ours, name -> (String, ConfigNode)? in
                guard let node = entry[name], case .number(let text) = node.value, let count = Int(text),
                    (1...1_000_000_000).contains(count)
                else { return nil }
                return (ours, .integer(count))
            }
        return pairs.isEmpty ? nil : .object(pairs)
    }

    // MARK: - One price

    /// `price` of an entry; nil when it says none, or none that can be carried.
    static func price(_ entry: ConfigNode, of model: String, _ findings: inout ImportFindings) -> ConfigNode? {
        var base: [String: ConfigNode] = [:]
        var tiers: [Int: [String: ConfigNode]] = [:]
        var perRequest: ConfigNode?
        for field in entry.fields ?? [] where field.key.contains("cost") {
            if case .null = field.value.value { continue }
            if isZero(field.value), !["input_cost_per_token", "output_cost_per_token"].contains(field.key) { continue }
            let (name, bound) = tier(field.key)
            if field.key == "input_cost_per_request" {
                perRequest = amount(field.value, of: model, perMillion: false, &findings)
            } else if let rate = rates.first(where: { $0.litellm == name }) {
                guard let text = amount(field.value, of: model, perMillion: true, &findings) else { return nil }
                if let bound {
                    tiers[bound, default: [:]][rate.ours] = text
                } else {
                    base[rate.ours] = text
                }
            } else {
                findings.note(
                    .unsupportedValue, at: field.keyPosition, "rate \"\(field.key)\" of \(model) left out",
                    hint: "there is no rate of that kind")
            }
        }
        if base["output"] == nil, base["input"] != nil, entry["mode"]?.string == "embedding" {
            base["output"] = .text("0")
        }
        guard base["input"] != nil, base["output"] != nil else { return nil }
        var fields = ordered(base)
        if let perRequest { fields.append(("perRequest", perRequest)) }
        if !tiers.isEmpty {
            let list = tiers.sorted { $0.key < $1.key }.map { bound, rates in
                ConfigNode.object([("inputTokensOver", .integer(bound))] + ordered(rates))
            }
            fields.append(("tiers", .list(list)))
        }
        return .object(fields)
    }

    private static func ordered(_ found: [String: ConfigNode]) -> [(String, ConfigNode)] {
        rates.compactMap { rate in found[rate.ours].map { (rate.ours, $0) } }
    }

    /// `input_cost_per_token_above_200k_tokens` is `input_cost_per_token` over 200000.
    private static func tier(_ key: String) -> (name: String, bound: Int?) {
        guard key.hasSuffix("k_tokens"), let range = lastAbove(key), let count = Int(key[range.digits]) else {
            return (key, nil)
        }
        return (String(key[..<range.start]), count * 1_000)
    }

    private static func lastAbove(_ key: String) -> (start: String.Index, digits: Range<String.Index>)? {
        let end = key.index(key.endIndex, offsetBy: -"k_tokens".count)
        var start = end
        while start > key.startIndex, key[key.index(before: start)].isNumber { start = key.index(before: start) }
        guard start < end, key[..<start].hasSuffix("_above_") else { return nil }
        return (key.index(start, offsetBy: -"_above_".count), start..<end)
    }

    private static func isZero(_ node: ConfigNode) -> Bool {
        if case .number(let text) = node.value { Money(dollars: text) == .zero } else { false }
    }

    private static func amount(
        _ node: ConfigNode, of model: String, perMillion: Bool, _ findings: inout ImportFindings
    ) -> ConfigNode? {
        if let text = text(node), let money = Money(dollars: text) {
            return .text(perMillion ? Money(picodollars: money.picodollars * 1_000_000).description : money.description)
        }
        findings.drop(
            .invalidValue, at: node.position, "a rate of \(model) cannot be carried exactly, and with it the price",
            hint: "write the price by hand")
        return nil
    }

    /// YAML takes `1e-06` for a text, since it has no point.
    private static func text(_ node: ConfigNode) -> String? {
        switch node.value {
        case .number(let text), .string(let text): text
        default: nil
        }
    }
}
