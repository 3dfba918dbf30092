import GatewayLLM
import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRuntime
import Synchronization
import Testing

@Suite("Catalogues become a table that finds a model by the name a caller asks for")
struct ModelCompileTests {
    private static let providers = """
        apiVersion: sluice.dev/v1alpha1
        kind: ModelProvider
        metadata: {name: openai}
        spec: {dialect: openai, baseURL: "http://127.0.0.1:9100/v1/", credential: [{env: KEY_A}, {env: KEY_B}]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelProvider
        metadata: {name: anthropic}
        spec:
          dialect: anthropic
          baseURL: https://api.example.com/v1
          credential: {env: KEY_C}
          timeouts: {connect: 1s}
          models: [claude-a]
        ---

        """

    private static func catalog(_ models: String, name: String = "default", spec: String = "") -> String {
        """
        apiVersion: sluice.dev/v1alpha1
        kind: ModelCatalog
        metadata: {name: \(name)}
        spec: {models: [\(models)]\(spec)}
        ---

        """
    }

    private static let price = "price: {input: \"1\", output: \"2\"}"

    private func compile(_ yaml: String, _ keys: [String: String] = ["KEY_A": "sk-a"]) -> Compilation {
        Compilation(yaml) { $0.environment = { keys[$0] } }
    }

    private func table(_ models: String, spec: String = "") -> ModelTable {
        compile(Self.providers + Self.catalog(models, spec: spec)).result.models
    }

    private func find(_ table: ModelTable, _ name: String) -> ModelTable.Match? { table.find(Array(name.utf8)) }

    private func upstream(_ table: ModelTable, _ name: String) -> [String?] {
        (find(table, name)?.model.targets ?? []).map {
            $0.upstreamName(for: Array(name.utf8)).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test func aProviderKnowsWhereItIsAndWhatOpensIt() throws {
        let result = compile(Self.providers).result
        let compiled = compile(Self.providers + Self.catalog("{name: m, targets: [{provider: openai}]}")).result.models
        let openai = try #require(compiled.providers.first { $0.shownName == "openai" })
        #expect(String(decoding: openai.pathPrefix, as: UTF8.self) == "/v1")
        #expect(String(decoding: openai.authority, as: UTF8.self) == "127.0.0.1:9100")
        #expect(openai.backend.endpoints.map { "\($0.host):\($0.port)" } == ["127.0.0.1:9100"])
        #expect(openai.credentials.map(\.name) == ["KEY_A", "KEY_B"])
        #expect(openai.credentials.first?.value?.reveal { String(decoding: $0, as: UTF8.self) } == "Bearer sk-a")
        #expect(openai.usableCredentials.count == 1)
        #expect(openai.refusal == nil)
        let anthropic = try #require(compiled.providers.first { $0.shownName == "anthropic" })
        #expect(anthropic.pathPrefix.isEmpty)
        #expect(anthropic.backend.transport.tls != nil)
        #expect(anthropic.timeouts.connectNanoseconds == 1_000_000_000)
        #expect(anthropic.refusal?.code == .credentialUnavailable)
        #expect(result.diagnostics.map(\.severity) == [.warning, .warning])
        #expect(result.snapshot.backends.count == 2)
    }

    @Test func namesAliasesAndPatternsAreFound() {
        let table = table(
            """
            {name: fast, aliases: [quick], targets: [{provider: openai, model: gpt-5-mini}]},
            {name: "gpt-*", targets: [{provider: openai}]},
            {name: "gpt-5-*", targets: [{provider: openai, model: "ft:*"}]},
            {name: "openai/*", targets: [{provider: openai, model: "*", stripPrefix: openai/}]},
            {name: spare, visibility: internal, targets: [{provider: openai}]},
            {name: "claude-*", targets: [{provider: anthropic}]}
            """)
        #expect(find(table, "fast")?.model.name == "fast")
        #expect(find(table, "quick").map { String(decoding: $0.name, as: UTF8.self) } == "fast")
        #expect(upstream(table, "quick") == ["gpt-5-mini"])
        #expect(upstream(table, "gpt-4o") == ["gpt-4o"])
        #expect(upstream(table, "gpt-5-nano") == ["ft:gpt-5-nano"])
        #expect(upstream(table, "openai/o3") == ["o3"])
        #expect(upstream(table, "claude-a") == ["claude-a"])
        #expect(upstream(table, "claude-b") == [nil])
        for name in ["spare", "", "Fast", "fas", String(repeating: "gpt-", count: 100)] {
            #expect(find(table, name) == nil, "\(name)")
        }
        #expect(table.listed.map(\.text) == ["fast", "claude-a"])
    }

    @Test func targetsStandByPriority() throws {
        let table = table(
            """
            {name: m, fallback: [n], targets: [{provider: openai, model: c, priority: 2},
            {provider: openai, model: a}, {provider: anthropic, model: b}]},
            {name: n, visibility: internal, targets: [{provider: openai}]}
            """)
        let model = try #require(find(table, "m")?.model)
        #expect(model.targets.map(\.priority) == [0, 0, 2])
        #expect(model.tiers == [0..<2, 2..<3])
        #expect(table.fallbacks(of: model).map(\.model.name) == ["n"])
    }

    @Test func anUnknownPriceIsRefusedOrChargedAndNeverFree() throws {
        let refused = try #require(find(table("{name: m, targets: [{provider: openai}]}"), "m")).model.targets[0]
        #expect(refused.price == nil)
        #expect(refused.budgetPrice(nil) == nil)
        #expect(refused.budgetPrice(.charge) == nil)
        let rate = ", unknownPrice: charge, unknownPriceRate: {input: \"9\", output: \"9\"}"
        let charged = try #require(
            find(table("{name: m, targets: [{provider: openai}]}", spec: rate), "m")
        ).model.targets[0]
        #expect(charged.budgetPrice(nil)?.costMax(inputTokens: 1_000_000, outputTokens: 0).description == "9")
        #expect(charged.budgetPrice(.refuse) == nil)
        let own = "{provider: openai, price: {input: \"7\", output: \"7\"}}"
        let priced = try #require(find(table("{name: m, \(Self.price), targets: [\(own)]}"), "m")).model.targets[0]
        #expect(priced.budgetPrice(.refuse)?.base.input == Money(dollarsPerMillion: "7"))
    }

    @Test func aConditionKeepsATargetToThoseItIsFor() throws {
        let table = table("{name: m, targets: [{provider: openai, when: \"principal.user == 'a'\"}]}")
        let target = try #require(find(table, "m")).model.targets[0]
        let request = AccessTable.Request(name: Array("m".utf8), operation: .chat)
        #expect(target.serves(Principal(proof: .apiKey, user: "a"), request))
        #expect(!target.serves(Principal(proof: .apiKey, user: "b"), request))
    }

    @Test func budgetsAskTheStrictestOfWhatTheySay() {
        let budget = { (name: String, spec: String) in
            "apiVersion: sluice.dev/v1alpha1\nkind: BudgetPolicy\nmetadata: {name: \(name)}\nspec: {\(spec)}\n---\n"
        }
        let text =
            Self.providers + Self.catalog("{name: m, \(Self.price), targets: [{provider: openai}]}")
            + budget("a", "scope: user, limits: [{unit: usd, max: \"1\", window: 1d}], onUnknownPrice: charge")
            + budget("b", "scope: key, limits: [{unit: requests, max: 9, window: 1m}], onStoreFailure: allow")
            + budget("c", "scope: user, limits: [{unit: usd, max: \"1\", window: 1m}], shadow: true")
            + budget("d", "scope: user, models: [other], limits: [{unit: tokens, max: 1, window: 1d}]")
        let budgets = compile(text).result.models.budgets
        #expect(budgets.enforced.rules.map(\.name) == ["default/a", "default/b", "default/d"])
        #expect(budgets.shadow.rules.map(\.name) == ["default/c"])
        let caller = Principal(proof: .apiKey, user: "u", credentialID: "k")
        let terms = budgets.terms(BudgetFacts(principal: caller, model: "m"))
        #expect(terms.countsMoney)
        #expect(terms.onUnknownPrice == .charge)
        #expect(!terms.mayRunUncounted)
        let keyOnly = budgets.terms(
            BudgetFacts(principal: Principal(proof: .apiKey, credentialID: "k"), model: "m"))
        #expect(keyOnly.mayRunUncounted)
        #expect(!keyOnly.countsMoney)
        #expect(keyOnly.inputTokens(bodyBytes: 10) == 4)
    }

    // MARK: Routes

    /// Answers nothing; only tells that a route leads to it.
    private final class Room: RouteHandler {
        let table: ModelTable
        init(_ table: ModelTable) { self.table = table }
        func handle(_ exchange: Exchange) {}
    }

    private func served(_ yaml: String, _ path: String, port: Int) throws -> [String]? {
        let compilation = Compilation(yaml) { $0.modelRoom = { Room($0) } }
        guard case .room(let handler)? = try compilation.rule(path, port: port)?.action else { return nil }
        return (handler as? Room)?.table.models.map(\.name)
    }

    @Test func withoutGatewayAndRouteTheDefaultListenerHasTheModels() throws {
        let text = Self.providers + Self.catalog("{name: m, targets: [{provider: openai}]}")
        #expect(try served(text, "/v1/chat/completions", port: 8080) == ["m"])
        #expect(try served(text, "/other", port: 8080) == nil)
        #expect(try served(Self.providers, "/v1/chat/completions", port: 8080) == nil)
    }

    @Test func aRuleLeadsToItsCatalogueOnly() throws {
        let text =
            Self.providers + Self.catalog("{name: m, targets: [{provider: openai}]}")
            + Self.catalog("{name: other, targets: [{provider: openai}]}", name: "second") + Pieces.gateway
            + Pieces.route(
                "[{matches: [{path: {value: /ai}}], "
                    + "backendRefs: [{group: sluice.dev, kind: ModelCatalog, name: second}]}]"
            )
        #expect(try served(text, "/ai/chat/completions", port: 80) == ["other"])
        #expect(try served(text, "/v1/chat/completions", port: 80) == nil)
    }
}
