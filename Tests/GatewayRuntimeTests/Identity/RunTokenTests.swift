import Foundation
import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWire
import GatewayWorkbench
import NIOCore
import Testing

@Suite("a run has one token, one budget for all its children, and one end", .timeLimit(.minutes(1)))
struct RunTokenTests {
    /// Asks the admin API on its socket.
    private static func ask(_ stand: ModelStand, _ path: String, _ body: String) async throws -> JSONTree {
        let folder = stand.gateway.folder.appending(path: "state").path
        let token = try #require(try AdminToken.read(stateFolder: folder))
        let client = WorkbenchClient(version: .http1, via: .unix(path: "\(folder)/\(AdminToken.socketName)"))
        let answer = try await client.call(
            "POST", "http://sluice\(path)",
            headers: [Header("authorization", token.reveal { "Bearer \(String(decoding: $0, as: UTF8.self))" })],
            body: .text(body))
        #expect(answer.status == 201, "\(answer.text)")
        return try JSONTree.parse(answer.body)
    }

    private static func mint(_ stand: ModelStand, _ body: String) async throws -> (token: String, run: String) {
        let made = try await ask(stand, "/v1/tokens", body)
        return (
            try #require(made["token"]?.string?.value), try #require(made["run"]?.string?.value)
        )
    }

    private static func exchange(
        _ stand: ModelStand, _ token: String, _ more: String = ""
    ) async throws -> (
        status: Int, token: String, text: String
    ) {
        let type = FormText.encode("urn:ietf:params:oauth:token-type:access_token")
        let grant = FormText.encode(TokenService.GrantType.exchange.rawValue)
        let answer = try await WorkbenchClient(version: .http1).call(
            "POST", try stand.gateway.url("/oauth/token"),
            headers: [Header("content-type", "application/x-www-form-urlencoded")],
            body: .text("grant_type=\(grant)&subject_token=\(token)&subject_token_type=\(type)\(more)"))
        let tree = try JSONTree.parse(answer.body)
        return (answer.status, tree["access_token"]?.string?.value ?? "", answer.text)
    }

    @Test func `children draw on the budget of their run, and may no more than it`() async throws {
        try await ModelStand.run { stand in
            let (parent, _) = try await Self.mint(
                stand, #"{"user":"ann","agent":"planner","models":["chat"],"budgets":["3requests"],"ttl":"10m"}"#)
            func status(_ token: String, _ model: String = "chat") async throws -> Int {
                try await stand.call(token, "/v1/chat/completions", ModelStand.question(model)).status
            }
            #expect(try await status(parent) == 200)
            #expect(try await status(parent, "claude") == 403)
            let wider = try await Self.exchange(stand, parent, "&models=claude")
            #expect(wider.status == 400 && wider.text.contains("invalid_scope"), "\(wider.text)")
            let child = try await Self.exchange(stand, parent, "&models=chat")
            #expect(child.status == 200, "\(child.text)")
            #expect(try await status(child.token) == 200)
            #expect(try await status(child.token) == 200)
            // Three calls of the run, whoever made them.
            #expect(try await status(child.token) == 429)
            #expect(try await status(parent) == 429)
            let rows = try stand.rows()
            #expect(rows.count == 3)
            #expect(rows.allSatisfy { $0.user == "ann" && $0.agent == "planner" })
            #expect(Set(rows.map(\.run)).count == 1)
        }
    }

    @Test func `T17: a revoked run is over within a second, its open streams too, and stays so`() async throws {
        try await ModelStand.run { stand in
            let (token, run) = try await Self.mint(stand, #"{"user":"ann","agent":"planner"}"#)
            let (other, _) = try await Self.mint(stand, #"{"user":"ben"}"#)
            let body = Array(ModelStand.question("chat", "tokens=100000 delta=4 interval=20ms", true).utf8)
            let answer = try await Self.open(stand, token, body)
            let begun = ContinuousClock.now
            _ = try await Self.ask(stand, "/v1/revocations", #"{"kind":"run","value":"\#(run)"}"#)
            // The stream ends although its provider goes on for minutes.
            _ = try? await answer.collect()
            #expect(begun.duration(to: .now) < .seconds(1))
            let refused = try await stand.call(token, "/v1/chat/completions", ModelStand.question("chat"))
            #expect(refused.status == 401)
            #expect(refused.text.contains("revoked"), "\(refused.text)")
            #expect(try await stand.call(other, "/v1/chat/completions", ModelStand.question("chat")).status == 200)
            #expect(try await Self.exchange(stand, token).status == 400)
        }
    }

    private static func open(_ stand: ModelStand, _ token: String, _ body: [UInt8]) async throws -> CallResponse {
        let target = try CallTarget(try stand.gateway.url("/v1/chat/completions"))
        let connection = try await ClientConnection.open(Destination(target, version: .http1, via: nil))
        return try await connection.start(
            CallRequest(
                "POST", target.target,
                headers: [Header("authorization", "Bearer \(token)"), Header("content-type", "application/json")],
                body: .bytes(body)))
    }

    @Test func `whoami says who, by what and for how much`() async throws {
        try await ModelStand.run { stand in
            let (token, run) = try await Self.mint(
                stand, #"{"user":"ann","agent":"planner","scopes":["read"],"budgets":["2usd"]}"#)
            let answer = try await WorkbenchClient(version: .http1).call(
                "GET", try stand.gateway.url("/oauth/whoami"), headers: [Header("authorization", "Bearer \(token)")])
            #expect(answer.status == 200)
            let tree = try JSONTree.parse(answer.body)
            #expect(tree["user"]?.string?.value == "ann")
            #expect(tree["run"]?.string?.value == run)
            #expect(tree["budget"]?.array?.first?.string?.value == "2usd/total")
            #expect(tree["provenBy"]?["agent"]?.string?.value == "token of this gateway")
            let key = try await WorkbenchClient(version: .http1).call(
                "GET", try stand.gateway.url("/oauth/whoami"),
                headers: [Header("x-api-key", try stand.key("carl"))])
            #expect(try JSONTree.parse(key.body)["user"]?.string?.value == "carl")
        }
    }
}
