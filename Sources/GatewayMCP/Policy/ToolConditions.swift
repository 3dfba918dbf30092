package import GatewayModel
package import GatewayState
package import GatewayWire

/// What a call has to meet when rules have let it through.
extension ToolTerms {
    /// The first scope that a caller's token does not have.
    func scopeLacking(_ held: [String]) -> String? { scopes.first { !held.contains($0) } }

    func refusal(lacking scope: String) -> GatewayError {
        GatewayError(
            .forbidden, "the caller's token does not have the scope: \(scope)",
            hint: "get a token with \(scopes.joined(separator: " "))")
    }

    /// Why a tool may not be used as its server defines it now; nil if it may.
    func refusal(of tool: String, at server: String, _ state: ToolPin.State?) -> GatewayError? {
        switch state {
        case .approved: nil
        case .changed:
            GatewayError(
                .toolChanged, "the tool is not what was approved: \(tool)",
                hint: "compare with 'sluice tool diff \(server) \(tool)' and approve it")
        case .new, nil:
            GatewayError(
                .toolChanged, "nobody has approved the tool yet: \(tool)",
                hint: "look at it with 'sluice tool show \(server) \(tool)' and approve it")
        }
    }

    enum Fit: Equatable {
        case fits
        /// The schema cannot be understood, and nobody has asked for the check: what is meant only the server knows.
        case unchecked(String)
        case mismatch(String)
    }

    /// Whether arguments fit the tool's schema, as far as policies want that.
    func fit(_ arguments: JSONTree, _ schema: JSONTree?) -> Fit {
        guard validation != .off, let schema else { return .fits }
        let value: JSONTree = arguments.isNull ? .object(JSONObject()) : arguments
        do throws(SchemaCheck.Mismatch) {
            try SchemaCheck.check(value, against: schema)
            return .fits
        } catch {
            if validate == nil, let problem = error.schemaProblem { return .unchecked(problem) }
            let place = error.place.isEmpty ? "the arguments" : "argument \(error.place)"
            return .mismatch("the arguments do not fit the tool's schema: \(place): \(error.message)")
        }
    }
}

extension KeyGrant {
    /// Whether a credential that lists what it calls lets a server's tool be called. `prefixes` are those of all
    /// servers: a plain name that reads as another server's is not what the credential means.
    package func allows(
        tool own: String, prefix: String, mode: MCPPrefixMode, prefixes: some Sequence<String>
    ) -> Bool {
        if tools.isEmpty || allows(tool: prefix + ToolView.separator + own) { return true }
        guard mode != .always else { return false }
        return allows(tool: own) && !prefixes.contains { own.utf8.starts(with: ($0 + ToolView.separator).utf8) }
    }
}

/// One thing that a call must meet beside rules, and whether it does.
package struct ToolCondition: Sendable {
    package var name: String
    /// What the call would be refused with; nil where it meets this.
    package var refusal: GatewayError?
    package var why: String

    package init(name: String, refusal: GatewayError? = nil, why: String) {
        self.name = name
        self.refusal = refusal
        self.why = why
    }
}

extension ToolGovernance {
    /// What is known of a tool without asking its server.
    package struct Known: Sendable {
        /// As its server listed it last.
        package var definition: JSONTree
        /// Of that definition.
        package var state: ToolPin.State
        package var approvedBy: String?
        package var suspicion: String?

        package init(
            definition: JSONTree, state: ToolPin.State, approvedBy: String? = nil, suspicion: String? = nil
        ) {
            self.definition = definition
            self.state = state
            self.approvedBy = approvedBy
            self.suspicion = suspicion
        }
    }

    /// A call of a tool that nobody makes.
    package struct Call: Sendable {
        package var server: String
        package var tool: String
        package var arguments: JSONTree
        package var scopes: [String]
        package var known: Known?

        package init(server: String, tool: String, arguments: JSONTree, scopes: [String], known: Known?) {
            self.server = server
            self.tool = tool
            self.arguments = arguments
            self.scopes = scopes
            self.known = known
        }
    }

    /// What the call must meet, as far as it can be told.
    package func conditions(_ call: Call) -> [ToolCondition] {
        let terms = terms(server: call.server, tool: call.tool)
        return [scopes(terms, call)] + [pin(terms, call), schema(terms, call)].compactMap { $0 }
    }

    private func scopes(_ terms: ToolTerms, _ call: Call) -> ToolCondition {
        if let lacking = terms.scopeLacking(call.scopes) {
            let refusal = terms.refusal(lacking: lacking)
            return ToolCondition(name: "scopes", refusal: refusal, why: refusal.message)
        }
        let why = terms.scopes.isEmpty ? "no policy wants any" : "there is \(terms.scopes.joined(separator: " "))"
        return ToolCondition(name: "scopes", why: why)
    }

    /// Nil where only the server's list can tell.
    private func pin(_ terms: ToolTerms, _ call: Call) -> ToolCondition? {
        guard terms.pin != .off || call.known?.suspicion != nil else {
            return call.known == nil ? nil : ToolCondition(name: "pin", why: "no policy pins it")
        }
        if call.known == nil, terms.pin != .approved { return nil }
        // What was merely seen first no person has approved.
        let isFirst = terms.pin == .approved && call.known?.approvedBy == ToolPin.firstUse
        let refusal = terms.refusal(of: call.tool, at: call.server, isFirst ? .new : call.known?.state)
        let suspicion = call.known?.suspicion.map { " (\($0))" } ?? ""
        let why = refusal?.message ?? "it is what was approved, as its server listed it last"
        return ToolCondition(name: "pin", refusal: refusal, why: why + suspicion)
    }

    private func schema(_ terms: ToolTerms, _ call: Call) -> ToolCondition? {
        guard terms.validation != .off else { return ToolCondition(name: "schema", why: "no policy wants it to fit") }
        guard let known = call.known else { return nil }
        switch terms.fit(call.arguments, known.definition["inputSchema"]) {
        case .fits: return ToolCondition(name: "schema", why: "the arguments fit it")
        case .unchecked(let problem):
            return ToolCondition(name: "schema", why: "it cannot be understood, and is not asked: \(problem)")
        case .mismatch(let text):
            return ToolCondition(name: "schema", refusal: GatewayError(.malformedRequest, text), why: text)
        }
    }
}
