import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayRecords
import GatewayState

/// Tokens of the gateway's own: its signing keys and revocations in the state folder.
extension GatewayProcess {
    private static let keyFile = "token-keys.json"
    private static let assertionKeyFile = "assertion-keys.json"
    private static let keyFileBytesMax = 64 * 1024

    static func makeTokens(
        _ options: GatewayOptions, state: StateStore, keys: LiveKeySet, identities: IdentityServices,
        proofs: ProofRules, audit: AuditTrail
    ) throws(GatewayError) -> TokenService {
        let now = WallTime.seconds
        let folder = options.stateDirectory
        let ring = try ring(.ed25519, keyFile, in: folder, now)
        let assertions = AssertionKeys(
            try self.ring(.p256, assertionKeyFile, in: folder, now), wallSeconds: { WallTime.seconds },
            save: { content throws(GatewayError) in try StateFile.write(content, assertionKeyFile, in: folder) })
        let revocations = identities.revocations
        revocations.addAll(try state.revocations(), nowSeconds: now)
        // Managed keys say themselves what became of them, at the start and from then on.
        state.keys.follow { keys in
            let now = WallTime.seconds
            let ended = keys.compactMap { $0.revocation(nowSeconds: now) }
            if !ended.isEmpty { revocations.addAll(ended, nowSeconds: now) }
        }
        let revoke: @Sendable ([Revocation]) throws(GatewayError) -> Void = { entries throws(GatewayError) in
            try self.revoke(entries, state, revocations) { WallTime.seconds }
        }
        var environment = TokenService.Environment(wallSeconds: { WallTime.seconds }, revoke: revoke)
        environment.issuers = {
            identities.active.compactMap { issuer in
                issuer.authority.map { TokenService.Issuer(authority: $0, actors: issuer.actors) }
            }
        }
        environment.key = { secret in
            if case .accepted(let principal) = keys.current.find(secret, nowSeconds: WallTime.seconds) {
                return principal
            }
            return nil
        }
        environment.record = { event async throws(GatewayError) in try await event.record(in: audit) }
        environment.refused = { $0.recordRefusal(in: audit) }
        environment.save = { content throws(GatewayError) in try StateFile.write(content, keyFile, in: folder) }
        return TokenService(
            issuer: options.tokenIssuer, audiences: options.tokenAudiences, ring: ring, proofs: proofs,
            revocations: revocations, environment: environment, assertions: assertions)
    }

    /// Kept first: what was said to be revoked stays so over a restart.
    static func revoke(
        _ entries: [Revocation], _ state: StateStore, _ revocations: RevocationList, nowSeconds: () -> Int
    ) throws(GatewayError) {
        // Asked before: what is on the disk counts after a restart, whatever was answered.
        guard revocations.hasRoom(for: entries.count, nowSeconds: nowSeconds()) else {
            let error = GatewayError(
                .overloaded, "there is no room for more than \(RevocationList.entriesMax) revocations",
                hint: "'sluice token revoked' shows them; revoke the user, agent or run instead of single tokens")
            Console.error("\(error.message): nothing was revoked")
            throw error
        }
        try state.keep(entries)
        revocations.addAll(entries, nowSeconds: nowSeconds())
        // While this was being written callers were still let in: what they were given until now ends as well.
        let now = nowSeconds()
        let reach = revocations.reach(nowSeconds: now)
        let late = entries.filter { $0.beforeSeconds < reach }.map { entry in
            var later = entry
            later.beforeSeconds = reach
            return later
        }
        guard !late.isEmpty else { return }
        revocations.addAll(late, nowSeconds: now)
        do throws(GatewayError) { try state.keep(late) } catch {
            throw GatewayError(
                error.code, "it is revoked, but what was given out while that was written ends only until a restart",
                hint: "revoke it once more when the state folder can be written", cause: error.cause)
        }
    }

    /// The keys of that file; made where there is none.
    private static func ring(
        _ kind: SigningKey.Kind, _ file: String, in folder: String, _ now: Int
    ) throws(GatewayError) -> KeyRing {
        if let kept = try StateFile.read(file, in: folder, bytesMax: keyFileBytesMax) { return try KeyRing(kept) }
        let ring = KeyRing(kind, nowSeconds: now)
        try StateFile.write(ring.serialized, file, in: folder)
        return ring
    }

    // MARK: For the admin API

    /// Makes a token without asking whoever it is for: the operator may.
    func mint(_ asked: ConfigNode, _ by: AdminRequest) async throws(GatewayError) -> ConfigNode {
        let draft = try TokenDraft(asked)
        let grant = try draft.grant(audiences: tokens.audiences, nowSeconds: WallTime.seconds)
        var pairs: [(String, ConfigNode)] = [
            ("id", .text(grant.id)), ("token", .text(try await tokens.issue(grant, Self.event("token.mint", by)))),
        ]
        if let run = grant.principal.run { pairs.append(("run", .text(run))) }
        pairs.append(("expiresInSeconds", .integer(draft.lifetimeSeconds)))
        return .object(pairs)
    }

    func revoke(_ revocation: Revocation, _ by: AdminRequest) async throws(GatewayError) {
        try await tokens.revoke(revocation, Self.event("token.revoke", by))
    }

    private static func event(_ operation: String, _ by: AdminRequest) -> TokenEvent {
        var event = TokenEvent(operation, source: by.source, requestID: by.id)
        event.client = AdminCaller.principal(by)
        return event
    }
}

extension TokenDraft {
    private static let texts = ["user", "agent", "tenant", "team", "run", "sandbox", "ttl"]
    private static let lists = ["groups", "scopes", "models", "tools", "budgets", "audiences"]

    /// As the admin API is sent it.
    init(_ node: ConfigNode) throws(GatewayError) {
        self.init()
        for field in node.fields ?? [] {
            let name = field.key
            if TokenDraft.lists.contains(name) {
                try set(name, try TokenDraft.list(field))
            } else if TokenDraft.texts.contains(name) {
                guard let text = field.value.string else {
                    throw GatewayError(.wrongType, "the value is not a string: \(name)")
                }
                try set(name, text)
            } else {
                throw GatewayError(
                    .unknownField, "unknown field \"\(name)\"",
                    hint: NearestName.hint(name, among: TokenDraft.texts + TokenDraft.lists))
            }
        }
    }

    private static func list(_ field: ConfigNode.Field) throws(GatewayError) -> [String] {
        let elements = field.value.elements ?? []
        let texts = elements.compactMap(\.string)
        guard field.value.elements != nil, texts.count == elements.count else {
            throw GatewayError(.wrongType, "the value is not a list of strings: \(field.key)")
        }
        return texts
    }

    private mutating func set(_ name: String, _ text: String) throws(GatewayError) {
        switch name {
        case "user": user = text
        case "agent": agent = text
        case "tenant": tenant = text
        case "team": team = text
        case "run": run = text
        case "sandbox": sandbox = text
        default:
            guard let window = BudgetWindow(text), window != .total else {
                throw GatewayError(.invalidValue, "not a length of time: \(text)", hint: "write it as 15m or 1h")
            }
            lifetimeSeconds = window.seconds
        }
    }

    private mutating func set(_ name: String, _ values: [String]) throws(GatewayError) {
        switch name {
        case "groups": groups = values
        case "scopes": scopes = values
        case "models": models = values
        case "tools": tools = values
        case "audiences": audiences = values
        default:
            limits = []
            for text in values {
                // A run's budget is for all of it, unless it says a window.
                guard let limit = BudgetLimit(text) ?? BudgetLimit("\(text)/total") else {
                    throw GatewayError(
                        .invalidValue, "not a budget: \(text)", hint: "write 2usd, 100000tokens, 60requests/1m")
                }
                limits.append(limit)
            }
        }
    }
}
