import Foundation
import GatewayModel
import GatewayState
import GatewayWorkbench
import Testing

@Suite("a batch asks for what its caller may ask for, and is paid for", .timeLimit(.minutes(1)))
struct BatchTests {
    private static let policy = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelAccessPolicy
        metadata: {name: kept}
        spec: {subjects: [{any: true}], models: ["chat", "claude"], operations: [files, batches, chat, responses]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelCatalog
        metadata: {name: more}
        spec:
          models:
            - {name: secret, targets: [{provider: openai, model: gpt-6}], price: {input: "1", output: "1"}}
        """

    private static func options() -> ModelStand.Options {
        var options = ModelStand.Options()
        (options.more, options.isOpen) = (policy, false)
        return options
    }

    static func line(_ model: String, _ more: String = "", url: String = "/v1/chat/completions") -> String {
        """
        {"custom_id":"1","method":"POST","url":"\(url)","body":{"model":"\(model)","max_completion_tokens":100,\
        "messages":[{"role":"user","content":"hello"}]\(more)}}
        """
    }

    /// Sends a file for a batch, its purpose before or after it.
    static func upload(
        _ stand: ModelStand, _ key: String, _ lines: [String], _ headers: [Header] = [], isPurposeLast: Bool = false
    ) async throws -> CompletedResponse {
        let purpose = "--edge\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
        let file =
            "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n"
            + lines.joined(separator: "\n") + "\r\n"
        let body = (isPurposeLast ? file + purpose : purpose + file) + "--edge--\r\n"
        return try await stand.call(
            key, "/v1/files", Array(body.utf8),
            headers: [Header("content-type", "multipart/form-data; boundary=edge")] + headers)
    }

    private static func text(_ answer: CompletedResponse, _ name: String) throws -> String {
        let value = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
        return try #require(value?[name] as? String, "\(answer.text)")
    }

    private static func make(
        _ stand: ModelStand, _ key: String, _ file: String, _ more: String = "", _ path: String = "chat/completions"
    ) async throws -> CompletedResponse {
        try await stand.call(
            key, "/v1/batches", Array("{\"input_file_id\":\"\(file)\",\"endpoint\":\"/v1/\(path)\"\(more)}".utf8),
            headers: [Header("content-type", "application/json")])
    }

    @Test(arguments: [false, true])
    func `lines are sent in the provider's words`(isPurposeLast: Bool) async throws {
        try await ModelStand.run(Self.options()) { stand in
            let key = try stand.key()
            let form = ModelStand.form([("purpose", "user_data"), ("x", "y")], fileBytes: 100)
            let file = try Self.text(try await stand.call(key, "/v1/files", form.body, headers: [form.header]), "id")
            let lines = [file, "RAW"].map { id in
                Self.line(id == "RAW" ? "gpt-5" : "chat", ",\"x\":{\"file_id\":\"\(id)\"}")
            }
            let answer = try await Self.upload(
                stand, key, ["", lines[0], lines[0] + "\r"], isPurposeLast: isPurposeLast)
            #expect(answer.status == 200, "\(answer.text)")
            let input = try Self.text(answer, "id")
            let content = try await stand.call(key, "/v1/files/\(input)/content", [], method: "GET")
            let raw = lines[1].replacingOccurrences(of: "RAW", with: String(file.prefix { $0 != "." }))
            #expect(content.text == "\n\(raw)\n\(raw)\r")
            #expect(try await Self.make(stand, key, input).status == 200)
            // A file that is for something else, or asks for another API, is no batch's.
            for answer in [
                try await Self.make(stand, key, file), try await Self.make(stand, key, input, "", "responses"),
                try await Self.make(stand, try stand.key("bob"), input),
            ] {
                #expect([400, 404].contains(answer.status), "\(answer.text)")
            }
        }
    }

    @Test(
        "what a line may not ask for reaches nobody",
        arguments: [
            (line("secret"), "line 2"), (line("gpt-5"), "line 2"), (line("claude"), "line 2"),
            (line("chat", ",\"x\":{\"file_id\":\"file-1\"}"), "not yours"),
            (line("chat", ",\"x\":{\"File_ID\":\"file-1\"}"), "not yours"),
            (line("chat", ",\"previous_response_id\":\"resp_1\""), "not yours"),
            (line("chat", ",\"conversation\":\"conv_1\""), "conversations"),
            (line("chat", ",\"Model\":\"secret\""), "small letters"),
            (line("chat", url: "/v1/responses"), "one url"), (line("chat", url: "/v1/files"), "this url"),
            (line("chat") + line("secret"), "not one JSON object"), (line("chat") + "\r" + line("chat"), "carriage"),
            ("{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"Body\":{}}", "field"),
            ("{\"custom_id\":\"1\",\"method\":\"GET\",\"url\":\"/v1/chat/completions\",\"body\":{}}", "field"),
            ("{\"custom_id\":\"1\"}", "no body"), ("[]", "line 2"),
        ])
    func refused(line: String, reason: String) async throws {
        try await ModelStand.run(Self.options()) { stand in
            for isPurposeLast in [false, true] {
                let answer = try await Self.upload(
                    stand, try stand.key(), [Self.line("chat"), line], isPurposeLast: isPurposeLast)
                #expect((400..<500).contains(answer.status) && answer.text.contains(reason), "\(answer.text)")
                #expect(answer.text.contains("line 2"), "\(answer.text)")
            }
            #expect(stand.provider.ledger.entries.isEmpty)
        }
    }

    @Test func `a batch holds what it may come to, and costs what it came to`() async throws {
        var options = Self.options()
        options.limits = "{unit: outputTokens, max: 1000, window: total}"
        try await ModelStand.run(options) { stand in
            let key = try stand.key()
            let six = try Self.text(
                try await Self.upload(stand, key, Array(repeating: Self.line("chat"), count: 6)), "id")
            let batch = try await Self.make(stand, key, six)
            #expect(batch.status == 200, "\(batch.text)")
            // Six of a hundred are held; six more do not fit.
            let refused = try await Self.make(stand, key, six)
            #expect(refused.status == 429, "\(refused.text)")
            let done = try await Self.make(
                stand, try stand.key("bob"),
                try Self.text(try await Self.upload(stand, try stand.key("bob"), [Self.line("chat")]), "id"),
                ",\"metadata\":{\"mock\":\"completed\"}")
            #expect(done.status == 200, "\(done.text)")
            let row = try #require(try stand.rows().first { $0.usage.outputTotal > 0 })
            #expect(row.usage.inputTotal == 10 && row.usage.outputTotal == 5 && row.model == "chat")
            #expect(row.user == "bob" && row.operation == "batches" && row.cost == Money(picodollars: 15_000_000))
            // Told again it is not paid again.
            let id = try Self.text(done, "id")
            #expect(try await stand.call(try stand.key("bob"), "/v1/batches/\(id)", [], method: "GET").status == 200)
            #expect(try stand.rows().filter { $0.usage.outputTotal > 0 }.count == 1)
        }
    }

    @Test func `what a form names nobody judges, so it may not`() async throws {
        try await ModelStand.run(Self.options()) { stand in
            let key = try stand.key()
            for name in ["file_id", "file_ids[]", "Input_File_ID", "part_ids", "file_id[0]"] {
                let form = ModelStand.form([("purpose", "user_data"), (name, "file-1")], fileBytes: 10)
                let answer = try await stand.call(key, "/v1/files", form.body, headers: [form.header])
                #expect(answer.status == 400 && answer.text.contains("form"), "\(answer.text)")
            }
            let form = ModelStand.form([("purpose", "user_data"), ("x", "y")], fileBytes: 10)
            for path in ["batches", "uploads", "moderations", "uploads/u/complete"] {
                let answer = try await stand.call(key, "/v1/\(path)", form.body, headers: [form.header])
                #expect([404, 415].contains(answer.status), "\(path): \(answer.text)")
            }
            #expect(stand.provider.ledger.entries.isEmpty)
        }
    }

    @Test(arguments: [
        "\"conversation\":\"conv_1\"", "\"conversation\":{\"id\":\"conv_1\"}",
        "\"tools\":[{\"type\":\"code_interpreter\",\"container\":\"cntr_1\"}]",
        "\"tools\":[{\"type\":\"file_search\",\"vector_store_ids\":[\"vs_1\"]}]",
        "\"input\":[{\"type\":\"item_reference\",\"id\":\"msg_1\"}]", "\"input\":[{\"id\":\"msg_1\"}]",
        "\"input\":[{\"type\":\"code_interpreter_call\",\"id\":\"ci_1\",\"container_id\":\"cntr_1\"}]",
        "\"previous_response_id\":\"resp_1\"", "\"Previous_Response_ID\":\"resp_1\"",
    ])
    func `what is kept elsewhere than here is not used`(field: String) async throws {
        try await ModelStand.run(Self.options()) { stand in
            let body = "{\"model\":\"chat\",\(field)" + (field.contains("input\"") ? "}" : ",\"input\":\"x\"}")
            let answer = try await stand.call(try stand.key(), "/v1/responses", body)
            #expect([400, 404].contains(answer.status), "\(answer.text)")
            #expect(stand.provider.ledger.entries.isEmpty)
        }
    }
}
