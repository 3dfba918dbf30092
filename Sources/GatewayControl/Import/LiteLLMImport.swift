package import GatewayModel

/// A LiteLLM proxy's `config.yaml` as Sluice objects, and what of it could not be carried.
package struct LiteLLMImport {
    package private(set) var findings = ImportFindings()
    /// In the order they are best read: providers, catalogue, access, route, tools, budgets.
    package var objects: [ConfigNode] {
        var objects = providers.map { $0.object }
        if !models.isEmpty {
            objects.append(ImportedObject.make("ModelCatalog", "litellm", [("models", .list(models.map(\.node)))]))
            objects.append(
                ImportedObject.make(
                    "ModelAccessPolicy", "everyone",
                    [
                        ("subjects", .list([.object([("any", .flag(true))])])), ("models", .list([.text("*")])),
                    ]))
            objects.append(Self.route)
        }
        return objects + tools + models.compactMap(\.budget) + budgets
    }

    var providers: [Provider] = []
    var models: [Model] = []
    var servers: [Server] = []
    /// Of all callers together, and of each user.
    var budget = Spending()
    var userBudget = Spending()
    let prices: LiteLLMPrices

    struct Provider {
        var name: String
        var fields: [(String, ConfigNode)]
        var object: ConfigNode { ImportedObject.make("ModelProvider", name, fields) }
    }

    struct Model {
        var name: String
        var targets: [ConfigNode] = []
        var aliases: [String] = []
        var fallback: [String] = []
        var strategy: String?
        var attemptsMax: Int?
        var timeouts: [(String, ConfigNode)] = []
        var context: ConfigNode?
        /// Of each target; nil for one without a limit.
        var requestsPerMinute: [Int?] = []
        var tokensPerMinute: [Int?] = []

        var node: ConfigNode {
            var fields: [(String, ConfigNode)] = [("name", .text(name))]
            if !aliases.isEmpty { fields.append(("aliases", .list(aliases.map { .text($0) }))) }
            fields.append(("targets", .list(targets)))
            if let strategy { fields.append(("strategy", .text(strategy))) }
            if let context { fields.append(("context", context)) }
            if let attemptsMax { fields.append(("retry", .object([("attemptsMax", .integer(attemptsMax))]))) }
            if !fallback.isEmpty { fields.append(("fallback", .list(fallback.map { .text($0) }))) }
            if !timeouts.isEmpty { fields.append(("timeouts", .object(timeouts))) }
            return .object(fields)
        }

        /// LiteLLM's rates are a deployment's; ours are a model's, for all of its targets together. One target without
        /// a limit leaves the model without.
        var budget: ConfigNode? {
            let limits = [("requests", requestsPerMinute), ("tokens", tokensPerMinute)].compactMap { unit, rates in
                rates.contains(nil)
                    ? nil
                    : ConfigNode.object([
                        ("unit", .text(unit)), ("max", .integer(rates.reduce(0) { $0 + ($1 ?? 0) })),
                        ("window", .text("1m")),
                    ])
            }
            guard !limits.isEmpty else { return nil }
            return ImportedObject.make(
                "BudgetPolicy", "rate-\(ImportedObject.name(name))",
                [
                    ("scope", .text("model")), ("models", .list([.text(name)])), ("limits", .list(limits)),
                ])
        }
    }

    package init(_ document: ConfigNode, prices: LiteLLMPrices = LiteLLMPrices()) {
        self.prices = prices
        for field in document.fields ?? [] {
            switch field.key {
            case "model_list": readModels(field.value)
            case "mcp_servers": readServers(field)
            case "router_settings", "litellm_settings", "general_settings": break
            default:
                findings.note(
                    .unsupportedValue, at: field.keyPosition, "section \"\(field.key)\" left out",
                    hint: Self.hints[field.key] ?? "there is nothing that corresponds")
            }
        }
        if document["model_list"] == nil {
            findings.drop(
                .missingField, at: document.position, "there is no model_list", hint: "is it a LiteLLM config.yaml?")
        }
        for section in ["router_settings", "litellm_settings"] {
            for field in document[section]?.fields ?? [] { readSetting(field, of: section) }
        }
        for field in document["general_settings"]?.fields ?? [] {
            let hint = Self.hints[field.key] ?? "see Documentation/Configuration.md"
            findings.note(
                .unsupportedValue, at: field.keyPosition, "general_settings.\(field.key) left out", hint: hint)
        }
        for model in models {
            for (name, rates) in [("rpm", model.requestsPerMinute), ("tpm", model.tokensPerMinute)]
            where rates.contains(nil) && rates.contains(where: { $0 != nil }) {
                findings.note(
                    .unsupportedValue, at: document["model_list"]?.position ?? document.position,
                    "\(name) of some deployments of \"\(model.name)\" left out",
                    hint: "a BudgetPolicy counts all targets of a model together")
            }
        }
        reportBudgets()
        if !models.isEmpty {
            findings.note(
                .unsupportedValue, at: document["model_list"]?.position ?? document.position,
                "everyone with a key may use every model, as in LiteLLM",
                hint: "narrow the ModelAccessPolicy \"everyone\"")
        }
    }

    /// What takes the place of settings that have no twin.
    static let hints: [String: String] = [
        "master_key": "the admin token in the state folder takes its place; make keys with sluice key create",
        "database_url": "keys and usage are kept in the state folder",
        "environment_variables": "set them before the gateway starts",
        "guardrails": "there are no guardrails yet", "include": "import each file by itself",
        "cache": "write cache: {ttl: …} at each model that may be answered from memory",
        "callbacks": "use the access log, metrics and OTLP", "success_callback": "use the access log, metrics and OTLP",
        "failure_callback": "use the access log, metrics and OTLP",
        "drop_params": "translation lists what it drops in a response header; strict: true refuses instead",
        "redis_host": "no Redis is needed", "redis_port": "no Redis is needed", "redis_password": "no Redis is needed",
        "redis_url": "no Redis is needed",
        "context_window_fallbacks": "a fallback serves when no target can; the caller is told of a too long input",
        "content_policy_fallbacks": "a refusal of content is the caller's to see",
    ]

    // MARK: Settings

    private mutating func readSetting(_ field: ConfigNode.Field, of section: String) {
        let node = field.value
        switch field.key {
        case "routing_strategy": readStrategy(node)
        case "num_retries":
            guard let count = Self.integer(node) else { return reportValue(node, field.key) }
            for index in models.indices { models[index].attemptsMax = min(16, max(1, count + 1)) }
        case "timeout", "request_timeout":
            guard let text = Self.duration(node) else { return reportValue(node, field.key) }
            for index in models.indices where !models[index].timeouts.contains(where: { $0.0 == "total" }) {
                models[index].timeouts.append(("total", .text(text)))
            }
        case "allowed_fails": addCooldown("failures", Self.integer(node).map { .integer(max(1, $0)) }, node, field.key)
        case "cooldown_time": addCooldown("duration", Self.duration(node).map { .text($0) }, node, field.key)
        case "fallbacks": readFallbacks(node)
        case "default_fallbacks":
            let names = (node.elements ?? []).compactMap(\.string)
            for index in models.indices { addFallbacks(names, to: index, at: node.position) }
        case "model_group_alias": readAliases(node)
        case "max_budget": readBudget(node, field.key, \.budget)
        case "budget_duration": readWindow(node, field.key, \.budget)
        case "max_internal_user_budget": readBudget(node, field.key, \.userBudget)
        case "internal_user_budget_duration": readWindow(node, field.key, \.userBudget)
        default:
            findings.note(
                .unsupportedValue, at: field.keyPosition, "\(section).\(field.key) left out",
                hint: Self.hints[field.key] ?? "there is nothing that corresponds")
        }
    }

    private mutating func readStrategy(_ node: ConfigNode) {
        let known = [
            "simple-shuffle": "weighted", "least-busy": "leastInFlight", "latency-based-routing": "lowestLatency",
            "cost-based-routing": "lowestCost",
        ]
        guard let strategy = node.string.flatMap({ known[$0] }) else {
            return findings.note(
                .unsupportedValue, at: node.position, "routing_strategy \"\(node.string ?? "")\" becomes weighted",
                hint: "there are: weighted, leastInFlight, lowestLatency, lowestCost")
        }
        for index in models.indices { models[index].strategy = strategy }
    }

    private mutating func addCooldown(_ name: String, _ value: ConfigNode?, _ node: ConfigNode, _ key: String) {
        guard let value else { return reportValue(node, key) }
        for index in providers.indices {
            let place = providers[index].fields.firstIndex { $0.0 == "cooldown" }
            var cooldown = place.map { providers[index].fields[$0].1 } ?? .object([])
            cooldown[name] = value
            if let place {
                providers[index].fields[place].1 = cooldown
            } else {
                providers[index].fields.append(("cooldown", cooldown))
            }
        }
    }

    /// `[{model: [other, …]}, …]`.
    private mutating func readFallbacks(_ node: ConfigNode) {
        for entry in (node.elements ?? []).flatMap({ $0.fields ?? [] }) {
            let names = (entry.value.elements ?? []).compactMap(\.string)
            if let index = models.firstIndex(where: { $0.name == entry.key }) {
                addFallbacks(names, to: index, at: entry.keyPosition)
            } else {
                findings.note(.danglingReference, at: entry.keyPosition, "fallbacks of no model \"\(entry.key)\"")
            }
        }
    }

    private mutating func addFallbacks(_ names: [String], to index: Int, at position: SourcePosition) {
        for name in names where name != models[index].name && !models[index].fallback.contains(name) {
            guard models.contains(where: { $0.name == name }) else {
                findings.note(.danglingReference, at: position, "fallback to no model \"\(name)\"")
                continue
            }
            models[index].fallback.append(name)
        }
    }

    /// `{alias: model}` or `{alias: {model: …, hidden: …}}`.
    private mutating func readAliases(_ node: ConfigNode) {
        for field in node.fields ?? [] {
            let name = field.value.string ?? field.value["model"]?.string ?? ""
            guard let index = models.firstIndex(where: { $0.name == name }) else {
                findings.note(
                    .danglingReference, at: field.keyPosition, "alias \"\(field.key)\" of no model \"\(name)\"")
                continue
            }
            models[index].aliases.append(field.key)
        }
    }

    mutating func reportValue(_ node: ConfigNode, _ name: String) {
        findings.note(.invalidValue, at: node.position, "the value of \(name) is not understood, and left out")
    }

    mutating func note(_ code: ErrorCode, at position: SourcePosition, _ message: String, hint: String? = nil) {
        findings.note(code, at: position, message, hint: hint)
    }

    mutating func drop(_ code: ErrorCode, at position: SourcePosition, _ message: String, hint: String? = nil) {
        findings.drop(code, at: position, message, hint: hint)
    }

    mutating func price(_ entry: ConfigNode, of model: String) -> ConfigNode? {
        LiteLLMPrices.price(entry, of: model, &findings)
    }

    static func integer(_ node: ConfigNode) -> Int? {
        if case .number(let text) = node.value { Int(text) } else { nil }
    }

    /// Seconds, as LiteLLM writes them, perhaps with a fraction.
    static func duration(_ node: ConfigNode) -> String? {
        guard case .number(let text) = node.value, let seconds = Double(text), seconds > 0, seconds < 86_400 * 30 else {
            return nil
        }
        return ConfigDuration(milliseconds: max(1, Int((seconds * 1_000).rounded()))).description
    }
}
