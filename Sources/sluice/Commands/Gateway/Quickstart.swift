import Foundation
import GatewayWorkbench

/// What `sluice run` serves when it is given nothing: models, from the vendors whose keys are in the environment or
/// else from a mock in this process, the tools of another mock, and an answer to every other request.
struct Quickstart {
    static let name = "quickstart"
    /// Who calls with the key that is printed, and the group it is in.
    static let user = "quickstart"

    /// Where its models come from.
    enum Source: Equatable {
        /// The port of the mock on 127.0.0.1.
        case mock(port: Int)
        case vendors(openai: Bool, anthropic: Bool)
    }

    let source: Source
    /// Lives as long as the process.
    private(set) var mock: MockModelServer?
    /// The same, of tools.
    private(set) var tools: MockToolServer?
    /// The port of the tools on 127.0.0.1; nil: there are none.
    let toolPort: Int?
    /// Where it listens.
    let port: Int
    static let standardPort = 8_080

    init(_ source: Source, toolPort: Int? = nil, port: Int = Quickstart.standardPort) {
        (self.source, self.toolPort, self.port) = (source, toolPort, port)
    }

    /// With its mocks started, as far as it needs them.
    static func prepared(port: Int = standardPort) async throws -> Quickstart {
        var demo = MockToolServer.Options()
        demo.sets = [.demo]
        let tools = try await MockToolServer.start(demo)
        var mock: MockModelServer?
        var source = vendors(ProcessInfo.processInfo.environment)
        if source == nil {
            var options = MockModelServer.Options()
            options.requiresKey = false
            let models = try await MockModelServer.start(options)
            (mock, source) = (models, .mock(port: models.port))
        }
        var quickstart = Quickstart(
            source ?? .vendors(openai: false, anthropic: false), toolPort: tools.port, port: port)
        (quickstart.mock, quickstart.tools) = (mock, tools)
        return quickstart
    }

    /// Real vendors as soon as one of their keys is there; nil: a mock has to be started first.
    static func vendors(_ environment: [String: String]) -> Source? {
        let openai = environment["OPENAI_API_KEY"].map { !$0.isEmpty } ?? false
        let anthropic = environment["ANTHROPIC_API_KEY"].map { !$0.isEmpty } ?? false
        return openai || anthropic ? .vendors(openai: openai, anthropic: anthropic) : nil
    }

    /// The whole configuration; every document of it is an example to start from.
    var text: String { front + providers + catalog + Self.access + (toolPort.map(Self.toolServer) ?? "") }

    private var front: String {
        """
        # sluice run, without -f. Save it as gateway.yaml, change it, and serve it with: sluice run -f gateway.yaml
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: edge}
        spec:
          gatewayClassName: sluice
          listeners: [{name: http, protocol: HTTP, port: \(port)}]
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: models}
        spec:
          parentRefs: [{name: edge}]
          rules:
            - matches: [{path: {type: PathPrefix, value: /v1}}]
              backendRefs: [{group: sluice.dev, kind: ModelCatalog, name: default}]
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: tokens}
        spec:
          parentRefs: [{name: edge}]
          rules:
            - matches:
                - path: {type: PathPrefix, value: /oauth}
                - path: {type: Exact, value: /.well-known/oauth-authorization-server}
                - path: {type: Exact, value: /.well-known/openid-configuration}
              backendRefs: [{group: sluice.dev, kind: TokenService, name: sluice}]
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: hello}
        spec:
          parentRefs: [{name: edge}]
          rules:
            - matches: [{path: {type: PathPrefix, value: /}}]
              filters:
                - type: ExtensionRef
                  extensionRef: {group: sluice.dev, kind: DirectResponse, name: hello}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: DirectResponse
        metadata: {name: hello}
        spec:
          status: 200
          headers: [{name: content-type, value: text/plain; charset=utf-8}]
          body: |
            hello from sluice: this answer came from the quickstart's DirectResponse

        """
    }

    private var providers: String {
        switch source {
        case .mock(let port):
            // It asks for no key, so that there is none to keep.
            Self.provider("openai", url: "http://127.0.0.1:\(port)/v1", credential: nil)
                + Self.provider("anthropic", url: "http://127.0.0.1:\(port)", credential: nil)
        case .vendors(let openai, let anthropic):
            (openai ? Self.provider("openai", url: "https://api.openai.com/v1", credential: "OPENAI_API_KEY") : "")
                + (anthropic
                    ? Self.provider("anthropic", url: "https://api.anthropic.com", credential: "ANTHROPIC_API_KEY")
                    : "")
        }
    }

    private static func provider(_ dialect: String, url: String, credential: String?) -> String {
        let secret = credential.map { "\n  credential: {env: \($0)}" } ?? ""
        return """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ModelProvider
            metadata: {name: \(dialect)}
            spec:
              dialect: \(dialect)
              baseURL: \(url)\(secret)

            """
    }

    private var hasOpenAI: Bool { source != .vendors(openai: false, anthropic: true) }
    private var hasAnthropic: Bool { source != .vendors(openai: true, anthropic: false) }

    /// `fast` is what the printed commands ask for: of the first vendor, of the other when that one cannot serve.
    private var catalog: String {
        let mini = "{provider: openai, model: gpt-5-mini}"
        let haiku = "{provider: anthropic, model: claude-haiku-4-5\(hasOpenAI ? ", priority: 1" : "")}"
        let targets = [hasOpenAI ? mini : nil, hasAnthropic ? haiku : nil].compactMap { $0 }
        var text = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ModelCatalog
            metadata: {name: default}
            spec:
              models:
                - name: fast
                  targets: [\(targets.joined(separator: ", "))]
                  price: \(hasOpenAI ? Self.miniPrice : Self.haikuPrice)
                  context: {inputTokensMax: 200000, outputTokensMax: 16384}

            """
        if hasOpenAI { text += Self.model("gpt-5-mini", "openai", Self.miniPrice) }
        if hasAnthropic {
            text += Self.model("claude-haiku-4-5", "anthropic", Self.haikuPrice)
            text += Self.model("claude-sonnet-4-5", "anthropic", Self.sonnetPrice)
        }
        return text
    }

    private static let miniPrice = #"{input: "0.25", output: "2.00", cacheRead: "0.025"}"#
    private static let haikuPrice = #"{input: "1.00", output: "5.00", cacheRead: "0.10", cacheWrite5m: "1.25"}"#
    private static let sonnetPrice = #"{input: "3.00", output: "15.00", cacheRead: "0.30", cacheWrite5m: "3.75"}"#

    private static func model(_ name: String, _ provider: String, _ price: String) -> String {
        """
            - name: \(name)
              targets: [{provider: \(provider), model: \(name)}]
              price: \(price)
              context: {inputTokensMax: 200000, outputTokensMax: 16384}

        """
    }

    /// Also with real vendors a first try costs no more than this.
    private static let access = """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelAccessPolicy
        metadata: {name: quickstart}
        spec: {subjects: [{group: quickstart}], models: ["*"]}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: BudgetPolicy
        metadata: {name: per-user}
        spec:
          scope: user
          limits: [{unit: usd, max: "5.00", window: 1d}, {unit: concurrent, max: 8}]

        """

    /// Notes that can be read by whoever has the key, and deleted by nobody.
    private static func toolServer(port: Int) -> String {
        """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: MCPServer
        metadata: {name: demo}
        spec:
          http: {url: "http://127.0.0.1:\(port)/mcp"}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: tools}
        spec:
          parentRefs: [{name: edge}]
          rules:
            - matches: [{path: {type: PathPrefix, value: /mcp}}]
              backendRefs: [{group: sluice.dev, kind: MCPServer, name: demo}]
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ToolAccessPolicy
        metadata: {name: quickstart}
        spec:
          subjects: [{group: quickstart}]
          rules:
            - {server: demo, tools: [echo, "get_*", "list_*"]}
            - {server: demo, tools: [add], when: "tool.arguments.a < 100"}
            - {server: demo, resources: ["*"], prompts: ["*"]}

        """
    }

    /// Four things to try with the key, as one reads them in a terminal.
    func invitation(url: String, key: String) -> [String] {
        let base = url.hasSuffix("/") ? String(url.dropLast()) : url
        let from: String
        switch source {
        case .mock: from = "a mock in this process; set OPENAI_API_KEY or ANTHROPIC_API_KEY for the real thing"
        case .vendors(true, true): from = "OpenAI and Anthropic"
        case .vendors(true, _): from = "OpenAI"
        case .vendors: from = "Anthropic"
        }
        let header = "-H 'authorization: Bearer \(key)'"
        let messages = #""messages":[{"role":"user","content":"hello"}]"#
        return [
            "models come from \(from)", "key: \(key)",
            "a start makes a new one, and the last is good for another day; one that stays: "
                + "sluice key create --group \(Self.user)", "try:",
            "  curl \(base)/v1/chat/completions \(header) -d '{\"model\":\"fast\",\(messages)}'",
            "  curl -N \(base)/v1/chat/completions \(header) -d '{\"model\":\"fast\",\"stream\":true,\(messages)}'",
            "  OPENAI_BASE_URL=\(base)/v1 OPENAI_API_KEY=\(key) python3 your_program.py"
                + "   # or ANTHROPIC_BASE_URL=\(base) ANTHROPIC_API_KEY=\(key)",
        ] + (toolPort == nil ? [] : ["  sluice tool call demo.echo --arg text=hello --url \(base) --key \(key)"])
    }
}
