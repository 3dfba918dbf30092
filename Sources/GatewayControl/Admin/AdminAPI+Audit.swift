import Foundation
import GatewayModel
import GatewayRecords

/// What the audit log is told of the admin API: every change, before and after, and everyone who was not let in.
extension AdminAPI {
    /// Paths that are posted to and change nothing.
    private static let questions: Set<String> = ["/v1/check", "/v1/diff", "/v1/explain", "/v1/traces"]

    func recorded(_ endpoint: AdminEndpoint, _ call: AdminCall) async throws -> AdminResponse {
        let isDryRun = endpoint.query.contains("dryRun") ? try call.isDryRun() : false
        guard endpoint.method != "GET", !Self.questions.contains(endpoint.path), !isDryRun else {
            return try await endpoint.handle(self, call)
        }
        if endpoint.changesConfiguration, services.isDraining() {
            throw GatewayError(
                .draining, "the gateway is shutting down and takes no changes any more",
                hint: "send it to the one that follows it")
        }
        let ticket = try await services.audit.begin(event(endpoint, call), isStrict: true)
        do {
            let answer = try await endpoint.handle(self, call)
            ticket.outcome(timeMilliseconds: AuditClock.wallMilliseconds) { event in
                event.effect = AuditEffect(answer.status < 400 ? .done : .failed, status: answer.status)
                event.effect?.agreement = true
                if !answer.changes.isEmpty { event.details = [Self.names("changed", answer.changes)] }
            }
            return answer
        } catch {
            ticket.outcome(timeMilliseconds: AuditClock.wallMilliseconds) { event in
                event.effect = AuditEffect(.failed)
                event.message = "\(error)"
            }
            throw error
        }
    }

    func recordRefusal(_ request: AdminRequest, _ error: GatewayError) {
        var event = AuditEvent(.authentication, timeMilliseconds: AuditClock.wallMilliseconds)
        event.source = request.source
        event.correlation = request.id
        // Whoever asks without the token may still be known to the system.
        event.principal = AdminCaller.principal(request, holdsToken: false)
        event.operation = "\(request.method) admin"
        event.resource = request.path
        var decision = AuditDecision(.denied)
        decision.code = error.code
        decision.reason = error.message
        event.decision = decision
        services.audit.record(event)
    }

    private func event(_ endpoint: AdminEndpoint, _ call: AdminCall) -> AuditEvent {
        let kind: AuditKind =
            switch endpoint.method {
            case "DELETE": .deleted
            case "POST" where endpoint.path == "/v1/keys": .created
            default: .updated
            }
        var event = AuditEvent(kind, timeMilliseconds: AuditClock.wallMilliseconds)
        event.principal = AdminCaller.principal(call.request)
        event.source = call.request.source
        event.correlation = call.request.id
        event.operation = "\(endpoint.method) \(endpoint.path)"
        event.resource = call.request.path
        event.decision = AuditDecision(.allowed)
        if Self.bodies.contains(endpoint.path), let body = try? call.json() { event.details = Self.told(body) }
        let objects = objects(endpoint, call)
        if !objects.isEmpty { event.details.append(Self.names("objects", objects)) }
        return event
    }

    /// The objects that a change is about, before anybody knows whether it can be made.
    private func objects(_ endpoint: AdminEndpoint, _ call: AdminCall) -> [String] {
        if endpoint.path == "/v1/apply" {
            guard let texts = try? call.texts(), let set = try? decoded(texts) else { return [] }
            return set.objects.map(\.key.description)
        }
        guard endpoint.path.hasPrefix("/v1/{kind}"), let key = try? key(call) else { return [] }
        return [key.description]
    }

    private static let namesMax = 200

    /// A fact that lists names, up to a bound, and how many more there are.
    private static func names(_ name: String, _ names: [String]) -> AuditFact {
        let more = names.count - namesMax
        return AuditFact(name, .list(names.prefix(namesMax) + (more > 0 ? ["and \(more) more"] : [])))
    }

    /// Bodies that say whom or what a change is about.
    private static let bodies: Set<String> = ["/v1/keys", "/v1/tokens", "/v1/revocations"]
    /// Their members that are no secret.
    private static let subjects: Set<String> = [
        "user", "team", "tenant", "agent", "run", "group", "groups", "models", "tools", "scopes", "audience", "budget",
        "ttl", "kind", "value",
    ]

    /// Of a body what may be remembered. The value of a token is the token.
    static func told(_ body: ConfigNode) -> [AuditFact] {
        let isToken = body["kind"]?.string == "token"
        return (body.fields ?? []).compactMap { field in
            guard subjects.contains(field.key), !(isToken && field.key == "value") else { return nil }
            switch field.value.value {
            case .string(let text), .number(let text): return AuditFact(field.key, String(text.prefix(256)))
            case .sequence(let elements):
                return AuditFact(
                    field.key, .list(elements.prefix(64).compactMap { $0.string.map { String($0.prefix(256)) } }))
            default: return nil
            }
        }
    }

    func auditAPI() throws(GatewayError) -> AuditAPI {
        guard let log = services.audit.log else {
            throw GatewayError(.notFound, "this gateway keeps no audit log", hint: "it was started with --audit off")
        }
        return AuditAPI(trail: services.audit, folder: log.folder, isDraining: services.isDraining)
    }
}
