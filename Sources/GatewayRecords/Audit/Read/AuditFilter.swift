package import GatewayModel
package import GatewayWire

/// Which records are meant. Everything that is said must hold.
package struct AuditFilter: Sendable {
    /// What can be searched for, by the names of `sluice audit search`.
    package enum Field: String, Sendable, CaseIterable {
        case tenant, team, user, agent, instance, session, run, sandbox, group, key, issuer, actor, grant
        case model, provider, tool, destination, credential, verdict, rule, policy, traffic, operation, state, code
        case request, source, path, proof
    }

    package struct Term: Sendable, Equatable {
        package var field: Field
        /// One of them has to fit.
        package var patterns: [NamePattern]

        package init(_ field: Field, _ text: String) {
            self.field = field
            patterns = (field == .tool ? Term.spellings(ofTool: text) : [text]).map { NamePattern($0) }
        }

        /// Records have `demo/echo`; lists and usage say `demo__echo`, commands `demo.echo`, a server itself `echo`.
        private static func spellings(ofTool text: String) -> [String] {
            guard !text.contains("/") else { return [text] }
            var spellings = [text, "*/\(text)"]
            for separator in ["__", "."] {
                guard let place = text.firstRange(of: separator) else { continue }
                spellings.append("\(text[..<place.lowerBound])/\(text[place.upperBound...])")
            }
            return spellings
        }
    }

    package var terms: [Term] = []
    package var sinceMilliseconds: Int?
    package var untilMilliseconds: Int?

    package init() {}

    package var isEmpty: Bool { terms.isEmpty && sinceMilliseconds == nil && untilMilliseconds == nil }

    package func matches(_ entry: AuditEntry) -> Bool {
        // Most records are told apart without being read.
        for term in terms where term.patterns.allSatisfy(\.isExact) {
            guard term.patterns.contains(where: { AuditFilter.contains(entry.text, $0.description) }) else {
                return false
            }
        }
        guard let tree = entry.tree else { return false }
        return matches(tree)
    }

    package func matches(_ tree: JSONTree) -> Bool {
        if sinceMilliseconds != nil || untilMilliseconds != nil {
            guard let time = tree["time"]?.int else { return false }
            if let sinceMilliseconds, time < sinceMilliseconds { return false }
            if let untilMilliseconds, time >= untilMilliseconds { return false }
        }
        return terms.allSatisfy { term in
            term.field.values(in: tree).contains { value in term.patterns.contains { $0.matches(value) } }
        }
    }

    /// Whether a text without escapes occurs in a record as a whole string.
    private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C }) else { return true }
        let wanted = [0x22] + Array(text.utf8) + [0x22]
        guard bytes.count >= wanted.count else { return false }
        let span = bytes.span
        var index = 0
        let end = bytes.count - wanted.count
        while index <= end {
            if span[index] == 0x22 {
                var offset = 1
                while offset < wanted.count, span[index + offset] == wanted[offset] { offset += 1 }
                if offset == wanted.count { return true }
            }
            index += 1
        }
        return false
    }
}

extension AuditFilter.Field {
    /// All that records can say in this field, where that is a closed set.
    package var knownValues: [String]? {
        switch self {
        case .verdict: AuditVerdict.allCases.map(\.rawValue)
        case .traffic: AuditTrafficKind.allCases.map(\.rawValue)
        case .state: AuditEffect.State.allCases.map(\.rawValue)
        default: nil
        }
    }

    /// What a record says in this field.
    package func values(in record: JSONTree) -> [String] {
        let unmapped = record["unmapped"]
        func text(_ tree: JSONTree?) -> [String] { tree?.string.map { [$0.value] } ?? [] }
        switch self {
        case .tenant: return text(record["actor"]?["user"]?["domain"])
        case .team: return text(record["actor"]?["user"]?["org"]?["ou_name"])
        case .user: return text(record["actor"]?["user"]?["uid"])
        case .agent: return text(record["ai_agent"]?["uid"])
        case .instance: return text(record["ai_agent"]?["instance_uid"])
        case .session: return text(record["actor"]?["session"]?["uid"])
        case .run: return text(unmapped?["run"])
        case .sandbox: return text(unmapped?["sandbox"])
        case .group: return (record["actor"]?["user"]?["groups"]?.array ?? []).flatMap { text($0["name"]) }
        case .key: return text(record["actor"]?["session"]?["credential_uid"])
        case .issuer: return text(record["actor"]?["idp"]?["uid"])
        case .actor: return (unmapped?["delegation_chain"]?.array ?? []).flatMap { text($0["sub"]) }
        case .grant: return text(record["delegation"]?["uid"])
        case .model: return text(record["ai_model"]?["name"]) + text(unmapped?["model"]?["requested"])
        case .provider: return text(record["ai_model"]?["ai_provider"])
        case .tool: return (record["resources"]?.array ?? []).flatMap { text($0["name"]) }
        case .destination: return text(record["dst_endpoint"]?["domain"]) + text(record["dst_endpoint"]?["ip"])
        case .credential: return text(unmapped?["credential"]?["id"])
        case .verdict: return text(unmapped?["decision"]?["verdict"])
        case .rule: return text(unmapped?["decision"]?["rule"])
        case .policy: return text(unmapped?["decision"]?["policy_digest"])
        case .traffic: return text(unmapped?["traffic"])
        case .operation: return text(record["api"]?["operation"])
        case .state: return text(unmapped?["effect"]?["state"])
        case .code: return text(record["status_code"])
        case .request: return text(record["metadata"]?["correlation_uid"])
        case .source: return text(record["src_endpoint"]?["ip"])
        case .path: return text(record["http_request"]?["url"]?["path"])
        case .proof: return text(unmapped?["proof"])
        }
    }
}
