import Foundation
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("bodies of any size are judged whole, and sent again", .timeLimit(.minutes(1)))
struct BodyTests {
    /// Answers 503 in the middle of whatever it is sent.
    private static func busy() async throws -> ScriptedBackend {
        try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event,
                text.utf8.count > 100_000 || text.hasSuffix("}") || text.hasSuffix("--edge--\r\n")
            else { return false }
            peer.send("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            peer.close()
            return true
        }
    }

    /// A model whose first target is busy, and the provider of `chat` its second.
    private static func options(_ busy: ScriptedBackend) -> ModelStand.Options {
        var options = ModelStand.Options()
        options.more = """
            ---
            {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: busy},
             spec: {dialect: openai, baseURL: "http://127.0.0.1:\(busy.port)/v1"}}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ModelCatalog
            metadata: {name: more}
            spec:
              models:
                - {name: second, targets: [{provider: busy}, {provider: openai, model: gpt-5, priority: 1}],
                   price: {input: "1", output: "1"}}
                - {name: blind, targets: [{provider: openai, model: gpt-5}], price: {input: "1", output: "1"},
                   capabilities: [reasoning]}
            """
        return options
    }

    @Test func `no name of a model gets into a head that it would end`() async throws {
        var options = ModelStand.Options()
        options.more = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ModelCatalog
            metadata: {name: more}
            spec: {models: [{name: "gpt-*", targets: [{provider: openai}], price: {input: "1", output: "1"}}]}
            """
        try await ModelStand.run(options) { stand in
            let key = try stand.key()
            #expect(try await stand.call(key, "/v1/chat/completions", ModelStand.question("gpt-é")).status == 200)
            let calls = stand.provider.ledger.entries.count
            for end in ["\\r\\n", "\\n", "\\u0000", "\\u007f", "\\t"] {
                let body = ModelStand.question("gpt-\(end)x-injected: 1")
                for path in ["/v1/chat/completions", "/v1/messages", "/v1/responses"] {
                    let answer = try await stand.call(key, path, body)
                    #expect(answer.status == 400, "\(answer.text)")
                    #expect(answer.text.contains("control character"), "\(answer.text)")
                    #expect(!answer.headers.contains { $0.name == "x-injected" || $0.name == "x-sluice-model" })
                }
            }
            for end in ["\r\n", "\n"] {
                let part = "--edge\r\ncontent-disposition: form-data; name="
                let model = part + "\"model\"\r\n\r\ngpt-\(end)x-injected: 1\r\n"
                let file = part + "\"file\"; filename=\"a\"\r\n\r\nx\r\n--edge--\r\n"
                let answer = try await stand.call(
                    key, "/v1/audio/transcriptions", Array((model + file).utf8),
                    headers: [Header("content-type", "multipart/form-data; boundary=edge")])
                #expect(answer.status == 400, "\(answer.text)")
                #expect(!answer.headers.contains { $0.name == "x-injected" || $0.name == "x-sluice-model" })
            }
            #expect(stand.provider.ledger.entries.count == calls)
        }
    }

    private static func large(_ model: String, _ bytes: Int) -> String {
        ModelStand.question(model, "tokens=3", false, ",\"pad\":\"\(String(repeating: "x", count: bytes))\"")
    }

    @Test(arguments: [200_000, 3_000_000])
    func `a large document goes to the next provider as it came`(bytes: Int) async throws {
        let busy = try await Self.busy()
        try await ModelStand.run(Self.options(busy)) { stand in
            let body = Self.large("second", bytes)
            let answer = try await stand.call(try stand.key(), "/v1/chat/completions", body)
            #expect(answer.status == 200, "\(answer.text.prefix(300))")
            #expect(answer.headers.first { $0.name == "x-sluice-attempts" }.flatMap { Int($0.value) } ?? 0 > 1)
            let call = try #require(stand.provider.ledger.entries.last)
            // The name is another one, and nothing else.
            #expect(call.bodyBytes == body.utf8.count - "second".count + "gpt-5".count)
            // The same for a client of the other dialect, whose body is made anew.
            let other = try await stand.call(
                try stand.key(), "/v1/messages", Self.large("second", bytes).dropLast() + ",\"max_tokens\":10}")
            #expect(other.status == 200, "\(other.text.prefix(300))")
        }
        await busy.stop()
    }

    @Test(arguments: [2_000, 2_500_000])
    func `a form with its file is sent again`(bytes: Int) async throws {
        let busy = try await Self.busy()
        try await ModelStand.run(Self.options(busy)) { stand in
            let form = ModelStand.form([("language", "en"), ("model", "second")], fileBytes: bytes)
            let answer = try await stand.call(
                try stand.key(), "/v1/audio/transcriptions", form.body, headers: [form.header])
            #expect(answer.status == 200, "\(answer.text)")
            let call = try #require(stand.provider.ledger.entries.last)
            #expect(call.bodyBytes == form.body.count - 1 && call.operation == "audio/transcriptions")
        }
        await busy.stop()
    }

    @Test(arguments: ["audio/transcriptions", "images/edits", "files"], [1_000, 1_500_000])
    func `a second model reaches nobody`(path: String, bytes: Int) async throws {
        try await ModelStand.run { stand in
            let form = ModelStand.form([("purpose", "x"), ("model", "chat"), ("model", "chat")], fileBytes: bytes)
            let answer = try await stand.call(try stand.key(), "/v1/\(path)", form.body, headers: [form.header])
            #expect(answer.status == 400)
            #expect(answer.text.contains("names its model twice"), "\(answer.text)")
            #expect(stand.provider.ledger.entries.isEmpty)
            #expect(try stand.rows().isEmpty)
        }
    }

    @Test(arguments: ["gzip", "zstd"])
    func `a compressed body is read, bound, and sent plain`(coding: String) async throws {
        try await ModelStand.run { stand in
            let key = try stand.key()
            let plain = Array(ModelStand.question("chat", "tokens=3").utf8)
            let header = Header("content-encoding", coding)
            let answer = try await stand.call(
                key, "/v1/chat/completions", try Self.compressed(plain, coding), headers: [header])
            #expect(answer.status == 200, "\(answer.text)")
            #expect(stand.provider.ledger.entries.last?.bodyBytes == plain.count - "chat".count + "gpt-5".count)
            let bomb = try Self.compressed([UInt8](repeating: 0x20, count: 64 << 20), coding)
            let bombed = try await stand.call(key, "/v1/messages", bomb, headers: [header])
            #expect(bombed.status == 413 && bombed.text.contains("request_too_large"), "\(bombed.text)")
            let cut = try await stand.call(
                key, "/v1/chat/completions", Array(try Self.compressed(plain, coding).dropLast(3)), headers: [header])
            #expect(cut.status == 400, "\(cut.text)")
            let other = try await stand.call(
                key, "/v1/chat/completions", plain, headers: [Header("content-encoding", "br")])
            #expect(other.status == 415)
            #expect(other.headers.first { $0.name == "accept-encoding" }?.value == "gzip, zstd")
            #expect(stand.provider.ledger.entries.count == 1)
        }
    }

    /// By the system's own tool, so that it is not our code that is asked.
    private static func compressed(_ bytes: [UInt8], _ coding: String) throws -> [UInt8] {
        let file = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(bytes).write(to: file)
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [coding, "-c", file.path]
        process.standardOutput = pipe
        try process.run()
        let out = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Array(out)
    }

    @Test(arguments: [
        ("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]", "tools"),
        ("\"response_format\":{\"type\":\"json_object\"}", "structuredOutput"),
        ("\"modalities\":[\"text\",\"audio\"]", "audioOutput"),
        ("\"web_search_options\":{}", "webSearch"),
    ])
    func `what a model cannot do is refused by name`(field: String, capability: String) async throws {
        let busy = try await Self.busy()
        try await ModelStand.run(Self.options(busy)) { stand in
            let key = try stand.key()
            let answer = try await stand.call(
                key, "/v1/chat/completions", ModelStand.question("blind", "", false, ",\(field)"))
            #expect(answer.status == 400)
            #expect(answer.text.contains("the model has no \(capability)"), "\(answer.text)")
            let picture =
                "{\"model\":\"blind\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{"
                + "\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
                + "\"data\":\"AAAA\"}}]}]}"
            let other = try await stand.call(key, "/v1/messages", picture)
            #expect(other.status == 400 && other.text.contains("messages[0].content[0]"), "\(other.text)")
            #expect(stand.provider.ledger.entries.isEmpty)
            let fine = ModelStand.question("blind", "tokens=3", false, ",\"reasoning_effort\":\"low\"")
            #expect(try await stand.call(key, "/v1/chat/completions", fine).status == 200)
        }
        await busy.stop()
    }
}
