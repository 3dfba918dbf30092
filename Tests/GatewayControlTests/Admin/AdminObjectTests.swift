import GatewayModel
import Testing

@testable import GatewayControl

@Suite("Objects are read, changed and removed through the admin API, and nothing by halves")
struct AdminObjectTests {
    @Test func `a list has what its query asks for`() async throws {
        let fixture = try await AdminFixture()
        func names(_ path: String) async -> [String] {
            (await fixture.ask("GET", path).node["items"]?.elements ?? []).compactMap {
                $0["metadata"]?["name"]?.string
            }
        }
        #expect(await names("/v1/backends") == ["app", "own"])
        #expect(await names("/v1/Backend") == ["app", "own"])
        #expect(await names("/v1/backends?labelSelector=tier%3Dtest") == ["own"])
        #expect(await names("/v1/backends?labelSelector=tier!%3Dtest") == ["app"])
        #expect(await names("/v1/backends?labelSelector=tier") == ["own"])
        #expect(await names("/v1/backends?labelSelector=!tier") == ["app"])
        #expect(await names("/v1/backends?namespace=other") == [])
        #expect(await names("/v1/backends/default") == ["app", "own"])
        #expect(await fixture.ask("GET", "/v1/backends?labelSelector=%3Da").status == 400)
    }

    @Test func `an object carries its version, its namespace and where it came from`() async throws {
        let fixture = try await AdminFixture()
        let app = await fixture.ask("GET", "/v1/backends/default/app")
        #expect(app.status == 200)
        #expect(app.field("etag") == "\"1\"")
        #expect(app.node["metadata"]?["resourceVersion"]?.string == "1")
        #expect(app.node["status"]?["source"]?.string == "gateway.yaml:17:1")
        let own = await fixture.ask("GET", "/v1/backends/default/own")
        #expect(own.field("etag") == "\"2\"")
        #expect(own.node["status"]?["source"]?.string == "admin API")
        let known = await fixture.ask("GET", "/v1/backends/default/own", fields: [("if-none-match", "\"2\"")])
        #expect(known.status == 304 && known.text.isEmpty)
        #expect(await fixture.ask("GET", "/v1/backends", fields: [("if-none-match", "\"r2\"")]).status == 304)
    }

    /// What a change may ask for, and what it then gets.
    @Test(arguments: [
        ("PUT", "own", "if-match", "\"2\"", 200), ("PUT", "own", "if-match", "\"1\", \"2\"", 200),
        ("PUT", "own", "if-match", "*", 200), ("PUT", "own", "if-match", "\"1\"", 412),
        ("PUT", "own", "if-match", "W/\"2\"", 412), ("PUT", "own", "if-none-match", "*", 412),
        ("PUT", "own", "if-none-match", "\"1\"", 400), ("PUT", "new", "if-none-match", "*", 201),
        ("PUT", "new", "if-match", "\"1\"", 412), ("PUT", "new", "if-match", "*", 412),
        ("DELETE", "own", "if-match", "\"1\"", 412), ("DELETE", "own", "if-match", "\"2\"", 200),
        ("PATCH", "own", "if-match", "\"1\"", 412), ("PATCH", "own", "if-match", "\"2\"", 200),
    ])
    func `a precondition decides`(
        method: String, name: String, field: String, value: String, status: Int
    ) async throws {
        let fixture = try await AdminFixture()
        let body =
            switch method {
            case "PUT": AdminFixture.backend(name, port: 7)
            case "PATCH": "{\"spec\": {\"endpoints\": [{\"host\": \"127.0.0.1\", \"port\": 7}]}}"
            default: ""
            }
        let answer = await fixture.ask(method, "/v1/backends/default/\(name)", body, fields: [(field, value)])
        #expect(answer.status == status, "\(answer.text)")
        #expect(await fixture.store.snapshot.revision == (status < 300 ? 3 : 2))
    }

    @Test func `a version inside the object is a conflict when it is old`() async throws {
        let fixture = try await AdminFixture()
        let old = AdminFixture.backend("own", port: 7, extra: ", \"resourceVersion\": \"1\"")
        #expect(await fixture.ask("PUT", "/v1/backends/default/own", old).status == 409)
        let current = AdminFixture.backend("own", port: 7, extra: ", \"resourceVersion\": \"2\"")
        #expect(await fixture.ask("PUT", "/v1/backends/default/own", current).status == 200)
        // The document now holds an old version by itself; a patch is not bound to it.
        let patch = "{\"metadata\": {\"labels\": {\"a\": \"b\"}}}"
        #expect(await fixture.ask("PATCH", "/v1/backends/default/own", patch).status == 200)
    }

    @Test func `a patch merges, and null removes`() async throws {
        let fixture = try await AdminFixture()
        let patch = "{\"metadata\": {\"labels\": {\"tier\": null, \"team\": \"a\"}}}"
        let answer = await fixture.ask("PATCH", "/v1/backends/default/own", patch)
        #expect(answer.status == 200)
        #expect(answer.field("etag") == "\"3\"")
        let labels = await fixture.store.snapshot.set.backend("default", "own")?.metadata.labels
        #expect(labels == ["team": "a"])
        let yaml = await fixture.ask(
            "PATCH", "/v1/backends/default/own", "a: b", fields: [("content-type", "application/yaml")])
        #expect(yaml.status == 415 && yaml.field("accept-patch") != nil)
        let broken = await fixture.ask("PATCH", "/v1/backends/default/own", "{\"spec\": {\"endpoint\": []}}")
        #expect(broken.status == 422)
        #expect(broken.text.contains("did you mean"))
    }

    @Test(arguments: [
        ("PUT", "/v1/backends/default/own"), ("PATCH", "/v1/backends/default/own"),
        ("DELETE", "/v1/backends/default/own"), ("POST", "/v1/apply"), ("POST", "/v1/rollback/1"),
    ])
    func `a dry run answers and changes nothing`(method: String, path: String) async throws {
        let folder = try TemporaryFolder()
        let fixture = try await AdminFixture(stateFolder: folder.path)
        let before = await fixture.ask("GET", "/v1/backends").text
        let body =
            switch method {
            case "PATCH": "{\"metadata\": {\"labels\": {\"tier\": \"other\"}}}"
            case "PUT", "POST": path == "/v1/rollback/1" ? "" : AdminFixture.backend("own", port: 7)
            default: ""
            }
        let answer = await fixture.ask(method, "\(path)?dryRun=1", body)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.node["applied"] == .flag(false))
        #expect(answer.node["dryRun"] == .flag(true))
        #expect(answer.node["objects"]?.elements?.isEmpty == false)
        #expect(await fixture.ask("GET", "/v1/backends").text == before)
        #expect(await fixture.store.snapshot.revision == 2)
    }

    @Test func `the body is the object of the path`() async throws {
        let fixture = try await AdminFixture()
        let path = "/v1/backends/default/own"
        let other = await fixture.ask("PUT", path, AdminFixture.backend("app", port: 1))
        #expect(other.status == 422)
        #expect(other.findings == ["2:23 SL-1005"])
        let two = AdminFixture.backend("own", port: 1) + AdminFixture.backend("own2", port: 1)
        #expect(await fixture.ask("PUT", path, two).status == 400)
        #expect(await fixture.ask("PUT", path, "").status == 400)
        let elsewhere = AdminFixture.backend("own", port: 1, extra: ", \"namespace\": \"shop\"")
        #expect(await fixture.ask("PUT", path, elsewhere).status == 422)
    }

    @Test(arguments: ["PUT", "PATCH", "DELETE"])
    func `an object from a file is changed in the file`(method: String) async throws {
        let fixture = try await AdminFixture()
        let body =
            switch method {
            case "PUT": AdminFixture.backend("app", port: 7)
            case "PATCH": "{\"metadata\": {\"labels\": {\"a\": \"b\"}}}"
            default: ""
            }
        let answer = await fixture.ask(method, "/v1/backends/default/app", body)
        #expect(answer.status == 409)
        #expect(answer.node["code"]?.string == ErrorCode.readOnlyObject.rawValue)
        #expect(answer.node["hint"]?.string == "edit gateway.yaml")
    }

    @Test func `what is still referred to is not removed`() async throws {
        let fixture = try await AdminFixture()
        let route = """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: more}
            spec:
              parentRefs: [{name: edge}]
              hostnames: [more.example]
              rules: [{backendRefs: [{group: sluice.dev, kind: Backend, name: own}]}]
            """
        #expect(await fixture.ask("POST", "/v1/apply", route).status == 200)
        let answer = await fixture.ask("DELETE", "/v1/backends/default/own")
        #expect(answer.status == 422)
        #expect(answer.text.contains(ErrorCode.danglingReference.rawValue))
    }
}
