package import GatewayModel

/// Everything a request needs to know, compiled and immutable. A request loads it once, at *match*, and keeps it,
/// so that one request never sees two configurations.
package final class Snapshot: Sendable {
    /// Grows with every published snapshot; what history, logs and `/debug` name it by.
    package let revision: UInt64
    package let limits: Limits
    /// One table per listening port, ascending.
    package let ports: [PortTable]
    /// Every backend of the configuration, by metric slot.
    package let backends: [CompiledBackend]

    package init(revision: UInt64, limits: Limits, ports: [PortTable], backends: [CompiledBackend]) {
        self.revision = revision
        self.limits = limits
        self.ports = ports.sorted { $0.port < $1.port }
        self.backends = backends
    }

    /// Nothing listens, nothing routes.
    package static let empty = Snapshot(revision: 0, limits: .standard, ports: [], backends: [])

    /// The table of a port; nil when no listener has it (any more).
    package func table(port: Int) -> PortTable? {
        for table in ports where table.port == port { return table }
        return nil
    }
}
