import Crypto
package import GatewayModel
import GatewayPolicy
import GatewayState
import GatewayWire

/// Who is told of calls that wait for a person: by one ToolAccessPolicy, in the form of Standard Webhooks
/// (standardwebhooks.com, "Technical specifications").
package struct ApprovalHook: Sendable {
    /// For what the operator is told.
    let policy: String
    let url: String
    let allowedAddresses: [String]
    let adminURL: String?
    /// Signs the messages.
    private let secret: Secret

    private static let secretPrefix = "whsec_"

    /// Throws for a secret that says it is base64 and is not.
    package init(_ spec: ToolApprovalWebhook, policy: String, secret: Secret) throws(GatewayError) {
        try self.init(
            policy: policy, url: spec.url, allowedAddresses: spec.allowedAddresses.map(\.description),
            adminURL: spec.adminURL, secret: secret)
    }

    init(
        policy: String, url: String, allowedAddresses: [String] = [], adminURL: String? = nil, secret: Secret
    ) throws(GatewayError) {
        self.policy = policy
        self.url = url
        self.adminURL = adminURL
        self.allowedAddresses = allowedAddresses
        let bytes = secret.reveal { $0 }
        let prefix = Array(ApprovalHook.secretPrefix.utf8)
        guard bytes.starts(with: prefix) else {
            self.secret = secret
            return
        }
        guard let decoded = Base64.decode(bytes.dropFirst(prefix.count)), !decoded.isEmpty else {
            throw GatewayError(
                .missingCredential, "what follows whsec_ in the signing secret is no base64",
                hint: "write whsec_ and base64, or any other text")
        }
        self.secret = Secret(decoded)
    }

    /// `v1,` and the code over id, time and body.
    func signature(_ id: String, _ seconds: Int, _ body: [UInt8]) -> String {
        let code = secret.reveal { key in
            HMAC<SHA256>.authenticationCode(
                for: Array("\(id).\(seconds).".utf8) + body, using: SymmetricKey(data: key))
        }
        return "v1," + String(decoding: Base64.encode(Array(code)), as: UTF8.self)
    }

    private static func text(_ seconds: Int) -> String {
        CELTimestamp(seconds: Int64(seconds), nanoseconds: 0).text
    }

    /// The message about one call. It has what the approver is shown, and how to decide.
    func body(_ item: ToolApproval, _ caller: Principal, risk: ToolRisk?) -> [UInt8] {
        func way(_ action: String) -> JSONTree {
            let path = "/v1/approvals/\(item.id)/\(action)"
            var way: JSONObject = ["method": "POST", "path": .text(path)]
            if let adminURL { way["url"] = .text(OutboundURL.join(adminURL, path)) }
            return .object(way)
        }
        var who: JSONObject = ["name": .text(item.caller)]
        for (name, value) in [
            ("tenant", caller.tenant), ("user", caller.user), ("agent", caller.agent), ("run", caller.run),
            ("key", caller.credentialID),
        ] {
            if let value { who[name] = .text(value) }
        }
        var data: JSONObject = [
            "id": .text(item.id), "caller": .object(who), "server": .text(item.server), "tool": .text(item.tool),
            "arguments": .text(item.arguments), "digest": .text(item.digest), "rule": .text(item.rule),
        ]
        if let meta = item.meta { data["meta"] = .text(meta) }
        if let others = item.others { data["others"] = .text(others) }
        if let risk { data["risk"] = .text(risk.rawValue) }
        data["asked"] = .text(ApprovalHook.text(item.createdSeconds))
        data["expires"] = .text(ApprovalHook.text(item.expiresSeconds))
        data["approve"] = way("approve")
        data["deny"] = way("deny")
        data["command"] = .text("sluice approval approve \(item.id)")
        let message: JSONTree = [
            "type": "approval.requested", "timestamp": .text(ApprovalHook.text(item.createdSeconds)),
            "data": .object(data),
        ]
        return message.bytes
    }
}
