import Foundation
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

/// A gateway before a mock provider that speaks both dialects: the models `chat` (native to OpenAI's clients) and
/// `claude` (native to Anthropic's), at a dollar for a million tokens, open to every key.
struct ModelStand: Sendable {
    let provider: MockModelServer
    let gateway: GatewayUnderTest

    struct Options {
        var provider = MockModelServer.Options()
        /// Fields of both models.
        var model = ""
        /// Limits of one budget for each user; none by default.
        var limits = ""
        var budget = ""
        var more = ""
        /// Whether every key may use every model.
        var isOpen = true
        var state: String?
        var adjust: @Sendable (inout GatewayOptions) -> Void = { _ in }
    }

    static func run(_ options: Options = Options(), _ body: (ModelStand) async throws -> Void) async throws {
        var served = options.provider
        served.requiresKey = false
        let provider = try await MockModelServer.start(served)
        let gateway = try await GatewayUnderTest.start(
            configuration(provider.port, options), adjust: options.adjust)
        do { try await body(ModelStand(provider: provider, gateway: gateway)) } catch {
            try await gateway.stop()
            await provider.stop()
            throw error
        }
        try await gateway.stop()
        await provider.stop()
    }

    private static let everyone = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelAccessPolicy
        metadata: {name: all}
        spec: {subjects: [{any: true}], models: ["*"]}
        """

    static func configuration(_ port: Int, _ options: Options) -> String {
        let model = options.model.isEmpty ? "" : ", " + options.model
        let budget = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: BudgetPolicy
            metadata: {name: per-user}
            spec: {scope: user, limits: [\(options.limits)]\(options.budget)}
            """
        return """
            {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: openai},
             spec: {dialect: openai, baseURL: "http://127.0.0.1:\(port)/v1", prompts: [p, "pmpt_open*"]}}
            ---
            {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: anthropic},
             spec: {dialect: anthropic, baseURL: "http://127.0.0.1:\(port)", skills: [pdf, "skill_open*"]}}
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ModelCatalog
            metadata: {name: default}
            spec:
              models:
                - {name: chat, targets: [{provider: openai, model: gpt-5}], price: {input: "1", output: "1"}\(model)}
                - {name: claude, targets: [{provider: anthropic, model: claude-sonnet-4-5}],
                   price: {input: "1", output: "1"}\(model)}
            \(options.isOpen ? everyone : "")
            \(options.limits.isEmpty ? "" : budget)
            \(options.more)
            """
    }

    /// A further model of the same name at a provider of its own.
    static func model(_ name: String, dialect: String, port: Int, _ more: String = "") -> String {
        """
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: \(name)},
         spec: {dialect: \(dialect), baseURL: "http://127.0.0.1:\(port)/v1"}}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelCatalog
        metadata: {name: \(name)}
        spec: {models: [{name: \(name), targets: [{provider: \(name)}], price: {input: "1", output: "1"}\(more)}]}
        """
    }

    /// A form with these fields and one file of so many bytes, and its content type.
    static func form(_ fields: [(String, String)], fileBytes: Int) -> (body: [UInt8], header: Header) {
        var body: [UInt8] = []
        func part(_ head: String, _ value: [UInt8]) {
            body += Array("--edge\r\nContent-Disposition: form-data; \(head)\r\n\r\n".utf8) + value + Array("\r\n".utf8)
        }
        for (name, value) in fields.dropLast() { part("name=\"\(name)\"", Array(value.utf8)) }
        part("name=\"file\"; filename=\"a.wav\"", (0..<fileBytes).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        if let (name, value) = fields.last { part("name=\"\(name)\"", Array(value.utf8)) }
        return (body + Array("--edge--\r\n".utf8), Header("content-type", "multipart/form-data; boundary=edge"))
    }

    func key(_ user: String = "alice") throws -> String {
        var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
        draft.user = user
        return try gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
    }

    func call(
        _ key: String, _ path: String, _ body: [UInt8], method: String = "POST", headers: [Header] = []
    ) async throws -> CompletedResponse {
        try await WorkbenchClient(version: .http1).call(
            method, try gateway.url(path), headers: [Header("authorization", "Bearer \(key)")] + headers,
            body: body.isEmpty ? .none : .bytes(body))
    }

    func call(_ key: String, _ path: String, _ body: String) async throws -> CompletedResponse {
        try await call(key, path, Array(body.utf8))
    }

    /// One question in the words of either dialect; `directive` is for the mock.
    static func question(
        _ model: String, _ directive: String = "", _ stream: Bool = false, _ more: String = ""
    ) -> String {
        let text = directive.isEmpty ? "hello" : "hello [[mock: \(directive)]]"
        return "{\"model\":\"\(model)\",\"messages\":[{\"role\":\"user\",\"content\":\"\(text)\"}]"
            + (stream ? ",\"stream\":true" : "") + more + "}"
    }

    /// Every settled call, the newest last.
    func rows() throws -> [UsageRow] {
        gateway.process.state.fold()
        return try gateway.process.state.calls(UsageQuery(), limit: 100_000).reversed()
    }
}
