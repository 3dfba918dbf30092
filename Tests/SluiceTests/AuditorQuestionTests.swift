import Foundation
import GatewayIdentity
import GatewayModel
import GatewayRecords
import GatewayRuntime
import GatewayWire
import GatewayWorkbench
import Testing

@testable import sluice

/// The twelve questions of Documentation/Audit.md, asked after real traffic of one gateway: the commands are its own,
/// only the names that a run makes up (keys, grants, ports) are put in.
@Suite("The twelve answers are right", .timeLimit(.minutes(1)))
struct AuditorQuestionTests {
    /// What happened, as whoever made it happen knows it.
    private struct Story {
        var port = 0
        var providerPort = 0
        var brokenPort = 0
        /// Of carl's key, which is revoked after one call.
        var carlKey = ""
        /// What ada's authority goes back to.
        var grant = ""
        /// Calls that were served, and what they came to.
        var served = 0
        var tokens = 0
        var picodollars: Int128 = 0
    }

    private static func configuration(_ story: Story) -> String {
        """
        {apiVersion: v1, kind: Secret, metadata: {name: vendor}, stringData: {key: sk-vendor}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: openai},
         spec: {dialect: openai, baseURL: "http://127.0.0.1:\(story.providerPort)/v1",
                credential: {secretRef: {name: vendor, key: key}}}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: broken},
         spec: {dialect: openai, baseURL: "http://127.0.0.1:\(story.brokenPort)/v1"}}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelCatalog
        metadata: {name: default}
        spec:
          models:
            - {name: fast, targets: [{provider: openai, model: gpt-5-mini}], price: {input: "1", output: "2"}}
            - {name: secret, targets: [{provider: openai, model: gpt-5}], price: {input: "1", output: "2"}}
            - {name: broken, targets: [{provider: broken, model: x}], price: {input: "1", output: "2"}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelAccessPolicy, metadata: {name: dev},
         spec: {subjects: [{group: dev}], models: [fast, broken]}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: IdentityProvider, metadata: {name: login},
         spec: {type: JWT, jwt: {issuer: "https://login.example", audiences: [sluice], actors: [planner],
                jwks: {inline: '{"keys":[\(JSONTree.object(SigningKey(.p256).publishedMembers).compactText)]}'}}}}
        """
    }

    private let folder: TemporaryFolder
    private var state: String { folder.path + "/state" }

    init() throws { folder = try TemporaryFolder() }

    /// A command against the gateway.
    @discardableResult
    private func run(_ words: [String], status: Int32 = 0) async -> String {
        let done = await CommandRun.of(words + ["--state", state])
        #expect(done.status == status, "\(words): \(done.error) \(done.out)")
        return done.out
    }

    private func json(_ words: [String]) async throws -> JSONTree {
        try JSONTree.parse(Array(await run(words + ["-o", "json"]).utf8))
    }

    /// The records that a search of the page finds, the oldest first.
    private func records(_ words: [String]) async throws -> [JSONTree] {
        let items = try await json(words)["items"]?.array ?? []
        return items.reversed().compactMap { $0["record"] }
    }

    private func text(_ tree: JSONTree?) -> String { tree?.string?.value ?? "" }

    private func call(_ story: inout Story, _ credential: String, _ model: String) async throws -> Int {
        let answer = try await WorkbenchClient(version: .http1).call(
            "POST", "http://127.0.0.1:\(story.port)/v1/chat/completions",
            headers: [Header("authorization", "Bearer \(credential)"), Header("content-type", "application/json")],
            body: .text("{\"model\":\"\(model)\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"))
        if answer.status == 200 {
            let usage = try JSONTree.parse(answer.body)["usage"]
            let (input, output) = (usage?["prompt_tokens"]?.int ?? 0, usage?["completion_tokens"]?.int ?? 0)
            story.served += 1
            story.tokens += input + output
            // A dollar for a million tokens of input, two of output.
            story.picodollars += Int128(input + 2 * output) * 1_000_000
        }
        return answer.status
    }

    private func key(_ words: String...) async throws -> (id: String, key: String) {
        let made = try await json(["key", "create"] + words)
        return (text(made["id"]), text(made["key"]))
    }

    private func exchange(_ story: Story, _ token: String, _ client: (id: String, key: String)) async -> String {
        let done = await CommandRun.of(
            "token", "exchange", "--token", token, "--client", "\(client.id):\(client.key)", "--url",
            "http://127.0.0.1:\(story.port)")
        #expect(done.status == 0, "\(done.error)")
        return done.out.filter { $0 != "\n" }
    }

    // MARK: What happens

    private func traffic(_ story: inout Story) async throws {
        // Ada's run: a token of her own, two calls, one of a model that she may not have, one that fails upstream.
        let ada = await run(["run-token", "--user", "ada", "--agent", "coder", "--run", "run-42", "--groups", "dev"])
            .filter { $0 != "\n" }
        for _ in 0..<2 { #expect(try await call(&story, ada, "fast") == 200) }
        #expect(try await call(&story, ada, "secret") == 403)
        #expect(try await call(&story, ada, "broken") >= 500)
        // An agent that acts for her, in the same run.
        let planner = try await key("--agent", "planner")
        let child = await exchange(story, ada, planner)
        #expect(try await call(&story, child, "fast") == 200)
        story.grant = text(try claims(ada)["jti"])
        // Carl's key: one call, then it is revoked, and tried again.
        let carl = try await key("--user", "carl", "--group", "dev")
        #expect(try await call(&story, carl.key, "fast") == 200)
        await run(["key", "revoke", carl.id])
        story.carlKey = carl.id
        #expect(try await call(&story, carl.key, "fast") == 401)
    }

    private func claims(_ token: String) throws -> JSONTree {
        let parts = token.split(separator: ".")
        return try JSONTree.parse(try #require(Base64URL.decode(String(parts[1]))))
    }

    private func start(_ story: inout Story) async throws -> (GatewayProcess, MockModelServer) {
        var served = MockModelServer.Options()
        served.requiresKey = false
        let provider = try await MockModelServer.start(served)
        // A port that was somebody's and is nobody's now.
        let gone = try await MockHTTPServer.start()
        (story.providerPort, story.brokenPort) = (provider.port, gone.port)
        await gone.stop()
        let gateway = try await GatewayProcess(
            .quiet(.text(Self.configuration(story), name: "story.yaml"), state: state))
        try await gateway.start()
        story.port = try #require(gateway.boundPorts[8080])
        return (gateway, provider)
    }

    // MARK: What is asked

    /// The page's commands, with what this run made up in place of the page's names.
    private func questions(_ story: Story) throws -> [[String]] {
        let names = [
            "grant=grant-7": "grant=\(story.grant)", "key=key-1": "key=\(story.carlKey)",
            "credential=OPENAI_API_KEY": "credential=vendor.key", "api.openai.*": "127.0.0.1:\(story.providerPort)",
        ]
        let commands = try AuditCommandTests.commands().prefix(12)
        return commands.map { words in
            words.map { names[$0] ?? $0 }.filter { $0 != "-o" && $0 != "json" }
        }
    }

    @Test("twelve questions after one story")
    func story() async throws {
        var story = Story()
        let (gateway, provider) = try await start(&story)
        try await traffic(&story)
        let asked = try questions(story)
        try #require(asked.count == 12)
        try await whoAndWhy(asked, story)
        try await whatAndHowMuch(asked, story)
        try await howSurely(asked, story)
        try await gateway.stop()
        await provider.stop()
        // The same without a gateway, by the folder.
        #expect(await run(asked[8]).contains("proven"))
    }

    /// Of calls the second record, which says what came of it.
    private func outcomes(_ records: [JSONTree]) -> [JSONTree] {
        records.filter { text($0["unmapped"]?["traffic"]) == "models" && text(state(of: $0)) != "pending" }
    }

    private func state(of record: JSONTree) -> JSONTree? { record["unmapped"]?["effect"]?["state"] }

    private func summary(_ record: JSONTree) -> String {
        let who = "\(text(record["actor"]?["user"]?["uid"]))/\(text(record["ai_agent"]?["uid"]))"
        let effect = text(state(of: record))
        let verdict = text(record["unmapped"]?["decision"]?["verdict"])
        return "\(who) \(text(record["ai_model"]?["name"])) \(verdict)" + (effect.isEmpty ? "" : " \(effect)")
    }

    private func whoAndWhy(_ asked: [[String]], _ story: Story) async throws {
        // 1. Who, through which agent, in which run, with which model.
        let run = try await records(asked[0])
        #expect(
            outcomes(run).map(summary) == [
                "ada/coder fast allowed done", "ada/coder fast allowed done", "ada/coder secret denied",
                "ada/coder broken allowed failed", "ada/planner fast allowed done",
            ])
        #expect(
            Set(run.filter { $0["class_uid"]?.int == 3003 }.map { text($0["api"]?["operation"]) })
                == ["token.mint", "token.exchange"])
        // 2. Under which grant: what planner did goes back to ada's token, and its chain says so.
        let granted = outcomes(try await records(asked[1]))
        #expect(granted.map(summary) == ["ada/planner fast allowed done"])
        #expect(granted.first?["unmapped"]?["delegation_chain"]?.array?.map { text($0["sub"]) } == ["planner"])
        // 3. Decided again, nothing is otherwise.
        let again = try await json(asked[2])
        #expect(again["replayed"]?.int == 6 && again["changed"]?.int == 0, "\(again.compactText)")
        // 4. What was denied: a model nobody lets her use, and a key that is revoked.
        let denied = try await records(asked[3])
        #expect(
            denied.map { text($0["status_code"]) } == [
                ErrorCode.modelNotAllowed.rawValue, ErrorCode.unauthenticated.rawValue,
            ])
        let reason = text(denied.first?["unmapped"]?["decision"]?["reason"])
        #expect(reason.contains("secret"))
    }

    private func whatAndHowMuch(_ asked: [[String]], _ story: Story) async throws {
        // 5. Which credential, and where it went: once for each call that was served.
        let used = try await records(asked[4])
        #expect(used.count == story.served && story.served == 4)
        #expect(used.allSatisfy { text($0["dst_endpoint"]?["domain"]) == "127.0.0.1:\(story.providerPort)" })
        // 6. Carl's key was used once, and not after it was revoked.
        let revoked = try #require(
            try await records(["audit", "search", "--tool", "/v1/keys/\(story.carlKey)/revoke"]).last)
        let since = AuditTime.text(milliseconds: (revoked["time"]?.int ?? 0))
        var words = asked[5]
        #expect(outcomes(try await records(words)).map(summary) == ["carl/ fast allowed done"])
        words[try #require(words.firstIndex(of: "--since")) + 1] = since
        let late = try await records(words)
        #expect(late.isEmpty, "\(words) \(late.map(\.compactText))")
        // 7. What left, where to: bytes of each call.
        let left = try await records(asked[6])
        #expect(left.count == story.served)
        #expect(left.allSatisfy { ($0["traffic"]?["bytes_in"]?.int ?? 0) > 0 })
        #expect(left.allSatisfy { ($0["traffic"]?["bytes_out"]?.int ?? 0) > 0 })
        // 8. What was spent: the ledger, the log and the answers agree to the last token.
        let rows = try await json(asked[7])["items"]?.array ?? []
        let sums = rows.map { row in "\(text(row["user"])) \(text(row["model"])) \(row["calls"]?.int ?? -1)" }
        #expect(Set(sums).isSuperset(of: ["ada fast 3", "carl fast 1"]), "\(sums)")
        let cost = rows.compactMap { Money(dollars: text($0["costUSD"])) }.reduce(Money.zero) { $0 + $1 }
        #expect(cost == Money(picodollars: story.picodollars))
        let told = used.compactMap { Money(dollars: text($0["unmapped"]?["cost_usd"])) }.reduce(Money.zero) { $0 + $1 }
        #expect(told == cost)
        #expect(used.reduce(0) { $0 + ($1["message_context"]?["total_tokens"]?.int ?? 0) } == story.tokens)
    }

    private func howSurely(_ asked: [[String]], _ story: Story) async throws {
        // 9. Complete and unaltered.
        #expect(await run(asked[8]).contains("proven"))
        // 10. Nothing was lost, set aside or deleted.
        #expect(await run(asked[9]) == "no records\n")
        // 11. Who changed and who read: the system's user behind the socket, what was done and to what.
        let admin = try await records(asked[10])
        #expect(admin.allSatisfy { text($0["actor"]?["user"]?["uid"]).hasPrefix("unix:") })
        #expect(admin.allSatisfy { text($0["actor"]?["session"]?["credential_uid"]) == "admin-token" })
        let done = admin.filter { text(state(of: $0)) == "done" }
        #expect(done.count { text($0["api"]?["operation"]) == "POST /v1/keys" } == 2)
        #expect(
            done.count { text($0["resources"]?.array?.first?["name"]) == "/v1/keys/\(story.carlKey)/revoke" } == 1)
        #expect(admin.contains { text($0["api"]?["operation"]) == "audit.search" })
        #expect(admin.contains { text($0["unmapped"]?["details"]?["user"]) == "carl" })
        // 12. What did not go as decided.
        #expect(try await records(asked[11]).map(summary) == ["ada/coder broken allowed failed"])
    }
}
