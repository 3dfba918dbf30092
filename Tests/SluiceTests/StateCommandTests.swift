import Foundation
import GatewayControl
import GatewayModel
import Testing

@testable import sluice

@Suite("Keys, usage and budgets can be asked for without a gateway")
struct StateCommandTests {
    private let folder: TemporaryFolder
    private var state: String { folder.path + "/state" }

    init() throws { folder = try TemporaryFolder() }

    private func run(_ words: String...) async -> CommandRun { await CommandRun.of(words + ["--state", state]) }

    private func node(_ text: String) -> ConfigNode {
        var diagnostics: [Diagnostic] = []
        let documents = DocumentReader.read(
            Array(text.utf8), file: "out", syntax: .json, unfolding: false, diagnostics: &diagnostics)
        return documents.first ?? ConfigNode(.null)
    }

    @Test func `a key is made, shown once, and known afterwards without its secret`() async throws {
        let made = await run(
            "key", "create", "--user", "alice", "--group", "engineering", "--group", "search", "--model", "gpt-5-*",
            "--budget", "5usd/1d", "--expires", "90d", "-o", "json")
        #expect(made.status == 0, "\(made.error)")
        let fields = node(made.out)
        #expect(fields.fields?.prefix(2).map(\.key) == ["id", "key"])
        let id = try #require(fields["id"]?.string)
        let secret = try #require(fields["key"]?.string)
        for words in [
            ["key", "list"], ["key", "list", "-o", "json"], ["key", "show", id], ["key", "show", id, "-o", "yaml"],
        ] {
            let shown = await CommandRun.of(words + ["--state", state])
            #expect(shown.status == 0, "\(shown.error)")
            #expect(shown.out.contains(id) && shown.out.contains("alice"))
            #expect(!shown.out.contains(secret) && !shown.error.contains(secret))
        }
        let shown = node(await run("key", "show", id, "-o", "json").out)
        #expect(shown["groups"] == .list([.text("engineering"), .text("search")]))
        #expect(shown["budgets"] == .list([.text("5usd/1d")]))
        #expect(shown["state"] == .text("active"))
        #expect(shown["hint"]?.string == "\(secret.prefix(8))…")
    }

    @Test func `a key changes its state and its secret`() async throws {
        let made = node(await run("key", "create", "--user", "bob", "-o", "json").out)
        let id = try #require(made["id"]?.string)
        for (command, expected) in [("block", "blocked"), ("unblock", "active")] {
            let changed = await run("key", command, id, "-o", "json")
            #expect(node(changed.out)["state"]?.string == expected)
        }
        let rotated = node(await run("key", "rotate", id, "--grace", "1h", "-o", "json").out)
        #expect(rotated["id"]?.string == id)
        #expect(rotated["key"]?.string != made["key"]?.string)
        #expect(rotated["earlierUntil"] != nil)
        #expect(node(await run("key", "revoke", id, "-o", "json").out)["state"]?.string == "revoked")
        let refused = await run("key", "unblock", id)
        #expect(refused.status == 1)
        #expect(refused.error.contains("SL-6005"))
    }

    @Test func `mistakes are named`() async {
        let cases: [([String], Int32, String)] = [
            (["key", "create", "--budget", "5eur/1d"], 1, "not a budget: 5eur/1d"),
            (["key", "create", "--budget", "5usd"], 1, "not a budget: 5usd"),
            (["key", "create", "--expires", "soon"], 1, "not a time: soon"),
            (["key", "create", "--expires", "2001-01-01"], 1, "expired already"),
            (["key", "create", "--user", ""], 1, "the user of a key is empty"),
            (["key", "show", "key_none"], 1, "no key key_none"),
            (["usage", "--by", "usr"], 2, "did you mean \"user\"?"),
            (["usage", "--where", "user"], 2, "not FIELD=VALUE"),
            (["usage", "--where", "usr=alice"], 2, "unknown query parameter"),
            (["budget", "list", "--scope", "usr"], 2, "unknown scope"),
            (["usage", "--where", "outcome=nonsense"], 2, "no outcome is \"nonsense\" (known: completed, failed"),
            (["usage", "--calls", "--where", "status=good"], 2, "no status is \"good\""),
            (["approval", "list", "--is", "wrong"], 2, "no approval is \"wrong\" (known: pending"),
            (["budget", "show", "nosuch"], 1, "no budget of a policy \"nosuch\" is in use (known: key)"),
            (["budget", "reset", "nosuch", "--yes"], 1, "\"nosuch\""),
            (["budget", "reset", "default/a"], 2, "--yes"),
        ]
        #expect(await run("key", "create").status == 0)
        for (words, status, message) in cases {
            let run = await CommandRun.of(words + ["--state", state])
            #expect(run.status == status, "\(words) \(run.error)")
            #expect(run.error.contains(message), "\(words) \(run.error)")
        }
    }

    @Test func `a folder without state is not made by asking`() async {
        for words in [["key", "list"], ["usage"], ["budget", "list"]] {
            let run = await CommandRun.of(words + ["--state", state])
            #expect(run.status == 3, "\(run.error)")
        }
        #expect(!FileManager.default.fileExists(atPath: state))
    }

    @Test func `nothing used is nothing shown, in every form`() async {
        #expect(await run("key", "create").status == 0)
        #expect(await run("usage").out == "no usage\n")
        #expect(await run("usage", "-o", "csv").out.isEmpty)
        #expect(node(await run("usage", "--by", "user,day", "-o", "json").out)["items"]?.elements?.isEmpty == true)
        #expect(await run("usage", "--calls").out == "no usage\n")
        #expect(await run("budget", "list").out == "no budgets in use\n")
        #expect(node(await run("budget", "reset", "key", "--yes", "-o", "json").out)["reset"] == .integer(0))
    }

    @Test func `the state is for its owner only`() async throws {
        #expect(await run("key", "create").status == 0)
        for name in ["", "/state.db", "/state.lock", "/journal"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: state + name)
            let mode = try #require((attributes[.posixPermissions] as? NSNumber)?.intValue)
            #expect(mode & 0o077 == 0, "\(name)")
        }
    }
}
