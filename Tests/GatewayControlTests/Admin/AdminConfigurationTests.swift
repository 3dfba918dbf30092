import GatewayModel
import Testing

@testable import GatewayControl

@Suite("Whole configurations go through the admin API, with their findings, history and secrets")
struct AdminConfigurationTests {
    @Test func `apply says what became of each object`() async throws {
        let fixture = try await AdminFixture()
        let body =
            AdminFixture.own.split(separator: "9001").joined(separator: "9002") + """

                ---
                apiVersion: sluice.dev/v1alpha1
                kind: Backend
                metadata: {name: new}
                spec: {endpoints: [{host: 127.0.0.1, port: 1}]}
                """
        let answer = await fixture.ask("POST", "/v1/apply", body)
        #expect(answer.status == 200)
        let results = (answer.node["objects"]?.elements ?? []).map {
            "\($0["result"]?.string ?? "") \($0["kind"]?.string ?? "") \($0["name"]?.string ?? "")"
        }
        #expect(results == ["created Backend new", "configured Backend own", "unchanged Secret key"])
        #expect(answer.text.contains("~ spec.endpoints[0].port: 9001 → 9002"))
        #expect(answer.node.number("revision") == 3)
    }

    /// Where and what the finding is.
    @Test(arguments: [
        ("kind: [", 400, "SL-1001"), ("{\"kind\": }", 400, "SL-1001"),
        (
            "apiVersion: sluice.dev/v1alpha1\nkind: Backend\nmetadata: {name: b}\nspec:\n  endpoint: []", 422,
            "5:3 SL-1002"
        ),
        ("apiVersion: v1\nkind: Nothing\nmetadata: {name: b}", 422, "2:7 SL-1006"),
        ("- a", 422, "1:1 SL-1003"), ("", 400, ""), ("# only a comment", 400, ""),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {token: '[secret]'}", 422,
            "4:21 SL-1005"
        ),
    ])
    func `a bad body has findings with their places`(body: String, status: Int, finding: String) async throws {
        let fixture = try await AdminFixture()
        let answer = await fixture.ask("POST", "/v1/apply", body)
        #expect(answer.status == status, "\(answer.text)")
        #expect(answer.field("content-type") == "application/problem+json")
        if !finding.isEmpty { #expect(answer.findings.contains { $0.hasSuffix(finding) }, "\(answer.findings)") }
        #expect(await fixture.store.snapshot.revision == 2)
    }

    @Test func `check says the same and changes nothing`() async throws {
        let fixture = try await AdminFixture()
        let good = await fixture.ask("POST", "/v1/check", AdminFixture.backend("b", port: 1))
        #expect(good.node["ok"] == .flag(true))
        let bad = await fixture.ask("POST", "/v1/check?file=a.json", "{\"kind\": \"Backend\"}")
        #expect(bad.status == 200)
        #expect(bad.node["ok"] == .flag(false))
        // Who comes over the network does not say which file of this machine it was.
        #expect(bad.text.contains("\"file\":\"a.json (sent)\""))
        #expect(await fixture.store.snapshot.revision == 2)
    }

    @Test func `diff compares without permission to write`() async throws {
        let fixture = try await AdminFixture()
        let answer = await fixture.ask("POST", "/v1/diff", AdminFixture.backend("app", port: 7))
        #expect(answer.text.contains("~ spec.endpoints[0].port: 9000 → 7"))
        let whole = await fixture.ask("POST", "/v1/diff?prune=1", AdminFixture.own)
        let results = (whole.node["changes"]?.elements ?? []).compactMap { $0["result"]?.string }
        #expect(results == ["deleted", "deleted", "deleted"])
    }

    @Test func `a rollback serves an earlier revision as a new one`() async throws {
        let folder = try TemporaryFolder()
        let fixture = try await AdminFixture(stateFolder: folder.path)
        #expect(await fixture.ask("DELETE", "/v1/backends/default/own").status == 200)
        #expect(await fixture.ask("GET", "/v1/backends/default/own").status == 404)
        let back = await fixture.ask("POST", "/v1/rollback/2")
        #expect(back.status == 200)
        #expect(back.node.number("revision") == 4)
        #expect(await fixture.ask("GET", "/v1/backends/default/own").status == 200)
        let history = await fixture.ask("GET", "/v1/history").node
        let causes = (history["items"]?.elements ?? []).compactMap { $0["cause"]?.string }
        #expect(causes == ["rollback to 2", "delete", "apply", "files"])
        #expect(await fixture.ask("POST", "/v1/rollback/77").status == 404)
        #expect(await fixture.ask("POST", "/v1/rollback/x").status == 404)
        #expect(await fixture.ask("GET", "/v1/history/2").node["items"]?.elements?.count == 5)
        let changes = await fixture.ask("GET", "/v1/diff?from=2&to=3").node["changes"]?.elements
        #expect(changes?.first?["result"]?.string == "deleted")
    }

    @Test func `no answer shows a secret`() async throws {
        let folder = try TemporaryFolder()
        let fixture = try await AdminFixture(stateFolder: folder.path)
        let changed =
            "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {token: \(AdminFixture.secretValue)2}"
        let asked: [(String, String, String)] = [
            ("GET", "/v1/secrets", ""), ("GET", "/v1/secrets/default", ""), ("GET", "/v1/secrets/default/key", ""),
            ("GET", "/v1/history/2", ""), ("GET", "/v1/history", ""), ("GET", "/v1/status", ""),
            ("GET", "/v1/diff?from=1&to=2", ""), ("POST", "/v1/diff", changed), ("POST", "/v1/diff?prune=1", changed),
            ("POST", "/v1/apply?dryRun=1", changed), ("POST", "/v1/check", changed), ("POST", "/v1/apply", changed),
            ("PATCH", "/v1/secrets/default/key", "{\"stringData\": {\"token\": \"\(AdminFixture.secretValue)3\"}}"),
            ("PATCH", "/v1/secrets/default/key", "{\"stringData\": {\"token\": [\"\(AdminFixture.secretValue)\"]}}"),
            ("POST", "/v1/apply", changed + "\nwrong: \(AdminFixture.secretValue)"),
            ("POST", "/v1/rollback/2", ""), ("DELETE", "/v1/secrets/default/key", ""),
        ]
        for (method, path, body) in asked {
            let answer = await fixture.ask(method, path, body)
            #expect(!answer.text.contains(AdminFixture.secretValue), "\(method) \(path): \(answer.text)")
            #expect(answer.status < 500)
        }
    }

    @Test func `a masked value written back is refused`() async throws {
        let fixture = try await AdminFixture()
        let read = await fixture.ask("GET", "/v1/secrets/default/key")
        #expect(read.text.contains(Masking.mask))
        let answer = await fixture.ask("PUT", "/v1/secrets/default/key", read.text)
        #expect(answer.status == 422)
        #expect(answer.text.contains("masked value"))
    }

    @Test func `what an agent reads of an object it can write back`() async throws {
        let fixture = try await AdminFixture()
        let read = await fixture.ask("GET", "/v1/backends/default/own")
        let answer = await fixture.ask("PUT", "/v1/backends/default/own", read.text)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.node["objects"]?.elements?.first?["result"]?.string != "created")
    }
}
