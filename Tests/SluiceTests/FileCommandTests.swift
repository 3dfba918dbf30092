import Foundation
import GatewayControl
import GatewayModel
import Testing

@testable import sluice

@Suite("Commands on files work without a gateway")
struct FileCommandTests {
    private let quickstart = Package.path("examples/quickstart/gateway.yaml")

    @Test func `a good file has no finding`() async {
        let run = await CommandRun.of("check", "-f", quickstart)
        #expect(run.status == 0)
        #expect(run.out == "ok: 3 objects in 1 file\n")
    }

    @Test(arguments: [
        Quickstart.Source.mock(port: 9100), .vendors(openai: true, anthropic: true),
        .vendors(openai: true, anthropic: false), .vendors(openai: false, anthropic: true),
    ])
    func `the built-in quickstart has no finding`(source: Quickstart.Source) async throws {
        let folder = try TemporaryFolder()
        let run = await CommandRun.of("check", try folder.write(Quickstart(source, toolPort: 9201).text, to: "q.yaml"))
        #expect(run.status == 0, "\(run.out)")
        // The keys of vendors are not in the environment of a test.
        let findings = run.out.split(separator: "\n").filter { $0.contains(": warning ") && !$0.contains("SL-1020") }
        #expect(findings.isEmpty)
    }

    @Test func `the quickstart takes real vendors as soon as one of their keys is there`() {
        #expect(Quickstart.vendors([:]) == nil)
        #expect(Quickstart.vendors(["OPENAI_API_KEY": ""]) == nil)
        #expect(Quickstart.vendors(["OPENAI_API_KEY": "sk-1"]) == .vendors(openai: true, anthropic: false))
        #expect(Quickstart.vendors(["ANTHROPIC_API_KEY": "sk-2"]) == .vendors(openai: false, anthropic: true))
    }

    @Test func `the quickstart says four commands to try, with its key`() {
        let quickstart = Quickstart(.mock(port: 9100), toolPort: 9201)
        let lines = quickstart.invitation(url: "http://127.0.0.1:8080/", key: "slk_1")
        #expect(lines.filter { $0.hasPrefix("  ") && $0.contains("slk_1") }.count == 4)
        #expect(lines.contains { $0.contains("curl http://127.0.0.1:8080/v1/chat/completions") })
        #expect(lines.contains { $0.contains("good for another day") && $0.contains("sluice key create") })
        #expect(Quickstart(.mock(port: 9100), port: 8081).text.contains("protocol: HTTP, port: 8081}"))
    }

    @Test func `a misspelt field is shown with its place, in every form`() async throws {
        let folder = try TemporaryFolder()
        let text = try String(contentsOfFile: quickstart, encoding: .utf8).replacing("listeners:", with: "listenres:")
        let file = try folder.write(text, to: "bad.yaml")
        let table = await CommandRun.of("check", "-f", file)
        #expect(table.status == 1)
        #expect(table.out.contains("\(file):7:3: error SL-1002: unknown field \"listenres\""))
        #expect(table.out.contains("did you mean \"listeners\"?"))
        let json = await CommandRun.of("check", "-f", file, "-o", "json")
        #expect(json.status == 1)
        #expect(json.out.contains("\"line\": 7") && json.out.contains("\"code\": \"SL-1002\""))
        let yaml = await CommandRun.of("check", "-f", file, "-o", "yaml")
        #expect(yaml.out.contains("line: 7\n"))
    }

    @Test func `warnings count only when asked`() async throws {
        let folder = try TemporaryFolder()
        let text =
            try String(contentsOfFile: quickstart, encoding: .utf8)
            + "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
        let file = try folder.write(text, to: "a.yaml")
        #expect(await CommandRun.of("check", file).status == 0)
        #expect(await CommandRun.of("check", "--strict", file).status == 1)
    }

    @Test func `fmt shows, compares and writes`() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("kind: Namespace # kept\nmetadata: {name: a}\napiVersion: v1\n", to: "a.yaml")
        let shown = await CommandRun.of("fmt", file)
        #expect(shown.status == 0)
        #expect(shown.out.hasPrefix("apiVersion: v1\nkind: Namespace"))
        let compared = await CommandRun.of("fmt", "--diff", file)
        #expect(compared.status == 1)
        #expect(compared.out.contains("-metadata: {name: a}") && compared.out.contains("+  name: a"))
        let written = await CommandRun.of("fmt", "--write", file)
        #expect(written.status == 0 && written.out.isEmpty)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == shown.out)
        #expect(await CommandRun.of("fmt", "--diff", file).status == 0)
        #expect(await CommandRun.of("fmt", try folder.write("a: [", to: "broken.yaml")).status == 1)
    }

    @Test func `schemas are written where they are wanted`() async throws {
        let folder = try TemporaryFolder()
        let one = await CommandRun.of("schema", "backends")
        #expect(one.out.contains("\"title\": \"Backend\""))
        #expect(await CommandRun.of("schema", "-o", "\(folder.path)/schemas/").status == 0)
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/schemas")
        #expect(files.count == ObjectKind.allCases.count)
        #expect(await CommandRun.of("schema", "-o", "\(folder.path)/all.json").status == 0)
        #expect(FileManager.default.fileExists(atPath: "\(folder.path)/all.json"))
    }

    @Test func `explain names the rule from files`() async {
        let found = await CommandRun.of("explain", "GET", "http://localhost:8080/a", "-f", quickstart)
        #expect(found.status == 0)
        #expect(found.out.contains("default/app") && found.out.contains("chosen"))
        let lost = await CommandRun.of("why", "http://localhost:8081/a", "-f", quickstart)
        #expect(lost.status == 1)
        #expect(lost.out.contains("nothing listens on port 8081; listening: 8080"))
        let shop = Package.path("examples/canary/gateway.yaml")
        let other = await CommandRun.of("explain", "http://localhost:8080/a", "-f", shop, "-o", "json")
        #expect(other.status == 1)
        #expect(other.out.contains("404 SL-4001") && other.out.contains("host is not"))
        let smuggled = await CommandRun.of(
            "explain", "http://localhost:8080/a", "-H", "content-length: 1", "-H", "transfer-encoding: chunked", "-f",
            quickstart)
        #expect(smuggled.out.contains("refused before any rule"))
    }

    @Test func `why tells of a tool what is decided, by which rule, for which caller and arguments`() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(
            """
            {apiVersion: sluice.dev/v1alpha1, kind: MCPServer, metadata: {name: demo},
             spec: {http: {url: "http://127.0.0.1:1/mcp"}}}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ToolAccessPolicy
            metadata: {name: some}
            spec:
              subjects: [{user: alice}]
              rules:
                - {server: demo, tools: [echo]}
                - {server: demo, tools: [add], when: "tool.arguments.a < 100"}
                - {server: demo, tools: [delete_note], verdict: ask}
            """, to: "tools.yaml")
        func why(_ words: String...) async -> CommandRun { await CommandRun.of(["why"] + words + ["-f", file]) }
        for name in ["demo.echo", "demo/echo", "demo__echo"] {
            let allowed = await why("--tool", name, "--principal", "user=alice")
            #expect(allowed.status == 0 && allowed.out.contains("default/some#rules[0]"), "\(allowed.error)")
        }
        let few = await why("--tool", "demo.add", "--principal", "user=alice", "--arg", "a=99")
        #expect(few.status == 0 && few.out.contains("lets the call through"), "\(few.out)")
        let many = await why("--tool", "demo.add", "--principal", "user=alice", "--arg", "a=100")
        #expect(many.status == 1 && many.out.contains("denied") && many.out.contains("condition does not hold"))
        let asked = await why("--tool", "demo.delete_note", "--principal", "user=alice", "-o", "json")
        #expect(asked.status == 1 && asked.out.contains("\"decision\": \"ask\"") && asked.out.contains("SL-3021"))
        let other = await why("--tool", "demo.echo", "--principal", "user=bob")
        #expect(other.status == 1 && other.out.contains("it is about other callers"), "\(other.out)")
        let listed = await why("--tool", "demo.echo", "--principal", "user=alice", "--principal", "tool=other__*")
        #expect(listed.status == 1 && listed.out.contains("it lists other__*"), "\(listed.out)")
        let text = await why("--tool", "demo.add", "--principal", "user=alice", "--arg", "a=\"99\"")
        #expect(text.status == 1 && text.out.contains("cannot be told from what is known"), "\(text.out)")
        let unknown = await why("--tool", "nosrv.echo")
        #expect(unknown.status == 1 && unknown.error.contains("there is: demo"), "\(unknown.error)")
        #expect(await why("--tool", "demo.add", "--arg", "a").error.contains("not name=value: a"))
        #expect(await why("--arg", "a=1").status == 2)
    }

    @Test func `a generated key is accepted by the line that is printed`() async throws {
        let run = await CommandRun.of("key", "hash", "--id", "ci", "--user", "alice", "--generate")
        #expect(run.status == 0)
        #expect(run.error.hasPrefix("key: slk_"))
        #expect(run.out.hasPrefix("ci ") && run.out.hasSuffix(" user=alice\n"))
        #expect(await CommandRun.of("key", "hash", "--id", "ci", "--expires", "soon", "--generate").status == 1)
    }

    @Test func `a table has no trailing space and even columns`() {
        var table = TextTable(["A", "LONGER"])
        table.add(["value", ""])
        #expect(table.text == "A      LONGER\nvalue  -\n")
    }
}
