import GatewayModel
import GatewayProxy
import GatewayWire

extension ListenerPolicySpec {
    /// The fields that hold for a whole port and that `other`, or the absence of a policy, sets differently.
    func portFields(differingFrom other: ListenerPolicySpec?) -> [String] {
        var (mine, theirs) = (PortSettings(), PortSettings())
        mine.apply(self)
        if let other { theirs.apply(other) }
        let differences: [(String, Bool)] = [
            ("trustedHops", trustedHops != other?.trustedHops),
            ("proxyProtocol", proxyProtocol != other?.proxyProtocol),
            ("http2.h2c", mine.h2c != theirs.h2c), ("http2.streamsMax", mine.streamsMax != theirs.streamsMax),
            ("halfClose", mine.allowsHalfClose != theirs.allowsHalfClose),
            ("connectionsMax", mine.connectionsMax != theirs.connectionsMax),
            ("headTimeout", mine.headTimeoutMilliseconds != theirs.headTimeoutMilliseconds),
            ("idleTimeout", mine.idleTimeoutMilliseconds != theirs.idleTimeoutMilliseconds),
        ]
        return differences.filter(\.1).map(\.0)
    }
}

extension PortSettings {
    /// Takes over what a ListenerPolicy says.
    mutating func apply(_ spec: ListenerPolicySpec) {
        http2 = spec.http2?.enabled ?? true
        h2c = spec.http2?.h2c ?? true
        streamsMax = spec.http2?.streamsMax ?? 0
        trustedHops = spec.trustedHops?.count ?? 0
        trustedSources = Self.addresses(spec.trustedHops?.from ?? [])
        switch spec.proxyProtocol?.mode {
        case nil: proxyProtocol = .none
        case .required: proxyProtocol = .required
        case .optional: proxyProtocol = .optional
        }
        proxyProtocolSources = Self.addresses(spec.proxyProtocol?.trustedFrom ?? [])
        allowsHalfClose = spec.halfClose
        connectionsMax = spec.connectionsMax ?? 0
        headTimeoutMilliseconds = Self.milliseconds(spec.headTimeout)
        idleTimeoutMilliseconds = Self.milliseconds(spec.idleTimeout)
    }

    private static func addresses(_ blocks: [GatewayModel.CIDR]) -> CIDRSet {
        CIDRSet(blocks.compactMap { GatewayWire.CIDR($0.description) })
    }

    private static func milliseconds(_ duration: ConfigDuration?) -> Int { duration.map { Int($0.milliseconds) } ?? 0 }
}
