import Foundation
import GatewayModel
import GatewayState

/// Tokens of the gateway, and what is revoked.
extension AdminAPI {
    func mintToken(_ call: AdminCall) async throws -> AdminResponse {
        guard let mint = services.mint else { throw GatewayError(.notFound, "this gateway makes no tokens") }
        return .json(try await mint(try call.json(), call.request), status: 201)
    }

    func revocations() throws -> AdminResponse {
        guard let store = services.state else { throw GatewayError(.notFound, "this gateway keeps no state") }
        return .json(.object([("items", .list(try store.revocations().map(Self.node)))]))
    }

    func revoke(_ call: AdminCall) async throws -> AdminResponse {
        guard let revoke = services.revoke else { throw GatewayError(.notFound, "this gateway makes no tokens") }
        let body = try call.json()
        let revocation = try Self.revocation(body, nowSeconds: try await state().nowSeconds)
        try await revoke(revocation, call.request)
        return .json(Self.node(revocation), status: 201)
    }

    /// A token is gone for good; of everything else what was issued until now is.
    private static let keptSeconds = 8 * 86_400

    private static func revocation(_ body: ConfigNode, nowSeconds now: Int) throws(GatewayError) -> Revocation {
        for field in body.fields ?? [] where !["kind", "value", "tenant"].contains(field.key) {
            throw GatewayError(
                .unknownField, "unknown field \"\(field.key)\"",
                hint: NearestName.hint(field.key, among: ["kind", "value", "tenant"]))
        }
        let kinds = Revocation.Kind.allCases.map(\.rawValue)
        guard let kind = body["kind"]?.string.flatMap({ Revocation.Kind(rawValue: $0) }) else {
            throw GatewayError(
                .invalidValue, "not a kind of revocation: \(body["kind"]?.string ?? "none")",
                hint: "one of \(kinds.joined(separator: ", "))")
        }
        guard let value = body["value"]?.string, (1...1_024).contains(value.utf8.count) else {
            throw GatewayError(.missingField, "missing field \"value\"", hint: "the id or name that is revoked")
        }
        return Revocation(
            kind: kind, value: value, tenant: body["tenant"]?.string,
            beforeSeconds: kind == .token ? .max : now, untilSeconds: now + keptSeconds)
    }

    private static func node(_ entry: Revocation) -> ConfigNode {
        var pairs: [(String, ConfigNode)] = [("kind", .text(entry.kind.rawValue)), ("value", .text(entry.value))]
        if let tenant = entry.tenant { pairs.append(("tenant", .text(tenant))) }
        if entry.beforeSeconds < .max {
            pairs.append(("issuedBefore", .text(StateAPI.text(seconds: entry.beforeSeconds))))
        }
        pairs.append(("keptUntil", .text(StateAPI.text(seconds: entry.untilSeconds))))
        return .object(pairs)
    }
}
