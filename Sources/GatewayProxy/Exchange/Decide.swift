import GatewayModel
import GatewayPolicy
import GatewayRecords
import GatewayWire

extension Exchange {
    /// Phase 4: policy. Facts in, verdict out; what is judged here is what is forwarded.
    func decide() -> GatewayError? {
        guard let rule, !rule.policy.addresses.isEmpty || rule.policy.headBytesMax > 0 else { return nil }
        for addresses in rule.policy.addresses {
            let judged = clientIP.map { addresses.list.verdict($0, rule: addresses.name) }
            let outcome = judged ?? .deny(rule: addresses.name, reason: "the client has no address")
            verdict = (verdict ?? .allowed).and(outcome)
            if var refusal = outcome.error {
                record.verdictRule = outcome.rule
                // Behind a proxy this is what surprises: whose address the gateway sees.
                refusal.hint =
                    "decided by \(outcome.rule), which has to allow your address: the gateway sees "
                    + record.clientAddress
                return refusal
            }
        }
        if rule.policy.headBytesMax > 0, request.fields.bytes.count > rule.policy.headBytesMax {
            return GatewayError(.headTooLarge, "the request head is larger than \(rule.policy.headBytesMax) bytes")
        }
        return nil
    }
}
