import Foundation
import GatewayControl
import GatewayModel
import GatewayRecords
import GatewayRuntime
import GatewayState
import GatewayWire
import GatewayWorkbench
import Testing

@Suite("What is decided again is decided as the call was", .timeLimit(.minutes(1)))
struct ReplayTests {
    /// A model without a price, one that gives short answers, and one that falls back to a model without a price that
    /// sees no pictures. A budget of dollars is upon carl.
    private static let more = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelCatalog
        metadata: {name: more}
        spec:
          models:
            - {name: unpriced, targets: [{provider: openai}], capabilities: [tools]}
            - {name: short, targets: [{provider: openai}], context: {outputTokensMax: 10}}
            - {name: seeing, targets: [{provider: openai}], price: {input: "1", output: "1"}, fallback: [unpriced]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: BudgetPolicy
        metadata: {name: dollars}
        spec: {scope: user, subjects: [{user: carl}], limits: [{unit: usd, max: "5.00", window: 1d}]}
        """

    private static func run(
        more: String = more, isOpen: Bool = true, _ body: (ModelStand) async throws -> Void,
        then look: (AuditFolder) throws -> Void
    ) async throws {
        var options = ModelStand.Options()
        options.more = more
        options.isOpen = isOpen
        var folder: URL?
        try await ModelStand.run(options) { stand in
            folder = stand.gateway.folder
            try await body(stand)
        }
        let left = try #require(folder)
        defer { try? FileManager.default.removeItem(at: left) }
        try look(AuditFolder(stateFolder: left.appending(path: "state").path))
    }

    private static func objects(_ text: String) -> ObjectSet {
        ConfigurationLoad(texts: [ConfigurationLoad.Text(bytes: Array(text.utf8), file: "new.yaml")], mode: .tolerant)
            .set
    }

    private static let picture = """
        {"model":"seeing","messages":[{"role":"user","content":[
        {"type":"image_url","image_url":{"url":"https://pictures.example/a.png"}}]}]}
        """

    @Test("nothing changes: a model without a price, an answer too long for its model, a key's own dollars")
    func same() async throws {
        try await Self.run { stand in
            let (alice, carl) = (try stand.key(), try stand.key("carl"))
            var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
            draft.user = "dora"
            draft.limits = [BudgetLimit(unit: .usd, max: 5_000_000_000_000, window: .total)]
            let dora = try stand.gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
            func ask(_ key: String, _ body: String) async throws -> (status: Int, text: String) {
                let answer = try await stand.call(key, "/v1/chat/completions", body)
                return (answer.status, answer.text)
            }
            #expect(try await ask(alice, ModelStand.question("unpriced")).status == 200)
            for key in [carl, dora] {
                let refused = try await ask(key, ModelStand.question("unpriced"))
                #expect(refused.status == 403, "\(refused.text)")
                #expect(refused.text.contains(ErrorCode.modelUnpriced.rawValue), "\(refused.text)")
            }
            #expect(try await ask(carl, ModelStand.question("seeing")).status == 403)
            #expect(try await ask(carl, Self.picture).status == 200)
            #expect(try await ask(alice, ModelStand.question("short", "", false, ",\"max_tokens\":11")).status == 400)
            #expect(try await stand.call(alice, "/v1/files", [], method: "GET").status == 403)
        } then: { folder in
            var replay = DecisionReplay(folder, objects: nil)
            replay.run(sinceMilliseconds: nil)
            #expect(replay.changes.isEmpty, "\(replay.changes)")
            #expect(replay.replayed == 5)
            // Dora's key, and the list of files.
            #expect(replay.skipped == 2 && replay.unknownPolicies == 0)
        }
    }

    @Test("nor does it where tokens were too many, which the record of the refusal says")
    func tokens() async throws {
        let few = """
            ---
            {apiVersion: sluice.dev/v1alpha1, kind: ModelAccessPolicy, metadata: {name: few},
             spec: {subjects: [{any: true}], models: ["*"], limits: {inputTokensMax: 5, outputTokensMax: 10}}}
            """
        try await Self.run(more: few, isOpen: false) { stand in
            let key = try stand.key()
            for more in ["", ",\"max_tokens\":77"] {
                let answer = try await stand.call(
                    key, "/v1/chat/completions", ModelStand.question("chat", "", false, more))
                #expect(answer.status >= 400)
            }
        } then: { folder in
            var replay = DecisionReplay(folder, objects: nil)
            replay.run(sinceMilliseconds: nil)
            #expect(replay.changes.isEmpty, "\(replay.changes)")
            #expect(replay.replayed == 2)
        }
    }

    @Test("a policy alone is laid over the configuration of each call")
    func policyAlone() async throws {
        try await Self.run { stand in
            for user in ["alice", "bob"] {
                let answer = try await stand.call(
                    try stand.key(user), "/v1/chat/completions", ModelStand.question("chat"))
                #expect(answer.status == 200)
            }
        } then: { folder in
            let deny = """
                apiVersion: sluice.dev/v1alpha1
                kind: ModelAccessPolicy
                metadata: {name: not-bob}
                spec: {subjects: [{user: bob}], models: ["*"], effect: deny}
                """
            var added = DecisionReplay(folder, objects: Self.objects(deny))
            added.run(sinceMilliseconds: nil)
            #expect(added.changes.map(\.principal.user) == ["bob"])
            #expect(added.changes.first?.rule == "default/not-bob")
            // The one that lets everybody in is replaced by one of its name.
            let narrow = deny.replacing("not-bob", with: "all").replacing(", effect: deny", with: "")
            var replaced = DecisionReplay(folder, objects: Self.objects(narrow))
            replaced.run(sinceMilliseconds: nil)
            #expect(replaced.changes.map(\.principal.user) == ["alice"])
        }
    }

    @Test("a question about a call names the budget that needs a price")
    func question() throws {
        let trial = ModelTrial(Self.objects(ModelStand.configuration(1, ModelStand.Options()) + Self.more))
        func answer(_ user: String, _ model: String) -> ConfigNode {
            trial.explain(ModelTrial.Question(principal: Principal(proof: .apiKey, user: user), model: model))
        }
        let refused = answer("carl", "unpriced")
        #expect(refused["decision"]?.string == "denied" && refused["rule"]?.string == "default/dollars")
        #expect(refused["code"]?.string == ErrorCode.modelUnpriced.rawValue)
        #expect(refused["next"]?.string?.contains("unknownPrice") == true)
        #expect(answer("alice", "unpriced")["decision"]?.string == "allowed")
        #expect(answer("carl", "chat")["decision"]?.string == "allowed")
    }
}
