/// How far servers' tools are trusted (sluice.dev/v1alpha1). Of several that are about a tool, the strictest of each
/// counts.
package struct MCPToolPolicy: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: MCPToolPolicySpec
}

/// Which definition of a tool may be used.
package enum ToolPinning: String, ConfigEnum, Hashable {
    /// Whatever the server lists.
    case off
    /// The one that was listed first, until a person approves another.
    case firstUse
    /// Only what a person has approved.
    case approved
}

/// What of a call must fit the schemas of its tool.
package enum ToolValidation: String, ConfigEnum, Hashable, Comparable {
    case off
    /// What the caller gives.
    case arguments
    /// And the structured content that comes back.
    case results

    package static func < (left: ToolValidation, right: ToolValidation) -> Bool { left.rank < right.rank }

    private var rank: Int { ToolValidation.allCases.firstIndex(of: self) ?? 0 }
}

/// What a call may do, as the operator judges it: records and approvals say it.
package enum ToolRisk: String, ConfigEnum, Hashable, Comparable {
    case low, medium, high, critical

    package static func < (left: ToolRisk, right: ToolRisk) -> Bool { left.rank < right.rank }

    private var rank: Int { ToolRisk.allCases.firstIndex(of: self) ?? 0 }
}

package struct MCPToolPolicySpec: ConfigObject {
    package var servers: [String]
    package var tools: [String]
    package var pin: ToolPinning
    package var validate: ToolValidation?
    package var scopes: [String]
    package var risk: ToolRisk?
    package var price: DollarAmount?
    package var redact: ToolRedaction?
    package var limits: ToolLimits?

    package init(_ fields: FieldReader) {
        servers = fields.list(
            "servers", "names of the servers it is about; * stands for any text", count: 1...256, each: .length(1...256)
        )
        let tools: [String]? = fields.optionalList(
            "tools", "names of their tools; all by default", count: 1...1024, each: .length(1...256))
        self.tools = tools ?? ["*"]
        pin = fields.value("pin", default: .firstUse, "which definition of a tool may be used")
        validate = fields.optional("validate", "what must fit the tool's schemas; arguments by default")
        scopes = fields.list(
            "scopes", "what a caller's token must let it do; who shows no token cannot", count: 0...64,
            each: .scopeToken)
        risk = fields.optional("risk", "what a call may do, for records and approvals")
        price = fields.optional(
            "price", "dollars that a call costs, for budgets of usd; of several policies the highest counts")
        redact = fields.optional("redact", "what of results is made unreadable")
        limits = fields.optional("limits", "how much a tool may give and be used")
    }
}

package struct ToolRedaction: ConfigObject, Hashable {
    package var secrets: Bool
    package var words: [String]

    package init(_ fields: FieldReader) {
        secrets = fields.value("secrets", default: true, "keys and tokens that can be told by their form")
        words = fields.list(
            "words", "regular expressions; words that match as a whole are taken out", count: 0...64,
            each: .length(1...512))
    }
}

package struct ToolLimits: ConfigObject, Hashable {
    package var resultBytesMax: ByteQuantity?
    package var argumentBytesMax: ByteQuantity?
    package var concurrent: Int?
    package var callsPerMinute: Int?

    package init(_ fields: FieldReader) {
        resultBytesMax = fields.optional("resultBytesMax", "the largest result")
        argumentBytesMax = fields.optional("argumentBytesMax", "the largest arguments")
        concurrent = fields.optional("concurrent", "calls at once, of each tool and caller", .range(1...1_000_000))
        callsPerMinute = fields.optional(
            "callsPerMinute", "calls in a minute, of each tool and caller", .range(1...1_000_000))
    }
}
