import GatewayControl
import GatewayModel

/// The one key of the quickstart: made at the first start, given another secret at each later one, since none is kept
/// that could be shown again. What was shown the last time opens everything for another day.
struct QuickstartKey {
    let client: StateClient

    func secret() async throws -> String {
        let answer: ConfigNode
        if let id = try await existing() {
            answer = try await client.send(
                "POST", "/v1/keys/\(PercentText.encoded(id))/rotate", query: [("grace", "24h")])
        } else {
            answer = try await client.send(
                "POST", "/v1/keys",
                json: .object([
                    ("user", .text(Quickstart.user)), ("groups", .list([.text(Quickstart.user)])),
                ]))
        }
        guard let secret = answer["key"]?.string else {
            throw GatewayError(.internalFault, "no secret in the answer to a new key")
        }
        return secret
    }

    /// A key of the quickstart's user that still opens something.
    private func existing() async throws -> String? {
        let items = try await client.get("/v1/keys")["items"]?.elements ?? []
        return items.first { $0["user"]?.string == Quickstart.user && $0["state"]?.string == "active" }?["id"]?.string
    }
}
