import GatewayModel
import Testing

@testable import sluice

@Suite("A call that has to be approved waits for whoever calls it by a command", .timeLimit(.minutes(1)))
struct ToolApprovalCommandTests {
    private static let policy = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ToolAccessPolicy
        metadata: {name: asked}
        spec:
          subjects: [{group: quickstart}]
          rules: [{server: demo, tools: [add], verdict: ask}]

        """

    private static func add(_ stand: QuickstartStand, _ more: String...) async -> CommandRun {
        await CommandRun.of(
            ["tool", "call", "demo.add", "--arg", "a=1", "--arg", "b=2", "--url", stand.url, "--key", stand.key] + more)
    }

    private static func ids(_ stand: QuickstartStand, _ state: String) async throws -> [String] {
        let list = await stand.command("approval", "list", "--is", state, "-o", "json")
        #expect(list.status == 0, "\(list.error)")
        return try #require(try AdminClient.node(Array(list.out.utf8))["items"]?.elements).compactMap {
            $0["id"]?.string
        }
    }

    @Test("without --answer nobody is asked: the call is not made, and waits", arguments: ["new", "old"])
    func waits(era: String) async throws {
        try await QuickstartStand.run(more: Self.policy) { stand in
            let call = await Self.add(stand, "--era", era)
            #expect(call.status == 4 && call.out.isEmpty, "\(call.out)")
            #expect(call.error.contains("a person has to approve this call"), "\(call.error)")
            let pending = try await Self.ids(stand, "pending")
            try #require(pending.count == 1)
            #expect(call.error.contains("sluice approval approve \(pending[0])"), "\(call.error)")
            #expect(await stand.command("approval", "approve", pending[0]).status == 0)
            let again = await Self.add(stand, "--era", era)
            #expect(again.status == 0 && again.out == "{\"sum\":3}\n", "\(again.error)\(again.out)")
            #expect(try await Self.ids(stand, "used") == pending)
        }
    }

    @Test("--answer approve=true makes the call at once, approve=false does not", arguments: ["new", "old"])
    func answered(era: String) async throws {
        try await QuickstartStand.run(more: Self.policy) { stand in
            let yes = await Self.add(stand, "--era", era, "--answer", "approve=true")
            #expect(yes.status == 0 && yes.out == "{\"sum\":3}\n", "\(yes.error)\(yes.out)")
            let used = try await Self.ids(stand, "used")
            #expect(used.count == 1)
            let no = await Self.add(stand, "--era", era, "--answer", "approve=false")
            #expect(no.status == 4 && no.out.isEmpty, "\(no.error)")
        }
    }

    @Test("what a person denied, and what no rule allows, ends with exit status 4")
    func denied() async throws {
        try await QuickstartStand.run(more: Self.policy) { stand in
            #expect(await Self.add(stand).status == 4)
            let pending = try await Self.ids(stand, "pending")
            try #require(pending.count == 1)
            #expect(await stand.command("approval", "deny", pending[0]).status == 0)
            let refused = await Self.add(stand)
            #expect(refused.status == 4 && refused.error.contains("a person has not approved"), "\(refused.error)")
            #expect(await stand.tool("demo.delete_note", "--arg", "id=1").status != 0)
            let unknown = await stand.command("approval", "list", "--is", "wrong")
            #expect(unknown.status == 2 && unknown.out.isEmpty)
            let words = "no approval is \"wrong\" (known: pending, approved, denied, used, expired)"
            #expect(unknown.error.contains(words), "\(unknown.error)")
        }
    }

    @Test("what is asked about a call without one knows the tool once its server has listed it")
    func asked() async throws {
        try await QuickstartStand.run(more: Self.policy.replacing("verdict: ask", with: "verdict: allow")) { stand in
            func why(_ words: String...) async -> CommandRun {
                let caller = ["why", "--tool", "demo.add", "--principal", "group=quickstart"]
                return await CommandRun.of(caller + words + ["--state", stand.folder.path + "/state"])
            }
            let before = await why("--arg", "a=1")
            #expect(before.status == 0 && before.out.contains("the tool's schema"), "\(before.out)\(before.error)")
            #expect(await Self.add(stand).status == 0)
            let lacking = await why("--arg", "a=1")
            #expect(lacking.status == 1 && lacking.out.contains("do not fit the tool's schema"), "\(lacking.out)")
            let whole = await why("--arg", "a=1", "--arg", "b=2")
            #expect(whole.status == 0 && whole.out.contains("the arguments fit it"), "\(whole.out)")
        }
    }
}
