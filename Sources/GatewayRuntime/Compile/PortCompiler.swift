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

    /// What is decided before a listener is chosen holds for the whole port: the first listener with a policy, by the
    /// age of its Gateway, decides. The rest (TLS version, whether h2 is offered) each listener decides for itself.
    private func settings(_ drafts: [ListenerDraft]) -> PortSettings {
        var settings = PortSettings()
        settings.addresses = addresses(drafts)
        let all = drafts.map { options.listenerSettings(of: $0, index) }
        if let spec = all.lazy.compactMap(\.policy).first { settings.apply(spec) }
        // With TLS each listener offers h2 by ALPN or does not; without ALPN nobody is asked.
        if drafts.first?.isTLS == true { settings.http2 = all.allSatisfy(\.http2) }
        return settings
    }

    /// Listeners that ask for other treatment of connections than their port has.
    func diagnostics() -> [Diagnostic] {
        ports.keys.sorted().flatMap { port -> [Diagnostic] in
            let all = (ports[port] ?? []).map { ($0, options.listenerSettings(of: $0, index)) }
            guard let (first, winner) = all.first(where: { $0.1.policy != nil }), let spec = winner.policy else {
                return []
            }
            return all.compactMap { draft, own in
                let fields = spec.portFields(differingFrom: own.policy)
                guard own.key != winner.key, !fields.isEmpty else { return nil }
                let path = ConfigPath.spec["listeners"][draft.index]
                let place = own.key.map { index.position($0, ConfigPath.spec) } ?? index.position(draft.gateway, path)
                let object = own.key ?? draft.gateway
                return Diagnostic(
                    .conflictingPolicy, .warning, at: place, path: own.key == nil ? path.description : "spec",
                    "port \(port) treats connections as \(winner.name) of listener \(first.qualifiedName) says, for "
                        + "listener \(draft.qualifiedName) too: \(fields.joined(separator: ", "))",
                    hint: "give the listeners one policy, or ports of their own", object: object, reason: "Conflicted")
            }
        }
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
    /// Of the policy.
    var key: ObjectKey?
    var name: String { key.map { "\($0)" } ?? "nobody" }
    var minVersion: TLSVersion { policy?.tls?.minVersion ?? .v12 }
    var http2: Bool { policy?.http2?.enabled ?? true }
}

extension SnapshotCompiler.Options {
    /// A policy on the listener itself goes before one on its gateway; then the older one.
    func listenerSettings(of draft: ListenerDraft, _ index: ObjectIndex) -> ListenerSettings {
        var found = ListenerSettings()
        for policy in index.listenerPolicies where policy.metadata.namespace == draft.gateway.namespace {
            let key = ObjectKey(
                .listenerPolicy, namespace: policy.metadata.namespace, name: policy.metadata.name)
            for target in policy.spec.targetRefs
            where target.kind == "Gateway" && target.group == ObjectKind.gatewayGroup
                && target.name == draft.gateway.name
            {
                let settings = ListenerSettings(policy: policy.spec, key: key)
                if target.sectionName == draft.name { return settings }
                if target.sectionName == nil, found.policy == nil { found = settings }
            }
        }
        return found
    }
}
