import Foundation
import GatewayControl
import GatewayModel
import GatewayRecords
import GatewayRuntime
import GatewayWire
import GatewayWorkbench
import Testing

@Suite("Calls leave records that can be proven", .timeLimit(.minutes(1)))
struct AuditedCallTests {
    /// What the log has once the gateway has stopped.
    private static func records(
        _ options: ModelStand.Options = ModelStand.Options(), _ body: (ModelStand) async throws -> Void
    ) async throws -> [JSONTree] {
        var records: [JSONTree] = []
        try await run(options, body) { folder in
            let report = try AuditLogVerification.run(folder)
            #expect(report.isProven, "\(report.faults)")
            AuditReader(folder).visit { entry in
                if let tree = entry.tree { records.append(tree) }
                return true
            }
        }
        return records
    }

    /// Calls, then looks at the log that they leave.
    private static func run(
        _ options: ModelStand.Options, _ body: (ModelStand) async throws -> Void,
        then look: (AuditFolder) throws -> Void
    ) async throws {
        var folder: URL?
        try await ModelStand.run(options) { stand in
            folder = stand.gateway.folder
            try await body(stand)
        }
        let left = try #require(folder)
        defer { try? FileManager.default.removeItem(at: left) }
        try look(AuditFolder(stateFolder: left.appending(path: "state").path))
    }

    private static func text(_ tree: JSONTree?) -> String? { tree?.string?.value }

    private static func of(_ traffic: String, _ records: [JSONTree]) -> [JSONTree] {
        records.filter { text($0["unmapped"]?["traffic"]) == traffic }
    }

    @Test("a call of a tool is told before and after by its digests, a refused one once; what was said is nowhere")
    func toolCalls() async throws {
        try await ToolRoomTests.run(more: Self.strictPolicy) { stand in
            let (allowed, other) = (try stand.key("alice"), try stand.key("bob", groups: ["others"]))
            let call = "\"name\":\"get_weather\",\"arguments\":{\"city\":\"Atlantis\"}"
            #expect(try await stand.send(allowed, "tools/call", call, name: "get_weather").status == 200)
            #expect(try await stand.send(other, "tools/call", call, name: "get_weather").status == 404)
            let folder = AuditFolder(stateFolder: stand.gateway.folder.appending(path: "state").path)
            @Sendable func records(of user: String) -> [String] {
                var found: [String] = []
                AuditReader(folder).visit { entry in
                    let text = String(decoding: entry.text, as: UTF8.self)
                    if text.contains("\"\(user)\"") { found.append(text) }
                    return true
                }
                return found
            }
            try await eventually("all are in the log") {
                records(of: "alice").count >= 2 && !records(of: "bob").isEmpty
            }
            let (done, refused) = (records(of: "alice"), records(of: "bob"))
            try #require(done.count == 2 && refused.count == 1)
            #expect(done[0].contains("\"pending\"") && done[0].contains("argumentsDigest"), "\(done[0])")
            #expect(done[1].contains("\"done\"") && done[1].contains("resultDigest"), "\(done[1])")
            #expect(done.allSatisfy { $0.contains("demo/get_weather") })
            #expect(refused[0].contains("\"denied\""), "\(refused[0])")
            #expect((done + refused).allSatisfy { !$0.contains("Atlantis") })
        }
    }

    /// An intent that must be on the disk is a record of its own.
    private static let strictPolicy = """
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: AuditPolicy, metadata: {name: p}, spec: {class: strict}}
        """

    @Test("a call is told before and after: who, what, which rule, what came of it, what it cost")
    func modelCall() async throws {
        var options = ModelStand.Options()
        options.more = Self.strictPolicy
        let records = try await Self.records(options) { stand in
            let key = try stand.key()
            #expect(try await stand.call(key, "/v1/chat/completions", ModelStand.question("chat")).status == 200)
            let stream = ModelStand.question("chat", "", true)
            #expect(try await stand.call(key, "/v1/chat/completions", stream).status == 200)
        }
        let calls = Self.of("models", records)
        #expect(calls.map { Self.text($0["unmapped"]?["effect"]?["state"]) } == ["pending", "done", "pending", "done"])
        let (intent, outcome) = (calls[0], calls[1])
        #expect(intent["metadata"]?["correlation_uid"] == outcome["metadata"]?["correlation_uid"])
        #expect(Self.text(intent["actor"]?["user"]?["uid"]) == "alice")
        #expect(Self.text(intent["unmapped"]?["decision"]?["rule"]) == "default/all")
        #expect(Self.text(intent["unmapped"]?["decision"]?["policy_digest"])?.count == 64)
        #expect(Self.text(outcome["ai_model"]?["ai_provider"]) == "openai")
        #expect(outcome["message_context"]?["total_tokens"]?.int ?? 0 > 0)
        #expect(Self.text(outcome["unmapped"]?["cost_usd"]) != nil)
        #expect(intent["unmapped"]?["request_body"] == nil)
        #expect(Self.text(records.first?["api"]?["operation"]) == "start")
        #expect(Self.text(records.last?["api"]?["operation"]) == "stop")
    }

    @Test("a call of class standard is told whole, by one record or by two", arguments: [0, 60_000])
    func standardCall(lingerMilliseconds: Int) async throws {
        var options = ModelStand.Options()
        options.adjust = { $0.auditSettings.lingerMilliseconds = lingerMilliseconds }
        let records = try await Self.records(options) { stand in
            let key = try stand.key()
            #expect(try await stand.call(key, "/v1/chat/completions", ModelStand.question("chat")).status == 200)
        }
        let calls = Self.of("models", records)
        if lingerMilliseconds > 0 { #expect(calls.count == 1 && calls.first?["end_time"]?.int ?? 0 > 0) }
        let (intent, outcome) = (try #require(calls.first), try #require(calls.last))
        #expect(intent["unmapped"]?["decision"]?["facts"]?["route"] != nil)
        #expect(outcome["message_context"]?["total_tokens"]?.int ?? 0 > 0)
        #expect(Self.text(outcome["unmapped"]?["effect"]?["state"]) == "done")
    }

    @Test("refusals are records: no key, a model nobody may use, a budget that is used up")
    func refusals() async throws {
        var options = ModelStand.Options()
        options.limits = "{unit: requests, max: 1, window: 1h}"
        let records = try await Self.records(options) { stand in
            #expect(try await stand.call("nobody", "/v1/chat/completions", ModelStand.question("chat")).status == 401)
            let key = try stand.key()
            #expect(try await stand.call(key, "/v1/chat/completions", ModelStand.question("nothing")).status == 404)
            #expect(try await stand.call(key, "/v1/chat/completions", ModelStand.question("chat")).status == 200)
            #expect(try await stand.call(key, "/v1/chat/completions", ModelStand.question("chat")).status == 429)
        }
        let denied = records.filter { Self.text($0["unmapped"]?["decision"]?["verdict"]) == "denied" }
        #expect(
            denied.map { Self.text($0["status_code"]) }
                == [
                    ErrorCode.unauthenticated.rawValue, ErrorCode.unknownModel.rawValue,
                    ErrorCode.budgetExceeded.rawValue,
                ])
    }

    @Test("in class strict the call waits for the disk; at level RequestResponse the record has both texts")
    func strict() async throws {
        var options = ModelStand.Options()
        options.more = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: AuditPolicy
            metadata: {name: default}
            spec: {class: strict, level: RequestResponse, redaction: {hash: [user]}}
            """
        let records = try await Self.records(options) { stand in
            let key = try stand.key()
            #expect(try await stand.call(key, "/v1/chat/completions", ModelStand.question("chat")).status == 200)
            let stream = ModelStand.question("chat", "", true)
            #expect(try await stand.call(key, "/v1/chat/completions", stream).status == 200)
        }
        let calls = Self.of("models", records)
        #expect(calls.count == 4)
        #expect(Self.text(calls[0]["unmapped"]?["request_body"]?["text"])?.contains("hello") == true)
        #expect(Self.text(calls[1]["unmapped"]?["response_body"]?["text"])?.contains("choices") == true)
        #expect(Self.text(calls[3]["unmapped"]?["response_body"]?["text"])?.contains("data:") == true)
        #expect(Self.text(calls[0]["actor"]?["user"]?["uid"])?.hasPrefix("hmac:") == true)
    }

    @Test("recorded calls are decided again: the same under their own policy, otherwise under another")
    func replay() async throws {
        try await Self.run(ModelStand.Options()) { stand in
            for user in ["alice", "bob"] {
                let key = try stand.key(user)
                #expect(try await stand.call(key, "/v1/chat/completions", ModelStand.question("chat")).status == 200)
            }
        } then: { folder in
            var same = DecisionReplay(folder, objects: nil)
            same.run(sinceMilliseconds: nil)
            #expect(same.replayed == 2)
            #expect(same.changes.isEmpty)
            let narrower = ModelStand.configuration(1, ModelStand.Options()).replacing("any: true", with: "user: alice")
            let text = ConfigurationLoad.Text(bytes: Array(narrower.utf8), file: "new.yaml")
            var other = DecisionReplay(folder, objects: ConfigurationLoad(texts: [text]).set)
            other.run(sinceMilliseconds: nil)
            #expect(other.changes.map(\.principal.user) == ["bob"])
            #expect(other.changes.first?.replayed == .denied)
        }
    }
}
