import GatewayControl
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

@Suite("What was imported from LiteLLM is called as LiteLLM is", .timeLimit(.minutes(1)))
struct ImportedRouteTests {
    @Test("clients reach models by a base URL with /v1 and without, with a key and not without")
    func paths() async throws {
        var served = MockModelServer.Options()
        served.requiresKey = false
        let provider = try await MockModelServer.start(served)
        let parameters = ConfigNode.object([
            ("model", .text("hosted_vllm/gpt-5")), ("api_base", .text("http://127.0.0.1:\(provider.port)/v1")),
        ])
        let entry = ConfigNode.object([("model_name", .text("chat")), ("litellm_params", parameters)])
        let imported = LiteLLMImport(.object([("model_list", .list([entry]))]))
        let gateway = try await GatewayUnderTest.start(YAMLPrinter.print(imported.objects))
        let stand = ModelStand(provider: provider, gateway: gateway)
        let key = try stand.key()
        for prefix in ["/v1", ""] {
            let chat = try await stand.call(key, "\(prefix)/chat/completions", ModelStand.question("chat"))
            #expect(chat.status == 200, "\(prefix): \(chat.text)")
            let asked = try await stand.call(key, "\(prefix)/responses", "{\"model\":\"chat\",\"input\":\"x\"}")
            #expect(asked.status == 200, "\(prefix): \(asked.text)")
            let list = try await stand.call(key, "\(prefix)/models", [], method: "GET")
            #expect(list.status == 200 && list.text.contains("\"chat\""), "\(prefix): \(list.text)")
            let refused = try await stand.call("none", "\(prefix)/chat/completions", ModelStand.question("chat"))
            #expect(refused.status == 401, "\(prefix): \(refused.text)")
        }
        #expect(try await stand.call(key, "/elsewhere", "{}").status == 404)
        try await gateway.stop()
        await provider.stop()
    }
}
