package import GatewayControl
package import GatewayModel
import GatewayPolicy
package import GatewayRecords
import GatewayWire

/// Decides recorded calls of models again: under the configuration that decided them, which must come to the same, or
/// under another, to see what it would change.
package struct DecisionReplay {
    /// A call whose verdict would be another.
    package struct Change: Sendable {
        package var index: Int
        package var timeMilliseconds: Int
        package var principal: Principal
        package var model: String
        package var recorded: AuditVerdict
        package var replayed: AuditVerdict
        package var rule: String
        package var reason: String
    }

    package private(set) var changes: [Change] = []
    /// Calls that were decided again.
    package private(set) var replayed = 0
    /// Calls whose decision hangs on more than policies and what was recorded: what budgets had left, a key's own list
    /// and budget; or that named no model.
    package private(set) var skipped = 0
    /// Calls whose configuration is not kept any more.
    package private(set) var unknownPolicies = 0
    private let folder: AuditFolder
    private var trials: [String: ModelTrial?] = [:]
    private let trial: ModelTrial?
    private let overlay: ObjectSet?
    private static let changesMax = 10_000

    /// Without `objects`, each call is decided by the configuration that decided it. Objects that offer no models of
    /// their own, such as a policy, are laid over that one.
    package init(_ folder: AuditFolder, objects: ObjectSet?) {
        self.folder = folder
        let isWhole = objects.map { !$0.modelCatalogs.isEmpty } ?? false
        trial = isWhole ? objects.map { ModelTrial($0) } : nil
        overlay = isWhole ? nil : objects
    }

    /// Goes through the records since a time. Only the first record of a call decides.
    package mutating func run(sinceMilliseconds: Int?) {
        var filter = AuditFilter()
        filter.terms = [AuditFilter.Term(.traffic, AuditTrafficKind.models.rawValue)]
        filter.sinceMilliseconds = sinceMilliseconds
        AuditReader(folder).visit { entry in
            if let tree = entry.tree, filter.matches(tree) { add(entry.index, tree) }
            return true
        }
    }

    private mutating func add(_ index: Int, _ record: JSONTree) {
        let unmapped = record["unmapped"]
        let state = unmapped?["effect"]?["state"]?.string?.value
        guard state == nil || state == "pending" || record["end_time"] != nil,
            let verdict = unmapped?["decision"]?["verdict"]?.string.flatMap({ AuditVerdict(rawValue: $0.value) })
        else { return }
        let code = record["status_code"]?.string.flatMap { ErrorCode(rawValue: $0.value) }
        let isPolicy = [nil, .modelNotAllowed, .modelUnpriced, .unknownModel, .modelLimitExceeded].contains(code)
        guard isPolicy, unmapped?["decision"]?["rule"]?.string?.value != "key",
            let question = Self.question(record)
        else {
            skipped += 1
            return
        }
        let digest = unmapped?["decision"]?["policy_digest"]?.string?.value ?? ""
        guard let trial = trial ?? known(digest) else {
            unknownPolicies += 1
            return
        }
        replayed += 1
        let again = trial.verdict(question)
        guard again.isAllowed != (verdict == .allowed), changes.count < Self.changesMax else { return }
        changes.append(
            Change(
                index: index, timeMilliseconds: record["time"]?.int ?? 0, principal: question.principal,
                model: question.model, recorded: verdict, replayed: again.isAllowed ? .allowed : .denied,
                rule: again.rule, reason: again.reason))
    }

    /// The configuration of a digest, compiled once.
    private mutating func known(_ digest: String) -> ModelTrial? {
        if let trial = trials[digest] { return trial }
        let trial = folder.policy(digest).map { bytes in
            let text = ConfigurationLoad.Text(bytes: bytes, file: "policy \(digest)", syntax: .json)
            let set = ConfigurationLoad(texts: [text], mode: .tolerant).set
            return ModelTrial(overlay.map { set.overlaid(by: $0) } ?? set)
        }
        trials[digest] = .some(trial)
        return trial
    }

    /// The caller and the call, as the record tells them.
    private static func question(_ record: JSONTree) -> ModelTrial.Question? {
        let unmapped = record["unmapped"]
        let user = record["actor"]?["user"]
        guard let model = unmapped?["model"]?["requested"]?.string?.value, !model.isEmpty,
            let operation = record["api"]?["operation"]?.string.flatMap({ ModelOperation(rawValue: $0.value) }),
            let proof = unmapped?["proof"]?.string.flatMap({ Principal.Proof(rawValue: $0.value) })
        else { return nil }
        let principal = Principal(
            proof: proof, tenant: user?["domain"]?.string?.value, team: user?["org"]?["ou_name"]?.string?.value,
            user: user?["uid"]?.string?.value, agent: record["ai_agent"]?["uid"]?.string?.value,
            run: unmapped?["run"]?.string?.value,
            groups: (user?["groups"]?.array ?? []).compactMap { $0["name"]?.string?.value },
            credentialID: record["actor"]?["session"]?["credential_uid"]?.string?.value)
        let facts = unmapped?["decision"]?["facts"]
        var question = ModelTrial.Question(principal: principal, model: model, operation: operation)
        question.bodyBytes = facts?["bodyBytes"]?.int ?? 0
        question.inputTokens = facts?["inputTokens"]?.int
        question.outputTokens = facts?["outputTokens"]?.int
        question.isStream = facts?["stream"]?.bool ?? false
        question.needs = (facts?["needs"]?.array ?? []).compactMap { need in
            need.string.flatMap { ModelCapability(rawValue: $0.value) }
        }
        return question
    }
}
