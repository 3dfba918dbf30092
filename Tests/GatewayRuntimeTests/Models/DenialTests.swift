import Foundation
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWire
import GatewayWorkbench
import Testing

@Suite("A denial says which rule decided, which grant is missing and what to do next", .timeLimit(.minutes(1)))
struct DenialTests {
    /// `chat` for the group dev, `claude` for the group research in the daytime and for nobody in the group trial.
    private static let policies = """
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelAccessPolicy, metadata: {name: dev},
         spec: {subjects: [{group: dev}], models: [chat], operations: [chat]}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelAccessPolicy, metadata: {name: research},
         spec: {subjects: [{group: research}], models: [claude], when: "request.model == 'other'"}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelAccessPolicy, metadata: {name: everybody},
         spec: {subjects: [{group: trial}], models: ["*"]}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelAccessPolicy, metadata: {name: no-claude},
         spec: {effect: deny, subjects: [{group: trial}], models: [claude]}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelAccessPolicy, metadata: {name: small},
         spec: {subjects: [{group: small}], models: [chat], limits: {outputTokensMax: 10}}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: BudgetPolicy, metadata: {name: once},
         spec: {subjects: [{group: trial}], scope: user, limits: [{unit: requests, max: 1, window: 1h}]}}
        """

    private static func run(_ body: (ModelStand) async throws -> Void) async throws {
        var options = ModelStand.Options()
        options.more = policies
        options.isOpen = false
        try await ModelStand.run(options, body)
    }

    private static func key(
        _ stand: ModelStand, _ user: String?, groups: [String] = [], models: [String] = []
    ) throws -> (id: String, secret: String) {
        var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
        draft.user = user
        draft.groups = groups
        draft.models = models
        let made = try stand.gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000)
        return (made.key.id, made.secret)
    }

    private static func ask(
        _ stand: ModelStand, _ key: String, _ model: String, _ path: String = "/v1/chat/completions",
        more: String = ""
    ) async throws -> (status: Int, text: String) {
        let answer = try await stand.call(key, path, ModelStand.question(model, "", false, more))
        return (answer.status, answer.text)
    }

    @Test("no policy is about the caller: its own names are said, and what would have to name them")
    func noPolicy() async throws {
        try await Self.run { stand in
            let eve = try Self.key(stand, "eve", groups: ["sales", "emea"]).secret
            let denied = try await Self.ask(stand, eve, "chat")
            #expect(denied.status == 403)
            for words in [
                "no policy lets you use the model: chat", "ModelAccessPolicy", "user eve", "group sales", "group emea",
                "GET /v1/models", "sluice why --principal user=eve --principal group=sales",
            ] {
                #expect(denied.text.contains(words), "\(words): \(denied.text)")
            }
            // Not who may: that is not the caller's business.
            for other in ["dev", "research", "trial", "claude"] { #expect(!denied.text.contains(other)) }
        }
    }

    @Test("a policy is about the caller, and not about this: another operation, a condition that does not hold")
    func nearly() async throws {
        try await Self.run { stand in
            let ada = try Self.key(stand, "ada", groups: ["dev"]).secret
            #expect(try await Self.ask(stand, ada, "chat").status == 200)
            let body = #"{"model":"chat","input":"x"}"#
            let other = try await stand.call(ada, "/v1/embeddings", body)
            #expect(other.status == 403)
            #expect(other.text.contains("default/dev"), "\(other.text)")
            #expect(other.text.contains("embeddings"), "\(other.text)")
            let rita = try Self.key(stand, "rita", groups: ["research"]).secret
            let condition = try await Self.ask(stand, rita, "claude")
            #expect(condition.status == 403)
            #expect(condition.text.contains("the condition of ModelAccessPolicy default/research"), "\(condition.text)")
            // What the condition says may be nobody else's business.
            #expect(!condition.text.contains("request.model"))
        }
    }

    @Test("a policy denies, or limits: it is named")
    func denied() async throws {
        try await Self.run { stand in
            let tom = try Self.key(stand, "tom", groups: ["trial"]).secret
            let denied = try await Self.ask(stand, tom, "claude")
            #expect(denied.status == 403)
            #expect(denied.text.contains("decided by ModelAccessPolicy default/no-claude"), "\(denied.text)")
            let sam = try Self.key(stand, "sam", groups: ["small"]).secret
            let large = try await Self.ask(stand, sam, "chat", more: ",\"max_tokens\":500")
            #expect(large.status == 400)
            #expect(large.text.contains("default/small") && large.text.contains("ask for less"), "\(large.text)")
        }
    }

    @Test("the key's own list is too narrow: what it is for is said, and nothing else")
    func narrow() async throws {
        try await Self.run { stand in
            let ada = try Self.key(stand, "ada", groups: ["dev", "trial"], models: ["chat", "fast-*"]).secret
            let denied = try await Self.ask(stand, ada, "claude")
            #expect(denied.status == 403)
            for words in ["your key is not for the model: claude", "chat, fast-*", "sluice whoami"] {
                #expect(denied.text.contains(words), "\(words): \(denied.text)")
            }
        }
    }

    @Test("a model that is not there is said as one that may not be used, with the nearest that may")
    func unknown() async throws {
        try await Self.run { stand in
            let ada = try Self.key(stand, "ada", groups: ["dev"]).secret
            let near = try await Self.ask(stand, ada, "chta")
            #expect(near.status == 404)
            #expect(near.text.contains("did you mean chat?"), "\(near.text)")
            #expect(near.text.contains("ModelCatalog") && near.text.contains("ModelAccessPolicy"), "\(near.text)")
            // The nearest name is one that this caller does not see.
            let hidden = try await Self.ask(stand, ada, "cloude")
            #expect(hidden.status == 404)
            #expect(!hidden.text.contains("claude"), "\(hidden.text)")
        }
    }

    @Test("a budget is spent: whose, how much, until when, and who can raise it")
    func spent() async throws {
        try await Self.run { stand in
            let tom = try Self.key(stand, "tom", groups: ["trial"]).secret
            #expect(try await Self.ask(stand, tom, "chat").status == 200)
            let spent = try await Self.ask(stand, tom, "chat")
            #expect(spent.status == 429)
            for words in ["the user's budget of 1requests/1h", "has 0 left", "default/once", "try again in", "raised"] {
                #expect(spent.text.contains(words), "\(words): \(spent.text)")
            }
        }
    }

    @Test("a key that is blocked, unknown or missing: what to do about it")
    func keys() async throws {
        try await Self.run { stand in
            let made = try Self.key(stand, "ada", groups: ["dev"])
            _ = try stand.gateway.process.state.keys.set(made.id, .blocked, nowSeconds: 1_800_000_001)
            let blocked = try await Self.ask(stand, made.secret, "chat")
            #expect(blocked.status == 401)
            #expect(blocked.text.contains("sluice key unblock \(made.id)"), "\(blocked.text)")
            let unknown = try await Self.ask(stand, "slk_unknown", "chat")
            #expect(unknown.status == 401)
            #expect(unknown.text.contains("sluice key create"), "\(unknown.text)")
            let none = try await WorkbenchClient(version: .http1).call(
                "POST", try stand.gateway.url("/v1/chat/completions"), body: .text(ModelStand.question("chat")))
            #expect(none.status == 401)
            #expect(none.text.contains("authorization: Bearer"), "\(none.text)")
        }
    }
}
