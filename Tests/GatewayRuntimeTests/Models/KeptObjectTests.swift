import Foundation
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("files and batches are their owner's, whoever else may use the provider", .timeLimit(.minutes(1)))
struct KeptObjectTests {
    private static let policy = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelAccessPolicy
        metadata: {name: kept}
        spec: {subjects: [{any: true}], models: ["*"], operations: [files, batches]}
        """

    private static func options(_ more: String = "") -> ModelStand.Options {
        var options = ModelStand.Options()
        options.more = policy + "\n" + more
        return options
    }

    private static func object(_ answer: CompletedResponse) throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(answer.body))
        return try #require(value as? [String: Any], "\(answer.text)")
    }

    /// The id of a new file.
    private static func file(_ stand: ModelStand, _ key: String, _ headers: [Header] = []) async throws -> String {
        let form = ModelStand.form([("purpose", "user_data"), ("x", "y")], fileBytes: 100)
        let answer = try await stand.call(key, "/v1/files", form.body, headers: [form.header] + headers)
        #expect(answer.status == 200, "\(answer.text)")
        return try #require(try object(answer)["id"] as? String)
    }

    /// The id of a batch's file.
    private static func input(_ stand: ModelStand, _ key: String, _ headers: [Header] = []) async throws -> String {
        let model = headers.isEmpty ? "chat" : "other"
        let answer = try await BatchTests.upload(stand, key, [BatchTests.line(model)], headers)
        #expect(answer.status == 200, "\(answer.text)")
        return try #require(try object(answer)["id"] as? String)
    }

    private static func batch(
        _ stand: ModelStand, _ key: String, _ file: String, _ more: String = ""
    ) async throws -> CompletedResponse {
        try await stand.call(
            key, "/v1/batches",
            Array("{\"input_file_id\":\"\(file)\",\"endpoint\":\"/v1/chat/completions\"\(more)}".utf8),
            headers: [Header("content-type", "application/json")])
    }

    private static func get(_ stand: ModelStand, _ key: String, _ path: String) async throws -> CompletedResponse {
        try await stand.call(key, path, [], method: "GET")
    }

    private static func ids(_ stand: ModelStand, _ key: String, _ path: String) async throws -> [String] {
        let answer = try await get(stand, key, path)
        #expect(answer.status == 200, "\(answer.text)")
        return try #require(try object(answer)["data"] as? [[String: Any]]).compactMap { $0["id"] as? String }
    }

    @Test func `another's are neither listed, nor read, nor used, nor deleted`() async throws {
        try await ModelStand.run(Self.options()) { stand in
            let (alice, bob) = (try stand.key("alice"), try stand.key("bob"))
            let file = try await Self.input(stand, alice)
            let raw = String(file.prefix { $0 != "." })
            let answer = try await Self.batch(stand, alice, file, ",\"metadata\":{\"mock\":\"completed\"}")
            let batch = try Self.object(answer)
            #expect(batch["input_file_id"] as? String == file)
            let id = try #require(batch["id"] as? String)
            let output = try #require(batch["output_file_id"] as? String, "\(answer.text)")
            #expect(try await Self.get(stand, alice, "/v1/files/\(output)/content").status == 200)
            #expect(try await Self.ids(stand, alice, "/v1/files").sorted() == [file, output].sorted())
            #expect(try await Self.ids(stand, alice, "/v1/batches") == [id])
            // A second key of the same user is the same owner.
            #expect(try await Self.ids(stand, try stand.key("alice"), "/v1/batches") == [id])
            let before = stand.provider.ledger.entries.count
            #expect(try await Self.ids(stand, bob, "/v1/files").isEmpty)
            #expect(try await Self.ids(stand, bob, "/v1/batches").isEmpty)
            for path in [
                "files/\(file)", "files/\(raw)", "files/\(file)/content", "files/\(output)/content", "batches/\(id)",
                "files?after=\(file)", "files/\(raw)%2Fcontent", "files/\(id)", "batches/\(file)",
                "files/\(String(file.dropLast(17)))", "responses/\(file)",
            ] {
                let answer = try await Self.get(stand, bob, "/v1/\(path)")
                #expect(answer.status == 404 && answer.text.contains("not yours"), "\(path): \(answer.text)")
            }
            for name in [file, raw] {
                let answer = try await Self.batch(stand, bob, name)
                #expect(answer.status == 404, "\(answer.text)")
            }
            #expect(try await stand.call(bob, "/v1/files/\(file)", [], method: "DELETE").status == 404)
            #expect(try await stand.call(bob, "/v1/batches/\(id)/cancel", []).status == 404)
            #expect(stand.provider.ledger.entries.count == before)
            #expect(try await stand.call(alice, "/v1/files/\(file)", [], method: "DELETE").status == 200)
            #expect(try await Self.ids(stand, alice, "/v1/files") == [output])
        }
    }

    @Test(
        arguments: [
            (
                "chat/completions",
                "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"NAME\":\"ID\"}}]}]"
            ),
            ("responses", "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"NAME\":\"ID\"}]}]"),
            (
                "responses",
                "\"input\":\"x\",\"tools\":[{\"type\":\"code_interpreter\",\"container\":{\"NAMEs\":[\"ID\"]}}]"
            ),
            (
                "responses",
                "\"input\":\"x\",\"prompt\":{\"id\":\"p\",\"variables\":{\"input\":{\"NAME\":\"ID\"}}}"
            ),
        ], ["file_id", "file\\u005fid"])
    func `a model reads its caller's files only`(call: (path: String, body: String), name: String) async throws {
        try await ModelStand.run(Self.options()) { stand in
            let (alice, bob) = (try stand.key("alice"), try stand.key("bob"))
            let file = try await Self.file(stand, alice)
            let raw = String(file.prefix { $0 != "." })
            func body(_ id: String) -> String {
                let text = call.body.replacingOccurrences(of: "NAME", with: name)
                return "{\"model\":\"chat\"," + text.replacingOccurrences(of: "ID", with: id) + "}"
            }
            for (key, id) in [(bob, file), (bob, raw), (alice, raw), (alice, file + "x")] {
                let answer = try await stand.call(key, "/v1/\(call.path)", body(id))
                #expect(answer.status == 404 && answer.text.contains("not yours"), "\(answer.text)")
            }
            let answer = try await stand.call(alice, "/v1/\(call.path)", body(file))
            #expect(answer.status == 200, "\(answer.text)")
            // The provider knows no marks.
            #expect(
                stand.provider.ledger.entries.last?.bodyBytes == body(raw).utf8.count - "chat".count + "gpt-5".count)
        }
    }

    @Test func `for a file that is named as much is reserved as for a history of unknown length`() async throws {
        var options = Self.options()
        options.limits = "{unit: inputTokens, max: 20000, window: total}"
        try await ModelStand.run(options) { stand in
            let key = try stand.key()
            let file = try await Self.file(stand, key)
            let input = "[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_id\":\"\(file)\"}]}]"
            let refused = try await stand.call(key, "/v1/responses", "{\"model\":\"chat\",\"input\":\(input)}")
            #expect(refused.status == 429, "\(refused.text)")
            #expect(try await stand.call(key, "/v1/responses", "{\"model\":\"chat\",\"input\":\"x\"}").status == 200)
        }
    }

    @Test func `a response's input names its owner's files as he knows them`() async throws {
        try await ModelStand.run(Self.options()) { stand in
            let key = try stand.key()
            let file = try await Self.file(stand, key)
            let input = "[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_id\":\"\(file)\"}]}]"
            let made = try await stand.call(key, "/v1/responses", "{\"model\":\"chat\",\"input\":\(input)}")
            let id = try #require(try Self.object(made)["id"] as? String, "\(made.text)")
            let items = try await Self.get(stand, key, "/v1/responses/\(id)/input_items")
            #expect(items.status == 200 && items.text.contains("\"\(file)\""), "\(items.text)")
            #expect(try await Self.get(stand, try stand.key("bob"), "/v1/responses/\(id)/input_items").status == 404)
        }
    }

    @Test("what is made while the gateway stops is its maker's, though he has gone", .timeLimit(.minutes(1)))
    func drained() async throws {
        let waiting = Box<ScriptedBackend.Peer?>(nil)
        let file = "{\"id\":\"file-1\",\"object\":\"file\",\"purpose\":\"user_data\"}"
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: \(file.utf8.count)\r\n\r\n\(file)"
        let scripted = try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event else { return false }
            if text.hasPrefix("GET ") {
                peer.send(answer)
                return true
            }
            guard text.hasSuffix("--edge--\r\n") else { return false }
            waiting.set(peer)
            return true
        }
        let configuration = ModelStand.configuration(scripted.port, Self.options())
        let first = try await GatewayUnderTest.start(configuration, drainTimeout: .seconds(120))
        var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
        draft.user = "alice"
        let key = try first.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
        let form = ModelStand.form([("purpose", "user_data"), ("x", "y")], fileBytes: 10)
        let client = try await first.open()
        let head =
            "POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(key)\r\n"
            + "content-type: \(form.header.value)\r\ncontent-length: \(form.body.count)\r\n\r\n"
        await client.send(Array(head.utf8) + form.body)
        try await eventually("the provider makes it") { waiting.value != nil }
        await client.close()
        try await first.connectionsClosed()
        let port = try first.port()
        let hasStopped = Box(false)
        let stopping = Task {
            try await first.stop()
            hasStopped.set(true)
        }
        try await eventually("new connections are refused") {
            (try? await RawConnection.open(host: "127.0.0.1", port: port)) == nil
        }
        #expect(!hasStopped.value)
        waiting.value?.send(answer)
        try await stopping.value
        let again = try await GatewayUnderTest.start(configuration, folder: first.folder)
        let list = try await WorkbenchClient(version: .http1).call(
            "GET", try again.url("/v1/files"), headers: [Header("authorization", "Bearer \(key)")])
        #expect(list.status == 200 && list.text.contains("\"file-1."), "\(list.text)")
        try await again.stop()
        await scripted.stop()
    }

    @Test func `what tells of files is not what asks for them`() async throws {
        try await ModelStand.run(Self.options()) { stand in
            let body = """
                {"model":"chat","metadata":{"file_id":"mine"},"input":[
                {"type":"message","role":"assistant","content":[{"type":"output_text","text":"x",
                "annotations":[{"type":"file_citation","file_id":"file-1","index":0}]}]},
                {"role":"user","content":"hello"}],
                "tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{
                "file_id":{"type":"string"}},"example":{"file_id":"x"}}}]}
                """
            let answer = try await stand.call(try stand.key(), "/v1/responses", body)
            #expect(answer.status == 200, "\(answer.text)")
        }
    }

    @Test func `a list is paged over all providers, and each thing found where it is`() async throws {
        var served = MockModelServer.Options()
        served.requiresKey = false
        let second = try await MockModelServer.start(served)
        let more = ModelStand.model("other", dialect: "openai", port: second.port)
        try await ModelStand.run(Self.options(more)) { stand in
            let (alice, bob) = (try stand.key("alice"), try stand.key("bob"))
            var files: [String] = []
            for number in 0..<6 {
                let there = number % 2 == 0 ? [] : [Header("x-sluice-provider", "other")]
                files.append(try await Self.input(stand, alice, there))
                _ = try await Self.input(stand, bob, there)
            }
            #expect(try await Set(Self.ids(stand, alice, "/v1/files")) == Set(files))
            var seen: [String] = []
            var path = "/v1/files?limit=2"
            while true {
                let page = try Self.object(try await Self.get(stand, alice, path))
                let ids = try #require(page["data"] as? [[String: Any]]).compactMap { $0["id"] as? String }
                #expect(page["last_id"] as? String == ids.last)
                seen += ids
                guard page["has_more"] as? Bool == true else { break }
                path = "/v1/files?limit=2&after=\(try #require(ids.last))"
            }
            #expect(seen == files.reversed())
            #expect(seen.count == 6 && Set(seen) == Set(files))
            for file in files {
                #expect(try await Self.get(stand, alice, "/v1/files/\(file)").status == 200)
                #expect(try await Self.batch(stand, alice, file).status == 200)
            }
            #expect(try await Self.ids(stand, alice, "/v1/batches").count == 6)
            // A model of another provider cannot read it, and nobody is asked in vain.
            let answer = try await stand.call(
                alice, "/v1/responses",
                "{\"model\":\"chat\",\"input\":[{\"content\":[{\"type\":\"input_file\",\"file_id\":\"\(files[1])\"}]}]}"
            )
            #expect(answer.status == 400 && answer.text.contains("another provider"), "\(answer.text)")
            #expect(try await Self.get(stand, alice, "/v1/files?limit=0").status == 400)
            #expect(try await Self.ids(stand, alice, "/v1/files?order=asc&purpose=batch") == files)
            #expect(try await Self.ids(stand, alice, "/v1/files?purpose=vision").isEmpty)
            // What is gone at its provider is forgotten.
            let raw = String(files[0].prefix { $0 != "." })
            _ = try await WorkbenchClient(version: .http1).call(
                "DELETE", "http://127.0.0.1:\(second.port)/v1/files/\(raw)")
            #expect(try await Self.ids(stand, alice, "/v1/files").count == 5)
            let before = second.ledger.entries.count
            #expect(try await Self.ids(stand, alice, "/v1/files").count == 5)
            #expect(second.ledger.entries.count == before + 2)
        }
        await second.stop()
    }

    @Test func `a restart forgets neither whose a file is nor how long a response is`() async throws {
        var options = Self.options()
        options.limits = "{unit: tokens, max: 60000, window: total}"
        var served = MockModelServer.Options()
        served.requiresKey = false
        let provider = try await MockModelServer.start(served)
        let configuration = ModelStand.configuration(provider.port, options)
        let first = try await GatewayUnderTest.start(configuration)
        let stand = ModelStand(provider: provider, gateway: first)
        let (alice, bob) = (try stand.key("alice"), try stand.key("bob"))
        let file = try await Self.file(stand, alice)
        let response = try Self.object(
            try await stand.call(alice, "/v1/responses", "{\"model\":\"chat\",\"input\":\"hello\"}"))
        let id = try #require(response["id"] as? String)
        try await first.stop()
        let again = ModelStand(
            provider: provider, gateway: try await GatewayUnderTest.start(configuration, folder: first.folder))
        #expect(try await Self.ids(again, alice, "/v1/files") == [file])
        #expect(try await Self.ids(again, bob, "/v1/files").isEmpty)
        #expect(try await Self.get(again, bob, "/v1/files/\(file)").status == 404)
        // Of one that nobody remembers so much would be reserved that there were no room.
        let next = try await again.call(
            alice, "/v1/responses",
            "{\"model\":\"chat\",\"input\":\"more\",\"previous_response_id\":\"\(id)\",\"max_output_tokens\":40000}")
        #expect(next.status == 200, "\(next.text)")
        try await again.gateway.stop()
        await provider.stop()
    }
}
