import GatewayModel
import Testing

@testable import GatewayControl

/// The configuration of models that the issue promises to work as written.
let modelsText = """
    apiVersion: sluice.dev/v1alpha1
    kind: ModelProvider
    metadata: {name: openai}
    spec:
      dialect: openai                      # openai | anthropic (more later)
      baseURL: http://127.0.0.1:9100/v1
      credential: {env: OPENAI_API_KEY}    # or {file: …}, {secretRef: …}, or a list of them
    ---
    apiVersion: sluice.dev/v1alpha1
    kind: ModelProvider
    metadata: {name: anthropic}
    spec: {dialect: anthropic, baseURL: http://127.0.0.1:9100, credential: {env: ANTHROPIC_API_KEY}}
    ---
    apiVersion: sluice.dev/v1alpha1
    kind: ModelCatalog
    metadata: {name: default}
    spec:
      models:
        - name: fast
          targets:
            - {provider: openai, model: gpt-5-mini, weight: 3}
            - {provider: anthropic, model: claude-sonnet-4-5, weight: 1, priority: 1}   # only when 0 cannot serve
          price: {input: "0.25", output: "2.00", cacheRead: "0.025"}
          context: {inputTokensMax: 200000, outputTokensMax: 16384}
    ---
    apiVersion: sluice.dev/v1alpha1
    kind: ModelAccessPolicy
    metadata: {name: engineers}
    spec:
      subjects: [{group: engineering}]
      models: ["fast", "gpt-5-*"]
    ---
    apiVersion: sluice.dev/v1alpha1
    kind: BudgetPolicy
    metadata: {name: per-user}
    spec:
      scope: user                          # key | user | team | tenant | agent | run | model
      limits:
        [{unit: usd, max: "5.00", window: 1d}, {unit: tokens, max: 100000, window: 1m}, {unit: concurrent, max: 8}]

    """

/// That configuration with one text replaced.
func models(replacing part: String, with other: String) -> String {
    let pieces = modelsText.split(separator: part, maxSplits: 1, omittingEmptySubsequences: false)
    return pieces.count == 2 ? pieces.joined(separator: other) : "the configuration does not contain: \(part)"
}

@Suite("Objects of models are read strictly")
struct ModelInputTests {
    @Test func theConfigurationWorksAsWritten() throws {
        let load = load(modelsText)
        #expect(load.diagnostics == [])
        let provider = try #require(load.set.modelProviders.first { $0.metadata.name == "openai" })
        #expect(provider.spec.credentials.map(\.env) == ["OPENAI_API_KEY"])
        let model = try #require(load.set.modelCatalogs.first?.spec.models.first)
        #expect(model.targets.map(\.weight) == [3, 1])
        #expect(model.targets.map(\.priority) == [0, 1])
        #expect(model.price?.rates.cacheRead == Money(dollarsPerMillion: "0.025"))
        let budget = try #require(load.set.budgetPolicies.first)
        #expect(budget.spec.limits.map { "\($0.limit)" } == ["5usd/1d", "100000tokens/1m", "8concurrent"])
    }

    /// What is replaced, by what, the code, and a part of what is said.
    static let mistakes: [(String, String, ErrorCode, String)] = [
        ("dialect: openai ", "dialect: openia ", .invalidValue, "did you mean \"openai\"?"),
        ("dialect: openai ", "dialct: openai ", .unknownField, "did you mean \"dialect\"?"),
        ("http://127.0.0.1:9100/v1\n", "127.0.0.1:9100\n", .invalidValue, "does not start with http:// or https://"),
        ("http://127.0.0.1:9100/v1\n", "http://a/v1?key=1\n", .invalidValue, "must have no query"),
        ("{env: OPENAI_API_KEY}", "{value: sk-secret}", .unsupportedValue, "environment variable (env)"),
        ("{env: OPENAI_API_KEY}", "{env: sk-proj-1}", .invalidValue, "name of an environment variable"),
        ("{env: OPENAI_API_KEY}", "{env: A, file: b}", .invalidValue, "file beside env"),
        ("{env: OPENAI_API_KEY}", "{}", .missingField, "env, file, secretRef or sourceRef"),
        ("{env: OPENAI_API_KEY}", "[]", .invalidValue, "give 1 to 64"),
        ("{env: OPENAI_API_KEY}", "KEY", .wrongType, "an object or a list of objects"),
        ("{env: OPENAI_API_KEY}", "[{env: A}, {evn: B}]", .unknownField, "spec.credential[1]"),
        (
            "{env: OPENAI_API_KEY}", "{env: A}\n  headers: [{name: Authorization, value: x}]", .invalidValue,
            "credential"
        ),
        ("{env: OPENAI_API_KEY}", "{env: A}\n  query: {Api-Key: x}", .invalidValue, "credential"),
        ("{env: OPENAI_API_KEY}", "{env: A}\n  query: {a: b&c=d}", .invalidValue, "letters, digits"),
        ("{env: OPENAI_API_KEY}", "{env: A}\n  query: {a=b: c}", .invalidValue, "as a parameter"),
        ("{env: OPENAI_API_KEY}", "{env: A}\n  forwardHeaders: [X-Api-Key]", .invalidValue, "the caller's own key"),
        ("{env: OPENAI_API_KEY}", "{env: A}\n  tls: {}", .invalidValue, "tls with a baseURL of http"),
        ("{env: OPENAI_API_KEY}", "{env: A}\n  anthropicBeta: [x]", .invalidValue, "dialect openai"),
        ("{env: OPENAI_API_KEY}", "{env: A}\n  timeouts: {firstToken: 2m, total: 1m}", .invalidValue, "above total"),
        ("weight: 3", "weight: -3", .invalidValue, "must be between 0 and 1000000"),
        ("weight: 3", "weigth: 3", .unknownField, "did you mean \"weight\"?"),
        ("model: gpt-5-mini", "model: \"gpt-*\"", .invalidValue, "the one name \"fast\""),
        ("model: gpt-5-mini", "model: gpt-5-mini, stripPrefix: f", .invalidValue, "stripPrefix for the one name"),
        ("model: gpt-5-mini", "model: \"gpt 5\"", .invalidValue, "without spaces"),
        ("\"0.25\"", "0.25", .wrongType, "quote it: \"0.25\""),
        ("\"0.25\"", "\"-0.25\"", .invalidValue, "dollars for a million tokens"),
        ("\"0.25\"", "\"0.2500001\"", .invalidValue, "at most six decimals"),
        ("\"0.25\"", "\"1e-3\"", .invalidValue, "dollars for a million tokens"),
        ("\"0.25\"", "\"1000001\"", .invalidValue, "dollars for a million tokens"),
        ("output: \"2.00\", ", "", .missingField, "output"),
        ("inputTokensMax: 200000", "inputTokensMax: 0", .invalidValue, "must be between 1 and"),
        ("context:", "fallback: [fast]\n      context:", .invalidValue, "falls back to itself"),
        ("context:", "cache: {ttl: 5}\n      context:", .wrongType, "write its unit: 5s"),
        ("context:", "cache: {ttl: 0.5}\n      context:", .wrongType, "500ms"),
        ("context:", "aliases: [fast]\n      context:", .duplicateKey, "duplicate model \"fast\""),
        ("context:", "retry: {attemptsMax: 0}\n      context:", .invalidValue, "must be between 1 and 16"),
        ("context:", "strategy: cheapest\n      context:", .invalidValue, "lowestCost"),
        ("models:\n", "unknownPrice: charge\n  models:\n", .missingField, "unknownPriceRate"),
        ("[{group: engineering}]", "[{}]", .missingField, "any: true for everyone"),
        ("[{group: engineering}]", "[{any: true, user: a}]", .invalidValue, "user beside any: true"),
        ("[{group: engineering}]", "[]", .invalidValue, "at least 1"),
        ("[{group: engineering}]", "[{gruop: engineering}]", .unknownField, "did you mean \"group\"?"),
        ("[\"fast\", ", "[\"fast\", \"\", ", .invalidValue, "must not be empty"),
        ("scope: user ", "scope: usr ", .invalidValue, "did you mean \"user\"?"),
        ("max: \"5.00\"", "max: 5", .wrongType, "quote it: \"5\""),
        ("max: \"5.00\"", "max: 5.00", .invalidValue, "write dollars as a text"),
        ("max: 100000", "max: \"100000\"", .wrongType, "only usd is a text"),
        ("max: 8", "max: 8, window: 1m", .invalidValue, "window with unit concurrent"),
        (", window: 1m", "", .missingField, "missing field \"window\""),
        ("window: 1m", "window: 1y", .invalidValue, "write a window such as"),
        ("unit: tokens", "unit: usd", .wrongType, "expected a decimal string"),
        ("{unit: concurrent, max: 8}", "{unit: tokens, max: 1, window: 60s}", .duplicateKey, "two limits of tokens"),
    ]

    @Test(arguments: mistakes)
    func aMistakeIsNamed(_ part: String, _ other: String, _ code: ErrorCode, _ words: String) throws {
        let load = load(models(replacing: part, with: other))
        let found = load.diagnostics.filter { $0.severity == .error }
        #expect(found.contains { $0.code == code && $0.description.contains(words) }, "\(load.diagnostics)")
        #expect(!load.isUsable)
        #expect(found.allSatisfy { $0.line > 0 && !"\($0)".contains("sk-secret") })
    }
}
