import GatewayWorkbench
import Testing

@testable import sluice

@Suite("The quickstart has what the commands ask for", .timeLimit(.minutes(1)))
struct QuickstartTests {
    @Test("its key is somebody, gets tokens, and calls the tools of the server that it names")
    func commands() async throws {
        try await QuickstartStand.run { stand in
            let who = await CommandRun.of("whoami", "--token", stand.key, "--url", stand.url, "-o", "json")
            #expect(who.status == 0 && who.out.contains("\"user\": \"quickstart\""), "\(who.error)\(who.out)")
            let unknown = await CommandRun.of("whoami", "--token", "slk_nobody", "--url", stand.url)
            #expect(unknown.status == 4 && unknown.error.contains("the API key is not known"), "\(unknown.error)")
            let minted = await stand.command("run-token", "--user", "ada", "--groups", "quickstart")
            let token = minted.out.filter { $0 != "\n" }
            let narrower = await CommandRun.of(
                "token", "exchange", "--token", token, "--models", "fast", "--url", stand.url)
            #expect(narrower.status == 0 && narrower.out.hasPrefix("ey"), "\(narrower.error)")
            let called = await stand.tool("demo.echo", "--arg", "text=hello")
            #expect(called.status == 0 && called.out.contains("hello"), "\(called.error)")
        }
    }

    @Test("a server that does not exist is not the one that does")
    func noServer() async throws {
        try await QuickstartStand.run { stand in
            let run = await stand.tool("nosrv.echo", "--arg", "text=hello")
            #expect(run.status != 0 && run.out.isEmpty)
            #expect(run.error.contains("SL-4001") && run.error.contains("there is no such server of tools"))
            for path in ["/mcp/nosrv", "/mcp/demo/more", "/mcp/dem"] {
                let answer = try await WorkbenchClient(version: .http1).call(
                    "POST", stand.url + path, headers: [Header("authorization", "Bearer \(stand.key)")],
                    body: .text(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#))
                #expect(answer.status == 404 && answer.text.contains("\"jsonrpc\""), "\(answer.text)")
                #expect(answer.text.contains("SL-4001"), "\(answer.text)")
            }
        }
    }

    @Test("budgets are found by their name alone, and one that nobody made is an error")
    func budgets() async throws {
        try await QuickstartStand.run { stand in
            for name in ["per-user", "default/per-user", "key"] {
                let shown = await stand.command("budget", "show", name)
                #expect(shown.status == 0 && shown.out == "no budgets in use\n", "\(shown.error)")
                #expect(await stand.command("budget", "reset", name, "--yes").status == 0)
            }
            for words in [["budget", "show", "nosuch"], ["budget", "reset", "nosuch", "--yes"]] {
                let refused = await CommandRun.of(words + ["--state", stand.folder.path + "/state"])
                #expect(refused.status == 1 && refused.out.isEmpty)
                #expect(refused.error.contains("SL-6004 no BudgetPolicy \"nosuch\" (known: default/per-user, key)"))
            }
        }
    }

    @Test("the end of the log begins with what is there, when it is asked to; its standing is told everywhere")
    func audit() async throws {
        try await QuickstartStand.run { stand in
            #expect(await stand.tool("demo.echo", "--arg", "text=hello").status == 0)
            let status = await stand.command("audit", "status")
            #expect(status.status == 0, "\(status.error)")
            for fact in ["folder ", stand.folder.path + "/state/audit", "healthy ", "records ", "durable "] {
                #expect(status.out.contains(fact), "\(status.out)")
            }
            let whole = await stand.command("status")
            #expect(whole.out.split(separator: "\n").contains { $0.hasPrefix("audit") && $0.hasSuffix("healthy") })
            // The call was there before anybody followed. It is one record or two, by how long it took.
            let all = await stand.command("audit", "search", "--tool", "echo")
            let count = all.out.split(separator: "\n").count - 1
            #expect([1, 2].contains(count), "\(all.out)")
            let since = await stand.command(
                "audit", "tail", "--since", "1h", "--tool", "echo", "--count", "\(count)", "--json")
            #expect(since.status == 0 && since.out.split(separator: "\n").count == count, "\(since.error)")
            let last = await stand.command("audit", "tail", "--last", "1", "--tool", "echo", "--count", "1", "--json")
            #expect(since.out.hasSuffix(last.out) && !last.out.isEmpty, "\(last.out)")
            // Nothing that comes now is from before then.
            let ended = await stand.command("audit", "tail", "--since", "1h", "--until", "2001-01-01")
            #expect(ended.status == 0 && ended.out.isEmpty, "\(ended.error)\(ended.out)")
            for spelling in ["demo/echo", "demo.echo", "demo__echo", "echo", "demo/*"] {
                let found = await stand.command("audit", "search", "--tool", spelling)
                #expect(found.out.split(separator: "\n").count == count + 1, "\(spelling): \(found.out)")
            }
            #expect(await stand.command("audit", "search", "--tool", "ech").out == "no records\n")
        }
    }
}
