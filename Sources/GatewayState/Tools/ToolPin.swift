import GatewayModel

/// What is known of one tool of one server: the definition that may be used, and the one that was seen last.
package struct ToolPin: Sendable, Equatable, Codable {
    package enum State: String, Sendable {
        case approved
        /// Nobody has approved it.
        case new
        /// It is not what was approved.
        case changed
    }

    package var server: String
    package var tool: String
    /// SHA-256 of the whole definition, hexadecimal; nil until one may be used.
    package var approvedDigest: String?
    /// The definition's JSON.
    package var approvedDefinition: String?
    package var seenDigest: String
    package var seenDefinition: String
    /// Why nobody should use the one that was seen without a look at it.
    package var suspicion: String?
    package var seenSeconds: Int
    package var decidedSeconds: Int?
    /// `firstUse`, or who approved.
    package var decidedBy: String?

    package static let firstUse = "first use"

    package var state: State {
        guard let approvedDigest else { return .new }
        return approvedDigest == seenDigest ? .approved : .changed
    }

    static func key(_ server: String, _ tool: String) -> ExactName { ExactName("\(server)\n\(tool)") }
}

/// One call that waits for a person, or that a person has decided about.
package struct ToolApproval: Sendable, Equatable, Codable {
    package enum State: String, Sendable, Codable, CaseIterable {
        case pending, approved, denied
        /// Approved, and done: it does not count again.
        case used
    }

    /// How often an approval counts.
    package enum Scope: String, Sendable, Codable, CaseIterable {
        case once
        /// Until the run of the caller is another one.
        case run
        /// Until it expires.
        case time
    }

    package var id: String
    /// Whose call it is.
    package var owner: String
    package var caller: String
    package var run: String?
    package var server: String
    package var tool: String
    /// The exact arguments, as JSON.
    package var arguments: String
    /// What of the call's `_meta` its server gets, whatever later calls say there, as JSON; nil without any.
    package var meta: String?
    /// What the server gets beside those, as JSON; nil for nothing.
    package var others: String?
    /// SHA-256 over server, tool, arguments and `others`: another call needs another approval.
    package var digest: String
    package var rule: String
    package var createdSeconds: Int
    package var expiresSeconds: Int
    package var state = State.pending
    package var scope = Scope.once
    package var decidedBy: String?
    package var decidedSeconds: Int?

    package init(
        id: String, owner: String, caller: String, run: String?, server: String, tool: String, arguments: String,
        meta: String? = nil, others: String? = nil, digest: String, rule: String, createdSeconds: Int,
        expiresSeconds: Int
    ) {
        self.id = id
        self.owner = owner
        self.caller = caller
        self.run = run
        self.server = server
        self.tool = tool
        self.arguments = arguments
        self.meta = meta
        self.others = others
        self.digest = digest
        self.rule = rule
        self.createdSeconds = createdSeconds
        self.expiresSeconds = expiresSeconds
    }

    /// Whether it is about exactly that call, of that caller, under that rule.
    func isFor(_ owner: String, _ digest: String, _ rule: String) -> Bool {
        self.owner.isExactly(owner) && self.digest == digest && self.rule == rule
    }
}
