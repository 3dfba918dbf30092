import GatewayModel
import GatewayState
import GatewayWorkbench
import Testing

@Suite("The head of an answer names one candidate: the one that answered", .timeLimit(.minutes(1)))
struct CandidateHeaderTests {
    private static let more = """
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: locked},
         spec: {dialect: openai, baseURL: "http://127.0.0.1:1/v1", credential: {env: SLUICE_TEST_NO_SUCH_KEY}}}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelCatalog
        metadata: {name: more}
        spec:
          models:
            - {name: locked, targets: [{provider: locked, model: x}], price: {input: "1", output: "1"}}
            - {name: first, targets: [{provider: openai, model: gpt-5}], fallback: [locked],
               retry: {attemptsMax: 1}, price: {input: "1", output: "1"}}
            - {name: second, targets: [{provider: locked, model: x}], fallback: [locked, chat],
               price: {input: "1", output: "1"}}
            - {name: third, targets: [{provider: locked, model: x}], fallback: [locked],
               price: {input: "1", output: "1"}}
        """

    @Test(
        "a fallback that could not be asked, one that could, and none",
        arguments: [
            ("first", "status=500", "first", "openai"), ("second", "", "chat", "openai"), ("third", "", nil, nil),
            ("chat", "", "chat", "openai"),
        ] as [(String, String, String?, String?)])
    func names(asked: String, directive: String, model: String?, provider: String?) async throws {
        var options = ModelStand.Options()
        options.more = Self.more
        try await ModelStand.run(options) { stand in
            let answer = try await stand.call(
                try stand.key(), "/v1/chat/completions", ModelStand.question(asked, directive))
            #expect(answer.status == (model == nil || !directive.isEmpty ? answer.status : 200), "\(answer.text)")
            func value(_ name: String) -> String? { answer.headers.first { $0.name == name }?.value }
            #expect(value("x-sluice-model") == model, "\(answer.headers)")
            #expect(value("x-sluice-provider") == provider, "\(answer.headers)")
            let row = try stand.rows().last
            if provider != nil { #expect(row?.provider == provider) }
        }
    }
}
