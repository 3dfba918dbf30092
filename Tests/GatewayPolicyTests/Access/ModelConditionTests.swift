import GatewayModel
import GatewayPolicy
import Testing

@Suite("A condition on a call of a model holds, does not, or cannot be told")
struct ModelConditionTests {
    private let ana = Principal(proof: .apiKey, team: "blue", user: "ana", groups: ["dev", "x"], credentialID: "k1")

    private func holds(_ source: String, _ request: AccessTable.Request) -> Bool? {
        ModelCondition(source).holds(ana, request)
    }

    private func request(
        tokens: Int? = nil, isStream: Bool = false, headers: CELMap? = nil
    ) -> AccessTable.Request {
        AccessTable.Request(
            name: Array("gpt-5".utf8), operation: .chat, inputTokens: tokens, isStream: isStream, headers: headers)
    }

    @Test func callers() {
        #expect(holds("principal.groups.exists(g, g == 'x') && request.model.startsWith('gpt-')", request()) == true)
        #expect(holds("principal.team == 'red' || principal.user == 'bo'", request()) == false)
        #expect(holds("has(principal.tenant) || principal.proof != 'apiKey'", request()) == false)
        #expect(holds("request.operation == 'chat' && !request.stream", request()) == true)
        #expect(holds("request.stream && principal.credential == 'k1'", request(isStream: true)) == true)
    }

    @Test("what is not known is not guessed")
    func unknown() {
        #expect(holds("request.inputTokens < 10", request()) == nil)
        #expect(holds("request.inputTokens < 10", request(tokens: 5)) == true)
        #expect(holds("'x-a' in request.headers", request()) == nil)
        #expect(holds("'x-a' in request.headers", request(headers: .empty)) == false)
        #expect(holds("request.headers['x-a'] == '1'", request(headers: .empty)) == nil)
        #expect(holds("now < now", request()) == nil)
        #expect(holds("request.modle == ''", request()) == nil)
    }

    @Test("a condition says what it reads")
    func reads() {
        #expect(ModelCondition("'a' in request.headers").readsHeaders && !ModelCondition("true").readsHeaders)
        #expect(ModelCondition("now < now").readsTime)
    }
}
