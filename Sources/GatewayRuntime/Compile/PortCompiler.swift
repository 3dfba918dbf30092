import GatewayModel
import GatewayProxy

/// Gathers listeners by port, over all gateways.
struct PortCompiler {
    let index: ObjectIndex
    let options: SnapshotCompiler.Options
    private let ports: [Int: [ListenerDraft]]

    /// Gives every listener that serves its position on its port.
    init(listeners: [ListenerDraft], index: ObjectIndex, options: SnapshotCompiler.Options) {
        self.index = index
        self.options = options
        ports = Dictionary(grouping: listeners.filter(\.isServing), by: \.port)
        for drafts in ports.values {
            for (position, draft) in drafts.enumerated() { draft.position = position }
        }
    }

    /// The tables, with the routes of each port.
    func tables(entries: [Int: [RouteEntry]]) -> [PortTable] {
        ports.keys.sorted().compactMap { port in
            guard let drafts = ports[port], let first = drafts.first else { return nil }
            let listeners = drafts.map { CompiledListener(name: $0.qualifiedName, hostname: $0.hostname) }
            return PortTable(
                port: port, bindPort: options.bindPort(port), isTLS: first.isTLS, settings: settings(drafts),
                listeners: listeners, tls: first.isTLS ? TLSPort(entries: drafts.flatMap(\.certificates)) : nil,
                router: Router(listeners: listeners, entries: entries[port] ?? [], isTLS: first.isTLS))
        }
    }

    /// What holds for connections holds for the whole port: the first listener's policy decides.
    private func settings(_ drafts: [ListenerDraft]) -> PortSettings {
        var settings = PortSettings()
        settings.addresses = addresses(drafts)
        for draft in drafts {
            let own = options.listenerSettings(of: draft, index)
            guard let spec = own.policy else { continue }
            settings.apply(spec)
            break
        }
        return settings
    }

    /// The addresses that the gateways of a port ask for.
    private func addresses(_ drafts: [ListenerDraft]) -> [String] {
        var result: [String] = []
        for gateway in index.gateways where drafts.contains(where: { $0.gateway.isOf(gateway.metadata) }) {
            let asked = gateway.spec.addresses.filter { $0.type == "IPAddress" }.compactMap(\.value)
            let own = asked.filter { CIDR.addressBytes($0) != nil }
            for address in own.isEmpty ? options.addresses : own where !result.contains(address) {
                result.append(address)
            }
        }
        return result.isEmpty ? options.addresses : result
    }
}

extension ObjectKey {
    fileprivate func isOf(_ metadata: ObjectMeta) -> Bool {
        namespace == metadata.namespace && name == metadata.name
    }
}

/// What a ListenerPolicy says of a listener.
struct ListenerSettings {
    var policy: ListenerPolicySpec?
    var minVersion: TLSVersion { policy?.tls?.minVersion ?? .v12 }
    var http2: Bool { policy?.http2?.enabled ?? true }
}

extension SnapshotCompiler.Options {
    /// A policy on the listener itself goes before one on its gateway; then the older one.
    func listenerSettings(of draft: ListenerDraft, _ index: ObjectIndex) -> ListenerSettings {
        var found: ListenerPolicySpec?
        for policy in index.listenerPolicies where policy.metadata.namespace == draft.gateway.namespace {
            for target in policy.spec.targetRefs
            where target.kind == "Gateway" && target.group == ObjectKind.gatewayGroup
                && target.name == draft.gateway.name
            {
                if target.sectionName == draft.name { return ListenerSettings(policy: policy.spec) }
                if target.sectionName == nil, found == nil { found = policy.spec }
            }
        }
        return ListenerSettings(policy: found)
    }
}
