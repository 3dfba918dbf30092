import GatewayModel
import GatewayProxy

/// A listener of a Gateway while a snapshot is made. A class, because routes count themselves in while others look.
final class ListenerDraft {
    let gateway: ObjectKey
    let name: String
    /// Lower case; empty for any.
    let hostname: String
    let port: Int
    let isTLS: Bool
    private let allowedRoutes: AllowedRoutes?
    /// The default gateway lets every namespace in.
    private let allowsEveryNamespace: Bool
    private(set) var supportedKinds: [String] = []
    var attachedRoutes = 0
    var certificates: [TLSPort.Entry] = []
    /// Set for what is wrong: the condition's reason.
    var notAccepted: (reason: String, message: String)?
    var conflict: (reason: String, message: String)?
    var unresolved: (reason: String, message: String)?
    /// Position among the listeners of its port; -1 when it does not serve.
    var position = -1

    /// `namespace/gateway/listener`.
    var qualifiedName: String { "\(gateway.namespace)/\(gateway.name)/\(name)" }
    /// Whether requests may come by it.
    var isServing: Bool { notAccepted == nil && conflict == nil && (!isTLS || !certificates.isEmpty) }

    init(_ listener: GatewayListener, of gateway: ObjectKey) {
        self.gateway = gateway
        name = listener.name
        hostname = listener.hostname?.text ?? ""
        port = listener.port
        isTLS = listener.protocol == "HTTPS"
        allowedRoutes = listener.allowedRoutes
        allowsEveryNamespace = false
        if listener.protocol != "HTTP", listener.protocol != "HTTPS" {
            notAccepted = ("UnsupportedProtocol", "the protocol is not supported: \(listener.protocol)")
        }
        readKinds()
    }

    /// The listener of the default gateway.
    init(defaultOf gateway: ObjectKey, port: Int) {
        self.gateway = gateway
        name = "http"
        hostname = ""
        self.port = port
        isTLS = false
        allowedRoutes = nil
        allowsEveryNamespace = true
        readKinds()
    }

    private func readKinds() {
        guard notAccepted == nil else { return }
        guard let asked = allowedRoutes?.kinds, !asked.isEmpty else {
            supportedKinds = ["HTTPRoute"]
            return
        }
        let known = asked.filter { $0.group == ObjectKind.gatewayGroup && $0.kind == "HTTPRoute" }
        supportedKinds = known.isEmpty ? [] : ["HTTPRoute"]
        if known.count < asked.count {
            let names = asked.filter { !known.contains($0) }.map(\.kind).joined(separator: ", ")
            unresolved = ("InvalidRouteKinds", "routes of this kind cannot attach: \(names)")
        }
    }

    /// Whether HTTPRoutes of a namespace may attach.
    func allows(namespace: String, in index: ObjectIndex) -> Bool {
        guard supportedKinds.contains("HTTPRoute") else { return false }
        if allowsEveryNamespace { return true }
        let namespaces = allowedRoutes?.namespaces
        switch namespaces?.from ?? .same {
        case .same: return namespace == gateway.namespace
        case .all: return true
        case .selector: return namespaces?.selector?.matches(index.labels(ofNamespace: namespace)) ?? false
        }
    }

    /// The hosts under which a route with these host names is reached by this listener; empty when there is none.
    func hosts(for hostnames: [Hostname]) -> [String] {
        if hostnames.isEmpty { return [hostname] }
        guard let own = Hostname(hostname) else { return hostnames.map(\.text) }
        var result: [String] = []
        for name in hostnames {
            guard let host = own.intersection(name)?.text, !result.contains(host) else { continue }
            result.append(host)
        }
        return result
    }

    var status: ListenerStatus {
        var conditions: [StatusCondition] = []
        let refusal = conflict ?? notAccepted
        conditions.append(
            StatusCondition("Accepted", refusal == nil, refusal?.reason ?? "Accepted", refusal?.message ?? ""))
        conditions.append(
            StatusCondition("Conflicted", conflict != nil, conflict?.reason ?? "NoConflicts", conflict?.message ?? ""))
        conditions.append(
            StatusCondition(
                "ResolvedRefs", unresolved == nil, unresolved?.reason ?? "ResolvedRefs", unresolved?.message ?? ""))
        conditions.append(
            StatusCondition(
                "Programmed", isServing, isServing ? "Programmed" : "Invalid",
                isServing ? "" : "see the other conditions"))
        return ListenerStatus(
            name: name, supportedKinds: supportedKinds, attachedRoutes: attachedRoutes, conditions: conditions)
    }
}
