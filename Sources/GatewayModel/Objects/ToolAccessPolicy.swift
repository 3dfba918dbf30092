/// Who may call which tools with which arguments (sluice.dev/v1alpha1). Without any, nobody may call any.
package struct ToolAccessPolicy: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: ToolAccessPolicySpec
}

package struct ToolAccessPolicySpec: ConfigObject {
    package var subjects: [ModelSubject]
    package var rules: [ToolAccessRule]
    package var approvals: ToolApprovalSettings?

    package init(_ fields: FieldReader) {
        approvals = fields.optional("approvals", "how people hear of calls that its rules ask about")
        subjects = fields.list("subjects", "whom it is about; one of them must fit", count: 1...256)
        rules = fields.list(
            "rules", "what they may do; of the rules that fit, deny wins over ask and ask over allow", count: 1...256)
    }
}

/// How people hear of calls that wait for them.
package struct ToolApprovalSettings: ConfigObject {
    package var webhook: ToolApprovalWebhook?

    package init(_ fields: FieldReader) {
        webhook = fields.optional("webhook", "who is told of each call that waits")
    }
}

/// A receiver of signed messages, in the form of Standard Webhooks.
package struct ToolApprovalWebhook: ConfigObject {
    package var url: String
    package var signingSecret: SecretPlace
    package var allowedAddresses: [CIDR]
    package var adminURL: String?

    package init(_ fields: FieldReader) {
        url = fields.required("url", "where each call that waits is posted to", .httpURL)
        signingSecret = fields.required("signingSecret", "what signs the messages; whsec_ and base64, or any text")
        allowedAddresses = fields.list(
            "allowedAddresses", "blocks such as 10.1.0.0/16 that its address may lie in, beside public ones",
            count: 0...64)
        adminURL = fields.optional(
            "adminURL", "the admin API as the receiver reaches it, for the addresses in messages", .httpURL)
    }
}

/// One rule. Without `tools`, `resources` and `prompts` it is about everything of the server.
package struct ToolAccessRule: ConfigObject, Hashable {
    package enum Verdict: String, ConfigEnum {
        case allow
        /// A person decides about each call.
        case ask
        case deny
    }

    /// Who may approve a call that waits.
    package enum Approver: String, ConfigEnum, Hashable {
        /// Whoever sits at the client.
        case caller
        /// Whoever may use the admin API.
        case `operator`
    }

    package var server: String
    package var tools: [String]?
    package var resources: [String]?
    package var prompts: [String]?
    package var when: String?
    package var verdict: Verdict
    package var approvers: [Approver]

    package init(_ fields: FieldReader) {
        server = fields.value("server", default: "*", "a server's name; * stands for any text", .nonEmpty)
        tools = fields.optionalList(
            "tools", "names of its tools, as the server knows them; * stands for any text", count: 1...1024,
            each: .length(1...256))
        resources = fields.optionalList(
            "resources", "URIs of its resources; * stands for any text", count: 1...1024, each: .length(1...2048))
        prompts = fields.optionalList(
            "prompts", "names of its prompts; * stands for any text", count: 1...1024, each: .length(1...256))
        when = fields.optional("when", "a condition on principal, tool and arguments, in CEL", .length(1...4096))
        verdict = fields.value("verdict", default: .allow, "what is said to it")
        let approvers: [Approver]? = fields.optionalList(
            "approvers", "who may approve, with verdict: ask; caller and operator by default", count: 1...2)
        self.approvers = approvers ?? [.caller, .operator]
        fields.check(
            approvers == nil || verdict == .ask, at: "approvers", "approvers with verdict \(verdict.rawValue)",
            hint: "only what is asked is approved; remove them")
        fields.check(
            verdict != .ask || tools != nil || (resources == nil && prompts == nil), at: "verdict",
            "verdict ask for what is no tool", hint: "only calls of tools wait for a person")
    }
}
