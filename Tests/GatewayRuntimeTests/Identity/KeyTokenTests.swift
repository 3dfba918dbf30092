import Foundation
import GatewayControl
import GatewayModel
import GatewayWire
import GatewayWorkbench
import Testing

@Suite("tokens made from a key have no more than it, and end with it", .timeLimit(.minutes(1)))
struct KeyTokenTests {
    private static func ask(
        _ stand: ModelStand, _ path: String, _ body: String = "", status: Int
    ) async throws -> JSONTree {
        let folder = stand.gateway.folder.appending(path: "state").path
        let token = try #require(try AdminToken.read(stateFolder: folder))
        let client = WorkbenchClient(version: .http1, via: .unix(path: "\(folder)/\(AdminToken.socketName)"))
        let answer = try await client.call(
            "POST", "http://sluice\(path)",
            headers: [Header("authorization", token.reveal { "Bearer \(String(decoding: $0, as: UTF8.self))" })],
            body: .text(body))
        #expect(answer.status == status, "\(answer.text)")
        return try JSONTree.parse(answer.body)
    }

    /// A key, and tokens of it by client credentials.
    private struct Key {
        var stand: ModelStand
        var id: String
        var secret: String

        init(_ stand: ModelStand, _ body: String) async throws {
            self.stand = stand
            let made = try await KeyTokenTests.ask(stand, "/v1/keys", body, status: 201)
            id = try #require(made["id"]?.string?.value)
            secret = try #require(made["key"]?.string?.value)
        }

        func token() async throws -> (text: String, seconds: Int) {
            let answer = try await WorkbenchClient(version: .http1).call(
                "POST", try stand.gateway.url("/oauth/token"),
                headers: [Header("content-type", "application/x-www-form-urlencoded")],
                body: .text("grant_type=client_credentials&client_id=\(id)&client_secret=\(secret)"))
            let tree = try JSONTree.parse(answer.body)
            return (
                try #require(tree["access_token"]?.string?.value, "\(answer.text)"), tree["expires_in"]?.int ?? 0
            )
        }

        func status(_ credential: String) async throws -> Int {
            try await stand.call(credential, "/v1/chat/completions", ModelStand.question("chat")).status
        }

        func change(_ action: String) async throws {
            _ = try await KeyTokenTests.ask(stand, "/v1/keys/\(id)/\(action)", status: 200)
        }
    }

    @Test func `another token is no other budget, and none outlives its key`() async throws {
        try await ModelStand.run { stand in
            let key = try await Key(stand, #"{"user":"ann","budgets":["3requests/1d"],"expires":"90s"}"#)
            let (first, second) = (try await key.token(), try await key.token())
            #expect((1...90).contains(first.seconds))
            #expect(try await key.status(first.text) == 200)
            #expect(try await key.status(second.text) == 200)
            #expect(try await key.status(key.secret) == 200)
            for credential in [first.text, second.text, try await key.token().text, key.secret] {
                #expect(try await key.status(credential) == 429)
            }
        }
    }

    @Test func `a revoked key takes its tokens with it, a blocked one those it has made`() async throws {
        try await ModelStand.run { stand in
            let key = try await Key(stand, #"{"user":"ann"}"#)
            let first = try await key.token().text
            #expect(try await key.status(first) == 200)
            try await key.change("block")
            #expect(try await key.status(first) == 401)
            try await key.change("unblock")
            #expect(try await key.status(key.secret) == 200)
            #expect(try await key.status(first) == 401)
            // What is issued in the second of a blocking counts as before it.
            try await Task.sleep(for: .milliseconds(1_100))
            let second = try await key.token().text
            #expect(try await key.status(second) == 200)
            try await key.change("revoke")
            #expect(try await key.status(second) == 401)
            #expect(try await key.status(key.secret) == 401)
        }
    }
}
