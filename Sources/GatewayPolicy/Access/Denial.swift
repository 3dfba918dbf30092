package import GatewayModel

/// What is missing where access was refused, and the next step: for the caller, so it names the caller's own names, the
/// caller's own grant and the rules that spoke, and nothing that others have.
enum Denial {
    private static let namesMax = 6

    /// The caller by the names that policies know, such as `user ann, group dev`.
    static func names(_ principal: Principal) -> String {
        var names: [String] = []
        let single: [(String, String?)] = [
            ("user", principal.user), ("agent", principal.agent), ("team", principal.team),
            ("tenant", principal.tenant),
        ]
        for (kind, name) in single { if let name { names.append("\(kind) \(name.prefix(128))") } }
        names += principal.groups.map { "group \($0.prefix(128))" }
        if names.isEmpty, let key = principal.credentialID { names.append("key \(key.prefix(128))") }
        return list(names)
    }

    /// The same as `sluice why` takes it.
    static func words(_ principal: Principal) -> String {
        var words: [String] = []
        let single: [(String, String?)] = [
            ("user", principal.user), ("agent", principal.agent), ("team", principal.team),
            ("tenant", principal.tenant),
        ]
        for (kind, name) in single {
            if let name, isPlain(name) { words.append("--principal \(kind)=\(name)") }
        }
        for group in principal.groups.prefix(namesMax) where isPlain(group) {
            words.append("--principal group=\(group)")
        }
        return words.joined(separator: " ")
    }

    static func list(_ names: [String]) -> String {
        let more = names.count - namesMax
        return names.prefix(namesMax).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }

    /// What the caller's own credential is called.
    static func credential(_ principal: Principal) -> String { principal.proof == .token ? "token" : "key" }

    /// Whether a name can stand in a command as it is.
    static func isPlain(_ name: some StringProtocol) -> Bool {
        !name.isEmpty && name.utf8.count <= 128
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "-._@:/+".utf8.contains(byte)
            }
    }
}

extension AccessTable {
    /// Of a call that `decide` refused.
    package func nextStep(_ principal: Principal, _ request: Request, _ verdict: Verdict) -> String {
        if verdict.rule == "key", let models = principal.grant?.models {
            let credential = Denial.credential(principal)
            return "your \(credential) is for \(Denial.list(models.map(\.description))): ask for one of them, or have "
                + "a wider \(credential) made; 'sluice whoami' shows what it may"
        }
        if verdict.code == .modelLimitExceeded {
            return "decided by ModelAccessPolicy \(verdict.rule): ask for less, or have its limits raised"
        }
        guard verdict.rule.isEmpty else {
            return "decided by ModelAccessPolicy \(verdict.rule), which denies: ask who keeps it, or call another "
                + "model of GET /v1/models"
        }
        return missing(principal, request) + "; GET /v1/models lists what you may use" + trial(principal, request)
    }

    /// The grant that would have let the call through.
    private func missing(_ principal: Principal, _ request: Request) -> String {
        let operation = request.operation.rawValue
        var nearest: String?
        for rule in rules where rule.effect == .allow {
            switch rule.mismatch(principal, request) {
            case nil: return "the condition of ModelAccessPolicy \(rule.name) does not hold for this call"
            case AccessRule.otherOperation(request):
                let missing = "is about other operations: it has to list \(operation)"
                nearest = nearest ?? "ModelAccessPolicy \(rule.name) \(missing)"
            default: break
            }
        }
        if let nearest { return nearest }
        let names = Denial.names(principal)
        guard !names.isEmpty else { return "no ModelAccessPolicy is about a caller without a name" }
        return "a ModelAccessPolicy has to name you (\(names)) among its subjects and the model among its models"
    }

    /// What an operator types to see the same.
    private func trial(_ principal: Principal, _ request: Request) -> String {
        let model = String(decoding: request.name.prefix(128), as: UTF8.self)
        let words = Denial.words(principal)
        guard !words.isEmpty, Denial.isPlain(model) else { return "" }
        return "; for who runs the gateway: sluice why \(words) --model \(model)"
    }
}

extension ToolAccessTable {
    /// Of a call that `decide` refused, to a caller who sees the tool.
    package func nextStep(_ principal: Principal, _ request: Request, _ verdict: Verdict) -> String {
        guard verdict.rule.isEmpty else {
            return verdict.decision == .ask
                ? "decided by ToolAccessPolicy \(verdict.rule): have it approved, or change the arguments"
                : "decided by ToolAccessPolicy \(verdict.rule), which denies: change the arguments, or ask who keeps it"
        }
        let names = Denial.names(principal)
        guard !names.isEmpty else { return "no ToolAccessPolicy is about a caller without a name" }
        return "a rule of a ToolAccessPolicy has to let you (\(names)) use it with such arguments: change them, or ask "
            + "who runs the gateway"
    }
}
